"""All cores at work on parts of arrays: numpy and scipy let go of the interpreter while they count.

Parts are cut by constants, never by how many cores there are, and come back in order: the same bytes on any
machine.
"""

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_here = threading.local()


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


def in_order(
    function: Callable[[_Part], _Result], parts: Iterable[_Part], *, workers: int | None = None
) -> Generator[_Result, None, None]:
    """What a function makes of each part, in the order of the parts, on all cores.

    No more parts are begun than there are threads and results waiting. Where it is called from such a part
    there are no further threads.

    :param workers: threads; as many as there are cores if not given.
    """
    threads = cores() if workers is None else workers
    if threads < 2 or getattr(_here, "busy", False):
        yield from map(function, parts)
        return
    with ThreadPoolExecutor(threads, "part", initializer=_begin) as pool:
        waiting: deque[Future[_Result]] = deque()
        try:
            for part in parts:
                waiting.append(pool.submit(function, part))
                if len(waiting) > threads:
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
