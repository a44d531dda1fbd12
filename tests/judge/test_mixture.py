"""Weights learned without labels, and how they are looked up."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.mixture import Hat, Mixture, fit
from kgalign.rdf.graph import Ids

Positions = npt.NDArray[np.float32]


def positions(*values: float) -> Positions:
    return np.array(values, dtype=np.float32)


def test_a_position_between_two_levels_weighs_between_them() -> None:
    table = np.array([-2.0, 1.0, 4.0])
    hat = Hat(positions(0, 1, 2, 0.5, 1.25, np.nan, 9), 3)
    assert hat.look_up(table).tolist() == pytest.approx([-2, 1, 4, -0.5, 1.75, 0, 4])


drawn = st.lists(
    st.tuples(st.one_of(st.just(float("nan")), st.floats(0, 4, width=32)), st.floats(0, 1)),
    min_size=1,
    max_size=40,
)


@given(drawn)
def test_a_better_level_never_weighs_less_and_weights_are_bounded(rows: list[tuple[float, float]]) -> None:
    hat = Hat(positions(*(row[0] for row in rows)), 5)
    weights = hat.weigh(np.array([row[1] for row in rows]))
    assert len(weights) == 5
    assert (np.diff(weights) >= -1e-12).all()
    assert np.isfinite(weights).all()
    assert (np.abs(weights) <= 8).all()


def world(n: int, seed: int = 0) -> tuple[Ids, Ids, npt.NDArray[np.bool_], Positions]:
    """Each left entity has its partner and four others as candidates; three comparisons look at each pair.

    The first tells partners apart well, the second a little, the third not at all.
    """
    random = np.random.default_rng(seed)
    left = np.repeat(np.arange(n), 5).astype(np.int32)
    offset = np.tile([0, *random.choice(np.arange(1, n), 4, replace=False)], n)
    right = ((left + offset) % n).astype(np.int32)
    match = offset == 0
    levels = [
        np.where(
            match,
            random.choice(3, len(left), p=[0.05, 0.15, 0.8]),
            random.choice(3, len(left), p=[0.9, 0.09, 0.01]),
        ),
        np.where(
            match,
            random.choice(3, len(left), p=[0.2, 0.3, 0.5]),
            random.choice(3, len(left), p=[0.5, 0.3, 0.2]),
        ),
        random.choice(3, len(left)),
    ]
    table = np.stack(levels, axis=1).astype(np.float32)
    table[random.random(table.shape) < 0.1] = np.nan
    return left, right, match, table


def learn(n: int, given_rows: npt.NDArray[np.bool_] | None = None) -> tuple[Mixture, npt.NDArray[np.bool_]]:
    left, right, match, table = world(n)
    none = np.zeros(len(left), dtype=bool)
    start = np.where(np.nan_to_num(table[:, 0]) == 2, 0.8, 0.02)
    found = fit(
        left,
        right,
        table,
        [3, 3, 3],
        start,
        given=none if given_rows is None else given_rows,
        stratum=none,
        one_left=True,
        one_right=True,
        rounds=4,
    )
    return found, match


def test_what_tells_matches_apart_weighs_much_and_noise_little() -> None:
    found, match = learn(300)
    ranges = [weights[-1] - weights[0] for weights in found.weights]
    assert ranges[0] > 3 > ranges[1] > 0.5 > ranges[2]
    # The true log ratios of the strongest comparison are -2.9 and 4.4.
    assert found.weights[0][0] < -1.5
    assert found.weights[0][2] > 3
    assert found.score[match].mean() > found.score[~match].mean() + 3


def test_the_expected_matches_are_the_true_ones() -> None:
    found, match = learn(300)
    assert ((found.expected >= 0) & (found.expected <= 1)).all()
    chosen = found.expected >= 0.5
    assert (chosen & match).sum() >= 0.95 * match.sum()
    assert (chosen & match).sum() >= 0.95 * chosen.sum()


def test_a_given_pair_is_expected_whatever_it_looks_like() -> None:
    left, _, match, _ = world(300)
    given_rows = np.zeros(len(left), dtype=bool)
    given_rows[np.flatnonzero(~match)[7]] = True
    found, _ = learn(300, given_rows)
    assert found.expected[given_rows] == pytest.approx(1)
