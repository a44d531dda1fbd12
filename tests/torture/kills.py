"""Commands that are killed at random moments, and then run to their end."""

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from tests import commands
from tests.conftest import Pair
from tests.llm_runs import runs
from tests.torture.tally import Tally, called, unreadable

_AT_ONCE = 32
"""Questions on their way at most; these may be asked again after a kill."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A command, what is there before it, and the files that it makes."""

    name: str
    words: Callable[[Path], list[object]]
    before: Path | None
    """Folder that is there already."""
    files: tuple[str, ...]
    """Of which the contents are compared."""


def kill(folder: Path, count: int, seed: int) -> Tally:
    """Kill commands and run them again; all must be as if nobody had killed them.

    :param folder: for what is made.
    :param count: kills.
    """
    dice = random.Random(seed)
    tally = Tally("kills")
    pair = runs.doubtful(folder)
    with running(ScriptedSettings(latency=0.005)) as server:
        kinds = _kinds(pair, folder, server)
        whole = {each.name: _whole(each, folder / f"whole {each.name}") for each in kinds}
        for number in range(count):
            kind = kinds[number % len(kinds)]
            seconds, expected = whole[kind.name]
            out = folder / f"killed {number}"
            wait = dice.uniform(0.0, 1.1 * seconds)
            server.answered.clear()
            server.bodies.clear()
            ended = _killed(kind, out, wait)
            done, broken = called(kind.words(out))
            # What was killed at its very end is done: that it is taken back already is no fault.
            if done.returncode and not (kind.name == "unmerge" and "already" in done.stderr):
                broken.append(f"exit code {done.returncode}: {done.stderr.strip()}")
            elif _contents(kind, out) != expected:
                broken.append("other contents")
            again = runs.answered_again(server)
            if kind.name == "judge" and again > _AT_ONCE:
                broken.append(f"{again} questions were answered twice")
            if kind.name == "judge" and commands.call(["votes", "verify", out]).returncode:
                broken.append("its ledger is not sound")
            broken += unreadable(out) + _left_over(out)
            tally.add(
                f"{kind.name} after {wait:.2f} s", "ended before" if ended else f"{kind.name} went on", broken
            )
            shutil.rmtree(out, ignore_errors=True)
    return tally


def _kinds(pair: Pair, folder: Path, server: Running) -> list[_Kind]:
    evidence, judged = folder / "evidence", folder / "judged"
    commands.call(["run", pair.left, pair.right, "-o", evidence, "-q"])
    asking = (*runs.asking(server.url), "-q")
    commands.call(["run", pair.left, pair.right, "-o", judged, *asking])
    first = (judged / "links.nt").read_text(encoding="utf8").split()[0].strip("<>")
    return [
        _Kind(
            "run",
            lambda out: ["run", pair.left, pair.right, "-o", out, "-q"],
            None,
            (*runs.RESULTS, "fused.ttl"),
        ),
        _Kind(
            "judge",
            lambda out: ["run", pair.left, pair.right, "-o", out, *asking],
            evidence,
            (*runs.RESULTS, "fused.ttl"),
        ),
        _Kind("unmerge", lambda out: ["unmerge", out, first, "-q"], judged, ("links.nt", "fused.ttl")),
        _Kind(
            "export",
            lambda out: ["export", out, "--format", "csv", "-o", out / "export.csv"],
            judged,
            ("export.csv",),
        ),
    ]


def _whole(kind: _Kind, out: Path) -> tuple[float, dict[str, bytes]]:
    """Seconds that a command takes whose like nobody killed, and what it makes."""
    if kind.before is not None:
        shutil.copytree(kind.before, out)
    begun = time.monotonic()
    done = commands.call(kind.words(out))
    assert done.returncode == 0, done.stderr
    return time.monotonic() - begun, _contents(kind, out)


def _killed(kind: _Kind, out: Path, wait: float) -> bool:
    """Kill a command after some seconds; whether it had ended before."""
    if kind.before is not None:
        shutil.copytree(kind.before, out)
    process = commands.begin(kind.words(out))
    process.join(wait)
    ended = process.exitcode is not None
    process.kill()
    process.join()
    process.close()
    return ended


def _contents(kind: _Kind, out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in kind.files if (out / name).exists()}


def _left_over(out: Path) -> list[str]:
    """Half-written files of processes that are gone."""
    return [f"left over: {path.relative_to(out)}" for path in out.rglob("*.partial*")]
