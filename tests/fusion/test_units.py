"""Units told from numbers, and how far dates agree."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.fusion.vocabulary.units import (
    UNITS,
    Unit,
    date_precision,
    find_conversion,
    relative_gap,
    same_dates,
)
from kgalign.records.vocabularies import Conversion
from kgalign.values import read_dates

Numbers = npt.NDArray[np.float64]


def spread_out(seed: int, count: int = 60) -> Numbers:
    return np.exp(np.random.default_rng(seed).uniform(0, 8, count))


@pytest.mark.parametrize("unit", [u for u in UNITS if u.factor > 0 and not u.offset], ids=lambda u: u.source)
def test_each_unit_is_told_both_ways(unit: Unit) -> None:
    x = spread_out(1)
    forward = find_conversion(x, np.round(x * unit.factor, 9), unit.hints)
    assert forward.factor == pytest.approx(unit.factor, rel=1e-6)
    assert f"{unit.source} → {unit.target}" in forward.note
    back = find_conversion(x * unit.factor, x, unit.hints)
    assert back.factor == pytest.approx(1 / unit.factor, rel=1e-6)
    assert f"{unit.target} → {unit.source}" in back.note


def test_square_miles_rounded_to_whole_numbers_and_with_wrong_pairs() -> None:
    x = spread_out(2, 200) * 100
    y = np.round(x * 0.3861)
    y[::4] = spread_out(3, 50)
    found = find_conversion(x, y)
    assert found.note == "right = left × 0.3861: square kilometres → square miles"
    assert found.factor == pytest.approx(0.386102, rel=1e-5)


def test_thousands_are_told_from_another_census() -> None:
    x = spread_out(4) * 1e4
    y = x / 1000 * np.random.default_rng(4).uniform(0.8, 1.3, len(x))
    found = find_conversion(x, y, ("population", "population"))
    assert found.factor == pytest.approx(1e-3)
    assert found.note == "right = left × 0.001: ones → thousands"


def test_another_census_is_no_unit() -> None:
    x = spread_out(5) * 1e4
    assert find_conversion(x, x * np.random.default_rng(5).uniform(0.9, 1.4, len(x))).same


@pytest.mark.parametrize(
    ("factor", "offset", "note"),
    [
        (1.8, 32.0, "degrees Celsius → degrees Fahrenheit"),
        (1.0, 273.15, "degrees Celsius → kelvins"),
        (1 / 1.8, -32 / 1.8, "degrees Fahrenheit → degrees Celsius"),
        (-1.0, 0.0, "numbers with one sign → numbers with the other sign"),
    ],
)
def test_offsets_and_signs(factor: float, offset: float, note: str) -> None:
    x = np.random.default_rng(6).uniform(-20, 40, 50)
    found = find_conversion(x, np.round(factor * x + offset, 2))
    assert (found.factor, found.offset) == pytest.approx((factor, offset))
    assert found.note.endswith(note)


def test_names_choose_among_units_of_one_factor() -> None:
    x = spread_out(7)
    assert find_conversion(x, x * 100, ("turnoutShare", "percent")).note.endswith("shares of one → percent")
    assert find_conversion(x, x * 100, ("area", "areaHa")).note.endswith("square kilometres → hectares")


def test_an_unknown_factor_is_believed_only_when_close() -> None:
    x = spread_out(8)
    assert find_conversion(x, x * 1.37).note == "right = left × 1.37: no known unit"
    assert find_conversion(x[:6], x[:6] * 1.37).same
    noise = np.random.default_rng(8).uniform(0.9, 1.1, len(x))
    assert find_conversion(x, x * 1.37 * noise).same


def test_few_numbers_and_none_tell_nothing() -> None:
    assert find_conversion(np.zeros(0), np.zeros(0)).same
    assert find_conversion(np.full(9, np.nan), np.ones(9)).same
    assert find_conversion(np.zeros(9), np.zeros(9)).same
    assert find_conversion(np.array([1.0, 2, 3, 4]), np.array([1e3, 2e3, 3e3, 4e3])).same


@given(
    st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0.01, 1e6)), max_size=30),
    st.sampled_from([0.386102159, 1000.0, 3.0, 1.0]),
    st.booleans(),
)
def test_swapping_turns_the_rule_round(
    pairs: list[tuple[float, float]], factor: float, follows: bool
) -> None:
    x = np.array([a for a, _ in pairs], dtype=np.float64)
    y = x * factor if follows else np.array([b for _, b in pairs], dtype=np.float64)
    forward, back = find_conversion(x, y), find_conversion(y, x)
    assert forward.factor * back.factor == pytest.approx(1)
    assert forward.spread == pytest.approx(back.spread, abs=1e-12)
    assert np.allclose(relative_gap(x, y, forward), relative_gap(y, x, back))


def test_gaps() -> None:
    x, y = np.array([0.0, 10.0, 1.0, math.nan]), np.array([0.0, 9.0, -1.0, 1.0])
    assert relative_gap(x, y).tolist() == pytest.approx([0.0, 0.1, 2.0, math.inf])
    assert relative_gap(np.array([100.0]), np.array([212.0]), Conversion(1.8, 32.0)).tolist() == [0.0]


def test_dates_agree_as_far_as_both_go() -> None:
    x = read_dates(["2001", "2001-02", "2001-02-03", "2001-02-03", "0044"])
    y = read_dates(["2001-02-03", "2001-02-03", "2001-02-04", "2002-02-03", "-0044"])
    full, year = same_dates(x, y)
    assert full.tolist() == [1, 1, 0, 0, 0]
    assert year.tolist() == [1, 1, 1, 0, 0]


def test_precision_of_dates() -> None:
    assert date_precision(read_dates(["2001", "1999-01-01"])) == "year"
    assert date_precision(read_dates(["2001-05", "1999-03-01"])) == "month"
    assert date_precision(read_dates(["2001-05-07", "1999-03-01"])) == "day"
    assert date_precision(read_dates(["x"])) == ""
