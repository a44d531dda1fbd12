"""Numbers and dates as people and programs write them."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.values import (
    are_amounts,
    day_number,
    exact_number,
    find_date,
    is_amount,
    is_date,
    is_digits_date,
    is_number,
    read_date,
    read_dates,
    read_number,
    read_numbers,
)


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
        ("1.234E5", 123400),
        ("12.345e-3 m", 0.012345),
        ("1,234.5E2", 123450),
        ("about 120 min", 120),
        ("$12.99", 12.99),
    ],
)
def test_numbers_are_read(text: str, number: float) -> None:
    assert read_number(text) == pytest.approx(number)


def test_what_holds_no_number_is_none() -> None:
    assert math.isnan(read_number("none"))
    assert math.isnan(read_number(""))


@given(st.decimals(-1_000_000, 1_000_000, places=3))
def test_what_python_writes_is_read_back(number: Decimal) -> None:
    assert read_number(str(number)) == pytest.approx(float(number))


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["{!r}", "{:.3E}", "{:.17g}"]))
def test_doubles_are_read_as_they_are_written(number: float, form: str) -> None:
    text = form.format(number)
    assert read_number(text) == float(text)
    assert is_number(text)
    exact = exact_number(text)
    assert exact is None or float(exact) == float(text)


@given(st.decimals(-(10**12), 10**12, places=2), st.sampled_from([",.", ".,", " .", " ,", "’.", "\u00a0,"]))
def test_thousands_are_parted_as_people_part_them(number: Decimal, marks: str) -> None:
    written = f"{number:,}".translate(str.maketrans(",.", marks))
    assert read_number(written) == pytest.approx(float(number))
    assert is_number(written)


@pytest.mark.parametrize(
    ("text", "value", "bare"),
    [
        ("1,234", 1234, True),
        ("1.234", 1.234, True),
        ("1.234.567,8", 1234567.8, True),
        ("1 234 567", 1234567, True),
        ("0,5", 0.5, True),
        ("-3.5E2", -350, True),
        ("1.234E5", 123400, True),
        (".5", 0.5, True),
        ("5.", 5, True),
        (" 5 ", 5, True),
        ("007", 7, True),
        ("about 120 min", 120, False),
        ("1.2.3", 1.2, False),
        ("none", math.nan, False),
        ("", math.nan, False),
        ("1e999", math.nan, False),
        ("9" * 400, math.nan, False),
    ],
)
def test_columns_of_numbers_say_what_is_nothing_else(text: str, value: float, bare: bool) -> None:
    found, alone = read_numbers([text])
    assert found.tolist() == pytest.approx([value], nan_ok=True)
    assert alone.tolist() == [bare]


@pytest.mark.parametrize("text", ["12", "-1.234,5", "12 km", "50%", "50 %", "1,234 kg", "3.5 m²"])
def test_amounts_are_numbers_with_a_unit(text: str) -> None:
    assert is_amount(text)


@pytest.mark.parametrize(
    "text", ["12 Main Street", "A 12", "19:30", "12-3", "km", "", "12 34 5", "1961-02-02"]
)
def test_what_measures_nothing_is_no_amount(text: str) -> None:
    assert not is_amount(text)


def test_amounts_have_few_units() -> None:
    assert are_amounts(["12 km", "3 km", "7"])
    assert are_amounts([f"{each} {unit}" for unit in ("g", "kg", "t", "mg") for each in range(20)])
    assert not are_amounts(["12 km", "3 mi", "7 m"])
    assert not are_amounts(["12 km", "far"])


@pytest.mark.parametrize(
    "text", ["1_000", "inf", "NaN", "1,5", " 1", "1e999999", "1e9999999999999999999", "٠x", "."]
)
def test_exact_numbers_are_written_as_programs_write_them(text: str) -> None:
    assert exact_number(text) is None


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1961-02-02", 19610202),
        ("1961-2-2", 19610202),
        ("19610202", 19610202),
        ("1961-02", 19610200),
        ("1961", 19610000),
        ("1961-00-00", 19610000),
        ("1961-02-02T10:00:00Z", 19610202),
        ("1961-02-31", 19610231),
        ("1961 or later", 19610000),
        ("-0043-03-15", -430000 + 315),
    ],
)
def test_dates_are_read(text: str, date: int) -> None:
    assert read_date(text) == date


@pytest.mark.parametrize(
    "text", ["1961-13-01", "196", "spring", "1961-02-40", "123456789", "111901.15", "12345"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert math.isnan(read_date(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2001-02-03", 20010203),
        ("2001-02-03T04:05:06Z", 20010203),
        ("2001-02-03 04:05:06.5 UTC", 20010203),
        ("20010203T040506+0100", 20010203),
        ("2001-02-03+01:00", 20010203),
        ("2001-05:00", 20010000),
        ("2001-02", 20010200),
        ("2001-2-3", 20010203),
        ("2001", 20010000),
        (" 2001 ", 20010000),
        ("20010203", 20010203),
        ("-0044-03-15", -440000 + 315),
        ("2001-2005", math.nan),
        ("2001-02-03T25:00", math.nan),
        ("2001-02-03+15:00", math.nan),
        ("2001-13-01", math.nan),
        ("2001 or later", math.nan),
        ("no date", math.nan),
    ],
)
def test_columns_of_dates_hold_what_is_nothing_else(text: str, value: float) -> None:
    assert read_dates([text]).tolist() == pytest.approx([value], nan_ok=True)


def test_a_date_knows_whether_there_was_such_a_day() -> None:
    there = "2000-02-29 1900-02-28 -0004-02-29 1961 1961-00-00 1961-05-00".split()
    never = "1900-02-29 1961-00-05 1961-13".split()
    found = [find_date(text) for text in [*there, *never]]
    assert [each is not None and each.exists for each in found] == [True] * 6 + [False] * 3


@pytest.mark.parametrize(
    ("text", "second", "zone"),
    [
        ("2001-02-03T04:05:06", 14706, None),
        ("2001-02-03T24:00:00Z", 86_400, 0),
        ("2001-02-03 04:05-03:30", 14700, -210),
        ("2001-02-03T04:05:06.75+01", 14706, 60),
        ("2001-02-03+01:00", None, 60),
        ("2001-02-03T24:30", None, None),
    ],
)
def test_times_and_zones_are_read(text: str, second: int | None, zone: int | None) -> None:
    found = find_date(text)
    assert found is not None
    assert (found.second, found.zone) == (second, zone)


def test_years_of_many_digits_are_dates_where_a_datatype_says_so() -> None:
    assert find_date("12345-01-01") is None
    found = find_date("12345-01-01", long_years=True)
    assert found is not None
    assert (found.year, found.month) == (12345, 1)
    compact = find_date("19610202", long_years=True)
    assert compact is not None
    assert compact.year == 1961


@pytest.mark.parametrize(
    ("text", "is_one"), [("1961", True), ("20010203", True), ("2500", False), ("19611302", False)]
)
def test_digits_alone_may_be_a_date(text: str, is_one: bool) -> None:
    assert is_digits_date(text) is is_one


@given(st.dates())
def test_days_are_counted_as_python_counts_them(day: datetime.date) -> None:
    assert day_number(read_date(day.isoformat())) == day.toordinal()
    assert day_number(read_date(f"{day.year:04d}")) is None


@given(
    st.datetimes(timezones=st.none() | st.just(datetime.UTC)), st.sampled_from(["auto", "seconds", "minutes"])
)
def test_moments_are_read_as_python_writes_them(moment: datetime.datetime, exact: str) -> None:
    text = moment.isoformat(timespec=exact)
    found = find_date(text)
    assert found is not None
    assert is_date(text)
    assert found.exists
    seconds = moment.hour * 3600 + moment.minute * 60 + (0 if exact == "minutes" else moment.second)
    assert (found.second, found.zone) == (seconds, 0 if moment.tzinfo else None)


@given(st.text(alphabet="0123456789.,' -+eE\u00a0", max_size=80) | st.text(max_size=40))
def test_any_text_is_read(text: str) -> None:
    found, bare = read_numbers([text])
    assert np.isfinite(found[bare]).all()
    assert found.shape == read_dates([text]).shape == (1,)
    assert isinstance(is_amount(text), bool)
    assert isinstance(is_digits_date(text), bool)
    assert exact_number(text) is None or is_number(text)
