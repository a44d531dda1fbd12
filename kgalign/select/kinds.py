"""Kinds of values: what the values of an attribute are, told from datatypes and from samples."""

import re
from collections.abc import Callable, Sequence

from kgalign.rdf.vocabulary import XSD
from kgalign.values import (
    DATES,
    NUMERIC,
    are_amounts,
    are_serials,
    are_short,
    has_digit,
    is_amount,
    is_date,
    is_digits_date,
    is_number,
)
from kgalign.values.kinds import ValueKind

CUT = 1000
"""Characters of a value that are looked at: enough to tell a text from a name."""
_BOOLEAN = re.compile(r"^(true|false)$", re.IGNORECASE)
_LINK = re.compile(r"^(https?://|mailto:|www\.)\S+$")
MOST = 0.9
"""Share of values that make the kind."""
_LONG = 12
"""Words from which on a value is a text."""
_NUMBERED = 0.8
"""Share of short values with digits from which they are codes."""


def kind_of(values: Sequence[str], datatypes: Sequence[str], distinct_share: float) -> ValueKind:
    """The kind of an attribute, from a sample of its values and their datatypes.

    :param values: lexical forms of a sample.
    :param datatypes: datatype IRIs of the sample, empty for plain strings.
    :param distinct_share: distinct values over facts, of the whole attribute.
    """
    by_type = _by_datatype(datatypes)
    if by_type is not None:
        return by_type
    filled = [value.strip() for value in values if value.strip()]
    if not filled:
        return ValueKind.NAME

    def mostly(test: Callable[[str], object], least: float = MOST) -> bool:
        return sum(bool(test(value)) for value in filled) >= least * len(filled)

    if mostly(_LINK.match):
        return ValueKind.LINK
    if mostly(_BOOLEAN.match):
        return ValueKind.BOOLEAN
    if mostly(is_number):
        if mostly(is_digits_date) and _are_of_one_time(filled):
            return ValueKind.DATE
        return ValueKind.CODE if are_serials(filled, distinct_share) else ValueKind.NUMBER
    if mostly(is_date):
        return ValueKind.DATE
    amounts = [value for value in filled if is_amount(value)]
    if len(amounts) >= MOST * len(filled) and are_amounts(amounts):
        return ValueKind.NUMBER
    if are_short(filled) and mostly(has_digit, _NUMBERED):
        return ValueKind.CODE
    words = sum(len(value.split()) for value in filled) / len(filled)
    return ValueKind.TEXT if words > _LONG else ValueKind.NAME


def _by_datatype(datatypes: Sequence[str]) -> ValueKind | None:
    total = len(datatypes)
    if not total:
        return None
    if sum(d in NUMERIC for d in datatypes) >= MOST * total:
        return ValueKind.NUMBER
    if sum(d in DATES for d in datatypes) >= MOST * total:
        return ValueKind.DATE
    if sum(d == XSD + "boolean" for d in datatypes) >= MOST * total:
        return ValueKind.BOOLEAN
    if sum(d == XSD + "anyURI" for d in datatypes) >= MOST * total:
        return ValueKind.LINK
    return None


def _are_of_one_time(values: Sequence[str]) -> bool:
    """Four digits are years where nearly all of them lie within three centuries."""
    numbers = sorted(int(value) for value in values if len(value) == 4 and is_digits_date(value))
    cut = len(numbers) // 40
    return not numbers or numbers[-1 - cut] - numbers[cut] <= 300
