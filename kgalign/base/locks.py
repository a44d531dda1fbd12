"""One process at a time. The lock is the operating system's: it ends with the process, however that ends.

The library ``filelock`` takes the same lock (``flock``) on the systems that kgalign runs on, and says less
where another process has it.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from kgalign.errors import RunError

_PATIENCE, _PAUSE = 10.0, 0.02
"""Seconds that a process is waited for whose parent had the lock and is gone, and between two tries."""


def lock(path: Path, taken: str, remedy: str) -> int:
    """Keep a file to this process, and to those that it passes the handle on to; the file is made if need be,
    and never deleted.

    Where the process that took the lock is gone, what it passed the handle on to is about to end, too.

    :param taken: what is said where another process has it; that process is named behind it.
    :param remedy: what to do then.
    :returns: the handle to close when done.
    :raises RunError: another process has it.
    :raises OSError: the file can't be made or locked.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            if isinstance(error, BlockingIOError) and _is_gone(holder) and time.monotonic() < until:
                time.sleep(_PAUSE)
                continue
            os.close(descriptor)
            if not isinstance(error, BlockingIOError):
                raise
            who = f" (process {holder})" if holder.isdigit() else ""
            raise RunError(f"{taken}{who}", remedy) from error
    with suppress(OSError):  # a full disk: the lock holds without the number
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _is_gone(holder: str) -> bool:
    """Whether the process that took a lock, by its number, has ended."""
    if not holder.isdigit():
        return False
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # another user's, or no number of a process
        return False
    return False
