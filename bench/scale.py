"""Growth with size: generated pairs of graphs, seconds and peak memory per stage, the exponent of growth."""

import itertools
import json
import math
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import child
from bench.codes import generate_codes
from bench.generate import generate
from bench.results import table
from bench.sets import Set, find_sets, score_links

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
    cpu_seconds: float = 0.0
    """Of the whole process."""
    beside: str = ""
    """What another tool took for the same, in words."""

    def line(self) -> str:
        """One line for the terminal."""
        told = f"{self.entities:,} entities a side, {self.triples:,} triples: "
        if self.error:
            return f"{told}failed: {self.error}"
        whole = f"{self.seconds[WHOLE]:.1f} s ({self.cpu_seconds:.1f} of CPU)"
        found = f"{told}{whole}, {self.peak_bytes[WHOLE] / 1e6:,.0f} MB, F1 {self.f1:.4f}"
        return f"{found}; {self.beside}" if self.beside else found


@dataclass(frozen=True, slots=True)
class Setting:
    """How pairs are made and aligned."""

    seed: int = 0
    long: bool = False
    """Whether people are described in long texts, and some entities are products."""
    memory: str = ""
    """What is given to ``--memory``; nothing to leave it out."""
    splink: Path | None = None
    """The Python of an environment that has Splink, which is then measured beside it."""
    codes: bool = False
    """Whether entities have values that are all different, and nothing else."""

    @property
    def told(self) -> str:
        """What the pairs consist of."""
        if self.codes:
            return "four UUIDs an entity, one in ten of them another on the other side (`bench/codes.py`)"
        texts = (
            "people in long texts, products with look-alikes, places" if self.long else "people and places"
        )
        return f"{texts}, with skewed names, noise, one in ten without a partner (`bench/generate.py`)"

    def generate(self, folder: Path, size: int) -> int:
        """Write a pair and its gold links; statements of both sides."""
        if self.codes:
            return generate_codes(folder, size, self.seed)
        return generate(folder, size, self.seed, long=self.long)

    @property
    def options(self) -> list[str]:
        """The options of ``kgalign run``."""
        return ["--memory", self.memory] if self.memory else []


def measure(sizes: Sequence[int], setting: Setting, tell: Callable[[Size], None]) -> list[Size]:
    """Generate, align and fuse a pair of each size."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            result = _measure(Path(folder), size, setting)
        tell(result)
        found.append(result)
    return found


def _measure(folder: Path, size: int, setting: Setting) -> Size:
    triples = setting.generate(folder / "sets" / f"generated_{size}", size)
    (each,) = find_sets(folder / "sets", closed=[f"generated_{size}"])
    run = folder / "run"
    cost = child.kgalign("run", each.left, each.right, "-o", run, "--quiet", *setting.options)
    if cost.status:
        return Size(size, triples, 0.0, {}, {}, cost.error or f"exit code {cost.status}")
    seconds, peaks = stages(json.loads((run / "run.json").read_text(encoding="utf8"))["steps"])
    seconds[WHOLE], peaks[WHOLE] = cost.seconds, cost.peak_bytes
    f1 = score_links(run / "links.nt", each).f1
    beside = "" if setting.splink is None else _splink(setting.splink, each, folder / "splink.nt")
    return Size(size, triples, f1, seconds, peaks, cpu_seconds=cost.cpu_seconds, beside=beside)


def _splink(python: Path, each: Set, links: Path) -> str:
    """What Splink made of the same pair, in words."""
    program = Path(__file__).with_name("splink_people.py")
    done = subprocess.run(
        [python, program, each.left.parent, links], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"Splink failed: {done.stderr.strip().splitlines()[-1]}"
    took = json.loads(done.stdout.splitlines()[-1])
    f1 = score_links(links, each).f1
    return f"Splink {took['seconds']:.1f} s, {took['peak_bytes'] / 1e6:,.0f} MB, F1 {f1:.4f}"


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


def as_markdown(found: Sequence[Size], setting: Setting) -> str:
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
        f"Generated pairs of graphs: {setting.told}. Seconds and peak memory of each stage are those of "
        f"run.json. {notes}.\n\n{table(head, rows)}"
    )


def as_json(found: Sequence[Size]) -> str:
    """The sizes as JSON, for other programs."""
    return json.dumps([asdict(each) for each in found], indent=1) + "\n"
