"""What runs on a worker of Ray: a function that was sent, on one part."""

import ctypes
import importlib
import mmap
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from kgalign.base.cores import alone, in_order
from kgalign.engine.sending import Key, Packed, bytes_of, opened, unpack

_held: dict[Key, Any] = {}
"""Pieces of the function that this process worked with last, as they came from the object store."""
_function: tuple[Key, Any] | None = None
_idle: int | None = None
_STORE = "/plasma"
"""What the names of the files that Ray's object store lies in have in them."""
_PAGES = Path("/proc/self/maps")
_mapped: list[tuple[int, int]] = []
"""Where they lie in the memory of this process, and how many bytes."""
_advise: Any = ctypes.CDLL(None).madvise if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Effort:
    """What a task took."""

    bytes_back: int
    """Of what it made."""
    idle_bytes: int
    """What its process held with all libraries, and before it did anything."""
    peak_bytes: int
    """Most that its process held so far, with what it saw of the object store."""
    seconds: float
    """Of processors."""


def work(where: list[Any], parts: list[Any]) -> tuple[list[Any], Effort]:
    """Do some parts.

    :param where: holds what gives the packed function and what its pieces are got by; within a list Ray
        leaves it to this process when to get it.
    :returns: what the function makes of each part, and what that took.
    """
    start = time.process_time()
    idle = ready()
    function = _unpacked(where[0], where[1])
    _find_store()
    with alone(_let_go):
        made = list(in_order(function, parts))
    return made, Effort(bytes_of(made), idle, _peak(), time.process_time() - start)


def ready(modules: Sequence[str] = ()) -> int:
    """Import what will be needed.

    :returns: bytes that this process held when it was first asked.
    """
    global _idle
    for name in modules:
        importlib.import_module(name)
    if _idle is None:
        _idle = _peak()
    return _idle


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _unpacked(key: Key, ref: Any) -> Any:  # noqa: ANN401
    global _function
    if _function is None or _function[0] != key:
        packed, refs = ray.get(ref)
        _function = None
        for name in _held.keys() - refs.keys():
            del _held[name]
        _function = key, _build(packed, refs)
    return _function[1]


def _build(packed: Packed, refs: dict[Key, Any]) -> Any:  # noqa: ANN401
    def got(key: Key) -> Any:  # noqa: ANN401
        if key not in _held:
            _held[key] = opened(ray.get(refs[key]), got, lent)
        return _held[key]

    def lent(key: Key) -> Borrowed:
        return Borrowed(refs[key])

    return unpack(packed, got, lent)


class Borrowed:
    """Stands for a :class:`kgalign.base.cores.Lent` on a worker."""

    def __init__(self, ref: Any) -> None:  # noqa: ANN401
        self._ref = ref

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Within this it is here, and its pages count as held."""
        try:
            yield ray.get(self._ref)
        finally:
            _let_go()


def _let_go() -> None:
    """Let the pages of the object store go that this process looked at: they come back as they are read."""
    for start, size in _mapped:
        _advise(ctypes.c_void_p(start), ctypes.c_size_t(size), mmap.MADV_DONTNEED)


def _find_store() -> None:
    """Find where the object store lies in the memory of this process: more of it as Ray needs it."""
    global _mapped
    if sys.platform != "linux":
        return
    _mapped = []
    for line in _PAGES.read_text(encoding="utf8", errors="replace").splitlines():
        place, rights, _ = line.split(" ", 2)
        # Pages that are shared are in the file still; others would be lost.
        if _STORE in line and rights.endswith("s"):
            start, end = (int(bound, 16) for bound in place.split("-"))
            _mapped.append((start, end - start))
