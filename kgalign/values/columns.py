"""Values as nearly everybody writes them, read in columns: whole numbers, decimals, days, years, ASCII texts.

What each function reads, it reads as :mod:`kgalign.values.numbers` and :mod:`kgalign.values.dates` do, value
by value; what it leaves is for them.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Doubles, Flags, Positions

_EPOCH = 719163
"""Days from 0001-01-01, which is day 1, to 1970-01-01."""


@dataclass(frozen=True, slots=True)
class Found:
    """The values that were read."""

    rows: Positions
    """(k,) their places."""
    key: pa.LargeStringArray
    number: Doubles
    grain: Doubles
    """(k,) NaN for dates: what they span is said by their length."""


def whole_numbers(texts: pa.LargeStringArray) -> Found:
    """Whole numbers of up to fifteen digits without leading zeros."""
    rows = _matching(texts, r"^(?:-?[1-9][0-9]{0,14}|0)$")
    found = texts.take(pa.array(rows))
    return Found(rows, found, found.cast(pa.float64()).to_numpy(zero_copy_only=False), np.ones(len(rows)))


def decimals(texts: pa.LargeStringArray) -> Found:
    """Numbers with up to eight digits behind the point."""
    rows = _matching(texts, r"^-?(?:0|[1-9][0-9]{0,8})\.[0-9]{1,8}$")
    found = texts.take(pa.array(rows))
    behind = _lengths(found) - pc.find_substring(found, ".").to_numpy(zero_copy_only=False) - 1
    key = pc.utf8_rtrim(pc.utf8_rtrim(found, "0"), ".")
    key = pc.if_else(pc.equal(key, "-0"), "0", key)
    whole = ~_flags(pc.match_substring(key, "."))
    units = np.array([10.0**-digits for digits in range(9)])
    grain = np.where(whole, 1.0, units[behind])
    return Found(rows, key, found.cast(pa.float64()).to_numpy(zero_copy_only=False), grain)


def days(texts: pa.LargeStringArray) -> Found:
    """Dates from year 1 on, as days since 0001-01-01, which is 1."""
    rows = _matching(texts, r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$")
    found = texts.take(pa.array(rows))
    year, month, day = (
        pc.utf8_slice_codeunits(found, low, high).cast(pa.int64()).to_numpy(zero_copy_only=False)
        for low, high in ((0, 4), (5, 7), (8, 10))
    )
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[month - 1] + (leap & (month == 2))
    there = (year >= 1) & (day <= last)
    rows, found = rows[there], found.take(pa.array(np.flatnonzero(there)))
    return Found(rows, found, _ordinals(year[there], month[there], day[there]), np.full(len(rows), np.nan))


def years_of(texts: pa.LargeStringArray) -> Found:
    """Bare years from 1 to 9999, as their first days since 0001-01-01, which is 1."""
    rows = _matching(texts, r"^[0-9]{4}$")
    year = texts.take(pa.array(rows)).cast(pa.int64()).to_numpy(zero_copy_only=False)
    rows, year = rows[year >= 1], year[year >= 1]
    ones = np.ones(len(year), np.int64)
    return Found(rows, texts.take(pa.array(rows)), _ordinals(year, ones, ones), np.full(len(rows), np.nan))


def not_numbers(texts: pa.LargeStringArray) -> Flags:
    """(n,) texts that are no number, no date and no truth value by how they begin."""
    begins = _flags(pc.match_substring_regex(texts, r"^(?:[!-*,/:-~]|\pL)"))
    return begins & ~_flags(pc.match_substring_regex(texts, r"^(?i:true|false)"))


def plain_keys(texts: pa.LargeStringArray) -> tuple[Flags, pa.LargeStringArray]:
    """Texts of printable ASCII, and their keys: no capitals, single spaces, none at the ends."""
    easy = _flags(pc.match_substring_regex(texts, r"^[ -~]*$"))
    found = texts.take(pa.array(np.flatnonzero(easy)))
    single = pc.replace_substring_regex(pc.ascii_lower(found), "  +", " ")
    return easy, pc.utf8_trim(single, " ")


def _ordinals(year: Positions, month: Positions, day: Positions) -> Doubles:
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    return np.asarray(first + day - 1 + _EPOCH, np.float64)


def _matching(texts: pa.LargeStringArray, pattern: str) -> Positions:
    return np.flatnonzero(_flags(pc.match_substring_regex(texts, pattern)))


def _flags(column: pa.BooleanArray) -> Flags:
    return np.asarray(column.to_numpy(zero_copy_only=False), bool)


def _lengths(texts: pa.LargeStringArray) -> Positions:
    return np.asarray(pc.utf8_length(texts).to_numpy(zero_copy_only=False), np.int64)
