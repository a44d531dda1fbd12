"""What a process of our own does without: arenas of memory for each thread, and pandas."""

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_ARENA_MAX = -8
"""``M_ARENA_MAX`` of glibc's ``malloc.h``."""


def one_arena() -> None:
    """Have all threads share one arena of the C library, and Arrow take from it, too; from now on.

    Each thread else fills one of its own, and what is free in one is of no use to the next: of a run of
    100,000 entities a side 130 MB of 710 were such, while its threads, which work on arrays of megabytes,
    take 3 % more time where they share. Arrow's own allocator keeps some tens of MB of what was freed. For
    programs of our own, before they start threads or import Arrow: what holds for a process is not for a
    library to decide. Nothing where the C library is another than glibc.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
            os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def without_pandas() -> None:
    """Have Arrow take pandas for not installed, from now on.

    With the first array of Python's objects it looks for it, and imports it where it is: 40 MB and a quarter
    of a second that nothing here has a use for. It looks once; who asks it for a frame later gets one. For
    programs of our own, since Arrow no longer sees by itself what a series holds. Nothing where pandas is
    imported already.
    """
    if "pandas" in sys.modules:
        return
    none = _NoPandas()
    sys.meta_path.insert(0, none)
    try:
        import pyarrow as pa

        pa.array([""])
    finally:
        sys.meta_path.remove(none)


class _NoPandas(MetaPathFinder):
    """Finds nothing, and ends the search for pandas."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)
        return None
