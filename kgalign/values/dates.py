"""Dates as ISO 8601 and XML Schema write them, and with one digit where two belong."""

import datetime
import re

_DATE = re.compile(r"^\s*(-?\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?|(\d{2})(?:(\d{2}))?)?(?!\d)")
_LOOKED_AT = 32


def read_date(text: str) -> float:
    """Day, month and year as one number yyyymmdd, zeros where a part is missing; NaN where there is no date.

    >>> read_date("1961-2-2"), read_date("19610202"), read_date("1961")
    (19610202.0, 19610202.0, 19610000.0)
    """
    found = _DATE.match(text[:_LOOKED_AT])
    if not found:
        return float("nan")
    year, month, day = (int(part or 0) for part in (found[1], found[2] or found[4], found[3] or found[5]))
    return float(year * 10_000 + month * 100 + day) if month <= 12 and day <= 31 else float("nan")


def day_number(date: float) -> int | None:
    """Days since the first of January of year 1; None where a date has no day, or no such day exists."""
    if date != date or date < 0:
        return None
    year, month, day = int(date) // 10_000, int(date) // 100 % 100, int(date) % 100
    try:
        return datetime.date(year, month, day).toordinal()
    except ValueError:
        return None
