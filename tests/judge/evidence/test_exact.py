"""Exact small cases of the calibration: held against sums by hand, integrals and another optimiser."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import norm

from kgalign.arrays import Doubles
from kgalign.judge.evidence.base_rate import base_shift, mean_rate
from kgalign.judge.evidence.comparisons import Comparison
from kgalign.judge.evidence.decoys import Line, line_of
from kgalign.judge.evidence.levels import MISSING, STEPS, add_up, encode, worth
from kgalign.judge.evidence.prior import BaseRate, Wrong

BASE = BaseRate(log_odds=-1.0, trust=0.3, spread=1.5)
WRONG = Wrong(-4.0, 0.7, crossing=3.0, rise=0.5, crossing_spread=1.0, stretch=0.2, stretch_spread=0.3)
NOTHING: Doubles = np.zeros(0)


def posterior_mean(ratio: list[float], base: BaseRate) -> float:
    """Mean of what is added to the base rate: likelihood of a mixture, to the power of the trust."""

    def density(shift: float) -> float:
        rate = 1 / (1 + math.exp(-(base.log_odds + shift)))
        likelihood = math.prod(rate * math.exp(each) + 1 - rate for each in ratio)
        return float(likelihood**base.trust * norm.pdf(shift, 0, base.spread))

    above = quad(lambda shift: shift * density(shift), -7, 7)[0]
    return float(above / quad(density, -7, 7)[0])


@pytest.mark.parametrize("base", [BASE, BaseRate(0.5, 1.0, 1.0)])
def test_the_shift_of_three_best_pairs_is_the_mean_of_the_posterior(base: BaseRate) -> None:
    best = [-2.5, 0.4, 4.0]
    by_hand = posterior_mean([each - base.log_odds for each in best], base)
    assert base_shift(np.array(best), base) == pytest.approx(by_hand, abs=0.01)


def test_pairs_that_say_nothing_shift_nothing() -> None:
    """Best pairs as probable as best pairs are elsewhere could be right or wrong: nothing is learned."""
    assert base_shift(np.full(50, BASE.log_odds), BASE) == pytest.approx(0, abs=1e-9)
    assert mean_rate(np.zeros(50), BASE) == pytest.approx(BASE.log_odds, abs=1e-9)


def levels_of(*positions: float, levels: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    labels = tuple(str(number) for number in range(levels))
    return encode(Comparison("test", "name", labels, np.array(positions, dtype=np.float32)))


def test_what_is_added_to_each_level_is_as_common_as_the_level() -> None:
    """One pair in ten on the upper level, both matches; two matches below."""
    codes = levels_of(*[1] * 2, *[0] * 18, levels=2)
    table = worth(add_up(codes, np.array([1.0] * 4 + [0.0] * 16)), 2, counts=6.0)
    upper = 2.5 / 21
    assert table[STEPS] == pytest.approx(math.log((2 + 6 * upper) / 10 / ((0 + 6 * upper) / 22)), abs=1e-6)
    assert table[0] == pytest.approx(
        math.log((2 + 6 * (1 - upper)) / 10 / ((16 + 6 * (1 - upper)) / 22)), abs=1e-6
    )


def test_a_level_that_nobody_reached_has_a_half_in_it() -> None:
    table = worth(add_up(levels_of(0, 0, 2, levels=3), np.array([0.0, 0, 1])), 3, counts=4.0)
    shares = [2.5 / 4.5, 0.5 / 4.5, 1.5 / 4.5]
    matches, others = [0, 0, 1], [2, 0, 0]
    ratios = [
        math.log((m + 4 * share) / 5 / ((u + 4 * share) / 6))
        for m, u, share in zip(matches, others, shares, strict=True)
    ]
    assert table[[0, STEPS, 2 * STEPS]].tolist() == pytest.approx(ratios, abs=1e-6)


def test_no_level_is_worth_more_than_eight_and_what_is_missing_nothing() -> None:
    codes = levels_of(*[1] * 50_000, *[0] * 50_000, math.nan, levels=2)
    expected = np.array([1.0] * 50_000 + [0.0] * 50_001)
    table = worth(add_up(codes, expected), 2, counts=0.5)
    assert table[[0, STEPS]].tolist() == [-8, 8]
    assert table[MISSING] == 0
    assert table[STEPS + 1 :].tolist() == [0] * (255 - STEPS)


def test_a_better_level_that_did_worse_is_worth_what_both_are_together() -> None:
    codes = levels_of(*[0] * 10, *[1] * 4, levels=2)
    table = worth(add_up(codes, np.array([1.0] * 6 + [0.0] * 8)), 2, counts=1.0)
    assert table[0] == pytest.approx(table[STEPS])


def test_where_nothing_was_seen_the_line_is_that_of_other_graphs() -> None:
    found = line_of(NOTHING, NOTHING, WRONG, BASE)
    stretch = math.exp(WRONG.stretch)
    crossing = WRONG.crossing + WRONG.rise * WRONG.mean
    assert found.stretch == pytest.approx(stretch)
    assert found.move == pytest.approx(BASE.log_odds - stretch * crossing)


@pytest.mark.parametrize("count", [1, 5, 45])
def test_decoys_that_look_better_move_the_line(count: int) -> None:
    """With no trust in best pairs only their mean counts, by five of other graphs."""
    found = line_of(NOTHING, np.full(count, 2.0), WRONG, replace(BASE, trust=0.0))
    mean = (count * 2.0 + 5 * WRONG.mean) / (count + 5)
    stretch = math.exp(WRONG.stretch)
    assert found.stretch == pytest.approx(stretch)
    assert found.move == pytest.approx(BASE.log_odds - stretch * (WRONG.crossing + WRONG.rise * mean))


def normals(mean: float, count: int) -> Doubles:
    """As evenly as a sample of a normal distribution can lie."""
    return np.asarray(norm.ppf((np.arange(count) + 0.5) / count, mean, 1), dtype=np.float64)


FREE = replace(WRONG, crossing=0.0, rise=0.0, stretch=0.0, crossing_spread=50.0, stretch_spread=50.0)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_two_normals_are_told_apart_as_bayes_would(share: float) -> None:
    """Matches around 2, wrong pairs around -1: the log ratio of their densities is 3 (x - 0.5)."""
    count = 2000
    matches = round(share * count)
    best = np.concatenate([normals(2, matches), normals(-1, count - matches)])
    found = line_of(best, normals(-1, count), FREE, BaseRate(0.0, 1.0, 20.0))
    assert found.stretch == pytest.approx(3, rel=0.05)
    assert found.move == pytest.approx(-1.5 + math.log(share / (1 - share)), abs=0.15)


def test_a_prior_that_is_sure_is_kept_and_only_the_rate_is_learned() -> None:
    sure = replace(WRONG, crossing_spread=1e-4, stretch_spread=1e-4)
    best, wrong = normals(3, 200), normals(-3, 60)
    found = line_of(best, wrong, sure, BASE)
    stretch = math.exp(WRONG.stretch)
    crossing = WRONG.crossing + WRONG.rise * (60 * wrong.mean() + 5 * WRONG.mean) / 65
    assert found.stretch == pytest.approx(stretch, abs=1e-3)
    rate = mean_rate(stretch * (best - crossing), BASE)
    assert rate > BASE.log_odds + 0.2
    assert found.move == pytest.approx(rate - stretch * crossing, abs=5e-3)


def by_another_way(best: Doubles, wrong: Doubles, prior: Wrong, base: BaseRate) -> Line:
    """The same line by a general optimiser, a hundred rounds."""
    usual = len(wrong) / (len(wrong) + 5)
    at = prior.crossing + prior.rise * (usual * wrong.mean() + (1 - usual) * prior.mean)
    theta, rate = np.array([prior.stretch, at]), base.log_odds
    for _ in range(100):
        match = 1 / (1 + np.exp(-(np.exp(theta[0]) * (best - theta[1]) + rate)))
        even = math.log((match.sum() + 0.5) / ((1 - match).sum() + len(wrong) + 0.5))

        def loss(line: Doubles, match: Doubles = match, even: float = even) -> float:
            of_best = np.exp(line[0]) * (best - line[1]) + even
            of_wrong = np.exp(line[0]) * (wrong - line[1]) + even
            likelihood = match @ -np.logaddexp(0, -of_best) - (1 - match) @ np.logaddexp(0, of_best)
            likelihood -= np.logaddexp(0, of_wrong).sum()
            penalty = ((line[0] - prior.stretch) / prior.stretch_spread) ** 2
            penalty += ((line[1] - at) / prior.crossing_spread) ** 2
            return float(penalty / 2 - base.trust * likelihood)

        theta = minimize(loss, theta, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}).x
        rate = mean_rate(np.exp(theta[0]) * (best - theta[1]), base)
    return Line(float(np.exp(theta[0])), float(rate - np.exp(theta[0]) * theta[1]))


def test_a_handful_of_best_pairs_and_decoys_gives_what_another_optimiser_finds() -> None:
    best = np.array([6.0, 4.5, 4.0, 3.0, 1.0, -1.0, -3.0, -4.0])
    wrong = np.array([2.0, 0.5, -1.0, -2.0, -5.0, -6.0])
    found, oracle = line_of(best, wrong, WRONG, BASE), by_another_way(best, wrong, WRONG, BASE)
    assert found.stretch == pytest.approx(oracle.stretch, abs=0.01)
    assert found.move == pytest.approx(oracle.move, abs=0.03)
