"""How long work says how far it is. Stages call it; what shows it is the caller's business."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work that is under way."""

    def advance(self, amount: int = 1) -> None:
        """Say that ``amount`` further units are done."""

    def note(self, text: str) -> None:
        """Say more about how it goes: what it costs so far, say."""


class Progress(Protocol):
    """Where stages report their progress."""

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Begin a piece of work of ``total`` units (None where that is not known)."""
        ...


class LockedTask:
    """A piece of work that several threads speak to, one at a time.

    :param lock: held while it is spoken to.
    """

    def __init__(self, task: Task, lock: AbstractContextManager[object]) -> None:
        self._task, self._lock = task, lock

    def advance(self, amount: int = 1) -> None:
        """As of :class:`Task`."""
        with self._lock:
            self._task.advance(amount)

    def note(self, text: str) -> None:
        """As of :class:`Task`."""
        with self._lock:
            self._task.note(text)


class _NoTask:
    def advance(self, amount: int = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass


NO_TASK = _NoTask()
"""A piece of work that nobody watches."""


class NoProgress:
    """Reports nothing: the default of the Python API."""

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Begin a piece of work that nobody watches."""
        yield NO_TASK
