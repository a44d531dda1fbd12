"""Accuracy and F1 of choices, their intervals and their paired differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.choices import draw_choices, draw_gain, mean_of
from kgalign.evaluate.bootstrap import RESAMPLES, resampled

QUESTIONS = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(-1, 3), st.integers(0, 3), st.integers(0, 5)),
    min_size=1,
    max_size=30,
)
"""What each of two systems chose, what is right, and the case."""


@given(QUESTIONS)
def test_accuracy_and_f1_by_counting_one_by_one(questions: list[tuple[int, int, int, int]]) -> None:
    choice, _, right, case = zip(*questions, strict=True)
    scores = draw_choices(choice, right, case).scores()
    hits = sum(a == b > 0 for a, b in zip(choice, right, strict=True))
    wrong = sum(a > 0 and a != b for a, b in zip(choice, right, strict=True))
    missed = sum(b > 0 and a != b for a, b in zip(choice, right, strict=True))
    assert scores.accuracy == pytest.approx(np.mean([a == b for a, b in zip(choice, right, strict=True)]))
    assert scores.f1 == pytest.approx(2 * hits / max(2 * hits + wrong + missed, 1))
    assert (scores.questions, scores.cases) == (len(right), len(set(case)))
    for interval in (scores.accuracy_interval, scores.f1_interval):
        assert 0 <= interval.low <= interval.high <= 1


@given(QUESTIONS)
def test_a_gain_is_the_difference_and_turns_its_sign_with_the_order(
    questions: list[tuple[int, int, int, int]],
) -> None:
    ours, theirs, right, case = zip(*questions, strict=True)
    gain = draw_gain(ours, theirs, right, case).gain()
    one, other = (draw_choices(each, right, case).scores() for each in (ours, theirs))
    assert gain.accuracy == pytest.approx(one.accuracy - other.accuracy)
    assert gain.f1 == pytest.approx(one.f1 - other.f1)
    nothing = draw_gain(ours, ours, right, case).gain()
    assert (nothing.accuracy, nothing.f1) == (0, 0)
    assert (nothing.accuracy_interval.low, nothing.accuracy_interval.high) == (0, 0)


def test_an_interval_is_that_of_drawing_the_cases_one_by_one() -> None:
    chance = np.random.default_rng(3)
    case = np.repeat(np.arange(60), 3)
    right = chance.integers(0, 4, len(case))
    # Errors come by the case: all three questions or none.
    choice = np.where(np.repeat(chance.random(60) < 0.7, 3), right, (right + 1) % 4)
    found = draw_choices(choice.tolist(), right.tolist(), case.tolist(), seed=1).scores()
    by_case = (choice == right).reshape(60, 3).mean(axis=1)
    means = by_case[chance.integers(0, 60, (20_000, 60))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    assert found.accuracy_interval.low == pytest.approx(low, abs=0.02)
    assert found.accuracy_interval.high == pytest.approx(high, abs=0.02)
    alone = draw_choices(choice.tolist(), right.tolist(), range(len(case)), seed=1).scores()
    width = found.accuracy_interval.high - found.accuracy_interval.low
    assert alone.accuracy_interval.high - alone.accuracy_interval.low < 0.75 * width


def test_the_seed_decides_the_draws_and_the_order_of_the_cases_does_not() -> None:
    choice, right, case = [1, 0, 2, 0, 1, 1], [1, 0, 1, 0, 2, 1], list("aabbcd")
    first = draw_choices(choice, right, case, seed=4)
    again = draw_choices(choice[::-1], right[::-1], case[::-1], seed=4)
    assert np.array_equal(first.draws, again.draws)
    assert not np.array_equal(first.draws, draw_choices(choice, right, case, seed=5).draws)


def test_each_set_counts_the_same_in_a_mean() -> None:
    large = draw_choices([1] * 90, [1] * 90, range(90))
    small = draw_choices([0] * 10, [1] * 10, range(10))
    whole = mean_of([large, small]).scores()
    assert (whole.accuracy, whole.questions, whole.cases) == (0.5, 100, 100)


def test_as_many_units_are_drawn_as_there_are() -> None:
    units = np.array([[1, 0], [1, 1], [1, 0]])
    sums = resampled(units, 0)
    assert sums.shape == (RESAMPLES, 2)
    assert set(sums[:, 0].tolist()) == {3}
    assert sums[:, 1].mean() == pytest.approx(1, abs=0.1)


def test_no_questions_have_no_score() -> None:
    with pytest.raises(ValueError, match="no questions"):
        draw_choices([], [], [])
