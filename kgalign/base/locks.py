"""One process at a time. The lock is the operating system's: it ends with the process, however that ends."""

import fcntl

from kgalign.errors import RunError


def hold(descriptor: int, taken: str, remedy: str) -> None:
    """Keep an open file to this process until it is closed.

    Args:
        descriptor: of the file.
        taken: what is said where another process holds it.
        remedy: what to do then.

    Raises:
        RunError: another process holds it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RunError(taken, remedy) from error
