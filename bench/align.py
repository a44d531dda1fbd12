"""Quality and cost of aligning each of a folder of sets, with two small baselines beside it."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import child
from bench.links import Judged, judge, read_told
from bench.sets import Set, family, read_links
from kgalign.links.gold import read_pairs

BASELINES = ("mnn", "hun")
"""What :mod:`bench.baseline` offers."""
SYSTEMS = ("kgalign", *BASELINES)
STUDENT = "kgalign + student"
LEFT_OUT = "family left out"
"""kgalign with a prior that has seen no set of the family."""
SWAPPED = "sides swapped"
"""kgalign with the right graph for the left one."""
MARGIN = 0.005
"""A system that is further below the better baseline than this, in F1, is marked."""


@dataclass(frozen=True, slots=True)
class Row:
    """One system on one set, or its mean over sets."""

    set: str
    system: str
    closed: bool
    """Whether the gold was taken to be complete."""
    quality: Judged
    seconds: float
    """Of the whole process, from its start to its end."""
    cpu_seconds: float
    peak_bytes: int
    triples: int
    """Statements of both sides together."""
    error: str = ""
    """Why there are no scores; empty where there are."""
    below: float | None = None
    """By how much F1 is below that of the better baseline, where by more than :data:`MARGIN`."""
    sets: int = 1
    """Of how many sets it is the mean."""


def marked(rows: Sequence[Row]) -> list[Row]:
    """The rows of one set, those of kgalign with a mark where a baseline is better."""
    best = max((row.quality.f1 for row in rows if row.system in BASELINES and not row.error), default=0.0)
    found = []
    for row in rows:
        below = best - row.quality.f1
        behind = row.system not in BASELINES and not row.error and below > MARGIN
        found.append(replace(row, below=below if behind else None))
    return found


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
        systems: names from :data:`SYSTEMS`, or :data:`STUDENT`, :data:`LEFT_OUT`, :data:`SWAPPED`.
        runs: where run folders are kept; None to throw them away.
        tell: called with each row as soon as its set is through.
        student: folder of the student that is asked where there is to be one.
        left_out: folder of the priors of :data:`LEFT_OUT`, by family.
    """
    rows = []
    for each in sets:
        of_set = []
        for system in systems:
            name = each.name if system == "kgalign" else f"{each.name}-{system.rpartition(' ')[2]}"
            with _folder(runs, name) as folder:
                if system in BASELINES:
                    row = _links_alone(each, folder, system, ["bench.baseline", system])
                elif left_out is not None and system == LEFT_OUT:
                    prior = left_out / f"{family(each.name)}.json"
                    row = _links_alone(each, folder, system, ["bench.evidence", "--prior", str(prior)])
                elif system == SWAPPED:
                    row = _kgalign(_swapped(each, folder.with_name(f"{name}.gold.tsv")), folder, system, None)
                else:
                    row = _kgalign(each, folder, system, student if system == STUDENT else None)
            of_set.append(row)
        for row in marked(of_set):
            tell(row)
            rows.append(row)
    return rows


def _swapped(each: Set, gold: Path) -> Set:
    """The set with the right graph for the left one; its gold is written to a file."""
    pairs = sorted(read_pairs(each.gold))
    gold.write_text("".join(f"{right}\t{left}\n" for left, right in pairs), encoding="utf8")
    return Set(each.name, each.right, each.left, gold, each.right_also, each.left_also, each.closed)


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
    if not cost.status:
        told = child.kgalign("export", folder, "--format", "csv", "--undecided", "-o", folder / "links.csv")
        if told.status:
            cost = replace(cost, status=told.status, error=told.error)
    return _row(each, system, cost, folder, lambda: _triples(folder / "run.json"))


def _triples(run: Path) -> int:
    steps: dict[str, Any] = json.loads(run.read_text(encoding="utf8"))["steps"]
    return sum(steps[f"read-{side}"]["counts"]["statements_read"] for side in ("left", "right"))


def _links_alone(each: Set, folder: Path, system: str, module: Sequence[str]) -> Row:
    """A system that writes links and no run folder: a baseline, or kgalign by another prior."""
    folder.mkdir(parents=True)
    files = map(str, (each.left, each.right, folder / "links.nt"))
    cost = child.run([sys.executable, "-m", *module, *files, *each.options])
    return _row(each, system, cost, folder, lambda: int((folder / "links.nt.triples").read_text()))


def _row(each: Set, system: str, cost: child.Cost, folder: Path, triples: Callable[[], int]) -> Row:
    took = cost.seconds, cost.cpu_seconds, cost.peak_bytes
    if cost.status:
        error = cost.error or f"exit code {cost.status}"
        return Row(each.name, system, each.closed, Judged(), *took, 0, error)
    judged = judge(read_links(folder / "links.nt"), each, read_told(folder))
    return Row(each.name, system, each.closed, judged, *took, triples())
