"""The ledger: every question that was asked and every answer that came, one SQLite file, rows only added.

A call is one request to a model, known by its key; a vote is one call as it was read for one case of one
judging; a decision is what the votes on a case came to. Rows are never changed: where several votes carry
the same judging, case and number, the latest counts, and of the decisions on a case likewise.
"""

import json
import math
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from kgalign.errors import RunError
from kgalign.ledger.connect import connect_to_read, connect_to_write, damaged, explain, explained, lock
from kgalign.ledger.keys import canonical, judging_name, message_hash
from kgalign.ledger.migrations import now
from kgalign.ledger.rows import (
    BEGUN_COLUMNS,
    BESIDE_COLUMNS,
    CALL_COLUMNS,
    DECISION_COLUMNS,
    JUDGING_COLUMNS,
    VOTE_COLUMNS,
    Row,
    call_row,
    decision_of,
    decision_row,
    reply_of,
    row_digest,
    stored,
    text_of,
    vote_of,
    vote_row,
)
from kgalign.ledger.sound import (
    LATEST_VOTE,
    WHOLE_VOTES,
    Damages,
    check_judging,
    check_vote,
    check_votes,
    is_written,
)
from kgalign.ledger.unstored import Unstored
from kgalign.llm.protocol import Message, Reply
from kgalign.records.votes import Decision, Judging, Status, Vote

FILE = "votes.sqlite"
"""Name of the ledger in a run folder."""

_MESSAGES_AT_HAND = 512
"""Messages kept in memory while votes are read: what many questions share is read once."""

_CALL_COUNT, _VOTE_COUNT = len(CALL_COLUMNS), len(VOTE_COLUMNS)
LATEST_DECISION = (
    "NOT EXISTS (SELECT 1 FROM decision AS later WHERE later.judging = decision.judging"
    " AND later.case_iri = decision.case_iri AND later.id > decision.id)"
)


def _insert(table: str, *columns: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


_ADD_MESSAGE = _insert("message", "hash", "role", "content")
_ADD_CALL = _insert("call", *CALL_COLUMNS, "digest", *BESIDE_COLUMNS, "beside")
_ADD_JUDGING = _insert("judging", *JUDGING_COLUMNS, "model", "adapter", "settings", "digest")
_ADD_BEGUN = _insert("begun", *BEGUN_COLUMNS, "digest")
_ADD_VOTE = _insert("vote", *VOTE_COLUMNS, "call", "digest")
_ADD_DECISION = _insert("decision", *DECISION_COLUMNS, "digest")
_CALLS = ", ".join(CALL_COLUMNS)
_ANSWERS = f"SELECT {_CALLS}, id, again, digest FROM call WHERE key = ? AND answered ORDER BY again DESC"
_LAST_VOTE = (
    f"SELECT {WHOLE_VOTES}, vote.call FROM vote LEFT JOIN call ON call.id = vote.call"
    " WHERE judging = ? AND case_iri = ? AND vote.number = ? ORDER BY vote.id DESC LIMIT 1"
)
_LAST_DECISION = (
    f"SELECT {', '.join(DECISION_COLUMNS)}, digest FROM decision"
    " WHERE judging = ? AND case_iri = ? ORDER BY id DESC LIMIT 1"
)
_REPLY, _FINISH, _PROBABILITIES = (CALL_COLUMNS.index(name) for name in ("reply", "finish", "probabilities"))

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is on record."""

    judgings: int
    votes: int
    """Votes that count: one per judging, case and number."""
    superseded: int
    """Votes that a later one took the place of."""
    answers: int
    """Different answers, by their keys."""
    failures: int
    """Calls without an answer."""
    messages: int
    decisions: int
    """Decisions that count: one per judging and case."""


class Ledger:
    """An open ledger; get one from :meth:`open` and close it, or use it in ``with``.

    Every method raises :class:`~kgalign.errors.RunError` where the file can't be read or written, or is
    damaged. A ledger is used in the thread that opened it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, descriptor: int | None) -> None:
        self.path = path
        self.connection = connection
        """For reading what the methods don't give."""
        self._descriptor = descriptor
        self.damages = Damages(path)
        """Rows that were met and are not what was written; they count for nothing."""
        self.unstored = Unstored(path)
        """Answers that came and could not be stored."""
        self._kept: set[str] = set()
        """Hashes of messages that are surely there: the ones shared by many questions."""

    @classmethod
    def open(cls, path: Path, *, write: bool) -> "Ledger":
        """Open the ledger at ``path``.

        :param path: the file; to write it is made if need be.
        :param write: whether to add to it. One process at a time may; any number may read meanwhile.
        :raises RunError: another process writes to it; there is none to read; it can't be read or written; it
            is damaged, written by a newer version, or no ledger.
        """
        if not write:
            return cls(path, connect_to_read(path), None)
        descriptor = lock(path)
        try:
            return cls(path, connect_to_write(path), descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def close(self) -> None:
        """Let go of the file; what was kept stays."""
        self.damages.tell_rest()
        self.unstored.tell()
        self.connection.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- Judgings

    def begin(self, model: str, adapter: str, settings: Mapping[str, object]) -> Judging:
        """Begin a judging, or go on with the one of the same model, adapter and settings.

        Either way it is the :meth:`latest` from now on.

        :raises TypeError, ValueError: a setting has no JSON.
        """
        name = judging_name(model, adapter, settings)
        judging = Judging(name, model, adapter, canonical(dict(settings)), now())
        with self._transaction():
            if not self._one("SELECT 1 FROM judging WHERE name = ?", name):
                texts = stored(model), stored(adapter), stored(judging.settings)
                row: Row = name, judging.begun_at
                self.connection.execute(_ADD_JUDGING, (*row, *texts, row_digest(row)))
            if self._one("SELECT judging FROM begun ORDER BY id DESC LIMIT 1") != (name,):
                row = name, judging.begun_at
                self.connection.execute(_ADD_BEGUN, (*row, row_digest(row)))
        found = self.latest()
        if found is None or found.name != name:
            raise damaged(self.path, f"the judging {name} is lost")
        check_judging(self.path, found)
        return found

    def check(self, judging: Judging) -> None:
        """See that a judging and all its votes that count are what was written.

        :raises RunError: one of them is not.
        """
        check_judging(self.path, judging)
        with explained(self.path):
            check_votes(self.connection, self.path, judging.name)

    def latest(self) -> Judging | None:
        """The judging that was begun or gone on with last; None where there is none."""
        judgings = self.judgings()
        return judgings[-1] if judgings else None

    def judgings(self) -> tuple[Judging, ...]:
        """All judgings, the one last gone on with last; ``begun_at`` is when each was begun first."""
        with explained(self.path):
            rows = self.connection.execute(
                "SELECT name, model, adapter, settings, begun_at FROM judging"
                " ORDER BY (SELECT max(id) FROM begun WHERE begun.judging = judging.name)"
            ).fetchall()
        return tuple(
            Judging(name, text_of(model), text_of(adapter), text_of(settings), begun_at)
            for name, model, adapter, settings, begun_at in rows
        )

    # --- Writing

    def reply(self, key: str) -> Reply | None:
        """The answer that was kept under a key, with the probabilities of its labels; None without one.

        An answer that is not what was written is none, and is named in the log.
        """
        with explained(self.path):
            row, _ = self._answer(key)
        return None if row is None else self._read(reply_of, row[:_CALL_COUNT])

    def keep(self, vote: Vote) -> bool:
        """Put a vote on record; it is on disk when this returns.

        A call that failed is no answer: its vote is kept until a later one of the same judging, case and
        number takes its place, and counts in what was sent. An answer that is there already is not added
        again. Tokens, seconds, attempts and time are those of the answer that was kept first under the key.

        :returns: True; False where nothing was kept since another answer is on record under the same key, as
            when two cases put the same question at once. Take that one from :meth:`reply`, read it, and keep
            that vote: a replay finds no other.
        :raises ValueError: not as many probabilities as labels, or one that is no number.
        :raises RunError: it can't be written; an answer is then written to the log.
        """
        try:
            return self._keep(vote)
        except RunError:
            if vote.answer.status is not Status.FAILED:
                self.unstored.lost(vote)
            raise

    def _keep(self, vote: Vote) -> bool:
        row, call = vote_row(vote), call_row(vote)
        failed = vote.answer.status is Status.FAILED
        mark = row_digest(row, vote.key, "failed" if failed else "answered")
        hashes = [message_hash(message) for message in vote.question.messages]
        with self._transaction():
            known, again = (None, 0) if failed else self._answer(vote.key)
            if known and not _same_answer(_said(known), _said(call)):
                return False
            if not failed and self._is_last(row, mark):
                return True
            self._add_messages(hashes, vote.question.messages)
            if known:
                number = known[_CALL_COUNT]
            else:
                beside: Row = again, stored(vote.served)
                marks = row_digest(call), row_digest(beside)
                number = self._add(_ADD_CALL, *call, marks[0], *beside, marks[1])
            self._add(_ADD_VOTE, *row, number, mark)
        if len(self._kept) > _MESSAGES_AT_HAND:
            self._kept.clear()
        self._kept.update(hashes)
        return True

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Put decisions on record, all of them or none.

        The latest on a case counts; one that says the same as the latest is not added again.
        """
        with self._transaction():
            for decision in decisions:
                row = decision_row(decision)
                mark = row_digest(row)
                if self._one(_LAST_DECISION, *row[:2]) != (*row, mark):
                    self._add(_ADD_DECISION, *row, mark)

    # --- Reading

    def votes(
        self,
        judging: str | None = None,
        *,
        cases: Collection[str] | None = None,
        status: Collection[Status] | None = None,
        superseded: bool = False,
    ) -> Iterator[Vote]:
        """The votes of a judging, ordered by case and number; read from disk as they are taken.

        :param judging: its name; the latest one if None.
        :param cases: IRIs of the cases; all if None.
        :param status: which statuses; all if None.
        :param superseded: whether to give votes, too, that a later one took the place of; in their order.
        """
        condition = "" if superseded else f" AND {LATEST_VOTE}"
        values: list[str | bytes] = []
        if status is not None:
            condition += " AND vote.status IN (SELECT value FROM json_each(?))"
            values.append(canonical([each.value for each in status]))
        message = lru_cache(_MESSAGES_AT_HAND)(self._message)
        for row in self._rows(
            f"SELECT {WHOLE_VOTES}, {self._served()} FROM vote LEFT JOIN call ON call.id = vote.call",
            "vote", judging, cases, condition, values, "vote.case_iri, vote.number, vote.id",
        ):  # fmt: skip
            *whole, served = row
            if fault := check_vote(tuple(whole)):
                self.damages.note("vote", row[_CALL_COUNT + _VOTE_COUNT], fault)
                continue
            call, rest = row[:_CALL_COUNT], row[_CALL_COUNT : _CALL_COUNT + _VOTE_COUNT]
            try:
                vote = self._read(vote_of, call, rest, message)
            except LookupError as lost:
                number = row[_CALL_COUNT + _VOTE_COUNT]
                self.damages.note("vote", number, f"Vote {number}: {lost.args[0]}")
                continue
            yield replace(vote, served=text_of(served)) if served else vote

    def _served(self) -> str:
        """What gives the name by which a server called its model; ledgers of before have none."""
        with explained(self.path):
            columns = {row[1] for row in self.connection.execute("PRAGMA table_info(call)")}
        return "call.served" if "served" in columns else "''"

    def decisions(
        self,
        judging: str | None = None,
        *,
        cases: Collection[str] | None = None,
        outcomes: Collection[str] | None = None,
        superseded: bool = False,
    ) -> Iterator[Decision]:
        """The decisions of a judging, ordered by case; read from disk as they are taken.

        :param judging: its name; the latest one if None.
        :param cases: IRIs of the cases; all if None.
        :param outcomes: which outcomes; all if None.
        :param superseded: whether to give decisions, too, that a later one took the place of; in their order.
        """
        condition = "" if superseded else f" AND {LATEST_DECISION}"
        values: list[str | bytes] = []
        if outcomes is not None:
            condition += " AND decision.outcome IN (SELECT value FROM json_each(?))"
            values.append(canonical(list(outcomes)))
        columns = ", ".join(f"decision.{name}" for name in DECISION_COLUMNS)
        for row in self._rows(
            f"SELECT {columns}, decision.id, decision.digest FROM decision",
            "decision", judging, cases, condition, values, "decision.case_iri, decision.id",
        ):  # fmt: skip
            *said, number, mark = row
            if not is_written(said, mark):
                self.damages.note(
                    "decision", number, f"Decision {number} (on {row[1]}) is not what was written"
                )
                continue
            yield self._read(decision_of, tuple(said))

    def counts(self, judging: str | None = None) -> Counts:
        """How much is on record, of one judging or, if None, of all."""
        of = "judging = ?" if judging is not None else "1"
        values = () if judging is None else (judging,)
        calls = "1" if judging is None else "id IN (SELECT call FROM vote WHERE judging = ?)"

        def count(query: str, *given: str) -> int:
            row = self._one(f"SELECT count(*) FROM {query}", *given)
            return int(row[0]) if row else 0

        with explained(self.path):
            votes = count(f"(SELECT DISTINCT judging, case_iri, number FROM vote WHERE {of})", *values)
            return Counts(
                judgings=count(f"judging WHERE {of.replace('judging', 'name')}", *values),
                votes=votes,
                superseded=count(f"vote WHERE {of}", *values) - votes,
                answers=count(f"call WHERE answered AND {calls}", *values),
                failures=count(f"call WHERE NOT answered AND {calls}", *values),
                messages=count("message"),
                decisions=count(f"(SELECT DISTINCT judging, case_iri FROM decision WHERE {of})", *values),
            )

    # --- Below

    def _rows(
        self,
        select: str,
        table: str,
        judging: str | None,
        cases: Collection[str] | None,
        condition: str,
        values: list[str | bytes],
        order: str,
    ) -> Iterator[Row]:
        """Rows of one judging, one at a time; the rows of a cursor that is let go of early are freed."""
        if judging is None:
            latest = self.latest()
            if latest is None:
                return
            judging = latest.name
        if cases is not None:
            condition += f" AND {table}.case_iri IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(sorted(set(cases))))
        query = f"{select} WHERE {table}.judging = ?{condition} ORDER BY {order}"
        with explained(self.path), closing(self.connection.execute(query, (judging, *values))) as cursor:
            yield from cursor

    def _answer(self, key: str) -> tuple[Row | None, int]:
        """The answer under a key that is what was written, and how often that question was answered.

        :returns: the row of its call with id, again and digest behind it, or None; a number that no other
            answer under the key has as ``again``.
        """
        rows = self.connection.execute(_ANSWERS, (key,)).fetchall()
        again = 1 + max((row[_CALL_COUNT + 1] for row in rows), default=-1)
        for row in rows:
            if is_written(row[:_CALL_COUNT], row[-1]):
                return row, again
            number = row[_CALL_COUNT]
            self.damages.note("call", number, f"Call {number} (under the key {key}) is not what was written")
        return None, again

    def _is_last(self, row: Row, mark: str) -> bool:
        """Whether a vote is on record already as the latest of its number, whole and with its answer."""
        last = self._one(_LAST_VOTE, *row[:3])
        if last is None:
            return False
        if fault := check_vote(last[:-1]):
            self.damages.note("vote", last[_CALL_COUNT + _VOTE_COUNT], fault)
            return False
        return bool(last[_CALL_COUNT + _VOTE_COUNT + 1] == mark)

    def _message(self, name: str) -> Message:
        with explained(self.path):
            row = self._one("SELECT role, content FROM message WHERE hash = ?", name)
        if row is None:
            raise LookupError(f"the message {name} of its question is lost")
        message = Message(row[0], text_of(row[1]))
        if message_hash(message) != name:
            raise LookupError(f"the message {name} of its question is not what was written")
        return message

    def _add_messages(self, hashes: Iterable[str], messages: Iterable[Message]) -> None:
        for name, message in zip(hashes, messages, strict=True):
            if name not in self._kept and not self._one("SELECT 1 FROM message WHERE hash = ?", name):
                self._add(_ADD_MESSAGE, name, message.role, stored(message.content))

    def _add(self, statement: str, *values: object) -> int:
        return self.connection.execute(statement, values).lastrowid or 0

    def _one(self, query: str, *values: object) -> Row | None:
        row: Row | None = self.connection.execute(query, values).fetchone()
        return row

    def _read(self, read: Callable[..., T], *rows: object) -> T:
        """What a row says; one that can't be read is a damage, not a crash."""
        try:
            return read(*rows)
        except (ValueError, TypeError, AttributeError) as error:
            raise damaged(self.path, str(error)) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield
            self.connection.execute("COMMIT")
        except BaseException as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise explain(self.path, error) from error
            raise


def _said(call: Row) -> Row:
    """Text, finish and probabilities of a call."""
    return call[_REPLY], call[_FINISH], call[_PROBABILITIES]


def _same_answer(one: Row, other: Row) -> bool:
    """Whether two rows of text, finish and probabilities are one answer.

    Probabilities that were brought to a sum of 1 once more may differ in their last digit.
    """
    if one == other:
        return True
    if one[:2] != other[:2] or one[2] is None or other[2] is None:
        return False
    pairs = zip(json.loads(one[2]), json.loads(other[2]), strict=True)
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in pairs)
