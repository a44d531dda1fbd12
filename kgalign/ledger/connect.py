"""Opening a ledger's file: who may write, what it must be, and what is said when it isn't.

Readers and the one writer don't wait for each other: the journal is a write-ahead log. The writer holds a
lock of the operating system on a file beside the ledger, which ends with the process, however that ends. It
isn't on the ledger itself, since closing any handle of that file would drop SQLite's own locks.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from kgalign.base import locks
from kgalign.base.sqlite import Kind, name_of
from kgalign.errors import RunError
from kgalign.ledger.migrations import apply, pending

_WAIT = 10.0
"""Seconds to wait for another process that makes the log short."""
_LOG_PAGES = 4000
"""Pages (16 MB) of the log that are gathered until they are written to the ledger proper: four times
SQLite's default, since the log's pages are those of the latest rows again and again."""
_LEDGER = Kind("the ledger", "Put back a copy of it, or move it away: its questions are then asked anew")

explained, explain, damaged = _LEDGER.explained, _LEDGER.explain, _LEDGER.damaged
"""What is said against a ledger, which is never deleted because it is damaged."""


def lock(path: Path) -> int:
    """Keep other writers out; the handle to close when done.

    :raises RunError: another process writes to the ledger, or its folder can't be written.
    """
    taken = f"Another kgalign writes to the ledger {path}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.lock")
        return locks.lock(beside, taken, "Wait for it, or give another folder with -o")
    except OSError as error:
        raise _LEDGER.refused(path, error) from error


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open a ledger, make it if there is none, and bring its tables up to date; :func:`lock` it first.

    :raises RunError: it can't be written, is damaged, of a newer version, or no ledger.
    """
    _make_private(path)
    with explained(path), _closed_on_error(_connect(path, "rwc")) as connection:
        missing = pending(connection, path)  # before the first change to a file that may be another's
        log = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal"
        # In a log NORMAL loses nothing when the process dies, and at most the last votes, never the order
        # of things, when the power fails. Where there can't be a log only FULL is safe.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if log else 'FULL'}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        apply(connection, missing)
        return connection


def _make_private(path: Path) -> None:
    """Make the file, if there is none, so that nobody else may read it; its log takes the mode from it.

    :raises RunError: it can't be made.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise _LEDGER.refused(path, error) from error


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a ledger that another process may be writing to.

    :raises RunError: there is none, or it is damaged, of a newer or an older version, or no ledger.
    """
    if not path.is_file():
        raise RunError(f"There is no ledger {path}", "Run `kgalign run` with --judge llm first")
    with explained(path), _closed_on_error(_readable(path)) as connection:
        if missing := [each for each in pending(connection, path) if not each.only_to_write]:
            raise RunError(
                f"The ledger {path} was written by an older version of kgalign: it lacks {missing[0].name}",
                "Run the `kgalign run` that wrote it again: that brings it up to date",
            )
        return connection


def _readable(path: Path) -> sqlite3.Connection:
    """A connection that reads.

    It may write as far as the log needs it: it then leaves no log behind. Where nothing can be written, and
    so no log can be opened, the file is read as one that nobody changes.
    """
    connection = _connect(path, "rw")
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if not name_of(error).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise RunError(
                f"The ledger {path} lies in a folder that can't be written, and its last votes are in a log"
                " that can't be read without",
                "Copy the folder to a place where you may write",
            ) from error
        return _connect(path, "ro", "&immutable=1")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str, more: str = "") -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}{more}"
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None)
    # A damaged text may be none any more: it must be read to be told from what was written.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    # A ledger may come from elsewhere: what its schema holds must not call functions.
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
