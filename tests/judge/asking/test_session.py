"""Asking about cases: what becomes of each answer, in this process, with a scripted judge."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.session import Asking, Heard
from kgalign.judge.asking.templates import load_templates
from kgalign.ledger import Ledger
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import Backend, Capabilities, Reply, Request, Sampling
from kgalign.llm.scripted import Fault, Scripted, ScriptedSettings
from kgalign.records import Profile, Verdicts
from kgalign.records.votes import Direction, QuestionKind, Status
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


def hear(
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
    **rules: object,
) -> tuple[list[Heard], Asking]:
    votes = VotesConfig.model_validate(rules)
    llm = LlmConfig(retries=retries, concurrency=concurrency)
    cases = find_cases(judged, left, right, votes, cardinality)
    questions = Questions(left, right, templates=load_templates(), budget_tokens=1500, seed=0)

    async def work() -> tuple[list[Heard], Asking]:
        with Ledger.open(ledger, write=True) as opened:
            judging = opened.begin(backend.name, "", {"rules": rules})
            pool = Pool(backend, llm, pause=0.001) if asks else None
            asking = Asking(questions, opened, judging, pool, votes, llm, Sampling(), seed=0)
            try:
                return await asking.hear(cases), asking
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
    heard, asking = hear(tmp_path / "votes.sqlite", judge)
    assert len(heard) == 6
    assert all(each.complete for each in heard)
    assert asking.new == asking.budget.spent.calls == sum(judge.asked.values())
    with Ledger.open(tmp_path / "votes.sqlite", write=False) as ledger:
        kept = [(vote.question.case, vote.question.number) for vote in ledger.votes()]
    assert sorted(kept) == sorted((each.case.name, n) for each in heard for n in range(len(each.votes)))


def test_a_link_is_believed_only_once_it_was_verified_both_ways(tmp_path: Path) -> None:
    heard, _ = hear(tmp_path / "votes.sqlite", Counting(ScriptedSettings(accuracy=1.0, threshold=0.2)))
    for each in heard:
        forms = {(ask.kind, ask.direction) for ask in each.asked}
        if len(each.case.options) > 1:
            assert (each.asked[0].kind, each.asked[0].direction) == (QuestionKind.SELECT, Direction.LEFT_ASKS)
        yes = [ballot for ballot in each.ballots if ballot.choice]
        if len(yes) == len(each.ballots):
            assert {(QuestionKind.VERIFY, way) for way in Direction} <= forms


def test_nothing_that_is_on_record_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    first, _ = hear(path, Counting())
    judge = Counting()
    again, asking = hear(path, judge)
    assert not judge.asked
    assert asking.new == 0
    assert asking.budget.spent.calls == sum(len(each.votes) for each in first)
    assert [(each.ballots, each.stopped) for each in again] == [
        (each.ballots, each.stopped) for each in first
    ]
    without, _ = hear(path, judge, asks=False)
    assert [(each.ballots, each.stopped) for each in without] == [
        (each.ballots, each.stopped) for each in first
    ]


def test_with_nobody_to_ask_and_nothing_on_record_cases_are_not_asked(tmp_path: Path) -> None:
    heard, _ = hear(tmp_path / "votes.sqlite", Counting(), asks=False)
    assert {each.stopped for each in heard} == {"not-asked"}
    assert not any(each.complete or each.votes for each in heard)


def test_what_fails_is_on_record_costs_nothing_and_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    broken = Counting(ScriptedSettings(faults={Fault.ERROR: 0.3}))
    heard, asking = hear(path, broken, retries=0)
    failed = [each for each in heard if each.stopped == "failed"]
    assert failed
    assert not any(each.complete for each in failed)
    with Ledger.open(path, write=False) as ledger:
        statuses = Counter(vote.answer.status for vote in ledger.votes())
    assert statuses[Status.FAILED] == len(failed)
    assert asking.budget.spent.calls == sum(statuses.values()) - len(failed)
    again, _ = hear(path, Counting())
    assert all(each.complete for each in again)
    reference, _ = hear(tmp_path / "other.sqlite", Counting())
    assert [each.ballots for each in again] == [each.ballots for each in reference]


@pytest.mark.parametrize("text", ["", "I think it is A.", '{"choice": "Z", "values": [], "reason": ""}'])
def test_an_answer_that_can_not_be_used_is_a_vote_that_does_not_count(tmp_path: Path, text: str) -> None:
    heard, _ = hear(tmp_path / "votes.sqlite", Counting(texts=[text] * 500), max_votes=5)
    assert {each.stopped for each in heard} == {"most"}
    assert all(1 <= len(each.votes) <= 5 and not each.ballots for each in heard)


def test_numbers_of_the_votes_that_count_are_kept(tmp_path: Path) -> None:
    heard, _ = hear(tmp_path / "votes.sqlite", Counting(texts=["nonsense", ""]), concurrency=1)
    for each in heard:
        usable = [n for n, vote in enumerate(each.votes) if vote.answer.status is Status.OK]
        assert list(each.ballot_numbers) == usable
        assert [each.asked[n].offered for n in usable] == [ballot.offered for ballot in each.ballots]
    assert sum(len(each.votes) - len(each.ballots) for each in heard) == 2


@pytest.mark.parametrize("most", [0, 1, 4, 9])
def test_a_limit_gives_what_is_left_to_the_widest_doubt(tmp_path: Path, most: int) -> None:
    judge = Counting()
    heard, asking = hear(tmp_path / "votes.sqlite", judge, max_calls=most)
    assert sum(judge.asked.values()) == asking.budget.spent.calls == most
    stopped = [each.stopped for each in heard]
    complete = [each.complete for each in heard]
    assert complete == sorted(complete, reverse=True)
    assert stopped.count("limit") >= 1


def test_two_entities_of_which_the_same_is_said_are_one_question(tmp_path: Path) -> None:
    """Their questions are the same, word for word: one answer counts for both, on every run."""
    iris = [f"http://l/{name}" for name in "abcdefgh"]
    twins = profile(iris, ["Aachen"] * 8, values={n: {LABEL: ["Aachen"]} for n in range(8)})
    judged = verdicts([(n, 0, 0.5) for n in range(8)])
    settings = ScriptedSettings(latency=0.01)
    path = tmp_path / "votes.sqlite"
    heard, _ = hear(path, Counting(settings), judged=judged, left=twins, cardinality="many-to-one")
    again, asking = hear(path, Counting(settings), judged=judged, left=twins, cardinality="many-to-one")
    assert asking.new == 0
    assert [each.ballots for each in again] == [each.ballots for each in heard]
    with Ledger.open(path, write=False) as ledger:
        replies = [(vote.key, vote.reply) for vote in ledger.votes()]
    assert len(dict(replies)) == len(set(replies)) < len(replies)


@pytest.mark.parametrize("cardinality", ["one-to-many", "many-to-many"])
def test_where_several_partners_are_right_each_pair_is_verified_on_its_own(
    tmp_path: Path, cardinality: str
) -> None:
    judged = verdicts([(0, 0, 0.5), (0, 1, 0.6), (1, 2, 0.99), (2, 2, 0.4)], given=[2])
    heard, _ = hear(tmp_path / "votes.sqlite", Counting(), judged=judged, cardinality=cardinality)
    names = {each.case.name for each in heard}
    pairs = {"http://l/a http://r/u", "http://l/a http://r/v"}
    # In many-to-many a known pair takes nobody out of the race; it is never asked about itself.
    assert names == (pairs | {"http://l/c http://r/w"} if cardinality == "many-to-many" else pairs)
    for each in heard:
        assert {ask.kind for ask in each.asked} == {QuestionKind.VERIFY}
        assert {ballot.offered for ballot in each.ballots} == {(1,)}
        assert {vote.question.case for vote in each.votes} == {each.case.name}


def test_where_the_right_asks_the_answer_is_about_the_left_entity(tmp_path: Path) -> None:
    settings = ScriptedSettings(accuracy=0.6, seed=3)
    heard, _ = hear(
        tmp_path / "votes.sqlite", Counting(settings), min_votes=8, max_votes=9, confidence=0.999999
    )
    seen = 0
    for each in heard:
        by_number = dict(zip(each.ballot_numbers, each.ballots, strict=True))
        for number, ballot in by_number.items():
            ask, vote = each.asked[number], each.votes[number]
            if (ask.kind, ask.direction) != (QuestionKind.SELECT, Direction.RIGHT_ASKS):
                continue
            seen += 1
            own = vote.question.options.index(each.case.left_iri)
            chose = vote.answer.choice == each.case.left_iri
            assert ballot.choice == (ask.offered[0] if chose else 0)
            if ballot.probabilities is not None and vote.answer.probabilities is not None:
                assert ballot.probabilities[0] == pytest.approx(vote.answer.probabilities[own])
                assert sum(ballot.probabilities) == pytest.approx(1)
    assert seen > 0
