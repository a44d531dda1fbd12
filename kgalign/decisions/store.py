"""``decisions.sqlite``: every decision of people on a run, one SQLite file to which rows are only added.

Each decision is on the disk before the call that adds it comes back. An undo is a further row. A row is
known by the digest of its contents: what is added twice is there once, and a row that was changed afterwards
is found out whenever it is read.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from types import TracebackType

from kgalign.base.sqlite import Kind
from kgalign.decisions.decision import Decision, Relation, Verdict
from kgalign.errors import RunError

FILE = "decisions.sqlite"
"""Its name in a run folder."""

_STORE = Kind(
    "the store of decisions",
    "Put back a copy of the file, or move it away and import what was exported before",
)
_APPLICATION = 0x6B676465
"""``kgde`` in the header of the file."""
_VERSION = 1
_WAIT = 60.0
"""Seconds to wait for another process that adds to it."""
_COLUMNS = (
    "left_iri",
    "right_iri",
    "verdict",
    "relation",
    "decided_by",
    "decided_at",
    "why",
    "probability",
    "blind",
    "source",
    "undoes",
)
_TABLE = f"""CREATE TABLE decision (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    {", ".join(f"{name} {'REAL' if name == 'probability' else 'NOT NULL'}" for name in _COLUMNS)}
)"""
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END"
_STATEMENTS = (
    _TABLE,
    f"CREATE TRIGGER not_changed BEFORE UPDATE ON decision {_REFUSE}",
    f"CREATE TRIGGER not_deleted BEFORE DELETE ON decision {_REFUSE}",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_ADD = (
    f"INSERT INTO decision (id, {', '.join(_COLUMNS)}) SELECT {', '.join('?' * (len(_COLUMNS) + 1))}"
    " WHERE NOT EXISTS (SELECT 1 FROM decision WHERE id = ?)"
)
_ALL = f"SELECT id, {', '.join(_COLUMNS)} FROM decision ORDER BY number"


class Decisions:
    """The open store; get one from :meth:`open` and use it in ``with``."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> "Decisions":
        """Open the store, and make it if need be; several processes may have it open.

        :raises RunError: it can't be read or written, is damaged, of a newer version, or of another program.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _STORE.refused(path, error) from error
        with _STORE.explained(path):
            connection = _connect(path, "rwc")
            try:
                connection.execute("PRAGMA synchronous = FULL")
                if _is_new(connection, path):  # else it is not kept waiting by those who write
                    _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> "Decisions":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, decisions: Iterable[Decision]) -> int:
        """Add those that are not there yet, all of them or none; how many that were.

        :raises RunError: there is no room, or the file can't be written.
        """
        with _STORE.explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                new = sum(
                    self._connection.execute(_ADD, (each.id, *_row(each), each.id)).rowcount
                    for each in decisions
                )
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
        return new

    def all(self) -> list[Decision]:
        """All decisions in the order in which they were added, those that were taken back as well.

        :raises RunError: a row is not what was written.
        """
        with _STORE.explained(self.path):
            rows = self._connection.execute(_ALL).fetchall()
        return [_decision(self.path, number, *row) for number, row in enumerate(rows, start=1)]


def read_all(path: Path) -> list[Decision]:
    """All decisions of a store, none where there is no such file; nothing is written.

    :raises RunError: as :meth:`Decisions.open` and :meth:`Decisions.all`.
    """
    if not path.exists():
        return []
    with _STORE.explained(path), closing(_connect(path, "rw")) as connection:
        connection.execute("PRAGMA query_only = ON")
        if _is_new(connection, path):
            return []
        return Decisions(path, connection).all()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None)
    # A damaged text may be none any more: it must be read to be told from what was written.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the table in a new file; refuse what is none of ours."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _is_new(connection, path):
            for statement in _STATEMENTS:
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether nothing is in a file yet; refuses what is none of ours."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not application and not tables:
        return True
    if application != _APPLICATION:
        raise RunError(
            f"{path} holds no decisions: it is an SQLite database of another program", "Move it away"
        )
    if version > _VERSION:
        raise RunError(f"{path} was written by a newer version of kgalign", "Update kgalign")
    return False


def _row(each: Decision) -> tuple[object, ...]:
    return (
        each.left,
        each.right,
        each.verdict.value,
        each.relation.value,
        each.by,
        each.at,
        each.why,
        each.probability,
        int(each.blind),
        each.source,
        each.undoes,
    )


def _decision(path: Path, number: int, known_by: str, *row: object) -> Decision:
    left, right, verdict, relation, by, at, why, probability, blind, source, undoes = row
    try:
        found = Decision(
            str(left),
            str(right),
            Verdict(str(verdict)),
            Relation(str(relation)),
            str(by),
            str(at),
            str(why),
            None if probability is None else float(str(probability)),
            bool(blind),
            str(source),
            str(undoes),
        )
    except ValueError as error:
        raise _STORE.damaged(path, f"row {number}: {error}") from error
    if found.id != known_by:
        raise _STORE.damaged(path, f"row {number} is not what was written")
    return found
