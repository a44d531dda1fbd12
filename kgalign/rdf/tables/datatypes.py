"""What a cell says as a value of a datatype: the names and formats of CSVW's metadata vocabulary.

Method: Metadata Vocabulary for Tabular Data, section 5.11.2, and Model for Tabular Data, section 6.4; formats
of dates are those that the latter lists, in any order of their parts.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from kgalign.rdf.vocabulary import RDF, XSD, XSD_STRING

_OTHER_NAMES = {
    "number": XSD + "double",
    "binary": XSD + "base64Binary",
    "datetime": XSD + "dateTime",
    "any": XSD + "anyAtomicType",
    "xml": RDF + "XMLLiteral",
    "html": RDF + "HTML",
    "json": "http://www.w3.org/ns/csvw#JSON",
}
_XSD_NAMES = frozenset(
    "anyAtomicType anyURI base64Binary boolean date dateTime dateTimeStamp decimal integer long int short "
    "byte nonNegativeInteger positiveInteger unsignedLong unsignedInt unsignedShort unsignedByte "
    "nonPositiveInteger negativeInteger double duration dayTimeDuration yearMonthDuration float gDay "
    "gMonth gMonthDay gYear gYearMonth hexBinary QName string normalizedString token language Name NMTOKEN "
    "time".split()
)
_INTEGERS = frozenset(
    "integer long int short byte nonNegativeInteger positiveInteger unsignedLong unsignedInt unsignedShort "
    "unsignedByte nonPositiveInteger negativeInteger".split()
)
_ZONE = r"(?:Z|[+-]\d\d:\d\d)?"
_DATE, _TIME = r"-?\d{4,}-\d\d-\d\d", r"\d\d:\d\d:\d\d(?:\.\d+)?"
_FORMS = {
    "decimal": r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)",
    "double": r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|-?INF|NaN",
    "date": _DATE + _ZONE,
    "time": _TIME + _ZONE,
    "dateTime": f"{_DATE}T{_TIME}{_ZONE}",
    "gYear": rf"-?\d{{4,}}{_ZONE}",
    "gYearMonth": rf"-?\d{{4,}}-\d\d{_ZONE}",
} | dict.fromkeys(_INTEGERS, r"[+-]?\d+")
_FORMS |= {"float": _FORMS["double"], "dateTimeStamp": _FORMS["dateTime"]}
_PARTS = {
    "yyyy": r"(?P<y>\d{4})",
    "MM": r"(?P<m>\d\d)",
    "M": r"(?P<m>\d\d?)",
    "dd": r"(?P<d>\d\d)",
    "d": r"(?P<d>\d\d?)",
    "HH": r"(?P<H>\d\d)",
    "mm": r"(?P<M>\d\d)",
    "ss": r"(?P<S>\d\d)",
}
_TOKEN = re.compile(r"yyyy|MM?|dd?|HH|mm|ss|\.S+|[Xx]{1,3}|[-/.:T ]")
_TEMPORAL = frozenset({"date", "time", "dateTime", "dateTimeStamp"})
_NUMERIC = _INTEGERS | {"decimal", "double", "float"}


@dataclass(frozen=True, slots=True)
class Datatype:
    """A datatype, and how its values are written in the cells of a column."""

    iri: str = XSD_STRING
    lexical: Callable[[str], str | None] = str
    """The lexical form of what a cell holds, None where it is no value of the type."""


def datatype_of(name: str) -> Datatype | None:
    """The datatype that CSVW calls so, None where there is none of that name."""
    iri = _OTHER_NAMES.get(name) or (XSD + name if name in _XSD_NAMES else None)
    if iri == XSD + "boolean":
        return Datatype(iri, {"true": "true", "false": "false", "1": "true", "0": "false"}.get)
    return Datatype(iri, _by_form(_FORMS.get(iri.removeprefix(XSD)))) if iri else None


def formatted(datatype: Datatype, format: object) -> Datatype | None:
    """A datatype whose values are written in a format, None where that is not understood.

    :param format: of dates and times a pattern such as ``M/d/yyyy``, of truth values ``Y|N``, of numbers a
        dictionary with ``decimalChar`` and ``groupChar``.
    """
    base = datatype.iri.removeprefix(XSD)
    read: Callable[[str], str | None] | None = None
    if base in _TEMPORAL and isinstance(format, str):
        read = _by_pattern(format, base)
    elif base == "boolean" and isinstance(format, str):
        yes, bar, no = format.partition("|")
        read = {yes: "true", no: "false"}.get if bar and yes and no else None
    elif base in _NUMERIC and isinstance(format, dict) and not format.keys() - {"decimalChar", "groupChar"}:
        read = _by_marks(format, _FORMS[base])
    return Datatype(datatype.iri, read) if read else None


def _by_form(form: str | None) -> Callable[[str], str | None]:
    if form is None:
        return str
    pattern = re.compile(form, re.A)
    return lambda text: text if pattern.fullmatch(text) else None


def _by_marks(format: dict[str, Any], form: str) -> Callable[[str], str | None] | None:
    point, group = format.get("decimalChar", "."), format.get("groupChar", ",")
    if not (isinstance(point, str) and isinstance(group, str) and len(point) == len(group) == 1):
        return None
    pattern = re.compile(form, re.A)

    def read(text: str) -> str | None:
        plain = text.replace(group, "").replace(point, ".")
        return plain if pattern.fullmatch(plain) else None

    return read


def _by_pattern(format: str, base: str) -> Callable[[str], str | None] | None:
    """Reads dates and times that are written by a pattern; None where that is not understood."""
    form, place = "", 0
    for token in _TOKEN.finditer(format):
        if token.start() != place:
            return None
        part, place = token[0], token.end()
        if part.startswith(".S"):
            form += r"(?P<f>\.\d+)?"
        elif part[0] in "Xx":
            form += r"(?P<z>Z|[+-]\d\d(?::?\d\d)?)?"
        else:
            form += _PARTS.get(part) or re.escape(part)
    names = [*re.findall(r"\?P<(\w)>", form)]
    wanted = {*("ymd" if base != "time" else ""), *("HM" if base != "date" else "")}
    if place != len(format) or len(set(names)) < len(names) or not wanted <= set(names):
        return None
    pattern = re.compile(form, re.A)

    def read(text: str) -> str | None:
        found = pattern.fullmatch(text)
        return _spelt(found.groupdict(default=""), base) if found else None

    return read


def _spelt(parts: dict[str, str], base: str) -> str | None:
    """The lexical form of a date or time that was taken apart; None where there is no such day or hour."""
    day = hour = ""
    if base != "time":
        try:
            day = date(int(parts["y"]), int(parts["m"]), int(parts["d"])).isoformat()
        except ValueError:
            return None
    if base != "date":
        seconds = parts.get("S") or "00"
        if int(parts["H"]) > 23 or int(parts["M"]) > 59 or int(seconds) > 59:
            return None
        hour = f"{parts['H']}:{parts['M']}:{seconds}{parts.get('f', '')}"
    zone = parts.get("z", "")
    if zone and zone != "Z":
        zone = f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
    return f"{day}{'T' if day and hour else ''}{hour}{zone}"
