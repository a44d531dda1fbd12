"""What runs on a worker of Ray: a function that was sent, on one part."""

import resource
import time
from dataclasses import dataclass
from typing import Any

import ray

from kgalign.base.cores import alone
from kgalign.engine.sending import Key, Packed, bytes_of, opened, unpack

_held: dict[Key, Any] = {}
"""Pieces of the function that this process worked with last, as they came from the object store."""
_function: tuple[Key, Any] | None = None


@dataclass(frozen=True, slots=True)
class Effort:
    """What a task took."""

    bytes_back: int
    """Of what it made."""
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
    function = _unpacked(where[0], where[1])
    with alone():
        made = [function(part) for part in parts]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return made, Effort(bytes_of(made), peak, time.process_time() - start)


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
            _held[key] = opened(ray.get(refs[key]), got)
        return _held[key]

    return unpack(packed, got)
