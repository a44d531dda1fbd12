"""Numbers as people and programs write them."""

import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

import numpy as np

from kgalign.arrays import Doubles, Flags

_EXPONENT = r"(?:[eE][-+]?\d+)?"
_GROUPED = rf"[-+]?\d{{1,3}}(?:([ \u00a0\u202f'’.,])\d{{3}})(?:\1\d{{3}})*(?!\d)(?:[.,]\d+)?{_EXPONENT}"
_PLAIN = rf"[-+]?(?:\d+(?:[.,]\d+)?|(?<!\w)\.\d+){_EXPONENT}"
_NUMBER = re.compile(f"{_GROUPED}|{_PLAIN}")
_EXACT = re.compile(rf"[-+]?(?:\d+(?:\.\d*)?|\.\d+){_EXPONENT}")
_PART = re.compile(r"[.,]")
_SPACE = re.compile(r"[ \u00a0\u202f'’]")
_LONE = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
_UNIT = re.compile(r" ?%| [^\W\d]\S*")
_LOOKED_AT = 64
_UNITS = 2
"""Units, none among them, that few values may have."""
_SHARE_OF_UNITS = 0.05
"""Units that many values may have, as a share of them."""
_MOST_DIGITS = 300
"""A double holds numbers of fewer digits before or behind the point, whatever they are."""


def find_number(text: str) -> tuple[float, str] | None:
    """The first number in a text, in English or continental writing, and how it is written there.

    Of a point and a comma the last one parts the decimals. A lone comma before three digits parts
    thousands (``1,234``), unless nothing but a zero stands before it; a lone point never does.
    """
    if _EXACT.fullmatch(text):
        return float(text), text
    found = _NUMBER.search(text[:_LOOKED_AT])
    if not found:
        return None
    digits = _SPACE.sub("", found.group())
    marks = _PART.findall(digits)
    thousands = marks[0] if len(marks) > 1 or _LONE.fullmatch(digits) else ""
    if thousands:
        digits = digits.replace(thousands, "")
    return float(digits.replace(",", ".")), found.group()


def read_number(text: str) -> float:
    """The first number in a text; NaN where it has none.

    >>> read_number(".5"), read_number("1.234,5 km"), read_number("No.5")
    (0.5, 1234.5, 5.0)
    """
    found = find_number(text)
    return found[0] if found else math.nan


def read_numbers(texts: Iterable[str]) -> tuple[Doubles, Flags]:
    """(n,) the first number in each text, NaN where there is none, and (n,) whether the text is nothing else.

    What is too large for a double is no number.
    """
    listed = list(texts)
    found = np.array([read_number(text) for text in listed], dtype=np.float64)
    finite = np.isfinite(found)
    bare = finite & np.array([is_number(text) for text in listed], dtype=bool)
    return np.where(finite, found, np.nan), bare


def is_number(text: str) -> bool:
    """Whether a text is a number and nothing else, white space around it aside.

    >>> is_number("1.234,5"), is_number("1e6"), is_number("12 km"), is_number("1.2.3")
    (True, True, False, False)
    """
    bare = text.strip()
    found = find_number(bare)
    return found is not None and found[1] == bare


def unit_of(text: str) -> str | None:
    """What a number is counted in: the one word, or percent sign, behind it; None for what is no amount.

    >>> unit_of("1,234"), unit_of("12 km"), unit_of("50%"), unit_of("12 Main Street")
    ('', 'km', '%', None)
    """
    bare = text.strip()
    found = find_number(bare)
    if not found or not bare.startswith(found[1]):
        return None
    rest = bare[len(found[1]) :]
    return rest.strip() if not rest or _UNIT.fullmatch(rest) else None


def is_amount(text: str) -> bool:
    """Whether a text measures: a number alone, or with a unit of one word or a percent sign behind it."""
    return unit_of(text) is not None


def are_amounts(texts: Sequence[str]) -> bool:
    """Whether texts measure, in few units: numbers with ever another word behind them are codes or titles."""
    units = {unit_of(text) for text in texts}
    return None not in units and len(units) <= max(_UNITS, _SHARE_OF_UNITS * len(texts))


def exact_number(text: str) -> Decimal | None:
    """A number to the last digit, as programs and XML Schema write it; None for what is written otherwise.

    Neither infinite numbers nor any that a double can't hold are numbers.

    >>> exact_number("1.50"), exact_number("+2e3"), exact_number("1,5"), exact_number("1_000")
    (Decimal('1.50'), Decimal('2E+3'), None, None)
    """
    if not _EXACT.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return None
    return number if abs(number.adjusted()) < _MOST_DIGITS else None
