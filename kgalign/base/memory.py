"""Memory: what was freed is given back, and people are told where there is none."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kgalign.errors import KgalignError

_SAID = ("not enough memory", "out of memory", "can't allocate memory")
"""What PyTorch's errors say where there is no room."""


def give_back() -> None:
    """Give what was freed back to the system.

    The C library of Linux keeps freed arrays of up to 32 MB for later, in pieces that larger ones don't fit.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def available() -> int | None:
    """Bytes of memory that are free or can be freed at once; None where the system does not say."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            found = dict(line.split(":", 1) for line in file)
        return int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


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
