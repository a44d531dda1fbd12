"""One process at a time. The lock is the operating system's: it ends with the process, however that ends.

The library ``filelock`` takes the same lock (``flock``) on the systems that kgalign runs on, and says less
where another process has it.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from kgalign.errors import RunError


def lock(path: Path, taken: str, remedy: str) -> int:
    """Keep a file to this process; it is made if need be, and never deleted.

    :param taken: what is said where another process has it; that process is named behind it.
    :param remedy: what to do then.
    :returns: the handle to close when done.
    :raises RunError: another process has it.
    :raises OSError: the file can't be made or locked.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        if not isinstance(error, BlockingIOError):
            raise
        who = f" (process {holder})" if holder.isdigit() else ""
        raise RunError(f"{taken}{who}", remedy) from error
    with suppress(OSError):  # a full disk: the lock holds without the number
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
