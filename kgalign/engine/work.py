"""What runs on a worker of Ray: a function that was sent, on one part."""

import importlib
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from kgalign.base.cores import alone, in_order
from kgalign.base.memory import give_back
from kgalign.base.own import one_arena
from kgalign.engine import pages
from kgalign.engine.sending import Key, Packed, bytes_of, opened, unpack

_held: dict[Key, Any] = {}
"""Pieces of the function that this process worked with last, as they came from the object store."""
_function: tuple[Key, Any] | None = None
_idle: int | None = None
_STATUS = Path("/proc/self/status")
_REFERENCES = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Effort:
    """What a task took."""

    bytes_back: int
    """Of what it made."""
    idle_bytes: int
    """What its process held with all libraries, and before it did anything."""
    peak_bytes: int
    """Most that its process held meanwhile, with what it saw of the object store."""
    seen_bytes: int
    """Most that it saw of the object store when a part was done; processes of a node share that."""
    seconds: float
    """Of processors."""


def work(where: list[Any], parts: list[Any]) -> tuple[list[Any], Effort]:
    """Do some parts.

    :param where: holds what gives the packed function and what its pieces are got by; within a list Ray
        leaves it to this process when to get it.
    :returns: what the function makes of each part, and what that took.
    """
    one_arena()
    start = time.process_time()
    idle = ready()
    _begin_anew()
    seen = 0

    def rest() -> None:
        nonlocal seen
        seen = max(seen, pages.seen())
        pages.let_go()

    with alone(rest):
        made = list(in_order(_unpacked(where[0], where[1]), parts))
    # Before results go: what they were made of is no longer needed.
    give_back()
    return made, Effort(bytes_of(made), idle, _peak(), seen, time.process_time() - start)


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
    """Most bytes that this process held since that was last counted anew."""
    with suppress(OSError, ValueError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _begin_anew() -> None:
    """From now on the most that this process held is counted anew, where the system can do so."""
    with suppress(OSError):
        _REFERENCES.write_text("5", encoding="ascii")


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
            pages.let_go()
