"""Memory: what was freed is given back, and people are told where there is none."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from kgalign.errors import KgalignError

_SAID = ("not enough memory", "out of memory", "can't allocate memory")
"""What PyTorch's errors say where there is no room."""
LEAST = 1_000_000_000
"""Bytes that are made do with where the system has less, or does not say."""
_SHARE = 0.6
"""Of what is free, the part that is taken where nobody says how much."""
_GROUPS, _TREE = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_limit: int | None = None


def give_back() -> None:
    """Give what was freed back to the system.

    The C library of Linux keeps freed arrays of up to 32 MB for later, in pieces that larger ones don't fit;
    Arrow keeps what its columns took, where nothing else can use it.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def available() -> int | None:
    """Bytes of memory that are free or can be freed at once, in a container as far as it allows; None where
    the system does not say.
    """
    found = [each for each in (_free(), *_allowed()) if each is not None]
    return min(found, default=None)


def _free() -> int | None:
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            found = dict(line.split(":", 1) for line in file)
        return int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _allowed() -> Iterator[int]:
    """What each control group above this process has left: those of version 2, then of version 1."""
    try:
        lines = _GROUPS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        number, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        inside = Path(path.lstrip("/"))
        if number == "0":
            top, names = _TREE, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            top = _TREE / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        for place in (top / inside, *(top / each for each in inside.parents)):
            left = _left_in(place, *names)
            if left is not None:
                yield left


def _left_in(group: Path, most: str, held: str, cached: str) -> int | None:
    try:
        allowed = int((group / most).read_text(encoding="ascii"))
        taken = int((group / held).read_text(encoding="ascii"))
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) for line in lines if line.startswith(f"{cached} "))
        return max(0, allowed - taken + free)
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def limit() -> int:
    """Bytes that this process may hold: what :func:`limited` says, else a share of what is free now."""
    if _limit is not None:
        return _limit
    free = available()
    return LEAST if free is None else max(LEAST, int(_SHARE * free))


@contextmanager
def limited(most: int | None) -> Iterator[int]:
    """Within this the process may hold so many bytes; of what is free at its beginning if None."""
    global _limit
    before, _limit = _limit, limit() if most is None else most
    try:
        yield _limit
    finally:
        _limit = before


def no_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(text in said for text in _SAID)


@contextmanager
def explained_memory(what: str, remedy: str) -> Iterator[None]:
    """Say what to do where memory runs out; other errors stay as they are.

    :raises KgalignError: it did.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not no_memory(error):
            raise
        raise KgalignError(what, remedy) from error
