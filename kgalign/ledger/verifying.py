"""Whether a ledger is what it says: every hash computed anew from what is stored.

This finds what broke, was cut off or was changed by hand. It is no seal: who changes a row and computes its
hashes anew isn't found out.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kgalign.base.logs import printable
from kgalign.errors import RunError
from kgalign.ledger.keys import message_hash, vote_key
from kgalign.ledger.migrations import MIGRATIONS, TABLES, applied
from kgalign.ledger.rows import (
    BEGUN_COLUMNS,
    BESIDE_COLUMNS,
    CALL_COLUMNS,
    DECISION_COLUMNS,
    JUDGING_COLUMNS,
    VOTE_COLUMNS,
    Row,
    decision_of,
    text_of,
    vote_of,
)
from kgalign.ledger.sound import LATEST_VOTE, check_judging, is_mended, is_written
from kgalign.ledger.store import LATEST_DECISION, Counts, Ledger
from kgalign.llm.protocol import Message, Sampling
from kgalign.records.votes import NONE, Status, Vote

MOST_FAULTS = 100
"""Faults that are told one by one; the rest is counted."""

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)
"""What reading a row raises that holds something else than we write."""

_MARKED = (
    ("judging", JUDGING_COLUMNS, "digest"),
    ("begun", BEGUN_COLUMNS, "digest"),
    ("call", BESIDE_COLUMNS, "beside"),
)
"""Table, columns, and where their digest is."""
_Rows = set[tuple[str, int]]
"""Tables with numbers of rows."""
_Check = Callable[[Ledger, _Rows], Iterator[str]]

_ORPHAN_CALLS = "call WHERE id NOT IN (SELECT call FROM vote)"
_ORPHAN_MESSAGES = "message WHERE hash NOT IN (SELECT each.value FROM call, json_each(call.messages) AS each)"
_SHARED = "(SELECT 1 FROM vote GROUP BY judging, call HAVING count(DISTINCT case_iri) > 1)"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at and what is wrong with it."""

    faults: tuple[str, ...]
    """A sentence for each of the first faults, with the row that it concerns."""
    fault_count: int
    """All of them."""
    counts: Counts | None
    """What is on record, in all judgings; None where it can't be counted."""
    orphan_calls: int
    """Calls that no vote came of. Harmless: an answer to a question is never in the way."""
    orphan_messages: int
    """Messages that no call holds; likewise."""
    shared_answers: int
    """Answers that votes of several cases were read from, since their questions are the same."""
    migrations: tuple[str, ...]
    """Steps by which its tables were made."""
    mended: int = 0
    """Rows that are not what was written, and in whose place later ones are: they count no more."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.fault_count


def verify(ledger: Ledger) -> Verification:
    """Compute every key and hash anew, and hold the tables against each other.

    It reads the whole ledger, row by row. What can't be read is a fault, not an error.
    """
    faults: list[str] = []
    count = 0
    mended: _Rows = set()
    for check in (_structure, _judgings, _marks, _messages, _calls, _votes, _decisions):
        for fault in _guarded(check, ledger, mended):
            count += 1
            if len(faults) < MOST_FAULTS:
                faults.append(printable(fault))
    counts: Counts | None = None
    figures = [0, 0, 0]
    migrations: tuple[str, ...] = ()
    try:
        migrations = applied(ledger.connection)
        counts = ledger.counts()
        figures = [_count(ledger.connection, each) for each in (_ORPHAN_CALLS, _ORPHAN_MESSAGES, _SHARED)]
    except (RunError, sqlite3.DatabaseError) as error:
        count += 1
        faults.append(f"Its rows can't be counted: {printable(str(error))}")
    return Verification(
        tuple(faults), count, counts, figures[0], figures[1], figures[2], migrations, len(mended)
    )


def _guarded(check: "_Check", ledger: Ledger, mended: "_Rows") -> Iterator[str]:
    try:
        yield from check(ledger, mended)
    except sqlite3.DatabaseError as error:
        yield f"The file can't be read on: {error}"


def _structure(ledger: Ledger, _: _Rows) -> Iterator[str]:
    """The file itself, references between rows, and what keeps rows from being changed."""
    connection = ledger.connection
    for (report,) in connection.execute("PRAGMA integrity_check"):
        if report != "ok":
            yield f"SQLite finds: {report}"
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"Row {row} of {table} refers to a row of {parent} that is not there"
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    for table in TABLES:
        for kind in ("changed", "deleted", "replaced"):
            if f"{table}_not_{kind}" not in there:
                yield f"Rows of {table} are not kept from being {kind}: a trigger is missing"
    taken = applied(connection)
    if missing := [each.name for each in MIGRATIONS if each.name not in taken and not each.only_to_write]:
        yield f"Its tables lack the step {missing[0]}"
    number = "key, again" if "0003_answered_again" in taken else "key"
    for key, times in connection.execute(
        f"SELECT key, count(*) FROM call WHERE answered GROUP BY {number} HAVING count(*) > 1"
    ):
        yield f"There are {times} answers under the key {key}"


def _judgings(ledger: Ledger, _: _Rows) -> Iterator[str]:
    for judging in ledger.judgings():
        try:
            check_judging(ledger.path, judging)
        except RunError as error:
            yield error.message


def _marks(ledger: Ledger, mended: _Rows) -> Iterator[str]:
    """Rows with digests that hold no votes; what was kept before there were such digests has none."""
    if "0005_digests" not in applied(ledger.connection):
        return
    for table, columns, mark in _MARKED:
        rows = f"SELECT id, {mark}, {', '.join(columns)} FROM {table} WHERE {mark} <> ''"
        for number, found, *row in ledger.connection.execute(rows):
            if is_written(row, found):
                continue
            if table == "call" and _is_replaced(ledger, number):
                mended.add((table, number))
            else:
                yield f"Row {number} of {table} is not what was written: its digest differs"


def _messages(ledger: Ledger, _: _Rows) -> Iterator[str]:
    for row, name, role, content in ledger.connection.execute("SELECT id, hash, role, content FROM message"):
        if message_hash(Message(role, text_of(content))) != name:
            yield f"Message {row} is not what its hash {name} says"


def _calls(ledger: Ledger, mended: _Rows) -> Iterator[str]:
    columns = ", ".join(CALL_COLUMNS)
    for row, mark, *call in ledger.connection.execute(f"SELECT id, digest, {columns} FROM call"):
        if not is_written(call, mark) and _is_replaced(ledger, row):
            mended.add(("call", row))
            continue
        try:
            yield from _call(ledger, row, mark, tuple(call))
        except _UNREADABLE as error:
            yield f"Call {row} can't be read: {error}"


def _call(ledger: Ledger, row: int, mark: str, call: Row) -> Iterator[str]:
    if not is_written(call, mark):
        yield f"Call {row} is not what was written: its digest differs"
    found = dict(zip(CALL_COLUMNS, call, strict=True))
    messages = []
    for name in json.loads(found["messages"]):
        message = _message(ledger, name)
        if message is None:
            yield f"Call {row} holds the message {name}, which is not there"
            return
        messages.append(message)
    labels = json.loads(text_of(found["labels"]))
    key = vote_key(
        text_of(found["model"]),
        text_of(found["adapter"]),
        text_of(found["template"]),
        found["template_hash"],
        messages,
        labels,
        Sampling(**json.loads(found["sampling"])),
        found["number"],
    )
    if key != found["key"]:
        yield f"Call {row} has the key {found['key']}, but its content has the key {key}"
    if found["probabilities"] and len(json.loads(found["probabilities"])) != len(labels):
        yield f"Call {row} has not as many probabilities as labels"


def _votes(ledger: Ledger, mended: _Rows) -> Iterator[str]:
    columns = ", ".join(f"{table}.{name}" for table, names in _BOTH for name in names)
    width = len(CALL_COLUMNS)
    query = (
        f"SELECT vote.id, vote.digest, vote.call, {LATEST_VOTE}, {columns}"
        " FROM vote JOIN call ON call.id = vote.call"
    )
    for row, mark, number, latest, *both in ledger.connection.execute(query):
        call, rest = tuple(both[:width]), tuple(both[width:])
        if ("call", number) in mended:
            continue
        if not _is_vote(rest, mark, call) and (not latest or is_mended(ledger.connection, row, mark)):
            mended.add(("vote", row))
            continue
        where = f"Vote {row} (number {rest[2]} on {rest[1]})"
        try:
            vote = vote_of(call, rest, _no_message)
            answered = call[CALL_COLUMNS.index("answered")]
            if not _is_vote(rest, mark, call):
                yield f"{where} is not what was written: its digest differs"
            yield from (f"{where} {fault}" for fault in _contradictions(vote, bool(answered)))
        except _UNREADABLE as error:
            yield f"{where} can't be read: {error}"


def _is_vote(vote: Row, mark: str, call: Row) -> bool:
    found = dict(zip(CALL_COLUMNS, call, strict=True))
    return is_written(vote, mark, text_of(found["key"]), "answered" if found["answered"] else "failed")


def _is_replaced(ledger: Ledger, call: int) -> bool:
    """Whether there are votes of a call, and later ones in the place of all of them."""
    query = f"SELECT count(*), coalesce(sum({LATEST_VOTE}), 0) FROM vote WHERE call = ?"
    votes, latest = ledger.connection.execute(query, (call,)).fetchone()
    return bool(votes and not latest)


def _contradictions(vote: Vote, answered: bool) -> Iterator[str]:
    question, answer = vote.question, vote.answer
    if len(question.labels) != len(question.options) + 1:
        yield f"has {len(question.labels)} labels for {len(question.options)} options and none of them"
    if answered == (answer.status is Status.FAILED):
        yield f"is {answer.status.value}, but its call was {'answered' if answered else 'not answered'}"
    if answer.status is Status.OK and answer.choice not in (*question.options, NONE):
        yield f"counts for {answer.choice}, which was not offered"
    if answer.place and question.options[answer.place - 1 : answer.place] != (answer.choice,):
        yield f"says that its choice stood at place {answer.place}, where another option stood"


def _decisions(ledger: Ledger, mended: _Rows) -> Iterator[str]:
    columns = ", ".join(f"decision.{name}" for name in DECISION_COLUMNS)
    usable = (
        "SELECT count(*) FROM vote WHERE vote.judging = decision.judging"
        f" AND vote.case_iri = decision.case_iri AND vote.status = 'ok' AND {LATEST_VOTE}"
    )
    query = f"SELECT decision.id, decision.digest, {LATEST_DECISION}, ({usable}), {columns} FROM decision"
    for row, mark, latest, votes, *rest in ledger.connection.execute(query):
        where = f"Decision {row} (on {rest[1]})"
        if not latest and not is_written(rest, mark):
            mended.add(("decision", row))
            continue
        try:
            decision = decision_of(tuple(rest))
        except _UNREADABLE as error:
            yield f"{where} can't be read: {error}"
            continue
        if not is_written(rest, mark):
            yield f"{where} is not what was written: its digest differs"
        if len(decision.probabilities) != len(decision.options) + 1:
            yield f"{where} has not one probability for each option and for none of them"
        if latest and decision.counted > votes:
            yield f"{where} counts {decision.counted} votes where {votes} are on record"


_BOTH = (("call", CALL_COLUMNS), ("vote", VOTE_COLUMNS))


def _message(ledger: Ledger, name: str) -> Message | None:
    row = ledger.connection.execute("SELECT role, content FROM message WHERE hash = ?", (name,)).fetchone()
    return Message(row[0], text_of(row[1])) if row else None


def _no_message(_: str) -> Message:
    """Messages are looked at with their calls."""
    return Message("user", "")


def _count(connection: sqlite3.Connection, what: str) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
    return number
