"""How many values a property has by default: told from its name, its kind of value, and its values.

What is decided here, and why, is in docs/decisions/0014-what-fusion-decides-by-default.md.
"""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import pyarrow as pa

from kgalign.arrays import Positions, unique
from kgalign.fusion.claims import Claims
from kgalign.fusion.trust.contests import Table
from kgalign.rdf.graph import TermKind
from kgalign.rdf.vocabulary import OWL, OWL_SAME_AS, RDF_TYPE, RDFS, RDFS_SUBCLASS_OF, SKOS
from kgalign.values import READ, ValueKind, Values, are_padded, are_short, has_digit, is_amount, read_values
from kgalign.values.predicates import gives_codes, name_rank, names_once

_FUNCTIONAL = 0.9
"""Sources' items over their distinct values, from which on a property is taken to have one value."""
_MANY = frozenset(
    {
        RDF_TYPE,
        OWL_SAME_AS,
        OWL + "differentFrom",
        RDFS_SUBCLASS_OF,
        RDFS + "seeAlso",
        *(SKOS + name for name in "exactMatch closeMatch broadMatch narrowMatch relatedMatch".split()),
    }
)
"""Properties that have many values whatever the data shows."""
_SAMPLE = 500
_MOSTLY = 0.8
"""Share of values that make the rule."""
_LONG = 12.0
"""Words from which on a text tells of a thing rather than calls it something."""


class Habit(IntEnum):
    """How the values of a property are dealt with."""

    ONE = 0
    """There is one: the likeliest by the trust learned."""
    ONE_IF_AGREED = 1
    """There is one, unless sources hardly ever agree on it: then they speak of different things."""
    ONE_TEXT = 2
    """There is one in each language, and it need not be the same to be true."""
    MANY = 3
    """All stay, but for near-duplicates."""
    CODES = 4
    """All stay, but for what is the same code broken up in other places."""


def habit_of(claims: Claims, table: Table) -> Habit:
    """How the values of a property are dealt with."""
    predicate = claims.text(table.properties[0])
    if table.kind == ValueKind.TEXT:
        habit = _of_texts(claims, table, predicate)
    elif gives_codes(predicate) and table.kind != ValueKind.NODE:
        habit = Habit.CODES
    else:
        habit = Habit.ONE_IF_AGREED if table.kind == ValueKind.NODE else Habit.ONE
    if habit in (Habit.MANY, Habit.CODES):
        return habit
    return habit if predicate not in _MANY and _functional(table) else Habit.MANY


def _of_texts(claims: Claims, table: Table, predicate: str) -> Habit:
    if name_rank(predicate) is not None:
        return Habit.ONE if names_once(predicate) else Habit.MANY
    texts = _sample(claims, table.rows[:, 0])
    if sum(len(text.split()) for text in texts) > _LONG * len(texts):
        return Habit.ONE_TEXT
    tagged = float((claims.terms.language[claims.value[table.rows[:, 0]]] >= 0).mean())
    if tagged < 1 - _MOSTLY and (gives_codes(predicate) or _look_like_codes(texts)):
        return Habit.CODES
    return Habit.ONE_IF_AGREED


def _look_like_codes(texts: Sequence[str]) -> bool:
    """Short texts with digits in them that don't measure anything."""
    digits = [text for text in texts if text.isdigit()]
    padded = bool(digits) and are_padded(digits)
    coded = sum(has_digit(text) and (padded or not is_amount(text)) for text in texts)
    return are_short(texts) and coded >= _MOSTLY * len(texts)


def _functional(table: Table) -> bool:
    """Whether the sources hold that a thing has one value of this property."""
    order = np.lexsort((table.key, table.source, table.item))
    item, source, key = table.item[order], table.source[order], table.key[order]
    speaks = np.ones(len(item), bool)
    speaks[1:] = (item[1:] != item[:-1]) | (source[1:] != source[:-1])
    says = speaks.copy()
    says[1:] |= key[1:] != key[:-1]
    return bool(speaks.sum() >= _FUNCTIONAL * says.sum())


def as_they_are_meant(claims: Claims, rows: Positions, values: Values) -> Values:
    """The values of one property, read again where others of it show that they are meant otherwise.

    Digits among dates are years and days. Literals without a datatype that happen to be numbers are texts
    where the property's name says that it gives codes, where some have leading zeros, and where others of
    them are no numbers.

    :param rows: (n,) those of the property.
    :param values: (n,) theirs, as each reads by itself.
    """
    if _are_texts(claims, rows, values):
        return read_values(claims.terms, claims.value[rows], plain=False)
    kinds = np.bincount(values.kind, minlength=len(READ))
    if kinds.argmax() == ValueKind.DATE.code and kinds[ValueKind.DATE.code] < len(rows):
        return read_values(claims.terms, claims.value[rows], years=True)
    return values


def _are_texts(claims: Claims, rows: Positions, values: Values) -> bool:
    terms, ids = claims.terms, claims.value[rows]
    plain = (terms.kind[ids] == TermKind.LITERAL) & (terms.datatype[ids] < 0) & (terms.language[ids] < 0)
    more = values.kind != ValueKind.TEXT.code
    seeming = int((plain & more).sum())
    if not seeming or int((~plain & more).sum()) >= seeming:
        return False
    if gives_codes(claims.text(int(claims.property[rows[0]]))) or seeming < _MOSTLY * int(plain.sum()):
        return True
    digits = [text for text in _sample(claims, rows[plain]) if text.isdigit()]
    return bool(digits) and are_padded(digits)


def _sample(claims: Claims, rows: Positions) -> list[str]:
    """Texts of claims, spread evenly over the distinct ones."""
    ids = unique(claims.value[rows])
    ids = ids[np.unique(np.linspace(0, len(ids) - 1, _SAMPLE).astype(np.int64))] if len(ids) else ids
    found: list[str] = claims.terms.value.take(pa.array(ids)).to_pylist()
    return found
