"""Kinds of values: what the values of an attribute are, told from datatypes and from samples."""

import re
from collections.abc import Sequence

from kgalign.records import ValueKind

XSD = "http://www.w3.org/2001/XMLSchema#"
_NUMERIC = frozenset(
    XSD + name
    for name in (
        "integer int long short byte decimal double float nonNegativeInteger positiveInteger "
        "negativeInteger nonPositiveInteger unsignedInt unsignedLong unsignedShort unsignedByte"
    ).split()
)
_DATES = frozenset(XSD + name for name in "date dateTime dateTimeStamp gYear gYearMonth".split())
NUMBER = re.compile(r"^\s*[-+]?(\d{1,3}([, ]\d{3})+|\d+)?([.,]\d+)?([eE][-+]?\d+)?\s*$")
DATE = re.compile(r"^\s*-?\d{4}(-\d{1,2}(-\d{1,2}([T ][\d:.]+.*)?)?)?(Z|[-+]\d\d:\d\d)?\s*$")
_COMPACT_DATE = re.compile(r"^\s*(1[0-9]|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\s*$")
_YEAR = re.compile(r"^\s*(1[0-9]|20)\d\d\s*$")
_LINK = re.compile(r"^\s*(https?://|mailto:|www\.)\S+\s*$")
_MOST = 0.9


def kind_of(values: Sequence[str], datatypes: Sequence[str], distinct_share: float) -> ValueKind:
    """The kind of an attribute, from a sample of its values and their datatypes.

    :param values: lexical forms of a sample.
    :param datatypes: datatype IRIs of the sample, empty for plain strings.
    :param distinct_share: distinct values over facts, of the whole attribute.
    """
    by_type = _by_datatype(datatypes)
    if by_type is not None:
        return by_type
    filled = [value for value in values if value.strip()]
    if not filled:
        return ValueKind.NAME

    def share(pattern: re.Pattern[str]) -> float:
        return sum(bool(pattern.match(value)) for value in filled) / len(filled)

    if share(_LINK) >= _MOST:
        return ValueKind.LINK
    if share(_COMPACT_DATE) >= _MOST or (share(_YEAR) >= _MOST and _are_years(filled)):
        return ValueKind.DATE
    if share(DATE) >= _MOST and share(NUMBER) < _MOST:
        return ValueKind.DATE
    digits = [any(c.isdigit() for c in value) for value in filled]
    if share(NUMBER) >= _MOST and sum(digits) >= _MOST * len(filled):
        return ValueKind.CODE if _are_serials(filled, distinct_share) else ValueKind.NUMBER
    words = sum(len(value.split()) for value in filled) / len(filled)
    if words <= 2.5 and sum(digits) >= 0.8 * len(filled):
        return ValueKind.CODE
    return ValueKind.TEXT if words > 12 else ValueKind.NAME


def _by_datatype(datatypes: Sequence[str]) -> ValueKind | None:
    total = len(datatypes)
    if not total:
        return None
    if sum(d in _NUMERIC for d in datatypes) >= _MOST * total:
        return ValueKind.NUMBER
    if sum(d in _DATES for d in datatypes) >= _MOST * total:
        return ValueKind.DATE
    if sum(d == XSD + "boolean" for d in datatypes) >= _MOST * total:
        return ValueKind.BOOLEAN
    if sum(d == XSD + "anyURI" for d in datatypes) >= _MOST * total:
        return ValueKind.LINK
    return None


def _are_years(values: Sequence[str]) -> bool:
    """Four digits are years where nearly all of them lie within three centuries."""
    numbers = sorted(int(value) for value in values if _YEAR.match(value))
    cut = len(numbers) // 40
    return numbers[-1 - cut] - numbers[cut] <= 300


def _are_serials(values: Sequence[str], distinct_share: float) -> bool:
    """Digits that number things rather than measure them: leading zeros, or many long unique ones."""
    whole = [value.strip() for value in values]
    if any(not value.isdigit() for value in whole):
        return False
    if sum(value.startswith("0") and len(value) > 2 for value in whole) >= 0.02 * len(whole):
        return True
    lengths = {len(value) for value in whole}
    return distinct_share >= 0.95 and min(lengths) >= 5 and len(lengths) <= 2
