"""Figures of a judge of pairs, by numbers that can be told by hand."""

import math

import pytest

from kgalign.judge.asking.pair_form import Attribute
from kgalign.train.pair_items import PairItem
from kgalign.train.pair_measures import fit_temperature, measures


def pair(case: str, same: bool) -> PairItem:
    return PairItem(case, "family", (Attribute("a", "b"),), (Attribute("c", "d"),), same, 1.0)


CASES = [pair(case, same) for case in ("one", "two") for same in (True, False, False)]


def test_a_judge_that_is_always_right_is_first_everywhere() -> None:
    found = measures(CASES, [20, -20, -20, 20, -20, -20], 1.0)
    assert (found["first"], found["auc"], found["accuracy"]) == (1, 1, 1)
    assert found["ece"] == pytest.approx(0, abs=1e-6)


def test_one_case_of_two_is_lost_where_a_wrong_one_comes_before_the_partner() -> None:
    found = measures(CASES, [3, -1, -1, 1, 2, -1], 1.0)
    assert found["first"] == 0.5
    assert found["auc"] == 7 / 8
    assert found["accuracy"] == 5 / 6


def test_a_partner_that_is_level_with_another_does_not_come_first() -> None:
    assert measures(CASES, [0.0] * 6, 1.0)["first"] == 0


def test_cases_with_fewer_than_two_others_are_no_cases() -> None:
    found = measures(CASES[:2], [1, -1], 1.0)
    assert found["cases"] == 0 and "first" not in found


def test_odds_twice_too_great_are_halved() -> None:
    # Three of four right: log-odds log(3) are meant, twice as much is said.
    odds = [2 * math.log(3)] * 4 + [-2 * math.log(3)] * 4
    same = [True, True, True, False, False, False, False, True]
    assert fit_temperature(odds, same) == pytest.approx(2, abs=0.01)


def test_nothing_to_fit_leaves_odds_as_they_are() -> None:
    assert fit_temperature([], []) == 1
