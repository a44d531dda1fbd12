"""What came of each trial, and what must hold for all of them."""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyoxigraph as ox
import rdflib

from tests import commands

LONGEST = 60.0
"""Seconds after which a command hangs."""
_GRAPHS = {"links.nt": ("nt", ox.RdfFormat.N_TRIPLES), "fused.ttl": ("turtle", ox.RdfFormat.TURTLE)}


@dataclass(slots=True)
class Tally:
    """Counts of one kind of trial."""

    kind: str
    trials: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """What came of them, in words."""
    broken: list[str] = field(default_factory=list)
    """What did not hold, with the trial in which it did not."""

    def add(self, trial: str, outcome: str, broken: Sequence[str]) -> None:
        """Count a trial.

        :param broken: what did not hold.
        """
        self.trials += 1
        self.counts[outcome] += 1
        self.broken += [f"{trial}: {each}" for each in broken]


def called(words: Sequence[object]) -> tuple["subprocess.CompletedProcess[str]", list[str]]:
    """Run a command to its end; also what did not hold of how it ended: of exit codes, tracebacks, time."""
    begun = time.monotonic()
    done = commands.call(words)
    seconds = time.monotonic() - begun
    broken = []
    if done.returncode not in (0, 1, 2):
        broken.append(f"exit code {done.returncode}: {done.stderr[-300:]}")
    if "Traceback" in done.stderr:
        broken.append(f"a traceback: {done.stderr[-300:]}")
    if done.returncode == 2 and not done.stderr.strip():
        broken.append("refused without a word")
    if seconds > LONGEST:
        broken.append(f"it took {seconds:.0f} s")
    return done, broken


def unreadable(out: Path) -> list[str]:
    """Outputs that pyoxigraph or rdflib can't read."""
    found = []
    for name, (spelled, syntax) in _GRAPHS.items():
        if (path := out / name).is_file():
            found += _said(f"pyoxigraph can't read {name}", partial(_by_pyoxigraph, path, syntax))
            found += _said(f"rdflib can't read {name}", partial(rdflib.Graph().parse, path, format=spelled))
    return found


def _by_pyoxigraph(path: Path, syntax: ox.RdfFormat) -> None:
    for _ in ox.parse(path=path, format=syntax):
        pass


def _said(what: str, read: Callable[[], object]) -> list[str]:
    try:
        read()
    except Exception as error:  # noqa: BLE001 - whatever a parser raises is what is counted here
        return [f"{what}: {type(error).__name__}: {error}"]
    return []
