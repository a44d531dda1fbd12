"""What holds of every estimate: it is exact in the end, never impossible, and the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.estimate import (
    Aim,
    Answer,
    Answers,
    Cases,
    design,
    estimate_run,
    looked_up,
    next_cases,
    next_pairs,
    precision,
    recall,
    seen,
)
from tests.estimate.made_cases import cases, populations, some_of, truth

seeds = st.integers(0, 10**6)


@given(populations, seeds)
@settings(max_examples=60, deadline=None)
def test_all_looks_give_the_truth(made: Cases, seed: int) -> None:
    whole = truth(made, seed)
    found = estimate_run(design(made, seed), whole, 0.9, 0.95)
    right, missed = ((whole.answer == each).sum() for each in (Answer.RIGHT, Answer.MISSED))
    if made.linked.any():
        assert found.precision.low == found.precision.value == found.precision.high
        assert found.precision.value == pytest.approx(right / made.linked.sum())
        assert found.certificates[0].bound == pytest.approx(right / made.linked.sum())
    else:
        assert found.precision.value is None
    if right + missed:
        assert found.recall.low == pytest.approx(right / (right + missed))
        assert found.recall.high == pytest.approx(right / (right + missed))
    else:
        assert found.recall.value is None


@given(populations, seeds, st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_intervals_lie_in_each_other_and_hold_what_is_possible(made: Cases, seed: int, looks: int) -> None:
    plan, whole = design(made, seed), truth(made, seed)
    looked = seen(plan, looked_up(plan, whole, looks))
    for estimator in (precision, recall):
        narrow, wide = (estimator(plan.strata, looked, each) for each in (0.8, 0.99))
        if np.isnan(narrow.value):
            continue
        assert 0 <= wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high <= 1
    known = looked.known_links.sum(axis=0)
    if made.linked.any():
        assert wide_enough(precision(plan.strata, looked, 0.95), known, int(made.linked.sum()))


def wide_enough(found: object, known: "np.ndarray[tuple[int], np.dtype[np.float64]]", links: int) -> bool:
    """Whether nothing that is known is denied."""
    low, high = getattr(found, "low"), getattr(found, "high")  # noqa: B009 - arrays of no shape
    return bool(low >= known[1] / links - 1e-9 and high <= 1 - known[0] / links + 1e-9)


@given(populations, seeds)
@settings(max_examples=30, deadline=None)
def test_the_same_seed_asks_the_same(made: Cases, seed: int) -> None:
    nothing = Answers(np.full(len(made), Answer.UNKNOWN, dtype=np.int8))
    one, same = design(made, seed), design(made, seed)
    assert next_cases(one, nothing, 20) == next_cases(same, nothing, 20)
    asked = np.concatenate([*one.orders, np.empty(0, dtype=np.int64)])
    assert sorted(asked.tolist()) == list(range(len(made)))


def test_another_seed_or_other_verdicts_are_another_order() -> None:
    made, other = cases(60, 1), cases(60, 2)
    assert made.digest != other.digest
    first, second = design(made, 0), design(made, 1)
    assert any((a != b).any() for a, b in zip(first.orders, second.orders, strict=True))


@given(populations, seeds, st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_what_is_outside_the_order_is_no_sample(made: Cases, seed: int, looks: int) -> None:
    plan, whole = design(made, seed), truth(made, seed)
    inside = looked_up(plan, whole, looks)
    # The last case of each order is known too: it is not next in any stratum that has two open cases.
    last = [order[-1] for order in plan.orders if (inside.answer[order] < 0).sum() > 1]
    known = inside.answer >= 0
    known[last] = True
    more = some_of(whole, known)
    before, after = seen(plan, inside), seen(plan, more)
    assert (before.sample == after.sample).all()
    assert (before.judged == after.judged).all()
    assert estimate_run(plan, more, 0.9, 0.95).outside == len(last)
    assert after.known.sum() == before.known.sum() + len(last)


@given(populations, seeds, st.sampled_from(list(Aim)))
@settings(max_examples=40, deadline=None)
def test_what_is_next_is_open_and_each_case_comes_once(made: Cases, seed: int, aim: Aim) -> None:
    plan, whole = design(made, seed), truth(made, seed)
    inside = looked_up(plan, whole, 10, aim)
    following = next_cases(plan, inside, len(made), aim)
    assert len(set(following)) == len(following)
    assert (inside.answer[following] == Answer.UNKNOWN).all()
    wanted = made.linked if aim is Aim.PRECISION else np.ones(len(made), dtype=bool)
    assert len(following) == (wanted & (inside.answer == Answer.UNKNOWN)).sum()
    listed = next_pairs(plan, inside, 5, aim)
    assert listed.left.tolist() == made.left[made.best[following[:5]]].tolist()


def test_of_a_wrong_link_the_next_best_is_shown() -> None:
    made = cases(9, 3, links=1.0)
    plan = design(made, 0)
    answers = Answers(np.full(len(made), Answer.NEITHER, dtype=np.int8))
    answers.answer[0] = Answer.WRONG
    listed = next_pairs(plan, answers, 3)
    assert (listed.left.tolist(), listed.right.tolist(), listed.linked.tolist()) == ([0], [9], [False])
    assert next_cases(plan, answers, 3, Aim.PRECISION) == []


def test_the_truth_is_in_the_intervals_as_often_as_they_say() -> None:
    made = cases(300, 5)
    whole = truth(made, 5)
    right, missed = ((whole.answer == each).sum() for each in (Answer.RIGHT, Answer.MISSED))
    held = np.zeros(2)
    for seed in range(60):
        plan = design(made, seed)
        looked = seen(plan, looked_up(plan, whole, 60))
        for place, (estimator, true) in enumerate(
            ((precision, right / made.linked.sum()), (recall, right / (right + missed)))
        ):
            found = estimator(plan.strata, looked, 0.95)
            held[place] += found.low - 1e-9 <= true <= found.high + 1e-9
    assert (held >= 0.9 * 60).all(), held
