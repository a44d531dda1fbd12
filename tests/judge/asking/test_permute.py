"""Orders of options: what they must be for the cases that occur."""

import itertools
from collections import Counter

import pytest

from kgalign.judge.asking.permute import order


def orders(options: int, turns: int, *, seed: int = 0, case: str = "urn:a") -> list[tuple[int, ...]]:
    return [order(options, turn, seed=seed, case=case) for turn in range(turns)]


@pytest.mark.parametrize("options", [2, 4, 6, 8, 10])
def test_in_an_even_design_each_option_follows_each_other_one_once(options: int) -> None:
    pairs = Counter(pair for shown in orders(options, options) for pair in itertools.pairwise(shown))
    assert len(pairs) == options * (options - 1)
    assert set(pairs.values()) == {1}


@pytest.mark.parametrize("options", [3, 5, 7, 9])
def test_in_an_odd_design_each_option_follows_each_other_one_twice(options: int) -> None:
    shown = orders(options, 2 * options)
    pairs = Counter(pair for each in shown for pair in itertools.pairwise(each))
    assert len(pairs) == options * (options - 1)
    assert set(pairs.values()) == {2}


@pytest.mark.parametrize(("options", "turns"), [(4, 4), (5, 10), (6, 6)])
def test_no_order_comes_twice_in_a_design(options: int, turns: int) -> None:
    assert len(set(orders(options, turns))) == turns


def test_the_next_design_goes_on_with_other_orders() -> None:
    shown = orders(6, 12)
    assert set(shown[:6]) != set(shown[6:])


def test_over_many_cases_each_option_comes_first_equally_often() -> None:
    first = Counter(order(5, 0, seed=3, case=f"urn:{number}")[0] for number in range(5000))
    assert all(abs(count - 1000) < 120 for count in first.values())  # four standard deviations


def test_seed_and_case_decide() -> None:
    some = {tuple(orders(5, 5, seed=seed, case=case)) for seed in (0, 1) for case in ("urn:a", "urn:b")}
    assert len(some) == 4
    assert orders(5, 5) == orders(5, 5)


def test_orders_are_the_same_on_every_machine() -> None:
    assert orders(4, 2, seed=7, case="urn:é") == [(1, 2, 4, 3), (2, 3, 1, 4)]


def test_one_option_and_a_case_with_half_a_character() -> None:
    assert order(1, 3, seed=0, case="urn:a") == (1,)
    assert sorted(order(3, 0, seed=0, case="urn:\ud800")) == [1, 2, 3]
