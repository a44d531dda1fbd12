"""All cores at work on parts of arrays: numpy and scipy let go of the interpreter while they count.

Parts are cut by constants, never by how many cores there are, and come back in order: the same bytes on any
machine.
"""

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

_Part = TypeVar("_Part")
_Thing = TypeVar("_Thing")
_Result = TypeVar("_Result")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_here = threading.local()


class Lent(Generic[_Thing]):
    """Something large that parts look at now and then, and nobody changes: where they are done elsewhere it
    comes when it is opened, and goes when that ends.
    """

    __slots__ = ("thing",)

    def __init__(self, thing: _Thing) -> None:
        self.thing = thing

    @contextmanager
    def opened(self) -> Iterator[_Thing]:
        """Within this it is here."""
        yield self.thing


class Engine(Protocol):
    """Where heavy work is done: :mod:`kgalign.engine` has another one than the threads of this process."""

    def in_order(
        self, function: Callable[[_Part], _Result], parts: Iterable[_Part], *, streamed: bool = False
    ) -> Generator[_Result, None, None]:
        """As :func:`in_order`."""

    def told(self) -> dict[str, str]:
        """What it did since it was last asked, for the notes of a step."""


_engine: Engine | None = None


@contextmanager
def engaged(engine: Engine | None) -> Iterator[None]:
    """Within this, heavy work is done by an engine; by the threads of this process if None."""
    global _engine
    before, _engine = _engine, engine
    try:
        yield
    finally:
        _engine = before


def elsewhere() -> bool:
    """Whether heavy work is sent to other processes or machines."""
    return _engine is not None


def told() -> dict[str, str]:
    """What the engine did since it was last asked; nothing of threads."""
    return _engine.told() if _engine is not None else {}


@contextmanager
def alone(rest: Callable[[], None] | None = None) -> Iterator[None]:
    """Within this the thread has no others beside it, as within a part: it is one of many workers.

    :param rest: is called after each part that is done in here.
    """
    before = getattr(_here, "busy", False), getattr(_here, "rest", None), getattr(_here, "single", False)
    _here.busy, _here.rest, _here.single = True, rest, True
    try:
        yield
    finally:
        _here.busy, _here.rest, _here.single = before


def cores() -> int:
    """Cores that this process may use: those it is bound to, and as many as a container allows."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(bound, _allowed(bound)))


def _allowed(bound: int) -> int:
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return bound


def threads() -> int:
    """Threads that a library may count with inside of a part: one where the part has a core for itself."""
    return 1 if getattr(_here, "single", False) else cores()


def in_order(
    function: Callable[[_Part], _Result],
    parts: Iterable[_Part],
    *,
    workers: int | None = None,
    heavy: bool = False,
    streamed: bool = False,
) -> Generator[_Result, None, None]:
    """What a function makes of each part, in the order of the parts, on all cores.

    No more parts are begun than there are threads and results waiting. Where it is called from such a part
    there are no further threads.

    :param function: gives what it makes, and writes to nothing from outside.
    :param workers: threads; as many as there are cores if not given.
    :param heavy: whether a part is so much work that it pays to send it, with all that the function holds, to
        another process or machine, where there is an engine that does so.
    :param streamed: whether parts are so large that an engine asks for no more of them than it sends.
    """
    most = cores() if workers is None else workers
    busy = getattr(_here, "busy", False)
    if heavy and _engine is not None and not busy:
        yield from _engine.in_order(function, parts, streamed=streamed)
        return
    if most < 2 or busy:
        rest = getattr(_here, "rest", None)
        for part in parts:
            yield function(part)
            if rest is not None:
                rest()
        return
    with ThreadPoolExecutor(most, "part", initializer=_begin) as pool:
        waiting: deque[Future[_Result]] = deque()
        try:
            for part in parts:
                waiting.append(pool.submit(function, part))
                if len(waiting) > most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


def _begin() -> None:
    _here.busy = True


def slices(size: int, most: int) -> list[slice]:
    """Rows from 0 to ``size`` in slices of at most ``most``."""
    return [slice(first, min(first + most, size)) for first in range(0, size, most)]
