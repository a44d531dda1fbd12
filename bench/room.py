"""Memory and disk of whole runs, and how far an estimate by the sizes of what was read is off."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.generate import generate
from bench.results import table
from bench.sets import Set, find_sets
from kgalign.pipeline import room
from kgalign.pipeline.room import Size
from kgalign.rdf.graph import Graph
from kgalign.records import Candidates, Profile
from kgalign.run.folder import RunFolder

LIBRARIES = 120_000_000
"""Bytes of libraries' files that a process always holds."""
_INTERVAL = 0.05
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    name: str
    size: Size
    pairs: int
    """That were found."""
    memory: int
    """Bytes of memory at most, without what is mapped and can be let go."""
    disk: int
    """Bytes of the run folder at most, with files that have no name."""

    @property
    def taken(self) -> tuple[int, int]:
        """Memory and disk."""
        return self.memory, self.disk


def measure(
    sets: Sequence[Set], sizes: Sequence[int], long: Sequence[int], tell: Callable[[Run], None]
) -> list[Run]:
    """Run kgalign on sets and on generated pairs; each as a process of its own."""
    found = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for each in (*sets, *_generated(Path(folder), sizes, long)):
            run = _run(each, Path(folder) / "run")
            tell(run)
            found.append(run)
    return found


def _generated(folder: Path, sizes: Sequence[int], long: Sequence[int]) -> Iterator[Set]:
    for words, which in ((False, sizes), (True, long)):
        for size in which:
            sets = folder / f"{size} {words}"
            name = f"generated_{size}" + ("_long" if words else "")
            generate(sets / name, size, 0, long=words)
            yield from find_sets(sets, closed=[name])


def _run(each: Set, out: Path) -> Run:
    shutil.rmtree(out, ignore_errors=True)
    one = out.with_suffix(".toml")
    # What is told beforehand is of one process: of two, writing beside it takes more.
    one.write_text("[limits]\nprocesses = 1\n", encoding="utf8")
    command = ["run", each.left, each.right, "-o", out, "--quiet", "--config", one, *each.options]
    process = subprocess.Popen(
        [sys.executable, "-m", "kgalign", *map(str, command)], stdin=subprocess.DEVNULL
    )
    memory = disk = count = 0
    while process.poll() is None:
        memory = max(memory, _anonymous(process.pid))
        if count % 10 == 0:
            disk = max(disk, _on_disk(process.pid, out))
        count += 1
        time.sleep(_INTERVAL)
    if process.returncode:
        raise RuntimeError(f"{each.name}: exit code {process.returncode}")
    folder = RunFolder(out)
    graphs = [folder.load(f"read-{side}", Graph) for side in ("left", "right")]
    entities = [len(folder.load(f"select-{side}", Profile)) for side in ("left", "right")]
    found = len(folder.load("retrieve", Candidates))
    return Run(each.name, Size.of(graphs, entities, 15), found, memory + LIBRARIES, disk)


def _anonymous(pid: int) -> int:
    """Bytes of memory that are of no file."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf8").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:  # it has just ended
        pass
    return 0


def _on_disk(pid: int, folder: Path) -> int:
    """Bytes of a folder's files, and of the files without a name that a process has mapped."""
    found = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                found += (Path(path) / name).lstat().st_size
            except OSError:
                continue
    seen = set()
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf8").splitlines()
    except OSError:
        return found
    for line in lines:
        place, _, _, _, node, name = (*line.split(maxsplit=5), "")[:6]
        if name.endswith("(deleted)") and node not in seen:
            seen.add(node)
            first, last = (int(each, 16) for each in place.split("-"))
            found += last - first
    return found


def fitted(runs: Sequence[Run]) -> tuple[Doubles, Doubles]:
    """The figures of :mod:`kgalign.pipeline.room` for memory and disk: least squares of what each run is off,
    in shares, none of them negative.
    """
    from scipy.optimize import nnls

    parts = np.array([run.size.parts for run in runs])
    found = []
    for which in range(2):
        taken = np.array([run.taken[which] for run in runs], dtype=np.float64)
        found.append(np.asarray(nnls(parts / taken[:, None], np.ones(len(runs)))[0], dtype=np.float64))
    return found[0], found[1]


def as_markdown(runs: Sequence[Run]) -> str:
    """What each run took, what is told beforehand, and what a fit without it would tell."""
    rows = []
    for number, run in enumerate(runs):
        told = room.estimate(run.size)
        rest = [np.dot(each, run.size.parts) for each in fitted([*runs[:number], *runs[number + 1 :]])]
        rows.append(
            [
                run.name,
                f"{run.size.statements:,}",
                f"{run.pairs / run.size.pairs:.2f}",
                *(
                    cell
                    for taken, said, without in zip(run.taken, (told.memory, told.disk), rest, strict=True)
                    for cell in (f"{taken / 1e6:,.0f}", f"{said / taken:.2f}", f"{without / taken:.2f}")
                ),
            ]
        )
    head = ["set", "statements", "pairs", "memory MB", "told", "left out", "disk MB", "told", "left out"]
    figures = "; ".join(
        f"{name} {', '.join(f'{each:.3g}' for each in row)}"
        for name, row in zip(("memory", "disk"), fitted(runs), strict=True)
    )
    return (
        "What a run held at most (what is mapped and can be let go is not in it) and had on disk. `told`: "
        "the estimate that a run begins with over that; `left out`: the same by a fit to all other runs; "
        f"`pairs`: found over estimated. A fit to all gives, as in `kgalign/pipeline/room.py`: {figures}.\n\n"
        f"{table(head, rows)}"
    )
