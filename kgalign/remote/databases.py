"""SQLite files on their way to a store: copied as they are at one moment, and compared by their rows."""

import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from kgalign.base.sqlite import Kind

_FILE = Kind("the database", "Put back a copy of it, or move it away")
_TABLES = "SELECT name FROM other.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
_WAIT = 60.0
"""Seconds to wait for another process that writes."""


def snapshot(path: Path, copy: Path) -> None:
    """Copy a database as it is at one moment, while others may write to it.

    One without a log comes out byte for byte: its digest is part of what a run depends on.

    :raises RunError: it can't be read, or the copy can't be written.
    """
    with _FILE.explained(path), closing(_connect(path)) as connection:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # nobody writes from now on
            shutil.copyfile(path, copy)
            return
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(copy)) as target:
            connection.backup(target)


def contains(path: Path, other: Path) -> bool:
    """Whether each row of a database is in another one, too, as it is where rows are only added.

    :param path: the one that is to have all rows.
    :param other: the one whose rows are looked for; one that can't be read has some that nobody has.
    """
    try:
        with closing(_connect(path)) as connection:
            connection.execute("ATTACH DATABASE ? AS other", (f"{other.absolute().as_uri()}?mode=rw",))
            names = [name for (name,) in connection.execute(_TABLES)]
            return not any(
                connection.execute(
                    f"SELECT 1 FROM (SELECT * FROM other.{_quoted(name)}"
                    f" EXCEPT SELECT * FROM main.{_quoted(name)}) LIMIT 1"
                ).fetchone()
                for name in names
            )
    except sqlite3.Error:
        return False


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None)
    # A damaged text may be none any more.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    # It may come from elsewhere: what its schema holds must not call functions.
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
