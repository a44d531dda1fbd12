"""Kinds of values: what the values of an attribute are, told from datatypes and from samples."""

import re
from collections.abc import Sequence

from kgalign.naming import are_serials
from kgalign.rdf.vocabulary import XSD
from kgalign.records import ValueKind

CUT = 1000
"""Characters of a value that are looked at: enough to tell a text from a name."""
_NUMERIC = frozenset(
    XSD + name
    for name in (
        "integer int long short byte decimal double float nonNegativeInteger positiveInteger "
        "negativeInteger nonPositiveInteger unsignedInt unsignedLong unsignedShort unsignedByte"
    ).split()
)
_DATES = frozenset(XSD + name for name in "date dateTime dateTimeStamp gYear gYearMonth".split())
_NUMBER = re.compile(r"^[-+]?(\d{1,3}([, ]\d{3})+|\d+)?([.,]\d+)?([eE][-+]?\d+)?$")
_DATE = re.compile(r"^-?\d{4}(-\d{1,2}(-\d{1,2}([T ][\d:.]+.*)?)?)?(Z|[-+]\d\d:\d\d)?$")
_COMPACT_DATE = re.compile(r"^(1[0-9]|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$")
_YEAR = re.compile(r"^(1[0-9]|20)\d\d$")
_BOOLEAN = re.compile(r"^(true|false)$", re.IGNORECASE)
_LINK = re.compile(r"^(https?://|mailto:|www\.)\S+$")
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
    filled = [value.strip() for value in values if value.strip()]
    if not filled:
        return ValueKind.NAME

    def share(pattern: re.Pattern[str]) -> float:
        return sum(bool(pattern.match(value)) for value in filled) / len(filled)

    if share(_LINK) >= _MOST:
        return ValueKind.LINK
    if share(_BOOLEAN) >= _MOST:
        return ValueKind.BOOLEAN
    if share(_COMPACT_DATE) >= _MOST or (share(_YEAR) >= _MOST and _are_years(filled)):
        return ValueKind.DATE
    if share(_DATE) >= _MOST and share(_NUMBER) < _MOST:
        return ValueKind.DATE
    digits = [any(c.isdigit() for c in value) for value in filled]
    if share(_NUMBER) >= _MOST and sum(digits) >= _MOST * len(filled):
        return ValueKind.CODE if are_serials(filled, distinct_share) else ValueKind.NUMBER
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
