import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.evaluate.calibration import calibration

judged = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), max_size=60)


def test_bins_hold_mean_and_share() -> None:
    result = calibration(np.array([0.0, 0.05, 0.92, 1.0]), np.array([False, True, True, True]))
    low, high = result.bins
    assert (low.low, low.high, low.pairs, low.share_right) == (0.0, 0.1, 2, 0.5)
    assert (high.low, high.high, high.pairs) == (0.9, 1.0, 2)
    assert high.mean_probability == pytest.approx(0.96)
    assert result.ece == pytest.approx((abs(0.025 - 0.5) * 2 + abs(0.96 - 1.0) * 2) / 4)


def test_certainty_that_is_right_is_perfect_and_wrong_is_the_worst() -> None:
    sure = np.array([0.0, 1.0])
    assert (calibration(sure, sure > 0).ece, calibration(sure, sure > 0).brier) == (0.0, 0.0)
    assert (calibration(sure, sure < 1).ece, calibration(sure, sure < 1).brier) == (1.0, 1.0)


@given(judged=judged)
def test_no_pair_is_lost_and_the_error_is_a_share(judged: list[tuple[float, bool]]) -> None:
    probability = np.array([each for each, _ in judged], dtype=np.float32)
    result = calibration(probability, np.array([each for _, each in judged], dtype=bool))
    assert sum(each.pairs for each in result.bins) == result.pairs == len(judged)
    assert 0.0 <= result.ece <= 1.0
    assert result.brier <= 1.0
