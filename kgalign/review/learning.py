"""A run that learns from what was answered while people go on answering: in a process of its own."""

import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from kgalign.base.progress import Task
from kgalign.errors import InputError, KgalignError
from kgalign.report import Changes, compare
from kgalign.review.opened import Opened
from kgalign.run.again import learn_again

log = logging.getLogger(__name__)

_PAUSE = 0.1
"""Seconds between two words on how far it is."""
GOES_ON = "What was answered is kept. Learn again, or give the same `kgalign run`: both go on from there."


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far it is."""

    task: str
    """What is being done: a step, or a piece of one."""
    done: int = 0
    total: int | None = None
    """Units of it, None where that is not known."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What it came to."""

    opened: Opened
    changes: Changes


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the last learning."""

    number: int = 0
    """How many were begun."""
    running: bool = False
    progress: Progressed | None = None
    fault: str = ""
    """Why it failed; empty where it did not."""
    changes: Changes | None = None
    """What the run links differently since."""


class Learning:
    """Lets a run learn, once at a time. Its folder changes step by step; whoever has it open sees nothing
    of it before :meth:`take` gives it anew.
    """

    def __init__(self) -> None:
        self._state, self._ready = State(), list[Learned]()
        self._watching: threading.Thread | None = None

    @property
    def state(self) -> State:
        """How it stands."""
        return self._state

    def start(self, opened: Opened) -> None:
        """Begin, with all that is decided by now.

        :param opened: the run as it is.
        :raises InputError: one is under way.
        """
        if self._state.running or self._ready:
            raise InputError("The run is learning already", "Wait until it is done")
        self._state = State(self._state.number + 1, running=True)
        self._watching = threading.Thread(target=self._watch, args=[opened], daemon=True)
        self._watching.start()

    def take(self) -> Opened | None:
        """The run as it is since it learned, once; None where there is nothing new."""
        if not self._ready:
            return None
        learned = self._ready.pop()
        self._state = State(self._state.number, changes=learned.changes)
        return learned.opened

    def _watch(self, opened: Opened) -> None:
        """Follow the process to its end, and read what it left."""
        try:
            self._follow(opened.path)
            learned = opened.again()
            self._ready.append(Learned(learned, compare(learned.run, opened.run)))
        except KgalignError as error:
            self._state = State(self._state.number, fault=f"{error} {GOES_ON}")
        except Exception:
            log.exception("what the run learned can't be shown")
            self._state = State(self._state.number, fault=f"That is a fault of kgalign. {GOES_ON}")

    def _follow(self, run: Path) -> None:
        """Have a process learn.

        :raises KgalignError: it failed, or was stopped.
        """
        context = multiprocessing.get_context("spawn")
        mine, its = context.Pipe(duplex=False)
        process = context.Process(target=_learn, args=[run, its], daemon=True)
        process.start()
        its.close()
        try:
            while True:
                said = mine.recv()
                if isinstance(said, Progressed):
                    self._state = State(self._state.number, running=True, progress=said)
                    continue
                if said is not None:
                    raise KgalignError(*said)
                return
        except EOFError:
            raise KgalignError("It was stopped before it was done") from None
        finally:
            process.join()
            mine.close()


def _learn(run: Path, told: Connection) -> None:
    """What the process does; at its end it tells what failed and what to do, or None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this one
    try:
        learn_again(run, progress=_Telling(told))
        told.send(None)
    except KgalignError as error:
        told.send((error.message, error.remedy))


class _Telling:
    """Progress that is told to another process."""

    def __init__(self, told: Connection) -> None:
        self._told, self._last = told, 0.0

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Tell of a piece of work; who does it ends when nobody listens any more."""
        self._send(Progressed(name, 0, total))
        yield _Told(self, name, total)

    def tell(self, progressed: Progressed) -> None:
        """Tell how far it is, unless that was told just now."""
        now = time.monotonic()
        if now - self._last >= _PAUSE:
            self._last = now
            self._send(progressed)

    def _send(self, progressed: Progressed) -> None:
        try:
            self._told.send(progressed)
        except OSError:
            raise SystemExit(1) from None  # the server was killed


class _Told:
    def __init__(self, telling: _Telling, name: str, total: int | None) -> None:
        self._telling, self._name, self._total, self._done = telling, name, total, 0

    def advance(self, amount: int = 1) -> None:
        """Say that ``amount`` further units are done."""
        self._done += amount
        self._telling.tell(Progressed(self._name, self._done, self._total))

    def note(self, text: str) -> None:
        """What it costs is not told."""
