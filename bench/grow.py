"""Runs that grow: a part of the entities is held back, and comes in a second run from the first one."""

import gzip
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import child
from bench.results import table
from bench.sets import Set, score_links
from kgalign.errors import KgalignError

SETS = ("abt_buy", "dblp_acm", "dbp15k_fr_en", "doremus_4het", "imdb_tmdb")
SHARES = (0.01, 0.1, 0.3)
_LEARNED = ("retrieve", "learn", "judge")
"""Steps that a run from another one does in part."""


@dataclass(frozen=True, slots=True)
class Grown:
    """One set of which a share of both sides was held back."""

    name: str
    share: float
    f1: tuple[float, float]
    """From nothing, and grown."""
    seconds: tuple[float, float]
    cpu: tuple[float, float]
    """Seconds of the whole process, each: from nothing, and grown."""
    learned: tuple[float, float]
    """Seconds of retrieving and judging alone, each."""
    judged: float
    """Share of the pairs that were judged anew."""
    weights: str
    """What became of them: ``kept``, ``weighed again`` or ``learned anew``."""

    def line(self) -> str:
        """One line for the terminal."""
        return " ".join(self.cells())

    def cells(self) -> list[str]:
        """The cells of its row."""
        f1, cpu, seconds, learned = self.f1, self.cpu, self.seconds, self.learned
        return [
            self.name,
            f"{self.share:.0%}",
            self.weights,
            f"{f1[0]:.4f}",
            f"{f1[1]:.4f}",
            f"{f1[1] - f1[0]:+.4f}",
            f"{self.judged:.0%}",
            f"{cpu[0]:.1f}",
            f"{cpu[1]:.1f}",
            f"{cpu[1] / cpu[0]:.2f}",
            f"{seconds[0]:.1f}",
            f"{seconds[1]:.1f}",
            f"{learned[1] / max(learned[0], 1e-9):.2f}",
        ]


HEAD = (
    *("set", "held back", "weights", "F1 from nothing", "F1 grown", "difference", "pairs judged"),
    *(
        "CPU s from nothing",
        "CPU s grown",
        "ratio",
        "s from nothing",
        "s grown",
        "ratio of retrieve and judge",
    ),
)


def measure(sets: Iterable[Set], shares: Sequence[float], tell: Callable[[Grown], None]) -> list[Grown]:
    """Hold back each share of each set, run without it, and let the whole grow from that.

    The run from nothing is done once for each set, right before the others.
    """
    found = []
    for each in sets:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            nothing = _run((each.left, each.right), Path(folder) / "nothing")
            for share in shares:
                found.append(_measure(each, share, Path(folder), nothing))
                tell(found[-1])
    return found


def _measure(each: Set, share: float, folder: Path, nothing: child.Cost) -> Grown:
    whole = (each.left, each.right)
    for name in ("first", "grown"):
        shutil.rmtree(folder / name, ignore_errors=True)
    part = [
        _held_back(path, side, folder / "nothing", share, folder / f"{side}.nt.gz")
        for side, path in zip(("left", "right"), whole, strict=True)
    ]
    _run((part[0], part[1]), folder / "first")
    grown = _run(whole, folder / "grown", "--from", str(folder / "first"))
    steps = [_steps(folder / name) for name in ("nothing", "grown")]
    learn = steps[1]["learn"]
    notes, figures = learn["notes"], steps[1]["judge"]["figures"]
    weights = notes.get("weights", "").partition(":")[0]
    seconds = [sum(step["seconds"] for name, step in each.items() if name in _LEARNED) for each in steps]
    judged = figures.get("judged_again", steps[1]["judge"]["counts"]["judged"])
    return Grown(
        name=each.name,
        share=share,
        f1=(
            score_links(folder / "nothing" / "links.nt", each).f1,
            score_links(folder / "grown" / "links.nt", each).f1,
        ),
        seconds=(nothing.seconds, grown.seconds),
        cpu=(nothing.cpu_seconds, grown.cpu_seconds),
        learned=(seconds[0], seconds[1]),
        judged=judged / max(steps[1]["judge"]["counts"]["judged"], 1),
        weights="kept" if weights.startswith("those") else weights,
    )


def _run(sides: tuple[Path, Path], out: Path, *options: str) -> child.Cost:
    cost = child.kgalign("run", *sides, "-o", out, "--quiet", *options)
    if cost.status:
        raise KgalignError(f"A run on {sides[0]} failed: {cost.error}", "Run it by hand to see why")
    return cost


def _steps(run: Path) -> dict[str, dict[str, Any]]:
    steps: dict[str, dict[str, Any]] = json.loads((run / "run.json").read_text("utf8"))["steps"]
    return steps


def _held_back(path: Path, side: str, run: Path, share: float, place: Path) -> Path:
    """A side without the statements of some of its entities, and without those that mention them."""
    from kgalign.run.finished import Finished

    finished = Finished(run)
    profile = finished.left if side == "left" else finished.right
    names = zip(profile.entity_iri.to_pylist(), profile.described.tolist(), strict=True)
    gone = {f"<{name}>" for name, described in names if described and _drawn(f"{side} {name}") < share}
    with gzip.open(path, "rt", encoding="utf8") as lines, gzip.open(place, "wt", encoding="utf8") as kept:
        kept.writelines(_without(lines, gone))
    return place


def _drawn(text: str) -> float:
    """A number from 0 to 1 that is the same for the same text."""
    return zlib.crc32(text.encode()) / 2**32


def _without(lines: Iterable[str], gone: set[str]) -> Iterator[str]:
    for line in lines:
        subject, _, rest = line.split(" ", 2)
        if subject not in gone and rest.rsplit(" ", 1)[0] not in gone:
            yield line


def as_markdown(found: Sequence[Grown]) -> str:
    """A row for each set and share."""
    return (
        "A share of the entities of both sides, drawn by their IRIs, was held back from a first run; the "
        "second run has all and grows from the first (`kgalign run ... --from`). Beside it is the run of all "
        "from nothing, once for each set, before them on the same machine. Seconds are those of whole "
        "processes; the last column is of "
        f"what retrieving and judging took alone.\n\n{table(HEAD, [each.cells() for each in found], words=3)}"
    )
