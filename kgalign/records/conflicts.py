"""The conflicts of a fusion, to be listed, filtered and counted: what rivalled, what won, and why.

A conflict is a thing and a property of which something lost or was only counted in. Its statements are all
that anybody says of the two, with those that were computed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from kgalign.arrays import Flags, Positions, unique
from kgalign.errors import InputError
from kgalign.rdf.graph import Ids, TermKind, Terms
from kgalign.rdf.names import local_name
from kgalign.rdf.vocabulary import PREFIXES, RDF, XSD_STRING
from kgalign.records.fused import SIDES, Fusion, Role, term_id

COMPUTED = "computed"
"""The role of a statement that no source says."""
FATES = (COMPUTED, *(role.name.lower() for role in Role))
"""What becomes of a statement, in the order in which a conflict lists its statements."""
_KINDS = {TermKind.IRI: "iri", TermKind.BLANK: "blank", TermKind.LITERAL: "literal"}
_NEAREST = 3
_BATCH = 1 << 10
"""Conflicts whose texts are looked up at once."""


@dataclass(frozen=True, slots=True)
class Members:
    """The statements of some conflicts, by conflict, then by role: computed and written ones first."""

    conflict: Ids
    """(n,) the number of each one's conflict, ascending."""
    row: Positions
    """(n,) place in the fusion's statements; -1 for one that was computed, ..."""
    computed: Positions
    """... and its place in the fusion's computed statements, -1 for all others."""

    def __len__(self) -> int:
        return len(self.conflict)

    def take(self, rows: Positions) -> "Members":
        """Some of them."""
        return Members(self.conflict[rows], self.row[rows], self.computed[rows])


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a conflict, in words."""

    subject: str
    property: str
    said_property: str | None
    """The property as its source has it; None where it was computed."""
    inverse: bool
    """Whether the source says it the other way round."""
    value: str
    datatype: str | None
    """IRI; None for what is no literal."""
    language: str | None
    kind: str
    """``iri``, ``blank``, ``literal`` or ``triple``."""
    source: str | None
    side: str | None
    graph: str | None
    """IRI of the named graph, ``_:label`` for one without a name; None for the default graph."""
    role: str
    reason: str | None
    rule: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A thing and a property of which sources say different things."""

    number: int
    subject: str
    property: str
    statements: tuple[Statement, ...]


def members(fusion: Fusion, wanted: Flags | None = None) -> Members:
    """The statements of all conflicts, or of those that are ``wanted``: (conflicts,) by number."""
    rows = np.flatnonzero(fusion.conflict >= 0)
    made = np.flatnonzero(fusion.computed_conflict >= 0)
    if wanted is not None:
        rows = rows[wanted[fusion.conflict[rows]]]
        made = made[wanted[fusion.computed_conflict[made]]]
    conflict = np.concatenate([fusion.computed_conflict[made], fusion.conflict[rows]])
    role = np.concatenate([np.zeros(len(made), np.uint8), fusion.role[rows] + 1])
    order = np.lexsort((np.arange(len(conflict)), role, conflict))
    none = np.full(len(rows), -1), np.full(len(made), -1)
    return Members(
        conflict[order], np.concatenate([none[1], rows])[order], np.concatenate([made, none[0]])[order]
    )


def columns(fusion: Fusion, some: Members) -> dict[str, pa.Array]:
    """Columns of statements: ``conflict`` and the fields of :class:`Statement`, nulls for what is None."""
    made = some.row < 0
    rows, computed = np.where(made, 0, some.row), np.where(made, some.computed, 0)

    def either(said: Ids, new: Ids) -> Ids:
        column = np.empty(len(some), np.int32)
        column[~made], column[made] = said[rows[~made]], new[computed[made]]
        return column

    def given(said: np.ndarray, none: float) -> np.ndarray:
        column = np.full(len(some), none, said.dtype)
        column[~made] = said[rows[~made]]
        return column

    value = either(fusion.value, fusion.computed_value)
    kind = fusion.terms.kind[value]
    role = np.where(made, 0, given(fusion.role, 0) + 1)
    confidence = given(fusion.confidence, np.nan)
    return {
        "conflict": pa.array(some.conflict, pa.int32()),
        "subject": _texts(fusion, either(fusion.subject, fusion.computed_subject)),
        "property": _texts(fusion, either(fusion.property, fusion.computed_property)),
        "said_property": _texts(fusion, given(fusion.said, -1)),
        "inverse": pa.array(given(fusion.turned, 0)),
        "value": _texts(fusion, value),
        "datatype": _datatypes(fusion, value),
        "language": _named(fusion.terms.languages, fusion.terms.language[value]),
        "kind": _named([_KINDS.get(each, "triple") for each in TermKind], kind),
        "source": _named(fusion.sources, given(fusion.source, -1)),
        "side": _named(SIDES, np.where(made, -1, given(fusion.side, 0).astype(np.int32))),
        "graph": _texts(fusion, given(fusion.graph, -1)),
        "role": _named(FATES, role),
        "reason": _named(fusion.reasons, np.where(made, -1, given(fusion.reason, 0).astype(np.int32))),
        "rule": _named(fusion.rules, either(fusion.rule.astype(np.int32), fusion.computed_rule)),
        "confidence": pa.array(confidence, mask=np.isnan(confidence)),
    }


def _texts(fusion: Fusion, ids: Ids) -> pa.Array:
    """Texts of terms, ``_:`` before a blank node's label, null for -1."""
    texts = fusion.terms.value.take(pa.array(ids, mask=ids < 0)).cast(pa.string())
    blank = np.flatnonzero((ids >= 0) & (fusion.terms.kind[np.maximum(ids, 0)] == TermKind.BLANK))
    if not len(blank):
        return texts
    listed = texts.to_pylist()
    for place in blank.tolist():
        listed[place] = f"_:{listed[place]}"
    return pa.array(listed, pa.string())


def _datatypes(fusion: Fusion, ids: Ids) -> pa.Array:
    terms = fusion.terms
    names = [*terms.datatypes, XSD_STRING, f"{RDF}langString"]
    plain = np.where(terms.language[ids] >= 0, len(names) - 1, len(names) - 2)
    code = np.where(terms.datatype[ids] >= 0, terms.datatype[ids], plain)
    return _named(names, np.where(terms.kind[ids] == TermKind.LITERAL, code, -1))


def _named(names: Sequence[str], codes: np.ndarray) -> pa.Array:
    """Names by number, null for -1."""
    return pa.array(list(names), pa.string()).take(pa.array(codes.astype(np.int32), mask=codes < 0))


def conflicts(fusion: Fusion, numbers: Positions) -> Iterator[Conflict]:
    """Conflicts by their numbers, in ascending order."""
    wanted = np.zeros(fusion.counts.conflicts, bool)
    wanted[numbers] = True
    some = members(fusion, wanted)
    starts = np.flatnonzero(np.diff(some.conflict, prepend=-1))
    for first in range(0, len(starts), _BATCH):
        high = int(starts[first + _BATCH]) if first + _BATCH < len(starts) else len(some)
        part = columns(fusion, some.take(np.arange(starts[first], high)))
        rows = pa.table(part).to_pylist()
        for number, group in groupby(rows, key=itemgetter("conflict")):
            statements = tuple(_statement(row) for row in group)
            yield Conflict(number, statements[0].subject, statements[0].property, statements)


def _statement(row: dict[str, Any]) -> Statement:
    return Statement(**{name: value for name, value in row.items() if name != "conflict"})


@dataclass(frozen=True, slots=True)
class Index:
    """Each conflict's thing, property and rule."""

    subject: Ids
    property: Ids
    """(conflicts,) term ids."""
    rule: Ids
    """(conflicts,) index into the fusion's rules: by what its losers lost."""


def index_of(fusion: Fusion) -> Index:
    """Each conflict's thing, property and rule, by number."""
    size = fusion.counts.conflicts
    subject, property, rule = (np.full(size, -1, np.int32) for _ in range(3))
    rows = np.flatnonzero(fusion.conflict >= 0)
    subject[fusion.conflict[rows]] = fusion.subject[rows]
    property[fusion.conflict[rows]] = fusion.property[rows]
    lost = rows[fusion.role[rows] >= Role.LOST][::-1]
    rule[fusion.conflict[lost]] = fusion.rule[lost]
    return Index(subject, property, rule)


def of_property(fusion: Fusion, name: str) -> Flags:
    """(conflicts,) those of a property: by IRI, of the fused graph or of a source, or by its last part.

    :raises InputError: no statement has such a property; the nearest ones are in the remedy.
    """
    ids = unique(np.concatenate([unique(fusion.property), unique(fusion.said)]))
    names = {each: fusion.text(each) for each in ids.tolist()}
    found = [each for each, iri in names.items() if iri == iri_of(name)]
    found = found or [each for each, iri in names.items() if local_name(iri) == name]
    if not found:
        near = _near(name, sorted(names.values()), parts=True)
        raise InputError(f"No statement has the property {name}", near)
    rows = np.isin(fusion.property, found) | np.isin(fusion.said, found)
    return _of_rows(fusion, rows)


def of_entity(fusion: Fusion, ids: Sequence[int], iri: str) -> Flags:
    """(conflicts,) those of an entity.

    :param fusion: where to look.
    :param ids: terms that the IRI stands for: itself, and what it was merged into.
    :param iri: the entity, for the message.
    :raises InputError: no statement is about it; the nearest ones are in the remedy.
    """
    rows = np.isin(fusion.subject, list(ids))
    if not rows.any():
        known = _texts(fusion, unique(fusion.subject)).to_pylist()
        raise InputError(f"No statement is about {iri}", _near(iri, known))
    return _of_rows(fusion, rows)


def of_source(fusion: Fusion, name: str) -> Flags:
    """(conflicts,) those that a source takes part in, by its name or its start.

    :raises InputError: there is no such source; the nearest ones are in the remedy.
    """
    found = [place for place, each in enumerate(fusion.sources) if each == name] or [
        place for place, each in enumerate(fusion.sources) if each.startswith(name)
    ]
    if not found:
        raise InputError(f"There is no source {name}", _near(name, fusion.sources))
    return _of_rows(fusion, np.isin(fusion.source, found))


def of_rule(fusion: Fusion, name: str) -> Flags:
    """(conflicts,) those that a rule decided, by its name in any case.

    :raises InputError: no rule of that name decided anything; those that did are in the remedy.
    """
    by = index_of(fusion).rule
    names = {each: fusion.rules[each] for each in np.unique(by).tolist()}
    found = [each for each, rule in names.items() if rule.lower() == name.lower()]
    if not found:
        these = f"These did: {', '.join(names.values())}" if names else "There are no conflicts"
        raise InputError(f"No rule {name} decided a conflict", these)
    return np.isin(by, found)


def _of_rows(fusion: Fusion, rows: Flags) -> Flags:
    found = np.zeros(fusion.counts.conflicts, bool)
    numbers = fusion.conflict[rows]
    found[numbers[numbers >= 0]] = True
    return found


def node_id(terms: Terms, iri: str) -> int:
    """The id of an IRI, or of a blank node given as ``_:label``; -1 where it is none of the terms."""
    if not iri.startswith("_:"):
        return term_id(terms, iri)
    rows = np.flatnonzero(terms.kind == TermKind.BLANK)
    place = int(pc.index(terms.value.take(pa.array(rows)), pa.scalar(iri[2:], pa.large_string())).as_py())
    return int(rows[place]) if place >= 0 else -1


def iri_of(name: str) -> str:
    """An IRI from how it was written: in angle brackets, or with one of the usual prefixes."""
    if name.startswith("<") and name.endswith(">"):
        return name[1:-1]
    prefix, colon, rest = name.partition(":")
    return PREFIXES[prefix] + rest if colon and prefix in PREFIXES and not rest.startswith("//") else name


def _near(text: str, known: Sequence[str], *, parts: bool = False) -> str:
    """A remedy: what comes nearest."""
    spelled = [local_name(each) if parts and "/" not in text else each for each in known]
    scored = process.extract(text, spelled, scorer=fuzz.ratio, limit=_NEAREST)
    near = [known[place] for _, _, place in scored]
    return f"The nearest are {', '.join(near)}" if near else "There are none"
