"""What SQLite says against a file, in words for people."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kgalign.base.files import MAKE_ROOM, NO_ROOM
from kgalign.errors import RunError

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_FORMAT")
"""SQLITE_ERROR is a missing table or column: our statements are right where the file is."""
_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_SHMSIZE")
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_OURS = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.IntegrityError, sqlite3.NotSupportedError)
"""Mistakes of the calling code: they stay what they are."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that SQLite keeps, as it is spoken of."""

    called: str
    """Such as "the ledger"; its path follows."""
    mended: str
    """What to do where one is damaged."""

    @contextmanager
    def explained(self, path: Path) -> Iterator[None]:
        """Turn what SQLite says against a file into a :class:`RunError`."""
        try:
            yield
        except UnicodeDecodeError as error:  # a message of SQLite that quotes what is no text any more
            raise self.damaged(path, "its tables can't be made sense of") from error
        except sqlite3.Error as error:
            raise self.explain(path, error) from error

    def explain(self, path: Path, error: sqlite3.Error) -> RunError | sqlite3.Error:
        """What an error of SQLite means to people; the error itself where our own code is wrong."""
        if isinstance(error, _OURS):
            return error
        name = name_of(error)
        if name.startswith(_DAMAGED):
            return self.damaged(path, str(error))
        if name.startswith(_NO_ROOM):
            return self._no_room(path)
        if name.startswith(_BUSY):
            return RunError(f"Another program holds {self.called} {path}", "Close it and run again")
        return self._unusable(path, str(error))

    def refused(self, path: Path, error: OSError) -> RunError:
        """What is said where the operating system does not give a file."""
        if error.errno in NO_ROOM:
            return self._no_room(path)
        return self._unusable(path, error.strerror or str(error))

    def damaged(self, path: Path, reason: str) -> RunError:
        """What is said of a file that can't be made sense of; it is never deleted for that."""
        return RunError(f"{self._first} {path} is damaged: {reason}", self.mended)

    def _no_room(self, path: Path) -> RunError:
        return RunError(f"There is no room to write {self.called} {path}", MAKE_ROOM)

    def _unusable(self, path: Path, reason: str) -> RunError:
        return RunError(
            f"{self._first} {path} can't be opened: {reason}",
            "See that it is a file that you may read and write",
        )

    @property
    def _first(self) -> str:
        """As it begins a sentence."""
        return self.called[0].upper() + self.called[1:]


def name_of(error: sqlite3.Error) -> str:
    """What SQLite calls an error, such as ``SQLITE_BUSY``; empty where it has no name."""
    return getattr(error, "sqlite_errorname", None) or ""
