"""What `verify` finds in a ledger that somebody changed or something broke."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kgalign.ledger import FILE, Ledger, verify
from kgalign.ledger.keys import message_hash
from kgalign.ledger.migrations import TABLES
from kgalign.ledger.verifying import MOST_FAULTS
from kgalign.llm.protocol import Message
from kgalign.records.votes import Status
from tests.ledger.made import OPTIONS, SETTINGS, SYSTEM, a_decision, a_vote


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of two cases with two votes each and a failed call."""
    file = tmp_path / FILE
    with Ledger.open(file, write=True) as ledger:
        judging = ledger.begin("judge-1b", "", SETTINGS).name
        for case in ("Wien", "Graz"):
            for number in range(2):
                vote = a_vote(judging, case, number)
                answer = replace(vote.answer, probabilities=(0.7, 0.1, 0.15, 0.05))
                ledger.keep(replace(vote, answer=answer))
            ledger.decide([a_decision(judging, case)])
        ledger.keep(a_vote(judging, "Linz", status=Status.FAILED))
    return file


def tampered(path: Path, *statements: str) -> tuple[str, ...]:
    """The faults after somebody has changed rows, triggers or not."""
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
    with Ledger.open(path, write=False) as ledger:
        found = verify(ledger)
    assert found.sound == (not found.faults)
    assert found.fault_count == len(found.faults)
    return found.faults


def test_a_sound_ledger_has_no_faults_and_is_counted(path: Path) -> None:
    with Ledger.open(path, write=False) as ledger:
        found = verify(ledger)
    assert found.sound
    assert found.faults == ()
    assert found.counts
    assert (found.counts.votes, found.counts.answers, found.counts.failures) == (5, 4, 1)
    assert (found.counts.judgings, found.counts.decisions, found.counts.superseded) == (1, 2, 0)
    assert (found.orphan_calls, found.orphan_messages, found.shared_answers) == (0, 0, 0)


def test_an_empty_ledger_is_sound(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / FILE, write=True) as ledger:
        assert verify(ledger).sound


CALL_COLUMNS = {
    "key": "'00'",
    "model": "'other'",
    "adapter": "'other'",
    "template": "'select-2'",
    "template_hash": "'cd'",
    "labels": """'["A","B","C","nobody"]'""",
    "sampling": "replace(sampling, '256', '255')",
    "number": "number + 7",
    "reply": """'{"choice": "B"}'""",
    "finish": "'length'",
    "probabilities": "'[0.1,0.7,0.15,0.05]'",
    "prompt_tokens": "1",
    "completion_tokens": "1",
    "cached_tokens": "1",
    "seconds": "0.5",
    "attempts": "2",
    "asked_at": "'2020-01-01T00:00:00Z'",
}
KEYED = {"key", "model", "adapter", "template", "template_hash", "labels", "sampling", "number"}


@pytest.mark.parametrize("column", CALL_COLUMNS)
def test_a_change_in_any_column_of_a_call_is_found(path: Path, column: str) -> None:
    faults = tampered(path, f"UPDATE call SET {column} = {CALL_COLUMNS[column]} WHERE id = 2")
    assert "Call 2 is not what was written: its digest differs" in faults
    assert any("but its content has the key" in fault for fault in faults) == (column in KEYED)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("case_iri", "'http://left.example/other'"),
        ("number", "9"),
        ("view", "'both'"),
        ("asker", "'x'"),
        ("shown", "'[]'"),
        ("shortened", "1"),
        ("status", "'invented'"),
        ("choice", f"'{OPTIONS[1]}'"),
        ("place", "0"),
        ("citations", "'[]'"),
        ("reason", "'because'"),
        ("call", "1"),
    ],
)
def test_a_change_in_any_column_of_a_vote_is_found(path: Path, column: str, value: str) -> None:
    faults = tampered(path, f"UPDATE vote SET {column} = {value} WHERE id = 2")
    assert any(
        fault.startswith("Vote 2 (") and fault.endswith("not what was written: its digest differs")
        for fault in faults
    )


@pytest.mark.parametrize("column", ["outcome", "chosen", "stopped", "evidence_choice"])
def test_a_change_in_a_decision_is_found(path: Path, column: str) -> None:
    (fault,) = tampered(path, f"UPDATE decision SET {column} = 'x' WHERE id = 1")
    assert fault == "Decision 1 (on http://left.example/Wien) is not what was written: its digest differs"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("judging", "begun_at = '2001-01-01T00:00:00.000Z'"),
        ("begun", "begun_at = '2001-01-01T00:00:00.000Z'"),
        ("call", "served = 'another-model'"),
        ("call", "again = 3"),
    ],
)
def test_a_change_in_what_holds_no_vote_is_found(path: Path, table: str, change: str) -> None:
    (fault,) = tampered(path, f"UPDATE {table} SET {change} WHERE id = 1")
    assert fault == f"Row 1 of {table} is not what was written: its digest differs"


def test_what_was_kept_before_there_were_such_digests_is_no_fault(path: Path) -> None:
    emptied = [f"UPDATE {table} SET digest = '', begun_at = '2001'" for table in ("judging", "begun")]
    assert tampered(path, *emptied, "UPDATE call SET beside = '', served = 'x'") == ()


def test_a_change_in_a_message_is_found_in_it_and_in_every_call_that_holds_it(path: Path) -> None:
    faults = tampered(path, "UPDATE message SET content = 'Say A.' WHERE role = 'system'")
    assert faults[0] == f"Message 1 is not what its hash {message_hash(SYSTEM)} says"
    assert sum("has the key" in fault for fault in faults) == 5


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM message WHERE role = 'system'", "which is not there"),
        ("DELETE FROM call WHERE id = 2", "Row 2 of vote refers to a row of call that is not there"),
        ("DELETE FROM judging", "refers to a row of judging that is not there"),
        ("DELETE FROM vote WHERE id = 2", "counts 2 votes where 1 are on record"),
        ("UPDATE vote SET status = 'x' WHERE id = 2", "can't be read: 'x' is not a valid Status"),
        ("UPDATE call SET sampling = '{' WHERE id = 2", "Call 2 can't be read"),
        ("UPDATE call SET answered = 0 WHERE id = 2", "is ok, but its call was not answered"),
        ("UPDATE call SET probabilities = '[1.0]' WHERE id = 2", "not as many probabilities as labels"),
        ("UPDATE vote SET choice = 'http://x/' WHERE id = 2", "counts for http://x/, which was not offered"),
        ("UPDATE vote SET place = 2 WHERE id = 2", "stood at place 2, where another option stood"),
        ("UPDATE vote SET options = '[]' WHERE id = 2", "has 4 labels for 0 options"),
        ("UPDATE decision SET probabilities = '[1.0]' WHERE id = 1", "not one probability for each option"),
        ("UPDATE decision SET options = 7 WHERE id = 1", "Decision 1 (on http://left.example/Wien) can't be"),
        ("DELETE FROM migration WHERE name = '0002_append_only'", "older version"),
    ],
)
def test_what_does_not_fit_together_is_found(path: Path, statement: str, said: str) -> None:
    if "migration" in statement:
        with Ledger.open(path, write=False) as ledger:
            change(path, statement)
            assert any("lack the step 0002_append_only" in fault for fault in verify(ledger).faults)
    else:
        assert any(said in fault for fault in tampered(path, statement))


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_not_protected_any_more_is_found(path: Path, table: str) -> None:
    change(path, f"DROP TRIGGER {table}_not_changed")
    with Ledger.open(path, write=False) as ledger:
        assert verify(ledger).faults == (
            f"Rows of {table} are not kept from being changed: a trigger is missing",
        )


def test_two_answers_under_one_key_are_found(path: Path) -> None:
    columns = "key, model, adapter, template, template_hash, messages, labels, sampling, number, answered"
    rest = "reply, finish, probabilities, prompt_tokens, completion_tokens, cached_tokens, seconds, attempts"
    every = f"{columns}, {rest}, asked_at, digest"
    faults = tampered(
        path,
        "DROP INDEX call_answer",
        f"INSERT INTO call ({every}) SELECT {every} FROM call WHERE id = 2",
    )
    assert len(faults) == 1
    assert faults[0].startswith("There are 2 answers under the key ")


def test_what_nothing_refers_to_is_counted_and_no_fault(path: Path) -> None:
    stray = Message("user", "nobody asked this")
    values = f"'{message_hash(stray)}', '{stray.role}', '{stray.content}'"
    change(path, f"INSERT INTO message (hash, role, content) VALUES ({values})")
    with Ledger.open(path, write=False) as ledger:
        found = verify(ledger)
    assert found.sound
    assert found.orphan_messages == 1


def test_the_first_faults_are_told_and_all_are_counted(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / FILE, write=True) as ledger:
        judging = ledger.begin("judge-1b", "", SETTINGS).name
        for case in range(MOST_FAULTS + 50):
            ledger.keep(replace(a_vote(judging, case), key=f"{case:064x}"))
        found = verify(ledger)
    assert len(found.faults) == MOST_FAULTS
    assert found.fault_count == MOST_FAULTS + 50


def test_what_a_ledger_says_reaches_no_terminal_raw(path: Path) -> None:
    faults = tampered(path, "UPDATE vote SET case_iri = 'a' || char(27, 10) || '[2J' WHERE id = 2")
    assert faults
    assert all(fault.isprintable() for fault in faults)


def test_a_broken_file_is_a_fault_and_not_an_error(path: Path) -> None:
    with Ledger.open(path, write=True) as ledger:
        judging = ledger.begin("judge-1b", "", SETTINGS).name
        for case in range(300):
            ledger.keep(a_vote(judging, case))
    whole = path.read_bytes()
    kept = len(whole) * 2 // 3
    path.write_bytes(whole[:kept] + bytes(len(whole) - kept))
    with Ledger.open(path, write=False) as ledger:
        found = verify(ledger)
    assert not found.sound
    assert any("SQLite finds" in fault or "can't be read on" in fault for fault in found.faults)
