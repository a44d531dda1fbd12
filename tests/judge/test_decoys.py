"""Probabilities told from decoys: as many best pairs are wrong as they say."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.arrays import Doubles, Flags
from kgalign.judge.decoys import Calibration, calibrate
from kgalign.rdf.graph import Ids


@dataclass(frozen=True, slots=True)
class World:
    """Scored candidates of which the truth is known."""

    left: Ids
    right: Ids
    score: Doubles
    match: Flags


def world(n: int, partnered: float, *, gap: float = 8.0, copies: int = 1, seed: int = 0) -> World:
    """Candidates of ``n`` left entities: their right ones, if they have any, and ten others.

    :param gap: by how much a match scores more than another candidate does; both spread by 2.
    :param copies: right entities that are the same as a left one.
    """
    random = np.random.default_rng(seed)
    shared = round(n * partnered)
    others = n * copies
    pairs = {(a, int(b)): False for a in range(n) for b in random.choice(others, 10, replace=False)}
    pairs |= {(a, a * copies + c): True for a in range(shared) for c in range(copies)}
    rows = sorted(pairs)
    match = np.array([pairs[row] for row in rows])
    ids = np.array(rows, dtype=np.int32)
    score = np.where(match, gap, 0.0) + 2 * random.normal(size=len(rows)) - 4
    return World(ids[:, 0].copy(), ids[:, 1].copy(), score, match)


def run(
    world: World, given_rows: Flags | None = None, *, one_left: bool = True, one_right: bool = True
) -> Calibration:
    none = np.zeros(len(world.left), dtype=bool)
    expected = np.where(world.match, 0.9, 0.02)
    return calibrate(
        world.left,
        world.right,
        world.score,
        none if given_rows is None else given_rows,
        one_left=one_left,
        one_right=one_right,
        stratum=none,
        expected=expected,
    )


@pytest.mark.parametrize("partnered", [1.0, 0.8, 0.5, 0.3])
@pytest.mark.parametrize("gap", [7.0, 12.0])
def test_as_many_best_pairs_are_right_as_their_probabilities_say(partnered: float, gap: float) -> None:
    made = world(600, partnered, gap=gap)
    found = run(made)
    right = made.match[found.top]
    said = found.probability[found.top]
    assert said.mean() == pytest.approx(right.mean(), abs=0.08)
    # The least of several estimates: it leans to few wrong pairs, and that is what is meant.
    assert 1 - right.mean() - 0.2 < found.null_share < 1 - right.mean() + 0.1
    sure = said >= 0.9
    assert right[sure].mean() >= 0.9
    assert right[~sure].mean() < right[sure].mean() if (~sure).any() else sure.any()


@pytest.mark.parametrize(("one_left", "one_right"), [(True, True), (True, False), (False, True)])
def test_best_pairs_keep_to_the_cardinality(one_left: bool, one_right: bool) -> None:
    made = world(100, 0.6)
    found = run(made, one_left=one_left, one_right=one_right)
    if one_right:
        assert np.bincount(made.left[found.top]).max() == 1
    if one_left:
        assert np.bincount(made.right[found.top]).max() == 1


def test_further_records_of_one_thing_are_no_decoys() -> None:
    """Three right records each: with one of them hidden, the next best pair is right all the same."""
    made = world(200, 0.7, copies=3, gap=9.0)
    found = run(made, one_right=False)
    chosen = found.probability >= 0.5
    assert (chosen & made.match).sum() >= 0.9 * made.match.sum()
    assert (chosen & made.match).sum() >= 0.9 * chosen.sum()


def test_given_pairs_are_certain_and_their_rivals_out() -> None:
    made = world(200, 0.7)
    given_rows = np.zeros(len(made.left), dtype=bool)
    wrong = int(np.flatnonzero(~made.match & (made.left == 3))[0])
    given_rows[wrong] = True
    found = run(made, given_rows)
    assert found.probability[wrong] > 0.999
    rivals = (made.left == 3) & ~given_rows
    assert found.probability[rivals].max() < 0.5


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(-30, 30)),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[:2],
    ),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_scores_probabilities_are_finite_and_bounded(
    rows: list[tuple[int, int, float]], one_left: bool, one_right: bool
) -> None:
    ids = np.array([row[:2] for row in rows], dtype=np.int32)
    score = np.array([row[2] for row in rows])
    made = World(ids[:, 0].copy(), ids[:, 1].copy(), score, np.zeros(len(rows), dtype=bool))
    found = run(made, one_left=one_left, one_right=one_right)
    assert np.isfinite(found.log_odds).all()
    assert ((found.probability >= 0) & (found.probability <= 1)).all()
    assert 0 <= found.null_share <= 1


def test_the_same_scores_give_the_same_probabilities() -> None:
    made = world(100, 0.5)
    one, other = run(made), run(made)
    same: npt.NDArray[np.bool_] = one.log_odds == other.log_odds
    assert same.all()
