"""What is certified, held against every way in which labels may lie."""

from itertools import combinations, product
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kgalign.estimate import Cases, certify, design, looked_up
from kgalign.estimate.certifying import Group, lower_bound
from kgalign.estimate.intervals import rest_of
from tests.estimate.made_cases import cases, populations, truth

PRIOR, LEAST = 10.0, 0.25
Stratum = tuple[int, int, int, float]
strata = st.tuples(
    st.integers(0, 4), st.integers(0, 3), st.integers(0, 3), st.sampled_from([0.2, 0.9, 0.999])
)


def group(parts: list[Stratum]) -> Group:
    """From (links that were not drawn, drawn right, drawn wrong, probability)."""
    rows = np.array([(left + right + wrong, right, wrong, p) for left, right, wrong, p in parts])
    return Group(*rows.astype(np.float64).T)


def by_hand(parts: list[Stratum], alpha: float) -> float:
    """The bound by trying all numbers of right links of all strata, with the distributions of SciPy."""
    size = sum(sum(each[:3]) for each in parts)
    right = sum(each[1] for each in parts)
    possible = []
    for rests in product(*(range(each[0] + 1) for each in parts)):
        evidence = 0.0
        for (left, good, bad, p), rest in zip(parts, rests, strict=True):
            mixed = stats.betabinom.logpmf(good, good + bad, PRIOR * p + LEAST, PRIOR * (1 - p) + LEAST)
            evidence += mixed - stats.hypergeom.logpmf(good, left + good + bad, good + rest, good + bad)
        if evidence < -log(alpha):
            possible.append(sum(rests))
    return (right + (min(possible) if possible else size - right)) / size


@given(st.lists(strata, min_size=1, max_size=3), st.sampled_from([0.05, 0.3, 0.9]))
@settings(max_examples=60, deadline=None)
def test_the_bound_is_the_least_that_nothing_rules_out(parts: list[Stratum], alpha: float) -> None:
    parts = [each for each in parts if sum(each[:3])]
    if parts:
        assert lower_bound(group(parts), alpha) == pytest.approx(by_hand(parts, alpha))


@pytest.mark.parametrize("right", [0, 3, 5, 8, 9])
@pytest.mark.parametrize("chance", [0.3, 0.95])
def test_over_all_orders_it_is_hardly_ever_too_high(right: int, chance: float) -> None:
    size, alpha = 9, 0.3
    too_high = total = 0
    for places in combinations(range(size), right):
        labels = [place in places for place in range(size)]
        bounds = []
        for looks in range(size + 1):
            good = sum(labels[:looks])
            bounds.append(lower_bound(group([(size - looks, good, looks - good, chance)]), alpha))
        too_high += max(bounds) > right / size + 1e-9
        total += 1
    assert too_high / total <= alpha


def test_it_is_high_where_labels_are_good_and_not_where_they_are_bad() -> None:
    good, bad = group([(400, 100, 0, 0.99)]), group([(400, 80, 20, 0.99)])
    assert lower_bound(good, 0.05) > 0.94
    assert lower_bound(bad, 0.05) < 0.75


@given(populations, st.integers(0, 10**6), st.integers(0, 60), st.floats(0.1, 0.99))
@settings(max_examples=40, deadline=None)
def test_certified_is_never_above_what_is_known_to_be_wrong(
    made: Cases, seed: int, looks: int, asked: float
) -> None:
    plan, whole = design(made, seed), truth(made, seed)
    found = certify(plan, looked_up(plan, whole, looks), asked, 0.95)
    assert [each.links for each in found] == sorted((each.links for each in found), reverse=True)
    for each in found:
        assert 0 <= each.bound <= 1
        assert each.looks <= each.links
        assert each.certified <= (each.bound >= asked)
        assert each.further != 0 or each.bound >= asked
        assert each.further is None or each.further <= each.links - each.looks


def test_more_is_certified_the_less_is_asked() -> None:
    made = cases(300, 7)
    plan, whole = design(made, 0), truth(cases(300, 7), 7)
    answers = looked_up(plan, whole, 150)
    kept = [
        max((each.links for each in certify(plan, answers, asked, 0.95) if each.certified), default=0)
        for asked in (0.3, 0.6, 0.8, 0.99)
    ]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > kept[-1]


@given(st.integers(0, 20), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_the_rest_of_a_stratum_is_beta_binomial(left: int, right: int, wrong: int) -> None:
    size = np.array([float(left + right + wrong)])
    rest = rest_of(size, np.array([[wrong, right]], dtype=np.float64), np.array([[0.5, 0.7]]))
    oracle = stats.betabinom(left, right + 0.7, wrong + 0.5)
    assert float(rest.count[0] * rest.share[0, 1]) == pytest.approx(oracle.mean())
    assert float(rest.spread[0] * rest.share[0, 0] * rest.share[0, 1]) == pytest.approx(oracle.var())
