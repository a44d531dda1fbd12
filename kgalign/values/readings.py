"""Reading values: their kind, what they mean however they are written, and how exact they are.

``"1.0"``, ``1`` and ``"01"^^xsd:decimal`` are one number; ``2001`` and ``2001-01-01`` don't contradict each
other: the one is the other, less exactly. Texts are one where they differ in case, in composed or decomposed
characters, or in white space.
"""

import datetime
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.arrays import Doubles, Flags, Positions, among
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.rdf.columns import NO_IDS
from kgalign.rdf.graph import Ids, TermKind, Terms
from kgalign.rdf.vocabulary import XSD
from kgalign.values.codes import is_padded
from kgalign.values.columns import days, decimals, not_numbers, plain_keys, whole_numbers, years_of
from kgalign.values.datatypes import DATES, NUMERIC
from kgalign.values.dates import Date, find_date, is_digits_date
from kgalign.values.kinds import READ, ValueKind
from kgalign.values.numbers import exact_number

_MEANT = NUMERIC | DATES | {XSD + "boolean"}
"""Datatypes of values that are more than text."""

_ROWS = 1 << 16
"""Distinct terms that are read at once, on each core."""

_SPACE = re.compile(r"\s+")
_DAYS = {"year": 365.2425, "month": 30.44, "day": 1.0, "second": 1 / 86400}


@dataclass(frozen=True, slots=True)
class Reading:
    """What one value means."""

    kind: ValueKind
    key: str
    """Equal for equal values of one kind."""
    number: float = float("nan")
    """A number; days since 0001-01-01 for a date (proleptic, UTC, the start of what is given); else NaN."""
    grain: float = float("nan")
    """The unit of the last digit that is given; for a date the days that it spans."""


@dataclass(frozen=True, slots=True)
class Values:
    """Readings in columns."""

    kind: npt.NDArray[np.uint8]
    """(n,) each an index into :data:`~kgalign.values.kinds.READ`."""
    key: Ids
    """(n,) equal where value, kind and language are."""
    bare: Ids
    """(n,) equal where value and kind are."""
    number: Doubles
    grain: Doubles
    language: Ids
    """(n,) index into the terms' languages without their case, sorted; -1 for none."""

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, rows: Positions | Ids) -> "Values":
        """Some of the values."""
        columns = (self.kind, self.key, self.bare, self.number, self.grain, self.language)
        return Values(*(scratch.pick(column, rows) for column in columns))


def read_values(terms: Terms, ids: Ids, *, years: bool = False, plain: bool = True) -> Values:
    """Read terms.

    :param ids: (n,) terms to read; each distinct one is read once.
    :param years: whether digits alone may be years and days, as where the other values are dates.
    :param plain: whether a literal without a datatype may be a number, a date or a truth value.
    """
    distinct, place = among(ids, len(terms))

    def read_some(rows: slice) -> _Columns:
        columns = _Columns.of(terms, distinct[rows], rows.start)
        _read_nodes(columns)
        if not years:
            _read_usual(columns, plain)
        _read_texts(columns, plain)
        _read_others(columns, years, plain)
        return columns

    return _joined(list(in_order(read_some, slices(len(distinct), _ROWS)))).take(place)


class _Way(IntEnum):
    """How a value was read; keys are numbered in this order."""

    NODE = 0
    WHOLE = 1
    DECIMAL = 2
    DAY = 3
    YEAR = 4
    PLAIN = 5
    TEXT = 6
    ALONE = 7


@dataclass(frozen=True, slots=True)
class _Keys:
    """Keys of what was read in one way as one kind."""

    way: _Way
    kind: ValueKind
    rows: Positions
    """(k,) places among all distinct terms."""
    texts: pa.LargeStringArray
    """(k,)"""


@dataclass(slots=True)
class _Columns:
    """Some distinct terms while they are read."""

    first: int
    """The place of the first of them among all."""
    text: pa.LargeStringArray
    literal: Flags
    datatype: Ids
    language: Ids
    """(n,) index into the languages without their case, -1 for none."""
    datatypes: tuple[str, ...]
    kind: npt.NDArray[np.uint8]
    number: Doubles
    grain: Doubles
    read: Flags
    """(n,) what is read already."""
    keys: list[_Keys]

    @classmethod
    def of(cls, terms: Terms, ids: Ids, first: int) -> "_Columns":
        size = len(ids)
        tags = sorted({tag.lower() for tag in terms.languages})
        same = np.array([tags.index(tag.lower()) for tag in terms.languages] + [-1], np.int32)
        return cls(
            first=first,
            text=terms.value.take(pa.array(ids)),
            literal=terms.kind[ids] == TermKind.LITERAL,
            datatype=terms.datatype[ids],
            language=same[terms.language[ids]],
            datatypes=terms.datatypes,
            kind=np.full(size, ValueKind.NODE.code, np.uint8),
            number=np.full(size, np.nan),
            grain=np.full(size, np.nan),
            read=np.zeros(size, bool),
            keys=[],
        )

    def typed(self, names: frozenset[str], plain: bool) -> Flags:
        """(n,) untagged literals of these datatypes, or of none."""
        wanted = [name in names for name in self.datatypes] + [plain]
        found: Flags = self.literal & (self.language < 0) & np.array(wanted)[self.datatype]
        return found

    def note(self, way: _Way, kind: ValueKind, rows: Positions, keys: pa.LargeStringArray) -> None:
        self.kind[rows], self.read[rows] = kind.code, True
        self.keys.append(_Keys(way, kind, self.first + rows, keys))


def _joined(parts: Sequence[_Columns]) -> Values:
    """What was read of all distinct terms."""
    kind = np.concatenate([NO_IDS.astype(np.uint8), *(part.kind for part in parts)])
    number, grain = (
        np.concatenate([np.empty(0), *(getattr(part, name) for part in parts)])
        for name in ("number", "grain")
    )
    language = np.concatenate([NO_IDS, *(part.language for part in parts)])
    notes = sorted((keys for part in parts for keys in part.keys), key=lambda keys: keys.way)
    code = np.zeros(len(kind), np.int64)
    for each in sorted({keys.kind for keys in notes}):
        mine = [keys for keys in notes if keys.kind == each]
        texts = scratch.gather_texts(keys.texts for keys in mine)
        codes = texts.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        code[np.concatenate([keys.rows for keys in mine])] = codes
    bare = code * len(READ) + kind
    tagged = bare * (int(language.max(initial=-1)) + 2) + language + 1
    return Values(kind, _numbered(tagged), _numbered(bare), number, grain, language)


def _numbered(code: Positions) -> Ids:
    return np.unique(code, return_inverse=True)[1].astype(np.int32)


def _read_nodes(columns: _Columns) -> None:
    """Nodes are what they are: no two terms are the same."""
    rows = np.flatnonzero(~columns.literal)
    columns.note(_Way.NODE, ValueKind.NODE, rows, pa.array(columns.first + rows).cast(pa.large_string()))


def _read_usual(columns: _Columns, plain: bool) -> None:
    """Numbers and days as nearly everybody writes them."""
    rows = np.flatnonzero(columns.typed(NUMERIC, plain))
    for way, usual in ((_Way.WHOLE, whole_numbers), (_Way.DECIMAL, decimals)):
        found = usual(columns.text.take(pa.array(rows)))
        at = rows[found.rows]
        columns.number[at], columns.grain[at] = found.number, found.grain
        columns.note(way, ValueKind.NUMBER, at, found.key)
        rows = rows[~columns.read[rows]]
    rows = np.flatnonzero(columns.typed(DATES, plain=False))
    for way, found, length in (
        (_Way.DAY, days(texts := columns.text.take(pa.array(rows))), "day"),
        (_Way.YEAR, years_of(texts), "year"),
    ):
        at = rows[found.rows]
        columns.number[at], columns.grain[at] = found.number, _DAYS[length]
        columns.note(way, ValueKind.DATE, at, found.key)


def _read_texts(columns: _Columns, plain: bool) -> None:
    """Literals that can be nothing but texts."""
    text = columns.literal & ((columns.language >= 0) | ~columns.typed(_MEANT, plain))
    rows = np.flatnonzero(columns.typed(frozenset(), plain) & ~columns.read)
    text[rows] |= not_numbers(columns.text.take(pa.array(rows)))
    rows = np.flatnonzero(text & ~columns.read)
    texts = columns.text.take(pa.array(rows))
    easy, keys = plain_keys(texts)
    columns.note(_Way.PLAIN, ValueKind.TEXT, rows[easy], keys)
    hard = np.flatnonzero(~easy)
    rest = [text_key(each) for each in texts.take(pa.array(hard)).to_pylist()]
    columns.note(_Way.TEXT, ValueKind.TEXT, rows[hard], pa.array(rest, pa.large_string()))


def _read_others(columns: _Columns, years: bool, plain: bool) -> None:
    """One by one what is not read yet."""
    rows = np.flatnonzero(~columns.read)
    found: list[Reading] = []
    texts = columns.text.take(pa.array(rows)).to_pylist()
    for text, datatype in zip(texts, columns.datatype[rows].tolist(), strict=True):
        name = columns.datatypes[datatype] if datatype >= 0 else ""
        found.append(read(text, datatype=name, years=years))
    columns.number[rows] = [each.number for each in found]
    columns.grain[rows] = [each.grain for each in found]
    kinds = np.array([each.kind.code for each in found], np.uint8)
    keys = pa.array([each.key for each in found], pa.large_string())
    for kind in np.unique(kinds).tolist():
        mine = np.flatnonzero(kinds == kind)
        columns.note(_Way.ALONE, READ[kind], rows[mine], keys.take(pa.array(mine)))


def read(
    text: str,
    what: TermKind = TermKind.LITERAL,
    datatype: str = "",
    *,
    tagged: bool = False,
    years: bool = False,
) -> Reading:
    """Read one value.

    A literal whose datatype promises what its text doesn't hold, or that no float can hold, is a text.
    """
    if what != TermKind.LITERAL:
        return Reading(ValueKind.NODE, text)
    if not tagged:
        bare = text.strip()
        found = _boolean(bare, datatype) or _typed(bare, datatype, years=years)
        if found is not None:
            return found
    return Reading(ValueKind.TEXT, text_key(text))


def text_key(text: str) -> str:
    """A text without the differences that don't count: case, composition of characters, white space."""
    return unicodedata.normalize(
        "NFC", _SPACE.sub(" ", unicodedata.normalize("NFC", text).casefold()).strip()
    )


def _boolean(text: str, datatype: str) -> Reading | None:
    lower = text.lower()
    if datatype == XSD + "boolean" and lower in ("true", "false", "1", "0"):
        return Reading(ValueKind.BOOLEAN, "true" if lower in ("true", "1") else "false")
    if not datatype and lower in ("true", "false"):
        return Reading(ValueKind.BOOLEAN, lower)
    return None


def _typed(text: str, datatype: str, *, years: bool) -> Reading | None:
    if datatype in DATES:
        return _date(text, long_years=True)
    if years and (not datatype or datatype in NUMERIC) and is_digits_date(text):
        return _date(text)
    if datatype in NUMERIC:
        return _number(text)
    if datatype:
        return None
    found = None if is_padded(text) else _number(text)
    return found or (_date(text) if "-" in text[1:] else None)


def _number(text: str) -> Reading | None:
    value = exact_number(text)
    if value is None:
        return None
    exponent = value.as_tuple().exponent
    whole = value == value.to_integral_value()
    grain = 1.0 if whole or not isinstance(exponent, int) or exponent >= 0 else 10.0**exponent
    return Reading(ValueKind.NUMBER, _digits(value), float(value), grain)


def _digits(value: Decimal) -> str:
    """All digits of a number, without zeros at the end of a fraction."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _date(text: str, *, long_years: bool = False) -> Reading | None:
    found = find_date(text, long_years=long_years)
    if found is None or found.written != text or not found.exists:
        return None
    given = {"second": found.second is not None, "day": found.day, "month": found.month, "year": True}
    unit = next(unit for unit, there in given.items() if there)
    try:
        moment = datetime.datetime(found.year, found.month or 1, found.day or 1)
        if found.second is not None:
            moment += datetime.timedelta(seconds=found.second, minutes=-(found.zone or 0))
    except (ValueError, OverflowError):
        # Years that Python doesn't count: before year 1, and from 10,000 on.
        number = found.year * 365.2425 + (found.month or 1) * 30.44 + (found.day or 1)
        return Reading(ValueKind.DATE, _parts(found), number, _DAYS[unit])
    days = moment.toordinal() + (moment.hour * 3600 + moment.minute * 60 + moment.second) / 86400
    length = {"year": 4, "month": 7, "day": 10, "second": 19}[unit]
    return Reading(ValueKind.DATE, moment.isoformat()[:length], days, _DAYS[unit])


def _parts(date: Date) -> str:
    """A date by its parts, each as wide as XML Schema writes it."""
    year = f"-{-date.year:04d}" if date.year < 0 else f"{date.year:04d}"
    parts = [year, *(f"{part:02d}" for part in (date.month, date.day) if part)]
    return "-".join(parts) + ("" if date.second is None else f"T{date.second:05d}{date.zone or 0:+d}")


def contains(coarse: Reading, fine: Reading) -> bool:
    """Whether the one value is the other, or is it less exactly: cut off or rounded to its own digits.

    A whole number is taken at its word: 4 is not 4.3 less exactly.
    """
    if coarse.kind != fine.kind:
        return False
    if coarse.key == fine.key:
        return True
    if not coarse.grain > fine.grain:
        return False
    if coarse.kind == ValueKind.DATE:
        return fine.key.startswith((f"{coarse.key}-", f"{coarse.key}T"))
    if coarse.grain >= 1:
        return False
    return bool(coarser(np.array([coarse.number]), np.array([coarse.grain]), np.array([fine.number]))[0])


def coarser(coarse: Doubles, grain: Doubles, fine: Doubles) -> npt.NDArray[np.bool_]:
    """Whether each number is the finer one cut off, or rounded, to whole grains; a half may go either way."""
    with np.errstate(invalid="ignore"):
        steps, told = fine / grain, coarse / grain
        slack = 1e-6 + 1e-12 * np.abs(steps)
        cut = np.trunc(steps + np.sign(steps) * slack)
        return np.asarray((np.abs(told - cut) < slack) | (np.abs(told - steps) <= 0.5 + slack))
