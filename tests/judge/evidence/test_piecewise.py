"""Lines through knots: what NumPy finds, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.base.cores import in_order
from kgalign.judge.evidence.piecewise import _AT_ONCE, between

NUMBER = st.floats(-50, 50, width=32)
KNOTS = st.lists(st.floats(-20, 20), min_size=1, max_size=15, unique=True).map(sorted)


@given(KNOTS, st.data())
def test_values_between_knots_are_those_of_numpy_to_the_last_bit(
    knots: list[float], data: st.DataObject
) -> None:
    if len(knots) > 1 and np.diff(knots).min() < 1e-3:
        return
    heights = data.draw(st.lists(st.floats(-9, 9), min_size=len(knots), max_size=len(knots)))
    drawn = data.draw(st.lists(NUMBER, max_size=30))
    value = np.array([*drawn, *knots, np.inf, -np.inf, np.nan], dtype=np.float32)
    expected = np.interp(value, knots, heights).astype(np.float32)
    expected[np.isnan(value)] = -7
    assert np.array_equal(between(value, tuple(knots), tuple(heights), -7.0), expected)


@pytest.mark.parametrize("size", [_AT_ONCE - 1, _AT_ONCE, _AT_ONCE + 1, 3 * _AT_ONCE + 7])
def test_many_values_are_looked_up_by_several_threads_at_once(size: int) -> None:
    knots, heights = (-1.0, 0.25, 2.0), (3.0, -1.0, 5.0)
    columns = [np.random.default_rng(seed).normal(0, 2, size).astype(np.float32) for seed in range(8)]
    found = in_order(lambda value: between(value, knots, heights, 0.0), columns, workers=4)
    for value, got in zip(columns, found, strict=True):
        assert np.array_equal(got, np.interp(value, knots, heights).astype(np.float32))
