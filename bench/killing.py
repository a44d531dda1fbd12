"""A run of some size that is killed at moments spread over it, and goes on each time."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import child
from bench.generate import generate
from bench.results import table
from bench.sets import Set, find_sets

_COMPARED = (
    "links.nt",
    "mappings.sssom.tsv",
    "alignment.rdf",
    "verdicts.parquet",
    "worklist.csv",
    "fused.ttl",
)


@dataclass(frozen=True, slots=True)
class Kill:
    """One time that the run was killed."""

    moment: float
    """Share of the run that was done, by the seconds of a run that nobody killed."""
    seconds: float
    """Since it was begun this time."""
    kept: int
    """Steps that were done already when it was begun this time."""
    done: int
    """Steps that were done when it was killed."""
    ended: bool
    """Whether it had come to its end before that."""

    def line(self) -> str:
        """One line for the terminal."""
        what = "ended before it was killed" if self.ended else "killed"
        return f"{what} at {self.moment:.0%}, {self.seconds:.0f} s after going on with {self.kept} steps"


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of it."""

    entities: int
    """Of each side."""
    whole: float
    """Seconds of a run that nobody killed."""
    last: float
    """Seconds of the last one, which went to its end."""
    kills: list[Kill]
    same: list[str]
    """Files that have the same bytes."""
    other: list[str]
    """Files that have not."""


def measure(size: int, kills: int, options: Sequence[str], tell: Callable[[str], None]) -> Killed:
    """Generate a pair, align it, and align it again while it is killed (SIGKILL) so many times.

    :param options: of ``kgalign run``.
    :raises RuntimeError: a run fails.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        generate(folder / "sets" / f"generated_{size}", size, 0)
        (each,) = find_sets(folder / "sets", closed=[f"generated_{size}"])
        whole = _to_its_end(each, folder / "whole", options)
        seconds = {name: step["seconds"] for name, step in _steps(folder / "whole").items()}
        shutil.rmtree(folder / "whole" / "stages")
        tell(f"nobody killed it: {whole:.0f} s")
        found = []
        for number in range(kills):
            found.append(_kill(each, folder / "killed", options, (number + 1) / (kills + 1), whole, seconds))
            tell(found[-1].line())
        last = _to_its_end(each, folder / "killed", options)
        same: list[str] = []
        other: list[str] = []
        for name in _COMPARED:
            files = [(folder / run / name).read_bytes() for run in ("whole", "killed")]
            (same if files[0] == files[1] else other).append(name)
        return Killed(size, whole, last, found, same, other)


def _to_its_end(each: Set, out: Path, options: Sequence[str]) -> float:
    cost = child.kgalign("run", each.left, each.right, "-o", out, "--quiet", *options)
    if cost.status:
        raise RuntimeError(cost.error or f"exit code {cost.status}")
    return cost.seconds


def _kill(
    each: Set, out: Path, options: Sequence[str], moment: float, whole: float, seconds: dict[str, float]
) -> Kill:
    """Go on until a share of the whole is done, then kill it; at once if it is.

    :raises RuntimeError: it ended with an error before.
    """
    kept = _steps(out)
    before = sum(seconds.get(name, 0.0) for name in kept) / sum(seconds.values())
    wait = max(moment - before, 0.0) * whole
    words = ["run", each.left, each.right, "-o", out, "--quiet", *options]
    process = subprocess.Popen([sys.executable, "-m", "kgalign", *map(str, words)], stdin=subprocess.DEVNULL)
    begun = time.monotonic()
    with suppress(subprocess.TimeoutExpired):
        process.wait(wait)
    process.kill()
    status = process.wait()
    if status not in (0, -signal.SIGKILL):
        raise RuntimeError(f"exit code {status} at {moment:.0%}")
    return Kill(moment, time.monotonic() - begun, len(kept), len(_steps(out)), ended=status == 0)


def _steps(out: Path) -> dict[str, Any]:
    record = out / "run.json"
    if not record.exists():
        return {}
    steps: dict[str, Any] = json.loads(record.read_text(encoding="utf8"))["steps"]
    return steps


def as_markdown(found: Killed) -> str:
    """What each kill left, and what came out in the end."""
    killed = [each for each in found.kills if not each.ended]
    rows = [[f"{each.moment:.0%}", f"{each.seconds:.0f}", str(each.kept), str(each.done)] for each in killed]
    said = f"The same bytes as without: {', '.join(found.same) or 'none'}."
    if found.other:
        said += f" **Other bytes: {', '.join(found.other)}.**"
    return (
        f"{found.entities:,} generated entities a side took {found.whole:.0f} s; another run of them was "
        f"killed (SIGKILL) {len(killed)} times, at moments spread over it, and begun again each time. "
        f"The last one took {found.last:.0f} s to the end. {said}\n\n"
        + table(["share done", "s since it went on", "steps kept", "steps done"], rows)
    )
