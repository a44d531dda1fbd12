"""Ray beside threads: seconds, what goes over the network, and what a worker holds, by partitions.

Each run is a process of its own on the same generated pair; Ray is started by it on this machine, with as
many workers as there are cores.
"""

import json
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import child
from bench.generate import generate
from bench.results import table

_MB = 1e6
_ENTITIES = ("entities a side",)
_STEPS = ("retrieve s", "learn s")


@dataclass(frozen=True, slots=True)
class Heavy:
    """A step that has work done by Ray."""

    tasks: int
    put: int
    """Bytes that were put for all workers to see."""
    sent: int
    """Bytes of parts."""
    back: int
    """Bytes of results."""
    peak: int
    """Most bytes that a worker held, with what it saw of the object store."""
    worker_seconds: float
    """Of processors."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run."""

    entities: int
    """Of each side."""
    partitions: int | None
    """None for one in threads."""
    seconds: float
    cpu_seconds: float
    """Of the process itself and of its workers."""
    steps: dict[str, float]
    """Seconds of the steps that are heavy."""
    heavy: dict[str, Heavy]
    same: bool = True
    """Whether its links and statements are those of the run in threads."""

    @property
    def worker_seconds(self) -> float:
        """Of processors, of workers alone."""
        return sum(each.worker_seconds for each in self.heavy.values())

    def line(self) -> str:
        """One line for the terminal."""
        where = "threads" if self.partitions is None else f"Ray, {self.partitions} partitions"
        moved = sum(each.put + each.sent + each.back for each in self.heavy.values()) / _MB
        same = "" if self.same else "; NOT THE SAME"
        whole = f"{self.seconds:.1f} s, {self.cpu_seconds:.1f} s of CPU"
        return f"{self.entities:,} a side, {where}: {whole}, {moved:,.0f} MB moved{same}"


def measure(sizes: Sequence[int], partitions: Sequence[int], tell: Callable[[Run], None]) -> list[Run]:
    """Run each size in threads, then on Ray in each number of partitions.

    :raises SystemExit: a run failed.
    """
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            generate(folder, size)
            for each in (None, *partitions):
                run = _measure(folder, size, each)
                tell(run)
                found.append(run)
    return found


def _measure(folder: Path, size: int, partitions: int | None) -> Run:
    out, local = folder / f"run{partitions or ''}", folder / "run"
    config = folder / "run.toml"
    on_ray = f'[engine]\nname = "ray"\npartitions = {partitions}\n' if partitions else ""
    config.write_text(on_ray, encoding="utf8")
    words = ("run", folder / "left.nt.gz", folder / "right.nt.gz", "-o", out, "--quiet", "--config", config)
    cost = child.kgalign(*words)
    if cost.status:
        raise SystemExit(f"{size} a side, partitions {partitions}: {cost.error}")
    steps = json.loads((out / "run.json").read_text(encoding="utf8"))["steps"]
    heavy = {name: _heavy(step["notes"]) for name, step in steps.items() if "ray tasks" in step["notes"]}
    seconds = {name: steps[name]["seconds"] for name in ("retrieve", "learn")}
    names = ("links.nt", "fused.ttl", "fused.trig")
    same = all((out / each).read_bytes() == (local / each).read_bytes() for each in names)
    workers = sum(each.worker_seconds for each in heavy.values())
    return Run(size, partitions, cost.seconds, cost.cpu_seconds + workers, seconds, heavy, same)


def _heavy(notes: dict[str, Any]) -> Heavy:
    names = ("tasks", "bytes put", "bytes sent", "bytes back", "worker peak bytes")
    tasks, put, sent, back, peak = (int(notes[f"ray {name}"]) for name in names)
    return Heavy(tasks, put, sent, back, peak, float(notes["ray worker seconds"]))


def as_markdown(runs: Sequence[Run]) -> str:
    """A table of all runs, and one of what went over the network."""
    local = {run.entities: run for run in runs if run.partitions is None}
    times = [
        [
            f"{run.entities:,}",
            "threads" if run.partitions is None else f"Ray, {run.partitions}",
            f"{run.seconds:.1f}",
            f"{run.seconds / local[run.entities].seconds:.2f}",
            f"{run.cpu_seconds:.1f}",
            f"{run.cpu_seconds / local[run.entities].cpu_seconds:.2f}",
            f"{run.worker_seconds:.1f}",
            f"{run.steps['retrieve']:.1f}",
            f"{run.steps['learn']:.1f}",
            "yes" if run.same else "NO",
        ]
        for run in runs
    ]
    moved = [
        [
            f"{run.entities:,}",
            str(run.partitions),
            step,
            f"{each.tasks:,}",
            *(f"{size / _MB:,.0f}" for size in (each.put, each.sent, each.back)),
            f"{(each.put + each.sent + each.back) / (2 * run.entities):,.0f}",
            f"{each.peak / _MB:,.0f}",
        ]
        for run in runs
        for step, each in run.heavy.items()
    ]
    first = table(
        [*_ENTITIES, "engine", "s", "ratio", "CPU s", "ratio", "of it workers", *_STEPS, "same bytes"], times
    )
    columns = ("partitions", "step", "tasks", "MB put", "MB sent", "MB back", "B an entity", "worker MB")
    second = table([*_ENTITIES, *columns], moved)
    return f"{_ABOUT}\n\n{first}\n\n{second}\n\n{_growth(runs)}"


_ABOUT = (
    "Generated pairs; Ray is started by the run on the same machine, with a worker for each core. "
    "*MB put* is what all workers can see, counted once; *sent* are parts, *back* their results; "
    "*B an entity* is all of it over the entities of both sides; *worker MB* the most that a worker "
    "held, Python, libraries and what it looked at of the object store in it. CPU seconds are those "
    "of the process and of its tasks; what is not of workers is the driver's, however many workers there "
    "are."
)


def _growth(runs: Sequence[Run]) -> str:
    """How what is moved grows with size."""
    by_size = {run.entities: run for run in runs if run.partitions == max(r.partitions or 0 for r in runs)}
    if len(by_size) < 2:
        return ""
    small, large = by_size[min(by_size)], by_size[max(by_size)]
    ratio = math.log(large.entities / small.entities)
    bytes_ = [sum(each.put + each.sent + each.back for each in run.heavy.values()) for run in (small, large)]
    work = [run.worker_seconds for run in (small, large)]
    return (
        f"From {small.entities:,} to {large.entities:,} a side what is moved grows with the exponent "
        f"{math.log(bytes_[1] / bytes_[0]) / ratio:.2f}, the workers' CPU seconds with "
        f"{math.log(work[1] / work[0]) / ratio:.2f}."
    )
