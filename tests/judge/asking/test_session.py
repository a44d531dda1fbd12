"""Asking about cases: what becomes of each answer, in this process, with a scripted judge."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.session import AskedCase, Asking, Budget
from kgalign.judge.asking.templates import load_templates
from kgalign.judge.votes.decisions import Count
from kgalign.ledger import Ledger
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import Backend, Capabilities, Reply, Request, Sampling
from kgalign.llm.scripted import Fault, Scripted, ScriptedSettings
from kgalign.records import Outcome, Profile, Verdicts
from kgalign.records.votes import Answer, Direction, Question, QuestionKind, Status, View, Vote
from tests.evaluate.small import profile, verdicts

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
NAMES = ["Aachen", "Bonn", "Celle", "Dachau", "Emden", "Fulda"]
LEFT = profile(
    [f"http://l/{name}" for name in "abcdef"],
    NAMES,
    values={n: {LABEL: [name], "http://l/no": [str(n)]} for n, name in enumerate(NAMES)},
    edges=[(0, "http://l/near", 1), (2, "http://l/near", 3)],
)
RIGHT = profile(
    [f"http://r/{name}" for name in "uvwxyz"],
    NAMES,
    values={n: {LABEL: [f"{name} town"], "http://r/nr": [str(n)]} for n, name in enumerate(NAMES)},
    edges=[(0, "http://r/bei", 1), (2, "http://r/bei", 3)],
)
DOUBTFUL = verdicts(
    [(0, 0, 0.5), (0, 1, 0.3), (1, 1, 0.5), (1, 0, 0.2), (2, 2, 0.6), (2, 3, 0.3), (3, 3, 0.4), (3, 2, 0.4),
     (4, 4, 0.5), (5, 4, 0.3), (5, 5, 0.55)]
)  # fmt: skip


def ask_all(
    ledger: Path,
    backend: Backend,
    *,
    judged: Verdicts = DOUBTFUL,
    left: Profile = LEFT,
    right: Profile = RIGHT,
    cardinality: str = "one-to-one",
    retries: int = 3,
    asks: bool = True,
    concurrency: int = 8,
    kinds: Sequence[QuestionKind] = tuple(QuestionKind),
    **rules: object,
) -> tuple[list[AskedCase], Asking]:
    votes = VotesConfig.model_validate(rules)
    llm = LlmConfig(retries=retries, concurrency=concurrency)
    cases = find_cases(judged, left, right, votes, cardinality)
    questions = Questions(left, right, templates=load_templates(), budget_tokens=1500, seed=0)

    async def work() -> tuple[list[AskedCase], Asking]:
        with Ledger.open(ledger, write=True) as opened:
            judging = opened.begin(backend.name, "", {"rules": rules})
            pool = Pool(backend, llm, pause=0.001) if asks else None
            asking = Asking(questions, opened, judging, pool, votes, llm, Sampling(), seed=0)
            asking.kinds = frozenset(kinds)
            try:
                return await asking.ask(cases), asking
            finally:
                if pool is not None:
                    await pool.close()

    return asyncio.run(work())


class Counting:
    """A judge that notes what it is asked, and passes it on."""

    name, adapter = "scripted", ""

    def __init__(self, settings: ScriptedSettings | None = None, texts: Sequence[str] = ()) -> None:
        self._judge = Scripted(settings)
        self._texts = list(texts)
        self.asked: Counter[Request] = Counter()

    async def probe(self) -> Capabilities:
        return await self._judge.probe()

    async def ask(self, request: Request) -> Reply:
        self.asked[request] += 1
        if self._texts:
            return Reply(self._texts.pop(0), "stop", prompt_tokens=100, completion_tokens=10)
        return await self._judge.ask(request)

    async def close(self) -> None:
        """Nothing to let go of."""


def test_each_case_is_asked_to_its_end_and_each_vote_is_on_record(tmp_path: Path) -> None:
    judge = Counting(ScriptedSettings(accuracy=1.0, threshold=0.2))
    done, asking = ask_all(tmp_path / "votes.sqlite", judge)
    assert len(done) == 6
    assert all(each.complete for each in done)
    assert asking.new == asking.budget.spent.calls == sum(judge.asked.values())
    with Ledger.open(tmp_path / "votes.sqlite", write=False) as ledger:
        kept = [(vote.question.case, vote.question.number) for vote in ledger.votes()]
    assert sorted(kept) == sorted((each.case.name, n) for each in done for n in range(len(each.votes)))


def test_a_link_is_believed_only_once_it_was_verified_both_ways(tmp_path: Path) -> None:
    done, _ = ask_all(tmp_path / "votes.sqlite", Counting(ScriptedSettings(accuracy=1.0, threshold=0.2)))
    for each in done:
        forms = {(ask.kind, ask.direction) for ask in each.asked}
        if len(each.case.options) > 1:
            assert (each.asked[0].kind, each.asked[0].direction) == (QuestionKind.SELECT, Direction.LEFT_ASKS)
        yes = [ballot for ballot in each.ballots if ballot.choice]
        if len(yes) == len(each.ballots):
            assert {(QuestionKind.VERIFY, way) for way in Direction} <= forms


def test_nothing_that_is_on_record_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    first, _ = ask_all(path, Counting())
    judge = Counting()
    again, asking = ask_all(path, judge)
    assert not judge.asked
    assert asking.new == 0
    assert asking.budget.spent.calls == sum(len(each.votes) for each in first)
    assert [(each.ballots, each.stopped) for each in again] == [
        (each.ballots, each.stopped) for each in first
    ]
    without, _ = ask_all(path, judge, asks=False)
    assert [(each.ballots, each.stopped) for each in without] == [
        (each.ballots, each.stopped) for each in first
    ]


def test_with_nobody_to_ask_and_nothing_on_record_cases_are_not_asked(tmp_path: Path) -> None:
    done, _ = ask_all(tmp_path / "votes.sqlite", Counting(), asks=False)
    assert {each.stopped for each in done} == {"not-asked"}
    assert not any(each.complete or each.votes for each in done)


def test_a_case_that_can_be_asked_in_no_form_is_not_asked(tmp_path: Path) -> None:
    """One option can't be selected among: where pairs are not worth asking about, the evidence stands."""
    judged = verdicts([(0, 0, 0.85), (1, 1, 0.5), (1, 2, 0.3)])
    done, asking = ask_all(tmp_path / "votes.sqlite", Counting(), judged=judged, kinds=[QuestionKind.SELECT])
    stopped = {each.case.left_iri[-1]: (each.stopped, len(each.votes)) for each in done}
    assert stopped["a"] == ("not-asked", 0)
    assert stopped["b"][1] > 0
    count = Count(done, asking.rules)
    alone = next(each for each in done if each.case.left_iri == "http://l/a")
    assert count.outcome(alone) == (Outcome.NOT_ASKED, 1)


def test_what_fails_is_on_record_costs_nothing_and_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    broken = Counting(ScriptedSettings(faults={Fault.ERROR: 0.3}))
    done, asking = ask_all(path, broken, retries=0)
    failed = [each for each in done if each.stopped == "failed"]
    assert failed
    assert not any(each.complete for each in failed)
    with Ledger.open(path, write=False) as ledger:
        statuses = Counter(vote.answer.status for vote in ledger.votes())
    assert statuses[Status.FAILED] == len(failed)
    assert asking.budget.spent.calls == sum(statuses.values()) - len(failed)
    again, _ = ask_all(path, Counting())
    assert all(each.complete for each in again)
    reference, _ = ask_all(tmp_path / "other.sqlite", Counting())
    assert [each.ballots for each in again] == [each.ballots for each in reference]


@pytest.mark.parametrize("text", ["", "I think it is A.", '{"choice": "Z", "values": [], "reason": ""}'])
def test_an_answer_that_can_not_be_used_is_a_vote_that_does_not_count(tmp_path: Path, text: str) -> None:
    done, _ = ask_all(tmp_path / "votes.sqlite", Counting(texts=[text] * 500), max_votes=5)
    assert {each.stopped for each in done} == {"most"}
    assert all(1 <= len(each.votes) <= 5 and not each.ballots for each in done)


def test_numbers_of_the_votes_that_count_are_kept(tmp_path: Path) -> None:
    done, _ = ask_all(tmp_path / "votes.sqlite", Counting(texts=["nonsense", ""]), concurrency=1)
    for each in done:
        usable = [n for n, vote in enumerate(each.votes) if vote.answer.status is Status.OK]
        assert list(each.ballot_numbers) == usable
        assert [each.asked[n].offered for n in usable] == [ballot.offered for ballot in each.ballots]
    assert sum(len(each.votes) - len(each.ballots) for each in done) == 2


@pytest.mark.parametrize("most", [0, 1, 4, 9])
def test_a_limit_gives_what_is_left_to_the_widest_doubt(tmp_path: Path, most: int) -> None:
    judge = Counting()
    done, asking = ask_all(tmp_path / "votes.sqlite", judge, max_calls=most)
    assert sum(judge.asked.values()) == asking.budget.spent.calls == most
    stopped = [each.stopped for each in done]
    complete = [each.complete for each in done]
    assert complete == sorted(complete, reverse=True)
    assert stopped.count("limit") >= 1


def test_two_entities_of_which_the_same_is_said_are_one_question(tmp_path: Path) -> None:
    """Their questions are the same, word for word: one answer counts for both, on every run."""
    iris = [f"http://l/{name}" for name in "abcdefgh"]
    twins = profile(iris, ["Aachen"] * 8, values={n: {LABEL: ["Aachen"]} for n in range(8)})
    judged = verdicts([(n, 0, 0.5) for n in range(8)])
    settings = ScriptedSettings(latency=0.01)
    path = tmp_path / "votes.sqlite"
    judge = Counting(settings)
    done, _ = ask_all(path, judge, judged=judged, left=twins, cardinality="many-to-one")
    assert set(judge.asked.values()) == {1}
    again, asking = ask_all(path, Counting(settings), judged=judged, left=twins, cardinality="many-to-one")
    assert asking.new == 0
    assert [each.ballots for each in again] == [each.ballots for each in done]
    with Ledger.open(path, write=False) as ledger:
        replies = [(vote.key, vote.reply) for vote in ledger.votes()]
    assert len(dict(replies)) == len(set(replies)) < len(replies)


@pytest.mark.parametrize("cardinality", ["one-to-many", "many-to-many"])
def test_where_several_partners_are_right_each_pair_is_verified_on_its_own(
    tmp_path: Path, cardinality: str
) -> None:
    judged = verdicts([(0, 0, 0.5), (0, 1, 0.6), (1, 2, 0.99), (2, 2, 0.4)], given=[2])
    done, _ = ask_all(tmp_path / "votes.sqlite", Counting(), judged=judged, cardinality=cardinality)
    names = {each.case.name for each in done}
    pairs = {"http://l/a http://r/u", "http://l/a http://r/v"}
    # In many-to-many a known pair takes nobody out of the race; it is never asked about itself.
    assert names == (pairs | {"http://l/c http://r/w"} if cardinality == "many-to-many" else pairs)
    for each in done:
        assert {ask.kind for ask in each.asked} == {QuestionKind.VERIFY}
        assert {ballot.offered for ballot in each.ballots} == {(1,)}
        assert {vote.question.case for vote in each.votes} == {each.case.name}


def test_where_the_right_asks_the_answer_is_about_the_left_entity(tmp_path: Path) -> None:
    settings = ScriptedSettings(accuracy=0.6, seed=3)
    done, _ = ask_all(
        tmp_path / "votes.sqlite", Counting(settings), min_votes=8, max_votes=9, confidence=0.999999
    )
    seen = 0
    for each in done:
        by_number = dict(zip(each.ballot_numbers, each.ballots, strict=True))
        for number, ballot in by_number.items():
            ask, vote = each.asked[number], each.votes[number]
            if (ask.kind, ask.direction) != (QuestionKind.SELECT, Direction.RIGHT_ASKS):
                continue
            seen += 1
            own = vote.question.options.index(each.case.left_iri)
            chose = vote.answer.choice == each.case.left_iri
            assert ballot.choice == (ask.offered[0] if chose else 0)
            given = vote.answer.probabilities
            if ballot.probabilities is not None and given is not None:
                other = max(given[:own] + given[own + 1 :])
                assert ballot.probabilities[0] == pytest.approx(given[own] / (given[own] + other))
                assert sum(ballot.probabilities) == pytest.approx(1)
    assert seen > 0


class Unsure(Counting):
    """A judge that is hardly surer of what it chooses than of all else."""

    async def ask(self, request: Request) -> Reply:
        reply = await super().ask(request)
        rest = 1.0 / (len(request.labels) + 0.1)
        chosen = json.loads(reply.text)["choice"]
        shares = {label: 1.1 * rest if label == chosen else rest for label in request.labels}
        return replace(reply, probabilities=shares)


def test_where_the_right_asks_what_is_likeliest_of_many_is_a_yes(tmp_path: Path) -> None:
    """That all others together are more probable than what was chosen makes it no refusal."""
    judge = Unsure(ScriptedSettings(accuracy=1.0))
    done, _ = ask_all(tmp_path / "votes.sqlite", judge, min_votes=8, max_votes=9, confidence=0.999999)
    yes = [
        ballot
        for each in done
        for number, ballot in zip(each.ballot_numbers, each.ballots, strict=True)
        if (each.asked[number].kind, each.asked[number].direction)
        == (QuestionKind.SELECT, Direction.RIGHT_ASKS)
        and ballot.choice
    ]
    assert yes
    assert all(each.probabilities is not None and each.probabilities[0] > 0.5 for each in yes)


PRICED = LlmConfig(price_in=100.0, price_out=400.0, question_tokens=1000, answer_tokens=100)
QUESTION = Question(
    "http://l/a",
    0,
    QuestionKind.SELECT,
    Direction.LEFT_ASKS,
    View.BOTH,
    "http://l/a",
    (),
    (),
    "t",
    "h",
    (),
    (),
)


def vote(read: int, written: int) -> Vote:
    answer = Answer(Status.OK, "", 0)
    return Vote(
        *("key", "judging", "model", "", QUESTION, answer, Sampling(), "", "stop"),
        *(read, written, 0, 0.1, 1, "2026-01-01"),
    )


def budget(**rules: object) -> Budget:
    return Budget(VotesConfig.model_validate({"max_votes": 7, **rules}), PRICED)


def test_without_limits_everything_is_covered() -> None:
    assert budget().covers(10**9)
    assert budget().covers_call(10**9)


def test_a_case_is_covered_if_it_can_take_all_that_it_may() -> None:
    assert budget(max_calls=7).covers()
    assert not budget(max_calls=6).covers()
    assert budget(max_tokens=7 * 1100).covers()
    assert not budget(max_tokens=7 * 1100 - 1).covers()
    assert budget(max_cost=7 * (1000 * 100 + 100 * 400) / 1e6).covers()
    assert not budget(max_cost=0.97).covers()


def test_cases_under_way_count_as_if_they_took_all() -> None:
    some = budget(max_calls=20)
    assert some.covers(2)
    some.reserved = 2
    assert not some.covers()
    some.reserved = 1
    assert some.covers()


def pay(some: Budget, read: int, written: int) -> None:
    """Send a request and get its answer."""
    assert some.take(read)
    some.add(vote(read, written), new=True)


def test_what_is_spent_is_gone() -> None:
    some = budget(max_calls=8, max_tokens=10_000, max_cost=2.0)
    pay(some, 900, 50)
    assert (some.spent.calls, some.spent.tokens, some.spent.tokens_in) == (1, 950, 900)
    assert some.spent.cost == pytest.approx((900 * 100 + 50 * 400) / 1e6)
    assert some.covers()
    pay(some, 900, 50)
    assert not some.covers()
    assert some.covers_call(1000)


def test_what_is_on_record_costs_nothing_and_what_failed_is_a_request() -> None:
    some = budget(max_calls=2)
    for _ in range(3):
        some.add(vote(900, 50), new=False)
    assert (some.spent.calls, some.used.calls, some.used.tokens) == (3, 0, 0)
    assert some.take(10)
    assert some.take(10)
    assert not some.take(10)
    some.give_back()
    assert some.take(10)
    assert some.used.calls == 2


@given(
    limit=st.fixed_dictionaries(
        {},
        optional={
            "max_calls": st.integers(0, 40),
            "max_tokens": st.integers(0, 20_000),
            "max_cost": st.floats(0, 3),
        },
    ),
    sizes=st.lists(st.tuples(st.integers(50, 1000), st.integers(0, 100)), max_size=60),
    case=st.integers(1, 7),
)
def test_whoever_asks_before_they_spend_stays_within_the_limits(
    limit: dict[str, Any], sizes: list[tuple[int, int]], case: int
) -> None:
    """Cases as a whole, and one question at a time once no case is covered any more."""
    some = budget(**limit)
    rest = list(sizes)
    while rest:
        alone = not some.covers()
        for read, written in rest[:case]:
            if alone and not some.covers_call(read):
                break
            pay(some, read, written)
        rest = rest[case:]
    rules, spent = some.rules, some.used
    assert rules.max_calls is None or spent.calls <= rules.max_calls
    assert rules.max_tokens is None or spent.tokens <= rules.max_tokens
    assert rules.max_cost is None or spent.cost <= rules.max_cost + 1e-9


@given(more=st.integers(0, 50), calls=st.integers(0, 100), reserved=st.integers(0, 5))
def test_a_higher_limit_covers_whatever_a_lower_one_did(more: int, calls: int, reserved: int) -> None:
    low, high = budget(max_calls=calls), budget(max_calls=calls + more)
    low.reserved = high.reserved = reserved
    assert high.covers() or not low.covers()
    assert replace(low, reserved=0).covers() or not low.covers()
