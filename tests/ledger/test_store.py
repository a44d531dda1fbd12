"""What is kept in a ledger and how it comes back."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.ledger import FILE, Ledger, key_of, verify
from kgalign.ledger.migrations import TABLES
from kgalign.llm.protocol import Message, Reply, Sampling
from kgalign.records.votes import (
    NONE,
    Answer,
    Citation,
    Decision,
    Direction,
    Question,
    QuestionKind,
    Status,
    View,
    Vote,
)
from tests.ledger.made import LABELS, OPTIONS, SETTINGS, a_decision, a_vote, left

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
"""Lone surrogates, NUL and control characters too: a model may answer anything."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / FILE, write=True) as opened:
        yield opened


@pytest.fixture
def judging(ledger: Ledger) -> str:
    return ledger.begin("judge-1b", "", SETTINGS).name


@st.composite
def votes(draw: st.DrawFn, judging: str) -> Vote:
    """Any vote that a judge may make."""
    options = tuple(draw(st.lists(ANY_TEXT.filter(bool), min_size=1, max_size=3, unique=True)))
    question = Question(
        case=draw(st.sampled_from(["http://a/1", "http://a/2", "http://ä/😀"])),
        number=draw(st.integers(0, 2)),
        kind=draw(st.sampled_from(QuestionKind)),
        direction=draw(st.sampled_from(Direction)),
        view=draw(st.sampled_from(View)),
        asker=draw(ANY_TEXT),
        options=options,
        labels=LABELS[: len(options) + 1],
        template=draw(ANY_TEXT),
        template_hash="00",
        messages=tuple(draw(st.lists(st.builds(Message, st.sampled_from(["system", "user"]), ANY_TEXT)))),
        values=tuple(draw(st.lists(ANY_TEXT))),
        shortened=draw(st.booleans()),
    )
    status = draw(st.sampled_from(Status))
    share = st.floats(0, 1)
    answer = Answer(
        status=status,
        choice=draw(st.sampled_from([*options, NONE])) if status is Status.OK else None,
        place=draw(st.integers(0, 3)),
        citations=tuple(draw(st.lists(st.builds(Citation, ANY_TEXT, st.booleans())))),
        reason=draw(ANY_TEXT),
        probabilities=draw(st.none() | st.tuples(*[share] * (len(options) + 1))),
    )
    sampling = draw(
        st.builds(Sampling, st.floats(0, 2), share, st.integers(1, 9), st.integers(), st.integers(0, 20))
    )
    return Vote(
        key=key_of(question, "m", "", sampling),
        judging=judging,
        model="m",
        adapter="",
        question=question,
        answer=answer,
        sampling=sampling,
        reply=draw(ANY_TEXT),
        finish=draw(ANY_TEXT),
        prompt_tokens=draw(st.integers(0, 10**9)),
        completion_tokens=draw(st.integers(0, 10**9)),
        cached_tokens=draw(st.integers(0, 10**9)),
        seconds=draw(st.floats(0, 1e6)),
        attempts=draw(st.integers(1, 100)),
        asked_at="2026-03-01T12:00:00Z",
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_votes_come_back_as_they_were(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with Ledger.open(Path(folder) / FILE, write=True) as ledger:
            judging = ledger.begin("m", "", {}).name
            expected: dict[tuple[str, int], Vote] = {}
            keys: set[str] = set()
            for vote in data.draw(st.lists(votes(judging), max_size=4)):
                if vote.answer.status is Status.FAILED or vote.key not in keys:
                    assert ledger.keep(vote)
                    expected[vote.question.case, vote.question.number] = vote
                    if vote.answer.status is not Status.FAILED:
                        keys.add(vote.key)
        with Ledger.open(Path(folder) / FILE, write=False) as ledger:
            assert list(ledger.votes(judging)) == [expected[place] for place in sorted(expected)]
            assert verify_keys(ledger) == []


def verify_keys(ledger: Ledger) -> list[str]:
    """Faults but those that a made-up answer has by nature."""
    return [fault for fault in verify(ledger).faults if "place" not in fault]


def test_an_answer_is_found_by_its_key_with_the_probabilities_of_its_labels(
    ledger: Ledger, judging: str
) -> None:
    vote = a_vote(judging)
    vote = replace(vote, answer=replace(vote.answer, probabilities=(0.7, 0.1, 0.15, 0.05)), cached_tokens=512)
    assert ledger.reply(vote.key) is None
    ledger.keep(vote)
    assert ledger.reply(vote.key) == Reply(
        text='{"choice": "A"}',
        finish="stop",
        probabilities={"A": 0.7, "B": 0.1, "C": 0.15, "none": 0.05},
        prompt_tokens=600,
        completion_tokens=40,
        cached_tokens=512,
        seconds=0.25,
        attempts=1,
    )


def test_probabilities_that_fit_no_labels_are_refused_and_leave_nothing(ledger: Ledger, judging: str) -> None:
    vote = a_vote(judging)
    for wrong in ((0.5, 0.5), (0.5, 0.5, 0.0, float("nan"))):
        with pytest.raises(ValueError, match=r"labels|JSON"):
            ledger.keep(replace(vote, answer=replace(vote.answer, probabilities=wrong)))
    assert ledger.counts().votes == ledger.counts().messages == 0


def test_a_failed_call_is_no_answer_and_a_later_answer_takes_its_place(ledger: Ledger, judging: str) -> None:
    failed = a_vote(judging, status=Status.FAILED)
    ledger.keep(failed)
    assert ledger.reply(failed.key) is None
    assert list(ledger.votes()) == [failed]

    answered = a_vote(judging)
    assert answered.key == failed.key
    ledger.keep(answered)
    assert list(ledger.votes()) == [answered]
    assert list(ledger.votes(superseded=True)) == [failed, answered]
    counts = ledger.counts()
    assert (counts.votes, counts.superseded, counts.answers, counts.failures) == (1, 1, 1, 1)


def test_a_vote_that_is_there_already_is_not_added_again(ledger: Ledger, judging: str) -> None:
    vote = a_vote(judging)
    for _ in range(3):
        assert ledger.keep(replace(vote, asked_at="2027-01-01T00:00:00Z") if _ else vote)
    assert list(ledger.votes(superseded=True)) == [vote]


def test_another_question_with_the_same_number_takes_the_place_of_the_first(
    ledger: Ledger, judging: str
) -> None:
    first = a_vote(judging)
    second = a_vote(judging, options=OPTIONS[::-1])
    ledger.keep(first)
    ledger.keep(second)
    assert list(ledger.votes()) == [second]
    assert ledger.reply(first.key) is not None
    ledger.keep(first)
    assert list(ledger.votes()) == [first]


def test_a_second_answer_under_the_same_key_is_not_kept(ledger: Ledger, judging: str) -> None:
    """Two cases that put the same question at once get two answers; a replay finds one."""
    one = a_vote(judging, "Wien", reply="one")
    other = replace(one, question=replace(one.question, case=left("Vienna")), reply="other")
    assert ledger.keep(one)
    assert not ledger.keep(other)
    assert list(ledger.votes()) == [one]
    assert ledger.keep(replace(other, reply="one"))
    assert ledger.counts().answers == 1
    assert verify(ledger).shared_answers == 1


def test_probabilities_normalised_once_more_are_the_same_answer(ledger: Ledger, judging: str) -> None:
    vote = a_vote(judging)
    given = (0.7, 0.1, 0.15, 0.05)
    again = tuple(each * (1 + 2e-16) for each in given)
    assert again != given
    assert ledger.keep(replace(vote, answer=replace(vote.answer, probabilities=given)))
    assert ledger.keep(replace(vote, answer=replace(vote.answer, probabilities=again)))
    assert not ledger.keep(replace(vote, answer=replace(vote.answer, probabilities=given[::-1])))
    assert not ledger.keep(vote)


def test_the_prompt_that_all_questions_share_is_stored_once(ledger: Ledger, judging: str) -> None:
    for number in range(5):
        ledger.keep(a_vote(judging, number=number))
    assert ledger.counts().messages == 6


def test_the_judging_gone_on_with_last_is_the_latest(ledger: Ledger) -> None:
    assert ledger.latest() is None
    assert list(ledger.votes()) == []
    assert list(ledger.decisions()) == []
    first = ledger.begin("m", "", {"seed": 0})
    second = ledger.begin("m", "", {"seed": 1})
    assert ledger.latest() == second
    assert ledger.begin("m", "", {"seed": 0}) == first == ledger.latest()
    assert ledger.judgings() == (second, first)
    assert first.settings == '{"seed":0}'


def test_votes_and_decisions_are_those_of_the_judging_asked_for(ledger: Ledger) -> None:
    first, second = (ledger.begin("m", "", {"seed": seed}).name for seed in (0, 1))
    for name in (first, second):
        ledger.keep(a_vote(name))
        ledger.decide([a_decision(name)])
    assert [vote.judging for vote in ledger.votes()] == [second]
    assert [vote.judging for vote in ledger.votes(first)] == [first]
    assert [decision.judging for decision in ledger.decisions(first)] == [first]
    assert ledger.counts().answers == 1
    assert ledger.counts().votes == 2
    assert ledger.counts(first).votes == ledger.counts(first).decisions == ledger.counts(first).judgings == 1
    assert list(ledger.votes("unknown")) == []


def test_votes_are_in_order_of_case_and_number_whatever_order_they_came_in(
    ledger: Ledger, judging: str
) -> None:
    for case, number in (("b", 1), ("a", 2), ("b", 0), ("a", 10), ("a", 0)):
        ledger.keep(a_vote(judging, case, number))
    found = [(vote.question.case, vote.question.number) for vote in ledger.votes()]
    assert found == [(left("a"), 0), (left("a"), 2), (left("a"), 10), (left("b"), 0), (left("b"), 1)]


def test_votes_are_found_by_case_and_status(ledger: Ledger, judging: str) -> None:
    for case in range(1200):
        ledger.keep(a_vote(judging, case, status=Status.INVENTED if case % 3 else Status.OK))
    wanted = [left(case) for case in range(0, 1200, 2)]
    assert [vote.question.case for vote in ledger.votes(cases=wanted)] == sorted(wanted)
    some = list(ledger.votes(cases=wanted, status=[Status.OK]))
    assert len(some) == 200
    assert {vote.answer.status for vote in some} == {Status.OK}
    assert list(ledger.votes(cases=[])) == list(ledger.votes(status=[])) == []


def test_the_latest_decision_on_a_case_counts(ledger: Ledger, judging: str) -> None:
    open_, settled = a_decision(judging, outcome="undecided"), a_decision(judging)
    other = a_decision(judging, "Graz", outcome="no_match")
    ledger.decide([open_, other])
    ledger.decide([settled, other])
    assert list(ledger.decisions()) == [other, settled]
    assert list(ledger.decisions(outcomes=["match"])) == [settled]
    assert list(ledger.decisions(cases=[left("Graz")])) == [other]
    assert list(ledger.decisions(superseded=True)) == [other, open_, settled]


def test_decisions_are_kept_all_or_none(ledger: Ledger, judging: str) -> None:
    def some() -> Iterator[Decision]:
        yield a_decision(judging)
        raise KeyError("stopped on the way")

    with pytest.raises(KeyError):
        ledger.decide(some())
    assert ledger.counts().decisions == 0
    ledger.decide([a_decision(judging)])
    assert ledger.counts().decisions == 1


def test_votes_may_be_kept_while_others_are_read(ledger: Ledger, judging: str) -> None:
    for number in range(3):
        ledger.keep(a_vote(judging, "a", number))
    reading = ledger.votes(cases=[left("a")])
    assert next(reading).question.number == 0
    ledger.keep(a_vote(judging, "b", 0))
    assert [vote.question.number for vote in reading] == [1, 2]
    assert ledger.counts().votes == 4


def filled(path: Path) -> None:
    with Ledger.open(path, write=True) as ledger:
        judging = ledger.begin("judge-1b", "", SETTINGS).name
        ledger.keep(a_vote(judging))
        ledger.decide([a_decision(judging, counted=1)])


@pytest.mark.parametrize("table", TABLES)
def test_no_row_can_be_changed_deleted_or_replaced(tmp_path: Path, table: str) -> None:
    filled(tmp_path / FILE)
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        before = other.execute(f"SELECT * FROM {table}").fetchall()
        assert before
        columns = [row[1] for row in other.execute(f"PRAGMA table_info({table})")]
        for statement in (
            *(f"UPDATE {table} SET {column} = {column}" for column in columns),
            f"DELETE FROM {table}",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)
        assert other.execute(f"SELECT * FROM {table}").fetchall() == before


@pytest.mark.parametrize("table", ["judging", "message", "call"])
def test_no_row_can_be_replaced_by_one_that_is_known_by_the_same(tmp_path: Path, table: str) -> None:
    filled(tmp_path / FILE)
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        columns = ", ".join(row[1] for row in other.execute(f"PRAGMA table_info({table})") if row[1] != "id")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(f"INSERT OR REPLACE INTO {table} ({columns}) SELECT {columns} FROM {table}")


def test_a_vote_of_no_judging_is_refused(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        ledger.keep(a_vote("unknown"))
    assert ledger.counts().messages == 0
