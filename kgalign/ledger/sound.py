"""Whether rows of a ledger are what was written: looked at whenever a vote counts, and told once.

A row that is not what was written is never taken for what it says: it is named in the log and left out, so
that its question is asked again where somebody can be asked. It stays where it is, since rows are only added.
What this costs is one SHA-256 for each row that is read. It is no seal, as :mod:`kgalign.ledger.verifying`
says.
"""

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kgalign.base.logs import printable
from kgalign.errors import RunError
from kgalign.ledger.connect import damaged
from kgalign.ledger.keys import judging_name
from kgalign.ledger.rows import CALL_COLUMNS, VOTE_COLUMNS, Row, row_digest
from kgalign.records.votes import Judging

log = logging.getLogger(__name__)

MOST_NAMED = 10
"""Rows that are named one by one; the others are counted."""

LATEST_VOTE = (
    "NOT EXISTS (SELECT 1 FROM vote AS later WHERE later.judging = vote.judging"
    " AND later.case_iri = vote.case_iri AND later.number = vote.number AND later.id > vote.id)"
)
"""The condition that no later vote has taken the place of one."""
WHOLE_VOTES = ", ".join(
    [
        *(f"call.{name}" for name in CALL_COLUMNS),
        *(f"vote.{name}" for name in VOTE_COLUMNS),
        "vote.id",
        "vote.digest",
        "call.digest",
    ]
)
"""Columns of a vote with its call, as :func:`check_vote` wants them, from ``vote LEFT JOIN call``."""
_CALLS, _VOTES = len(CALL_COLUMNS), len(CALL_COLUMNS) + len(VOTE_COLUMNS)
_KEY, _ANSWERED = CALL_COLUMNS.index("key"), CALL_COLUMNS.index("answered")


class Damages:
    """The rows of one ledger that were met and are not what was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._met: set[tuple[str, int]] = set()

    def __len__(self) -> int:
        return len(self._met)

    def note(self, table: str, row: int, what: str) -> None:
        """Name a row in the log, the first time that it is met."""
        if (table, row) in self._met:
            return
        self._met.add((table, row))
        if len(self._met) <= MOST_NAMED:
            log.warning("%s: %s; it is not counted", self._path, printable(what))

    def tell_rest(self) -> None:
        """Say how many rows there were in all, if not all were named."""
        if len(self._met) > MOST_NAMED:
            log.warning("%s: %s rows in all are not what was written", self._path, f"{len(self._met):,}")


def is_written(row: Sequence[Any], mark: object, *more: str) -> bool:
    """Whether a row is what was written.

    :param mark: the digest that was stored with it.
    :param more: what else the digest is of, as :func:`~kgalign.ledger.rows.row_digest` takes it.
    """
    try:
        return row_digest(row, *more) == mark
    except ValueError:  # a number that JSON has not, bytes that are no text: nothing that we write
        return False


def check_vote(row: Row) -> str | None:
    """What is wrong with a vote and its call; None where both are what was written.

    :param row: of :data:`WHOLE_VOTES`.
    """
    call, vote, (number, mark, call_mark) = row[:_CALLS], row[_CALLS:_VOTES], row[_VOTES:]
    what = f"Vote {number} (number {vote[2]} on {vote[1]})"
    if call_mark is None:
        return f"{what} has lost its answer"
    if not is_written(call, call_mark):
        return f"{what} has an answer that is not what was written"
    if not is_written(vote, mark, call[_KEY], "answered" if call[_ANSWERED] else "failed"):
        return f"{what} is not what was written"
    return None


def check_judging(path: Path, judging: Judging) -> None:
    """See that a judging is what its name says.

    :raises RunError: it is not, so that nobody knows how its questions were asked.
    """
    try:
        name = judging_name(judging.model, judging.adapter, json.loads(judging.settings))
    except ValueError:
        name = ""
    if name != judging.name:
        raise damaged(path, f"the judging {judging.name} is not what was written")


def check_votes(connection: sqlite3.Connection, path: Path, judging: str) -> None:
    """See that all votes of a judging that count are what was written.

    A damaged one that was asked again since then is none of them.

    :raises RunError: one is not; the first of them is named, and all are counted.
    """
    faults = list(_unsound(connection, judging))
    if faults:
        count = f"{len(faults):,} votes are" if len(faults) > 1 else "1 vote is"
        raise RunError(
            f"The ledger {path} is damaged: {count} not what was written. {printable(faults[0])}",
            "Run with --judge llm, which asks these questions again, or put back a copy of the ledger;"
            " `kgalign votes verify` names every fault",
        )


def _unsound(connection: sqlite3.Connection, judging: str) -> Iterator[str]:
    rows = connection.execute(
        f"SELECT {WHOLE_VOTES} FROM vote LEFT JOIN call ON call.id = vote.call"
        f" WHERE vote.judging = ? AND {LATEST_VOTE} ORDER BY vote.id",
        (judging,),
    )
    for row in rows:
        fault = check_vote(row)
        if fault and not is_mended(connection, row[_VOTES], row[_VOTES + 1]):
            yield fault


def is_mended(connection: sqlite3.Connection, vote: int, mark: str) -> bool:
    """Whether a damaged vote was written once more, under the case that it has lost."""
    query = "SELECT 1 FROM vote WHERE digest = ? AND id > ?"
    return connection.execute(query, (mark, vote)).fetchone() is not None
