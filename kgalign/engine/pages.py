"""Pages of Ray's object store in the memory of this process: what is looked at there counts as held.

They lie in shared memory, and come back from it as they are read: a process lets them go without a loss.
"""

import ctypes
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

MOST = 1 << 25
"""Bytes of them from which a process that watches lets them go."""
_STORE = "/plasma"
"""What the names of the files that Ray's object store lies in have in them."""
_MAPS, _STATUS = Path("/proc/self/maps"), Path("/proc/self/status")
_EVERY = 0.05
"""Seconds after which it is looked how many they are."""
_advise: Any = ctypes.CDLL(None).madvise if sys.platform == "linux" else None


def let_go() -> None:
    """Let all of them go, wherever they lie."""
    for start, size in _mapped():
        _advise(ctypes.c_void_p(start), ctypes.c_size_t(size), mmap.MADV_DONTNEED)


def _mapped() -> list[tuple[int, int]]:
    """Where the store lies in the memory of this process, and how many bytes: more of it as Ray needs it."""
    if _advise is None:
        return []
    found = []
    for line in _MAPS.read_text(encoding="utf8", errors="replace").splitlines():
        place, rights, _ = line.split(" ", 2)
        # Pages that are shared are in the file still; others would be lost.
        if _STORE in line and rights.endswith("s"):
            start, end = (int(bound, 16) for bound in place.split("-"))
            found.append((start, end - start))
    return found


def seen() -> int:
    """Bytes of shared memory that this process holds now."""
    with suppress(OSError, ValueError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("RssShmem:"):
                return int(line.split()[1]) * 1024
    return 0


@contextmanager
def watched() -> Iterator[None]:
    """Within this they are let go whenever there are more than :data:`MOST` bytes of them."""
    over = Event()

    def watch() -> None:
        while not over.wait(_EVERY):
            if seen() > MOST:
                let_go()

    thread = Thread(target=watch, name="pages", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
