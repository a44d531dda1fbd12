"""Dates as ISO 8601 and XML Schema write them, and with one digit where two belong."""

import calendar
import datetime
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles

_DAY = re.compile(
    r"\s*(?:(1\d{3}|20\d\d)(\d\d)(\d\d)(?!\d)"
    r"|(-?\d{4,})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?!\d|:\d))"
)
_CLOCK = re.compile(r"[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?)?(?!\d)")
_ZONE = re.compile(r" ?(?:Z|UTC|GMT|([-+])(\d\d)(?::?(\d\d))?)(?!\w)")
_ZONE_OF_DAY = re.compile(r"(?:Z|([-+])(\d\d):(\d\d))(?!\w)")
_YEAR = re.compile(r"(?:1\d|20)\d\d")
_LOOKED_AT = 48
_FARTHEST = 14 * 60
"""Minutes that a zone lies from UTC at most (XML Schema 1.1 part 2, section 3.3.7)."""


@dataclass(frozen=True, slots=True)
class Date:
    """A date as it is written, as far as it goes, in the Gregorian calendar, also before there was one."""

    year: int
    """0 is the year before year 1 (XML Schema 1.1 part 2, appendix D.3.2)."""
    month: int = 0
    """0 where it is not given."""
    day: int = 0
    """0 where it is not given."""
    second: int | None = None
    """Of the day, 0 to 86,400; None where no time is given. Parts of a second are left out."""
    zone: int | None = None
    """Minutes that its place is ahead of UTC; None where that is not given."""
    written: str = ""
    """How it is written."""

    @property
    def number(self) -> float:
        """``yyyymmdd``, zeros where a part is missing: months and days count up, also before year 0.

        A day that its month doesn't have still tells of its year. NaN where there is no such month, or no
        month has such a day.
        """
        known = self.month <= 12 and self.day <= 31
        return float(self.year * 10_000 + self.month * 100 + self.day) if known else math.nan

    @property
    def exists(self) -> bool:
        """Whether there was such a day, month or year."""
        if not 1 <= self.month <= 12:
            return not self.month and not self.day
        # Python counts no days before year 1: any year with as many will do.
        return self.day <= calendar.monthrange(2000 if calendar.isleap(self.year) else 2001, self.month)[1]


def find_date(text: str, *, long_years: bool = False) -> Date | None:
    """The date that a text begins with, be there such a day or not; None where it begins with none.

    :param long_years: whether a year may have more than four digits, as where a datatype says that it is one.

    >>> find_date("1961-2-2T10:30Z").second, find_date("1961-00-00").number, find_date("1961-02-30").exists
    (37800, 19610000.0, False)
    """
    head = text[:_LOOKED_AT]
    found = _DAY.match(head)
    if not found:
        return None
    year, month, day = found[1] or found[4], int(found[2] or found[5] or 0), int(found[3] or found[6] or 0)
    if len(year.lstrip("-")) > 4 and not long_years:
        return None
    second, end = _time(head, found.end()) if day else (None, found.end())
    zone, end = _zone(head, end, _ZONE_OF_DAY if second is None else _ZONE)
    return Date(int(year), month, day, second, zone, head[:end].strip())


def _time(head: str, at: int) -> tuple[int | None, int]:
    """The second of the day that is written at a place, and where it ends; midnight may be 24:00 too."""
    found = _CLOCK.match(head, at)
    if not found:
        return None, at
    hour, minute, second = (int(part or 0) for part in found.groups())
    of_day = hour * 3600 + minute * 60 + second
    # A second that was put in is the first of the next minute.
    fits = minute < 60 and second <= 60 and of_day <= 86_400
    return (of_day, found.end()) if fits else (None, at)


def _zone(head: str, at: int, pattern: re.Pattern[str]) -> tuple[int | None, int]:
    """The minutes from UTC that are written at a place, and where they end."""
    found = pattern.match(head, at)
    if not found:
        return None, at
    minutes = int(found[2] or 0) * 60 + int(found[3] or 0)
    if minutes > _FARTHEST:
        return None, at
    return (-minutes if found[1] == "-" else minutes), found.end()


def read_date(text: str) -> float:
    """Day, month and year that a text begins with, as :attr:`Date.number`; NaN where there is no date.

    >>> read_date("1961-2-2"), read_date("19610202"), read_date("1961")
    (19610202.0, 19610202.0, 19610000.0)
    """
    found = find_date(text)
    return found.number if found else math.nan


def read_dates(texts: Iterable[str]) -> Doubles:
    """(n,) the dates that texts are, as :attr:`Date.number`; NaN for what is more than a date or none."""
    return np.array([read_date(text) if is_date(text) else np.nan for text in texts], dtype=np.float64)


def is_date(text: str) -> bool:
    """Whether a text is written as a date and nothing else, white space around it aside.

    >>> is_date("1961-02-02T10:00:00+01:00"), is_date("1961"), is_date("1961-1965"), is_date("1961 BC")
    (True, True, False, False)
    """
    found = find_date(text)
    return found is not None and found.written == text.strip()


def is_digits_date(text: str) -> bool:
    """Whether a text is a date in digits alone, which may be meant for a number: ``1961`` or ``19610202``."""
    if len(text) == 4:
        return bool(_YEAR.fullmatch(text))
    found = find_date(text) if len(text) == 8 and text.isdigit() else None
    return found is not None and found.month > 0 and found.day > 0 and not math.isnan(found.number)


def day_number(date: float) -> int | None:
    """Days since the first of January of year 1; None where a date has no day, or no such day exists."""
    if date != date or date < 0:
        return None
    year, month, day = int(date) // 10_000, int(date) // 100 % 100, int(date) % 100
    try:
        return datetime.date(year, month, day).toordinal()
    except ValueError:
        return None
