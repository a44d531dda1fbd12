"""Numbers and dates as people and programs write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.values import day_number, read_date, read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (".5", 0.5),
        ("-.5", -0.5),
        ("0.5", 0.5),
        ("1,234", 1234),
        ("1.234,5", 1234.5),
        ("1 234.5 km", 1234.5),
        ("0,125", 0.125),
        ("12 apostles", 12),
        ("No.5", 5),
        ("v.2", 2),
        ("1e3", 1000),
    ],
)
def test_numbers_are_read(text: str, number: float) -> None:
    assert read_number(text) == pytest.approx(number)


def test_what_holds_no_number_is_none() -> None:
    assert math.isnan(read_number("none"))
    assert math.isnan(read_number(""))


@given(st.decimals(-1_000_000, 1_000_000, places=3))
def test_what_python_writes_is_read_back(number: object) -> None:
    assert read_number(str(number)) == pytest.approx(float(str(number)))


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1961-02-02", 19610202),
        ("1961-2-2", 19610202),
        ("19610202", 19610202),
        ("1961-02", 19610200),
        ("1961", 19610000),
        ("1961-02-02T10:00:00Z", 19610202),
        ("-0043-03-15", -430000 + 315),
    ],
)
def test_dates_are_read(text: str, date: int) -> None:
    assert read_date(text) == date


@pytest.mark.parametrize("text", ["1961-13-01", "196", "spring", "1961-02-40", "123456789"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert math.isnan(read_date(text))


@given(st.dates())
def test_days_are_counted_as_python_counts_them(day: object) -> None:
    import datetime

    assert isinstance(day, datetime.date)
    assert day_number(read_date(day.isoformat())) == day.toordinal()
    assert day_number(read_date(f"{day.year:04d}")) is None


@given(st.text(alphabet="0123456789.,' -+eE\u00a0", max_size=40))
def test_whatever_looks_like_a_number_is_one_or_none(text: str) -> None:
    assert isinstance(read_number(text), float)
