"""What may be spent, and what has been."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.budget import Budget
from kgalign.llm.protocol import Sampling
from kgalign.records.votes import Answer, Direction, Question, QuestionKind, Status, View, Vote

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


def test_what_is_spent_is_gone() -> None:
    some = budget(max_calls=8, max_tokens=10_000, max_cost=2.0)
    some.add(vote(900, 50))
    assert (some.spent.calls, some.spent.tokens, some.spent.tokens_in) == (1, 950, 900)
    assert some.spent.cost == pytest.approx((900 * 100 + 50 * 400) / 1e6)
    assert some.covers()
    some.add(vote(900, 50))
    assert not some.covers()
    assert some.covers_call(1000)


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
            some.add(vote(read, written))
        rest = rest[case:]
    rules, spent = some.rules, some.spent
    assert rules.max_calls is None or spent.calls <= rules.max_calls
    assert rules.max_tokens is None or spent.tokens <= rules.max_tokens
    assert rules.max_cost is None or spent.cost <= rules.max_cost + 1e-9


@given(more=st.integers(0, 50), calls=st.integers(0, 100), reserved=st.integers(0, 5))
def test_a_higher_limit_covers_whatever_a_lower_one_did(more: int, calls: int, reserved: int) -> None:
    low, high = budget(max_calls=calls), budget(max_calls=calls + more)
    low.reserved = high.reserved = reserved
    assert high.covers() or not low.covers()
    assert replace(low, reserved=0).covers() or not low.covers()
