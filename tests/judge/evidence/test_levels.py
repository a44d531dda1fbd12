"""Levels: one byte a pair, sums that add up over parts, and an exact small case of what a level is worth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.evidence.comparisons import Comparison
from kgalign.judge.evidence.levels import MISSING, STEPS, add_up, encode, rising, worth


def comparison(*positions: float, levels: int = 3) -> Comparison:
    labels = tuple(f"level {number}" for number in range(levels))
    return Comparison("test", "name", labels, np.array(positions, dtype=np.float32))


def test_positions_become_steps_and_nothing_to_compare_is_kept_apart() -> None:
    codes = encode(comparison(0, 0.5, 1, 2, 2.7, math.nan))
    assert codes.tolist() == [0, STEPS // 2, STEPS, 2 * STEPS, 2 * STEPS, MISSING]


def test_an_exact_small_case() -> None:
    # Two matches on the upper level; of four others three on the lower and one on the upper.
    codes = encode(comparison(1, 1, 0, 0, 0, 1, levels=2))
    sums = add_up(codes, np.array([1.0, 1, 0, 0, 0, 0]))
    table = worth(sums, 2, counts=2.0)
    lower, upper = 3.5 / 7, 3.5 / 7
    assert table[0] == pytest.approx(math.log((0 + 2 * lower) / 4 / ((3 + 2 * lower) / 6)), abs=1e-6)
    assert table[STEPS] == pytest.approx(math.log((2 + 2 * upper) / 4 / ((1 + 2 * upper) / 6)), abs=1e-6)
    assert table[STEPS // 2] == pytest.approx((table[0] + table[STEPS]) / 2, abs=1e-6)
    assert table[MISSING] == 0


def test_few_matches_move_hardly_anything_and_many_do() -> None:
    def at_best(times: int) -> float:
        codes = encode(comparison(*[1] * times, *[0] * 3 * times, levels=2))
        expected = np.array([1.0] * times + [0.0] * 3 * times)
        return float(worth(add_up(codes, expected), 2, counts=12.0)[STEPS])

    assert 0 < at_best(2) < 0.8
    assert at_best(10_000) > 6


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), min_size=1, max_size=40), st.integers(0, 40))
def test_sums_of_parts_are_the_sums_of_the_whole(pairs: list[tuple[int, float]], cut: int) -> None:
    codes = np.array([code for code, _ in pairs], dtype=np.uint8)
    expected = np.array([chance for _, chance in pairs])
    whole = add_up(codes, expected)
    parts = add_up(codes[:cut], expected[:cut]) + add_up(codes[cut:], expected[cut:])
    assert np.allclose(whole.matches, parts.matches)
    assert np.allclose(whole.others, parts.others)
    table = worth(whole, 4, counts=12.0)
    assert (np.diff(table[: 3 * STEPS + 1]) >= -1e-6).all()
    assert table[MISSING] == 0


@given(st.lists(st.tuples(st.floats(-8, 8), st.floats(0.1, 100)), min_size=1, max_size=12))
def test_a_rising_sequence_keeps_the_weighted_mean(points: list[tuple[float, float]]) -> None:
    values, weights = (np.array(column) for column in zip(*points, strict=True))
    found = rising(values, weights)
    assert (np.diff(found) >= -1e-9).all()
    assert np.average(found, weights=weights) == pytest.approx(np.average(values, weights=weights), abs=1e-9)
