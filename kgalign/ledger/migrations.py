"""What a ledger's tables are, as a list of named steps that is only ever added to.

Each step is one transaction together with the note that it was taken, so that a process that is killed
leaves a ledger at one step or the next, never between. A ledger that knows a step which is not in this list
was written by a newer version, and isn't touched.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from kgalign.errors import RunError

APPLICATION = 0x6B67766F
"""``kgvo`` in the header of the file: what tells a ledger from any other SQLite database."""

TABLES = ("judging", "begun", "message", "call", "vote", "decision")
"""Everything that is kept; rows are added to them and never changed."""

_TABLES = (
    """CREATE TABLE judging (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        model TEXT NOT NULL,
        adapter TEXT NOT NULL,
        settings TEXT NOT NULL,
        begun_at TEXT NOT NULL
    )""",
    """CREATE TABLE begun (
        id INTEGER PRIMARY KEY,
        judging TEXT NOT NULL REFERENCES judging (name),
        begun_at TEXT NOT NULL
    )""",
    """CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        hash TEXT NOT NULL UNIQUE,
        role TEXT NOT NULL,
        content TEXT NOT NULL
    )""",
    # One request to a model, answered or not. Lists are JSON; messages are named by their hashes.
    """CREATE TABLE call (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        model TEXT NOT NULL,
        adapter TEXT NOT NULL,
        template TEXT NOT NULL,
        template_hash TEXT NOT NULL,
        messages TEXT NOT NULL,
        labels TEXT NOT NULL,
        sampling TEXT NOT NULL,
        number INTEGER NOT NULL,
        answered INTEGER NOT NULL CHECK (answered IN (0, 1)),
        reply TEXT NOT NULL,
        finish TEXT NOT NULL,
        probabilities TEXT,
        prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        cached_tokens INTEGER NOT NULL,
        seconds REAL NOT NULL,
        attempts INTEGER NOT NULL,
        asked_at TEXT NOT NULL,
        digest TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX call_answer ON call (key) WHERE answered",
    """CREATE TABLE vote (
        id INTEGER PRIMARY KEY,
        judging TEXT NOT NULL REFERENCES judging (name),
        case_iri TEXT NOT NULL,
        number INTEGER NOT NULL,
        call INTEGER NOT NULL REFERENCES call (id),
        kind TEXT NOT NULL,
        direction TEXT NOT NULL,
        view TEXT NOT NULL,
        asker TEXT NOT NULL,
        options TEXT NOT NULL,
        shown TEXT NOT NULL,
        shortened INTEGER NOT NULL,
        status TEXT NOT NULL,
        choice TEXT,
        place INTEGER NOT NULL,
        citations TEXT NOT NULL,
        reason TEXT NOT NULL,
        digest TEXT NOT NULL
    )""",
    "CREATE INDEX vote_case ON vote (judging, case_iri, number, id)",
    """CREATE TABLE decision (
        id INTEGER PRIMARY KEY,
        judging TEXT NOT NULL REFERENCES judging (name),
        case_iri TEXT NOT NULL,
        outcome TEXT NOT NULL,
        chosen TEXT NOT NULL,
        probability REAL NOT NULL,
        evidence_choice TEXT NOT NULL,
        evidence_probability REAL NOT NULL,
        options TEXT NOT NULL,
        probabilities TEXT NOT NULL,
        asked INTEGER NOT NULL,
        counted INTEGER NOT NULL,
        most INTEGER NOT NULL,
        stopped TEXT NOT NULL,
        digest TEXT NOT NULL
    )""",
    "CREATE INDEX decision_case ON decision (judging, case_iri, id)",
)


_KNOWN_BY = {
    "judging": "name = NEW.name",
    "message": "hash = NEW.hash",
    "call": "key = NEW.key AND answered AND NEW.answered",
}
"""What a row is known by besides its id: there is one only."""


def _append_only() -> tuple[str, ...]:
    """A trigger for each way to change or lose a row; REPLACE deletes without asking the one for DELETE."""
    statements = []
    for table in TABLES:
        refuse = f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: {table}'); END"
        there = f"EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"
        if table in _KNOWN_BY:
            there += f" OR EXISTS (SELECT 1 FROM {table} WHERE {_KNOWN_BY[table]})"
        statements += [
            f"CREATE TRIGGER {table}_not_changed BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_not_deleted BEFORE DELETE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_not_replaced BEFORE INSERT ON {table} WHEN {there} {refuse}",
        ]
    return tuple(statements)


_ANSWERED_AGAIN = (
    # A row that is not what was written stays, and beside it comes the answer to the same question.
    "ALTER TABLE call ADD COLUMN again INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX call_answer",
    "CREATE UNIQUE INDEX call_answer ON call (key, again) WHERE answered",
    "DROP TRIGGER call_not_replaced",
    "CREATE TRIGGER call_not_replaced BEFORE INSERT ON call"
    " WHEN EXISTS (SELECT 1 FROM call WHERE id = NEW.id)"
    " OR EXISTS (SELECT 1 FROM call WHERE key = NEW.key AND again = NEW.again AND answered AND NEW.answered)"
    " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: call'); END",
)


class Migration(NamedTuple):
    """One step."""

    name: str
    statements: tuple[str, ...]
    only_to_write: bool = False
    """Whether a ledger without it can be read."""


MIGRATIONS: tuple[Migration, ...] = (
    Migration("0001_tables", _TABLES),
    Migration("0002_append_only", _append_only()),
    Migration("0003_answered_again", _ANSWERED_AGAIN, only_to_write=True),
    # What the server calls the model that answered; empty where that is what it was asked for.
    Migration(
        "0004_served",
        ("ALTER TABLE call ADD COLUMN served TEXT NOT NULL DEFAULT ''",),
        only_to_write=True,
    ),
    # Digests of what had none: when a judging was begun and gone on with, and what stands beside a call.
    # What was kept before this step has none still.
    Migration(
        "0005_digests",
        (
            "ALTER TABLE judging ADD COLUMN digest TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE begun ADD COLUMN digest TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE call ADD COLUMN beside TEXT NOT NULL DEFAULT ''",
        ),
        only_to_write=True,
    ),
)


def pending(connection: sqlite3.Connection, path: object) -> Sequence[Migration]:
    """The steps that a ledger lacks.

    :raises RunError: it is another program's database, or a newer version wrote it.
    """
    application = _pragma(connection, "application_id")
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if application != APPLICATION and (application or names):
        raise RunError(
            f"{path} is not a ledger: it is an SQLite database of another program", "Give another file"
        )
    taken = applied(connection) if "migration" in names else ()
    known = {migration.name for migration in MIGRATIONS}
    newer = [name for name in taken if name not in known]
    if newer or _pragma(connection, "user_version") > len(MIGRATIONS):
        raise RunError(f"The ledger {path} was written by a newer version of kgalign", "Update kgalign")
    return [migration for migration in MIGRATIONS if migration.name not in taken]


def applied(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Names of the steps that were taken, in their order."""
    return tuple(name for (name,) in connection.execute("SELECT name FROM migration ORDER BY id"))


def apply(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Take the steps, each in a transaction of its own.

    :param connection: one that begins no transactions by itself (``isolation_level=None``).
    :param migrations: what :func:`pending` gave, or the first of it.
    """
    for migration in migrations:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migration"
                " (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, applied_at TEXT NOT NULL)"
            )
            for statement in migration.statements:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migration (name, applied_at) VALUES (?, ?)", (migration.name, now())
            )
            (count,) = connection.execute("SELECT count(*) FROM migration").fetchone()
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {count}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def now() -> str:
    """The time, as the ledger writes it: ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
