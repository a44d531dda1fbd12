"""Numbers as people and programs write them."""

import math
import re

_GROUPED = r"[-+]?\d{1,3}(?:([ \u00a0\u202f'’.,])\d{3})(?:\1\d{3})*(?!\d)(?:[.,]\d+)?"
_PLAIN = r"[-+]?(?:\d+(?:[.,]\d+)?|(?<!\w)\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER = re.compile(f"{_GROUPED}|{_PLAIN}")
_PART = re.compile(r"[.,]")
_SPACE = re.compile(r"[ \u00a0\u202f'’]")
_LONE = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
_LOOKED_AT = 64


def find_number(text: str) -> tuple[float, str] | None:
    """The first number in a text, in English or continental writing, and how it is written there.

    Of a point and a comma the last one parts the decimals. A lone comma before three digits parts
    thousands (``1,234``), unless nothing but a zero stands before it; a lone point never does.
    """
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
