"""Files and folders that appear whole or not at all, and what is said where one can't be written.

All that is written for others to read goes this way: it comes to be beside its place under a hidden name
that ends in ``.partial``, and is renamed once it is whole.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TextIO

from kgalign.errors import RunError

MAKE_ROOM = "Make room and run the same command again: what is finished is kept"
"""What to do where a disk is full."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the operating system says where there is no room."""
_SHORT = re.compile(r"\d+ requested and \d+ written")
"""What NumPy says of a full disk: it passes no number of an error on."""
_ENDING = ".partial"
_WRITER = re.compile(r"\.([1-9][0-9]{0,9})-[0-9a-f]{8}\.partial$")
"""How a file ends that a process of this number writes."""
_NAME = 40
"""Characters of a file's name that the partial file carries: a long name must not become too long."""


@contextmanager
def explained(path: Path, remedy: str = "Name a place that you may write to") -> Iterator[None]:
    """Turn what the operating system says against writing to ``path`` into a :class:`RunError`.

    :param remedy: what to do where it is not for want of room.
    :raises RunError: a full disk, no permission, a file or folder in the way.
    """
    try:
        yield
    except BrokenPipeError:  # who reads has seen enough: the command line knows what to do
        raise
    except OSError as error:
        name = path.name
        hidden = name.startswith(".") and name.endswith(".partial")
        shown = path.with_name(name[1:].removesuffix(".partial")) if hidden else path
        if error.errno in NO_ROOM or (error.errno is None and _SHORT.fullmatch(str(error))):
            raise RunError(f"There is no room to write {shown}", MAKE_ROOM) from error
        reason = (error.strerror or str(error)).lower()
        raise RunError(f"{shown} can't be written: {reason}", remedy) from error


def replacing(path: Path) -> AbstractContextManager[IO[bytes]]:
    """Open a file that takes the place of ``path`` once it is complete; what stood there stays until then.

    Two that are written to one name don't meet.

    :raises RunError: no room, or no permission; what stood at ``path`` is as it was.
    """
    return _replacing(path, _partial_beside(path), mode="xb")


def replacing_text(path: Path) -> AbstractContextManager[TextIO]:
    """As :func:`replacing`, for text: UTF-8, lines end in LF."""
    return _replacing(path, _partial_beside(path), mode="x", encoding="utf8", newline="\n")


def write_text(path: Path, text: str) -> None:
    """Write a small file that no other process writes: readers see the old content or the new one.

    :raises RunError: no room, or no permission.
    """
    with _replacing(path, partial_of(path), mode="w", encoding="utf8", newline="\n") as file:
        file.write(text)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of ``path`` once all is in it; no other process writes there.

    :raises RunError: no room, or no permission.
    """
    with new_folder(path) as partial:
        yield partial
    put_in_place(path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A new folder that does not take the place of ``path`` before :func:`put_in_place` says so.

    :raises RunError: no room, or no permission.
    """
    partial = partial_of(path)
    with explained(path):
        remove(partial)
        partial.mkdir(parents=True)
        yield partial


def put_in_place(path: Path) -> None:
    """Have what was written to :func:`partial_of` a path, a file or a folder, take its place.

    :raises RunError: no permission.
    """
    with explained(path):
        partial = partial_of(path)
        if partial.is_dir():
            remove(path)
        partial.replace(path)


def remove(path: Path) -> None:
    """Delete a folder, if it is there, so that it is never seen half deleted under its own name.

    :raises OSError: no permission.
    """
    doomed = path if path.name.startswith(".") else path.with_name(f".{path.name}.old")
    if doomed.exists():
        shutil.rmtree(doomed)
    if path.exists():
        path.replace(doomed)
        shutil.rmtree(doomed)


def sweep(folder: Path, name: str = "", *, locked: bool = False) -> list[Path]:
    """Take away what writers left in a folder that were stopped: processes that are gone.

    A writer that is at work holds a lock on what it writes, which ends with it; its number tells the same
    where a file system has no locks.

    :param name: take only what was to become the file of this name; all if empty.
    :param locked: whether whoever writes under a name of one process would need a lock that the caller has.
    :returns: what was taken away; what can't be is left.
    """
    begin = f".{name[:_NAME]}." if name else "."
    taken: list[Path] = []
    try:
        entries = sorted(folder.iterdir())
    except OSError:  # there is none, or it can't be listed: whoever writes is told what matters
        return taken
    for entry in entries:
        if not (entry.name.startswith(begin) and entry.name.endswith(_ENDING)):
            continue
        writer = _WRITER.search(entry.name)
        # What comes to be in the place of a partial file is its writer's, who needs the lock.
        one = locked and (writer is None or f"{_ENDING}." in entry.name)
        if (one or (writer and _is_gone(entry, int(writer[1])))) and not entry.is_symlink():
            with suppress(OSError):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
                taken.append(entry)
    return taken


def _is_gone(path: Path, process: int) -> bool:
    """Whether nobody is writing a file any more that a process began."""
    try:
        os.kill(process, 0)
        return False
    except ProcessLookupError:
        pass
    except (OSError, OverflowError):  # another user's, or no number of a process
        return False
    try:
        # It may be of another machine, or of a container with numbers of its own.
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def partial_of(path: Path) -> Path:
    """Where a file or folder comes to be that one process writes: what a killed one left is replaced."""
    return path.with_name(f".{path.name}{_ENDING}")


def _partial_beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:_NAME]}.{os.getpid()}-{secrets.token_hex(4)}{_ENDING}")


@contextmanager
def _replacing(path: Path, partial: Path, **how: Any) -> Iterator[Any]:  # noqa: ANN401 - as of open
    with explained(path):
        sweep(path.parent, path.name)
        try:
            with partial.open(**how) as file:
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
