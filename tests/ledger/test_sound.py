"""Rows that somebody changed or something broke are named, count for nothing, and can be had again."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kgalign.errors import RunError
from kgalign.ledger import FILE, Ledger, verify
from kgalign.ledger.sound import MOST_NAMED
from kgalign.records.votes import Judging, Vote
from tests.ledger.made import OPTIONS, SETTINGS, a_decision, a_vote
from tests.ledger.test_verify import CALL_COLUMNS

CASES = ("Wien", "Graz", "Linz")
SECOND = ("http://left.example/Graz", 0)
"""Case and number of the vote with the id 2."""
VOTE_COLUMNS = {
    "case_iri": "'http://left.example/other'",
    "number": "9",
    "call": "1",
    "options": """'["x"]'""",
    "status": "'invented'",
    "choice": f"'{OPTIONS[1]}'",
    "place": "0",
    "reason": "'because'",
    "digest": "'00'",
}
CHANGES = [
    *(f"UPDATE call SET {column} = {value} WHERE id = 2" for column, value in CALL_COLUMNS.items()),
    "UPDATE call SET answered = 0 WHERE id = 2",
    "UPDATE call SET digest = '00' WHERE id = 2",
    "UPDATE call SET seconds = 9e999 WHERE id = 2",
    "UPDATE call SET reply = CAST(x'7b22ff' AS TEXT) WHERE id = 2",
    "DELETE FROM call WHERE id = 2",
    *(f"UPDATE vote SET {column} = {value} WHERE id = 2" for column, value in VOTE_COLUMNS.items()),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of three cases, each with a vote."""
    file = tmp_path / FILE
    with Ledger.open(file, write=True) as ledger:
        name = begun(ledger).name
        for case in CASES:
            ledger.keep(a_vote(name, case))
            ledger.decide([a_decision(name, case, counted=1)])
    return file


def begun(ledger: Ledger) -> Judging:
    return ledger.begin("judge-1b", "", SETTINGS)


def forge(path: Path, *statements: str) -> None:
    """Change rows as somebody does who knows SQLite, and put everything else back as it was."""
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()


def votes(path: Path) -> list[Vote]:
    with Ledger.open(path, write=False) as ledger:
        return list(ledger.votes())


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_vote_is_named_and_not_given(
    path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = votes(path)
    forge(path, change)
    assert votes(path) == [each for each in whole if (each.question.case, each.question.number) != SECOND]
    (said,) = caplog.messages
    assert "Vote 2 (number" in said
    assert said.endswith("; it is not counted")


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_vote_stops_a_replay_until_it_was_asked_again(path: Path, change: str) -> None:
    whole = votes(path)
    forge(path, change)
    with Ledger.open(path, write=True) as ledger:
        judging = begun(ledger)
        with pytest.raises(RunError, match=r"is damaged: 1 vote is not what was written\. Vote 2 "):
            ledger.check(judging)
        assert ledger.keep(a_vote(judging.name, "Graz"))
        ledger.check(judging)
        assert sorted(map(repr, ledger.votes())) == sorted(map(repr, whole))
        found = verify(ledger)
        # A row that refers to one that is gone stays broken, whatever came after it.
        assert found.sound == (not change.startswith("DELETE"))
        assert found.mended == (1 if found.sound else 0)


@pytest.mark.parametrize("column", ["reply", "finish", "model", "labels"])
def test_a_changed_answer_is_no_answer_and_another_may_take_its_place(path: Path, column: str) -> None:
    forge(path, f"UPDATE call SET {column} = {CALL_COLUMNS[column]} WHERE id = 2")
    with Ledger.open(path, write=True) as ledger:
        vote = a_vote(begun(ledger).name, "Graz", reply='{"choice": "C"}', chosen=OPTIONS[2])
        assert ledger.reply(vote.key) is None
        assert ledger.keep(vote)
        kept = ledger.reply(vote.key)
        assert kept
        assert kept.text == '{"choice": "C"}'
        assert not ledger.keep(a_vote(begun(ledger).name, "Graz")), "the answer that was given again counts"


def test_a_changed_decision_is_named_not_given_and_written_again(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Ledger.open(path, write=False) as ledger:
        whole = list(ledger.decisions())
    forge(path, "UPDATE decision SET chosen = 'x' WHERE id = 2")
    with Ledger.open(path, write=True) as ledger:
        assert [each.case for each in ledger.decisions()] == [
            each.case for each in whole if each.case != SECOND[0]
        ]
        assert "Decision 2 (on http://left.example/Graz) is not what was written" in caplog.text
        ledger.decide(whole)
        assert list(ledger.decisions()) == whole
        assert verify(ledger).sound


@pytest.mark.parametrize("change", ["content = 'Say A.'", "hash = 'ab'"])
def test_a_vote_whose_question_was_changed_is_named_and_not_given(
    path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    forge(path, f"UPDATE message SET {change} WHERE content LIKE '%Graz,%'")
    assert {each.question.case for each in votes(path)} == {
        f"http://left.example/{case}" for case in CASES if case != "Graz"
    }
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("column", ["model", "adapter", "settings"])
def test_a_changed_judging_is_not_gone_on_with(path: Path, column: str) -> None:
    with Ledger.open(path, write=False) as ledger:
        name = ledger.judgings()[0].name
    forge(path, f"""UPDATE judging SET {column} = '{{"seed":1}}'""")
    with Ledger.open(path, write=True) as ledger:
        with pytest.raises(RunError, match=f"the judging {name} is not what was written"):
            begun(ledger)
        assert verify(ledger).faults[0].endswith(f"the judging {name} is not what was written")


def test_many_are_named_a_few_and_counted_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / FILE
    with Ledger.open(path, write=True) as ledger:
        name = begun(ledger).name
        for number in range(204):
            ledger.keep(a_vote(name, number))
    forge(path, "UPDATE call SET reply = replace(reply, '\"A\"', '\"B\"')")
    assert votes(path) == []
    assert len(caplog.messages) == MOST_NAMED + 1
    assert "204 rows in all are not what was written" in caplog.messages[-1]


def test_no_flipped_bit_of_the_file_makes_another_vote(path: Path) -> None:
    """Whatever bit of the file is another: each vote that is given is one of those that were written."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Ledger.open(path, write=False) as ledger:
        whole, name = {repr(vote) for vote in ledger.votes()}, ledger.judgings()[0].name
    content, dice = path.read_bytes(), random.Random(7)
    # Most of a small ledger is empty: the bits are drawn from the bytes that hold something.
    held = [place for place, byte in enumerate(content) if byte]
    noticed = 0
    for place in dice.sample(held, 300):
        broken = bytearray(content)
        broken[place] ^= 1 << dice.randrange(8)
        path.write_bytes(broken)
        try:
            with Ledger.open(path, write=False) as ledger:
                given = [repr(vote) for vote in ledger.votes(name)]
        except RunError:
            noticed += 1
            continue
        assert set(given) <= whole
        noticed += len(given) < len(whole)
    assert noticed > 100
