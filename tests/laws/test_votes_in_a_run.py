"""Laws of asking: limits hold, order does not matter, and who is not asked about stays as they are."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.cases import Case, find_cases
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.session import AskedCase, Asking
from kgalign.judge.asking.templates import load_templates
from kgalign.judge.votes.decisions import Count
from kgalign.judge.votes.reducers import REDUCERS
from kgalign.judge.votes.with_votes import with_votes
from kgalign.ledger import Ledger
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import Sampling
from kgalign.llm.scripted import Fault, Scripted, ScriptedSettings
from kgalign.records import Outcome, Verdicts
from tests.evaluate.small import profile, verdicts

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
SIZE = 6
LEFT, RIGHT = (
    profile(
        [f"http://{side}/{number}" for number in range(SIZE)],
        values={number: {LABEL: [f"{side} thing {number}"]} for number in range(SIZE)},
    )
    for side in ("l", "r")
)
TEMPLATES = load_templates()

Pairs = dict[tuple[int, int], float]
pairs = st.dictionaries(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)),
    st.floats(0.001, 0.999).map(lambda p: round(p, 3)),
    min_size=1,
    max_size=20,
)
cardinalities = st.sampled_from(["one-to-one", "one-to-many", "many-to-one", "many-to-many"])


def judged(found: Pairs, order: list[tuple[int, int]] | None = None, given: tuple[int, ...] = ()) -> Verdicts:
    return verdicts([(*pair, found[pair]) for pair in order or sorted(found)], given=given)


def ask(
    made: Verdicts, settings: ScriptedSettings, at_once: int, rules: VotesConfig
) -> tuple[list[AskedCase], Asking]:
    cases = find_cases(made, LEFT, RIGHT, rules, "one-to-one")
    questions = Questions(LEFT, RIGHT, templates=TEMPLATES, budget_tokens=1500, seed=0)
    llm = LlmConfig(concurrency=at_once, price_in=100.0, price_out=300.0, retries=20)

    async def work(path: Path) -> tuple[list[AskedCase], Asking]:
        with Ledger.open(path, write=True) as ledger:
            judging = ledger.begin("scripted", "", {})
            pool = Pool(Scripted(settings), llm, pause=0.0001)
            asking = Asking(questions, ledger, judging, pool, rules, llm, Sampling(), seed=0)
            try:
                return await asking.ask(cases), asking
            finally:
                await pool.close()

    with TemporaryDirectory() as folder:
        return asyncio.run(work(Path(folder) / "votes.sqlite"))


@settings(max_examples=25)
@given(
    found=pairs,
    limit=st.fixed_dictionaries(
        {},
        optional={
            "max_calls": st.integers(0, 25),
            "max_tokens": st.integers(0, 12_000),
            "max_cost": st.floats(0, 2),
        },
    ),
    seed=st.integers(0, 9),
)
def test_limits_hold_and_decide_the_same_however_many_are_asked_at_once(
    found: Pairs, limit: dict[str, Any], seed: int
) -> None:
    """An attempt that failed is a call: where these are limited faults leave fewer for other questions."""
    rules = VotesConfig(ask="all", **limit)
    faults = {Fault.ERROR: 0.2} if rules.max_calls is None else {}
    one, alone = ask(judged(found), ScriptedSettings(accuracy=0.7, seed=seed), 1, rules)
    many, at_once = ask(judged(found), ScriptedSettings(accuracy=0.7, seed=seed, faults=faults), 16, rules)
    for spent in (alone.budget.used, at_once.budget.used):
        assert rules.max_calls is None or spent.calls <= rules.max_calls
        assert rules.max_tokens is None or spent.tokens <= rules.max_tokens
        assert rules.max_cost is None or spent.cost <= rules.max_cost
    assert alone.budget.spent == at_once.budget.spent
    if not faults:
        assert alone.budget.used == at_once.budget.used
    assert [(each.case.name, each.ballots, each.stopped) for each in one] == [
        (each.case.name, each.ballots, each.stopped) for each in many
    ]


@settings(max_examples=15)
@given(found=pairs, most=st.integers(0, 25), at_once=st.sampled_from([1, 16]))
def test_with_faults_no_more_is_sent_than_the_limit_allows_for(found: Pairs, most: int, at_once: int) -> None:
    rules = VotesConfig(ask="all", max_calls=most)
    how = ScriptedSettings(faults={Fault.ERROR: 0.3, Fault.BUSY: 0.2})
    _, asking = ask(judged(found), how, at_once, rules)
    assert asking.budget.used.calls <= most


@given(found=pairs, data=st.data(), cardinality=cardinalities, ask=st.sampled_from(["uncertain", "all"]))
def test_cases_do_not_depend_on_the_order_of_pairs(
    found: Pairs, data: st.DataObject, cardinality: str, ask: str
) -> None:
    def cases(order: list[tuple[int, int]]) -> list[tuple[object, ...]]:
        made = find_cases(
            judged(found, order), LEFT, RIGHT, VotesConfig.model_validate({"ask": ask}), cardinality
        )
        return [_told(case) for case in made]

    order = data.draw(st.permutations(sorted(found)))
    assert cases(order) == cases(sorted(found))


def _told(case: Case) -> tuple[object, ...]:
    """All but the rows."""
    return case.name, case.options, case.rivals, case.prior.round(12).tolist(), case.several


@given(found=pairs, data=st.data(), cardinality=cardinalities)
def test_known_pairs_are_never_asked_about(found: Pairs, data: st.DataObject, cardinality: str) -> None:
    given_ = tuple(data.draw(st.sets(st.integers(0, len(found) - 1))))
    cases = find_cases(judged(found, given=given_), LEFT, RIGHT, VotesConfig(ask="all"), cardinality)
    assert not {row for case in cases for row in case.rows} & set(given_)
    rows = [row for case in cases for row in case.rows]
    assert len(rows) == len(set(rows))


@settings(max_examples=25)
@given(
    found=pairs, reducer=st.sampled_from(sorted(REDUCERS)), most=st.integers(0, 20), seed=st.integers(0, 9)
)
def test_votes_change_the_pairs_asked_about_and_no_other(
    found: Pairs, reducer: str, most: int, seed: int
) -> None:
    before = judged(found)
    rules = VotesConfig.model_validate({"reducer": reducer, "max_calls": most})
    done, _ = ask(before, ScriptedSettings(accuracy=0.7, hallucination=0.2, seed=seed), 4, rules)
    hearing = Count(done, rules).hearing("j")
    after = with_votes(before, hearing)
    told = ~np.isin(hearing.outcome, (Outcome.NOT_ASKED, Outcome.FAILED))
    others = np.setdiff1d(np.arange(len(before)), hearing.row[told])
    assert (after.probability[others] == before.probability[others]).all()
    assert (after.log_odds[others] == before.log_odds[others]).all()
    unasked = np.setdiff1d(np.arange(len(before)), hearing.row)
    assert (after.voted[unasked] == -1).all()
    assert after.contribution.sum(axis=1, dtype=np.float64) == pytest.approx(after.log_odds, abs=1e-4)
    for row in hearing.row[told].tolist():
        added = hearing.vote_log_odds[hearing.vote_row == row].sum(dtype=np.float64)
        assert added == pytest.approx(after.contribution[row, -1], abs=1e-4)
