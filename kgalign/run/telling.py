"""What a second process of a run tells the first: progress, its log, and what became of a step."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kgalign import errors
from kgalign.base.progress import LockedTask, Progress, Task
from kgalign.errors import KgalignError

if TYPE_CHECKING:
    from kgalign.run.making import Made

_PAUSE = 0.1
"""Seconds between two words on how far a piece of work is."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A piece of work was begun."""

    number: int
    name: str
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class Moved:
    """It is further by so many units, or says more about itself."""

    number: int
    amount: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over."""

    number: int


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of the log."""

    logger: str
    level: int
    text: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has imported what it needs, and can be given a step."""


@dataclass(frozen=True, slots=True)
class Given:
    """A step was made."""

    made: "Made"
    mark: int
    """Most bytes that the process has held so far."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A step could not be made, for a reason that the user can mend."""

    kind: str
    message: str
    remedy: str

    @classmethod
    def of(cls, error: KgalignError) -> "Refused":
        """What is told of an error."""
        return cls(type(error).__name__, error.message, error.remedy)

    def error(self) -> KgalignError:
        """The same error."""
        kind = getattr(errors, self.kind, KgalignError)
        found: KgalignError = kind.__new__(kind)
        KgalignError.__init__(found, self.message, self.remedy)
        return found


@dataclass(frozen=True, slots=True)
class Failed:
    """A step could not be made, for a reason that is nobody's to mend."""

    why: str
    trace: str


Message = Begun | Moved | Ended | Logged | Ready | Given | Refused | Failed
Send = Callable[[Message], None]


class Telling:
    """Progress that is told to another process."""

    def __init__(self, send: Send) -> None:
        self._send, self._numbers = send, itertools.count()

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Tell of a piece of work."""
        told = _Told(self._send, next(self._numbers))
        self._send(Begun(told.number, name, total, unit))
        try:
            yield told
        finally:
            told.flush()
            self._send(Ended(told.number))


class _Told:
    def __init__(self, send: Send, number: int) -> None:
        self.number = number
        self._send, self._waiting, self._last, self._lock = send, 0, 0.0, threading.Lock()

    def advance(self, amount: int = 1) -> None:
        with self._lock:
            self._waiting += amount
            late = time.monotonic() - self._last >= _PAUSE
        if late:
            self.flush()

    def note(self, text: str) -> None:
        self._send(Moved(self.number, note=text))

    def flush(self) -> None:
        with self._lock:
            amount, self._waiting, self._last = self._waiting, 0, time.monotonic()
        if amount:
            self._send(Moved(self.number, amount))


class ToldLog(logging.Handler):
    """A log that is told to another process."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Tell a line."""
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self._send(Logged(record.name, record.levelno, record.getMessage(), trace))


class Listening:
    """Shows here what another process tells of its work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._open: dict[int, tuple[AbstractContextManager[Task], Task]] = {}

    def hear(self, message: Message) -> None:
        """Show what it said of its progress or in its log; other messages are somebody else's."""
        if isinstance(message, Begun):
            opened = self._progress.task(message.name, message.total, message.unit)
            self._open[message.number] = opened, opened.__enter__()
        elif isinstance(message, Moved) and message.number in self._open:
            _, task = self._open[message.number]
            if message.amount:
                task.advance(message.amount)
            if message.note is not None:
                task.note(message.note)
        elif isinstance(message, Ended) and message.number in self._open:
            self._open.pop(message.number)[0].__exit__(None, None, None)
        elif isinstance(message, Logged):
            _log(message)

    def close(self) -> None:
        """Take away what was left open."""
        while self._open:
            self._open.popitem()[1][0].__exit__(None, None, None)


def _log(line: Logged) -> None:
    logger = logging.getLogger(line.logger)
    if logger.isEnabledFor(line.level):
        trace = _Elsewhere(f"\n{line.trace}")
        exception = (_Elsewhere, trace, None) if line.trace else None
        logger.handle(logger.makeRecord(line.logger, line.level, __file__, 0, "%s", (line.text,), exception))


class _Elsewhere(Exception):
    """The traceback of an error in another process."""


class Shared:
    """Progress that several threads report to, one at a time."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._lock = progress, threading.RLock()

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Begin a piece of work."""
        opened = self._progress.task(name, total, unit)
        with self._lock:
            task = opened.__enter__()
        try:
            yield LockedTask(task, self._lock)
        finally:
            with self._lock:
                opened.__exit__(None, None, None)
