"""Quality and cost of aligning each of a folder of sets, beside a small baseline."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import child
from bench.results import table
from bench.sets import Set, family, score_links

SYSTEMS = ("kgalign", "baseline")
STUDENT = "kgalign + student"
LEFT_OUT = "family left out"
"""kgalign with a prior that has seen no set of the family."""

HEAD = ("set", "system", "precision", "recall", "F1", "seconds", "CPU s", "peak MB", "triples/s")


@dataclass(frozen=True, slots=True)
class Row:
    """One system on one set."""

    set: str
    system: str
    closed: bool
    """Whether the gold was taken to be complete."""
    precision: float
    recall: float
    f1: float
    seconds: float
    """Of the whole process, from its start to its end."""
    cpu_seconds: float
    peak_bytes: int
    triples: int
    """Statements of both sides together."""
    error: str = ""
    """Why there are no scores; empty where there are."""

    def cells(self) -> list[str]:
        """The row as it is shown."""
        name = f"{self.set} (closed)" if self.closed else self.set
        if self.error:
            return [name, self.system, f"failed: {self.error}", *[""] * 6]
        return [
            name,
            self.system,
            *(f"{value:.4f}" for value in (self.precision, self.recall, self.f1)),
            f"{self.seconds:.1f}",
            f"{self.cpu_seconds:.1f}",
            f"{self.peak_bytes / 1e6:,.0f}",
            f"{self.triples / max(self.seconds, 1e-9):,.0f}",
        ]


def measure(
    sets: Sequence[Set],
    systems: Sequence[str],
    runs: Path | None,
    tell: Callable[[Row], None],
    student: Path | None = None,
    left_out: Path | None = None,
) -> list[Row]:
    """Run each system on each set as a process of its own, with its defaults.

    Args:
        sets: what to align.
        systems: names from :data:`SYSTEMS`, or :data:`STUDENT`.
        runs: where run folders are kept; None to throw them away.
        tell: called with each row as soon as it is there.
        student: folder of the student that is asked where there is to be one.
        left_out: folder of the priors of :data:`LEFT_OUT`, by family.
    """
    rows = []
    for each in sets:
        for system in systems:
            name = each.name if system == "kgalign" else f"{each.name}-{system.rpartition(' ')[2]}"
            prior = left_out / f"{family(each.name)}.json" if left_out and system == LEFT_OUT else None
            with _folder(runs, name) as folder:
                if system == "baseline" or prior is not None:
                    row = _links_alone(each, folder, system, prior)
                else:
                    row = _kgalign(each, folder, system, student if system == STUDENT else None)
            tell(row)
            rows.append(row)
    return rows


@contextmanager
def _folder(runs: Path | None, name: str) -> Iterator[Path]:
    if runs is None:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            yield Path(folder) / "run"
        return
    shutil.rmtree(runs / name, ignore_errors=True)
    runs.mkdir(parents=True, exist_ok=True)
    yield runs / name


def _kgalign(each: Set, folder: Path, system: str, student: Path | None) -> Row:
    asked = ["--judge", f"student:{student}"] if student else []
    cost = child.kgalign("run", each.left, each.right, "-o", folder, "--quiet", *asked, *each.options)
    return _row(each, system, cost, folder / "links.nt", lambda: _triples(folder / "run.json"))


def _triples(run: Path) -> int:
    steps: dict[str, Any] = json.loads(run.read_text(encoding="utf8"))["steps"]
    return sum(steps[f"read-{side}"]["counts"]["statements_read"] for side in ("left", "right"))


def _links_alone(each: Set, folder: Path, system: str, prior: Path | None) -> Row:
    """A system that writes links and no run folder: the baseline, or kgalign by another prior."""
    folder.mkdir(parents=True)
    links = folder / "links.nt"
    module = ["bench.evidence", "--prior", str(prior)] if prior else ["bench.baseline"]
    command = [sys.executable, "-m", *module, str(each.left), str(each.right), str(links)]
    cost = child.run([*command, *each.options])
    return _row(each, system, cost, links, lambda: int((folder / "links.nt.triples").read_text()))


def _row(each: Set, system: str, cost: child.Cost, links: Path, triples: Callable[[], int]) -> Row:
    if cost.status:
        error = cost.error or f"exit code {cost.status}"
        return Row(
            each.name, system, each.closed, 0, 0, 0, cost.seconds, cost.cpu_seconds, cost.peak_bytes, 0, error
        )
    scores = score_links(links, each)
    quality = scores.precision, scores.recall, scores.f1
    return Row(
        each.name, system, each.closed, *quality, cost.seconds, cost.cpu_seconds, cost.peak_bytes, triples()
    )


def line(cells: Sequence[str]) -> str:
    """One row for the terminal, in columns."""
    name, system, *figures = cells
    return f"{name:<28}{system:<18}" + "".join(f"{cell:>11}" for cell in figures)


_NOTE = (
    "`closed`: the gold is complete, and every link that is not in it is wrong; elsewhere a link counts only "
    "where the gold knows one of its entities. Seconds, CPU seconds and peak memory are those of the whole "
    "process, from start to end; triples are those of both sides."
)
_BASELINE = (
    "The baseline (`bench/baseline.py`) is TF-IDF of character n-grams over all texts of an entity, CSLS and "
    "a global assignment in which everything gets a partner; it reads the graphs and picks the entities as "
    "kgalign does."
)
_WITHOUT_FAMILY = (
    "`family left out` is kgalign by a prior that saw no set of the same family (`python -m bench prior "
    "--left-out FOLDER`), links alone."
)
_WITH_STUDENT = (
    "The student is asked about the entities of whose partner the evidence is not sure, as `kgalign run "
    "--judge student:DIR` does without further options; `python -m bench student --cache FOLDER` leaves "
    "students in FOLDER."
)


def _about(student: Path) -> str:
    """What a student learned from."""
    # A process is charged with what the one that starts it has imported.
    from kgalign.judge.student_model import read_card

    card = read_card(student)
    data = card.settings.get("data", {})
    answered = f", answered by `{data['teacher']}`" if "teacher" in data else ""
    sets = f" from {', '.join(map(str, data['sets']))}" if "sets" in data else ""
    return f"It learned from {card.counts.get('train', 0):,} questions{sets}{answered}."


def as_markdown(rows: Sequence[Row], student: Path | None = None) -> str:
    """The table of the results; ``student`` is who was asked."""
    systems = {row.system for row in rows}
    note = _NOTE
    if "baseline" in systems:
        note += f" {_BASELINE}"
    if LEFT_OUT in systems:
        note += f" {_WITHOUT_FAMILY}"
    if student is not None:
        note += f" {_WITH_STUDENT} {_about(student)}"
    return f"{note}\n\n{table(HEAD, [row.cells() for row in rows], words=2)}"


def as_json(rows: Sequence[Row]) -> str:
    """The rows as JSON, for other programs."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"
