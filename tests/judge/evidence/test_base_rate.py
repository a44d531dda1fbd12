"""How common matches are here: few where best pairs look wrong, all where they look right, nothing where
few.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.evidence.base_rate import base_shift, lower_bound
from kgalign.judge.evidence.prior import BaseRate

BASE = BaseRate(log_odds=-1.0, trust=0.3, spread=2.0)


def test_many_poor_best_pairs_take_away_and_many_good_ones_add() -> None:
    poor, good = np.full(500, -4.0), np.full(500, 4.0)
    assert base_shift(poor, BASE) < -2
    assert base_shift(good, BASE) > 2
    assert abs(base_shift(poor[:2], BASE)) < 1
    assert base_shift(np.zeros(0), BASE) == 0


@given(st.lists(st.floats(-12, 12), min_size=1, max_size=30))
def test_better_pairs_never_shift_downwards(scores: list[float]) -> None:
    best = np.array(scores)
    assert base_shift(best + 1, BASE) >= base_shift(best, BASE) - 1e-9


@pytest.mark.parametrize(("found", "total"), [(0.0, 10.0), (3.0, 10.0), (10.0, 10.0), (300.0, 1000.0)])
def test_wilsons_bound_is_scipys(found: float, total: float) -> None:
    from scipy.stats import binomtest, norm

    level = 2 * norm.cdf(2) - 1
    oracle = binomtest(int(found), int(total)).proportion_ci(level, method="wilson").low
    assert lower_bound(found, total) == pytest.approx(oracle, abs=1e-9)
    assert lower_bound(1.0, 0.0) == 0
