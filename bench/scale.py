"""Growth with size: generated pairs of graphs, seconds and peak memory per stage, the exponent of growth."""

import itertools
import json
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import child
from bench.generate import generate
from bench.results import table
from bench.sets import find_sets, score_links

WHOLE = "whole process"
_ORDER = ("read", "select", "retrieve", "judge", "assign", "fuse", "export", WHOLE)
_TOO_SHORT = 0.05
"""Seconds below which a stage's growth is noise."""


@dataclass(frozen=True, slots=True)
class Size:
    """One run on a generated pair."""

    entities: int
    """Of each side."""
    triples: int
    f1: float
    seconds: dict[str, float]
    """Stage → seconds, :data:`WHOLE` for the process from start to end."""
    peak_bytes: dict[str, int]
    """Stage → peak memory while it ran."""
    error: str = ""

    def line(self) -> str:
        """One line for the terminal."""
        told = f"{self.entities:,} entities a side, {self.triples:,} triples: "
        if self.error:
            return f"{told}failed: {self.error}"
        whole = f"{self.seconds[WHOLE]:.1f} s, {self.peak_bytes[WHOLE] / 1e6:,.0f} MB"
        return f"{told}{whole}, F1 {self.f1:.4f}"


def measure(sizes: Sequence[int], seed: int, tell: Callable[[Size], None]) -> list[Size]:
    """Generate, align and fuse a pair of each size."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            result = _measure(Path(folder), size, seed)
        tell(result)
        found.append(result)
    return found


def _measure(folder: Path, size: int, seed: int) -> Size:
    triples = generate(folder / "sets" / f"generated_{size}", size, seed)
    (each,) = find_sets(folder / "sets", closed=[f"generated_{size}"])
    run = folder / "run"
    cost = child.kgalign("run", each.left, each.right, "-o", run, "--quiet")
    if cost.status:
        return Size(size, triples, 0.0, {}, {}, cost.error or f"exit code {cost.status}")
    seconds, peaks = stages(json.loads((run / "run.json").read_text(encoding="utf8"))["steps"])
    seconds[WHOLE], peaks[WHOLE] = cost.seconds, cost.peak_bytes
    return Size(size, triples, score_links(run / "links.nt", each).f1, seconds, peaks)


def stages(steps: dict[str, Any]) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds and peak memory of each stage, by the steps of a run.json."""
    from kgalign.pipeline import STAGE_OF

    seconds: dict[str, float] = {}
    peaks: dict[str, int] = {}
    for name, step in steps.items():
        stage = STAGE_OF[name]
        seconds[stage] = seconds.get(stage, 0.0) + step["seconds"]
        peaks[stage] = max(peaks.get(stage, 0), step["peak_bytes"])
    return seconds, peaks


def exponent(small: Size, large: Size, stage: str) -> float | None:
    """``e`` where seconds grow as ``entities ** e``; None where they are too few to tell."""
    before, after = small.seconds.get(stage, 0.0), large.seconds.get(stage, 0.0)
    if before < _TOO_SHORT or after < _TOO_SHORT or small.entities == large.entities:
        return None
    return math.log(after / before) / math.log(large.entities / small.entities)


def as_markdown(found: Sequence[Size]) -> str:
    """A table of stages by sizes, with the exponents between neighbouring sizes."""
    done = [each for each in found if not each.error]
    head = ["stage"]
    for each in done:
        head += [f"{each.entities:,}: s", "MB"]
    steps = list(itertools.pairwise(done))
    head += [f"exponent {a.entities:,} to {b.entities:,}" for a, b in steps]
    rows = []
    for stage in sorted(done[-1].seconds, key=_ORDER.index) if done else ():
        row = [stage]
        for each in done:
            row += [f"{each.seconds[stage]:.2f}", f"{each.peak_bytes[stage] / 1e6:,.0f}"]
        grown = [exponent(a, b, stage) for a, b in steps]
        rows.append(row + ["" if value is None else f"{value:.2f}" for value in grown])
    notes = ". ".join(each.line() for each in found)
    return (
        "Generated pairs of graphs (`bench/generate.py`): people and places with skewed names, noise, one in "
        "ten without a partner. Seconds and peak memory of each stage are those of run.json. "
        f"{notes}.\n\n{table(head, rows)}"
    )


def as_json(found: Sequence[Size]) -> str:
    """The sizes as JSON, for other programs."""
    return json.dumps([asdict(each) for each in found], indent=1) + "\n"
