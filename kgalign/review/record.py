"""Two records in full, property beside property, with what differs in them marked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kgalign.arrays import Positions
from kgalign.links.pairs import is_link
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.rdf.names import local_name
from kgalign.rdf.vocabulary import RDF_TYPE
from kgalign.records import Alignment, Profile
from kgalign.records.vocabularies import SAME, Conversion, PropertyMatch, Vocabularies
from kgalign.review.differences import Pieces, marked

_MOST_VALUES = 200
"""Values of one property that are shown; how many there are is said."""
_LONGEST = 20_000
"""Characters of a value that are shown."""
_DEEPEST = 2
"""Blank nodes that are opened on the way to a value."""
_MOST_STATEMENTS = 2_000
"""Statements about an entity, and as many that point to it, that are looked at."""
_ROUNDED = 0.005
"""By what share two numbers differ at most that are one in two units."""
_STEP = " › "
"""Between the properties on the way through blank nodes."""
_BACK = "^"
"""Before a property whose statements point to the entity."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a record."""

    text: str
    """What people read: the lexical form, or the name of what is pointed to."""
    language: str = ""
    datatype: str = ""
    """Local name of the datatype; empty for plain text."""
    iri: str = ""
    """What is pointed to, empty for a literal."""
    entity: int = -1
    """Id of the entity that is pointed to."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value beside others."""

    pieces: Pieces
    value: Value
    same: bool
    """Whether the other side says the same."""


@dataclass(frozen=True, slots=True)
class Row:
    """A property of each side, or of one."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    """IRIs of the properties on the way to the values; empty where that side has none."""
    left_values: tuple[Shown, ...]
    right_values: tuple[Shown, ...]
    note: str = ""
    """What else differs, such as the unit."""


Record = dict[tuple[str, ...], list[Value]]
"""Properties on the way → values, in the order of the graph."""


@dataclass(frozen=True)
class Side:
    """A graph and its entities, to be read entity by entity."""

    graph: Graph
    profile: Profile

    @cached_property
    def _rows(self) -> Positions:
        """Statements by subject."""
        return np.argsort(self.graph.subject, kind="stable")

    @cached_property
    def _subjects(self) -> Ids:
        return self.graph.subject[self._rows]

    @cached_property
    def _rows_back(self) -> Positions:
        """Statements by object."""
        return np.argsort(self.graph.object, kind="stable")

    @cached_property
    def _objects(self) -> Ids:
        return self.graph.object[self._rows_back]

    @cached_property
    def _entity_of(self) -> Ids:
        """(terms,) the entity that a term is, -1 for none."""
        found = np.full(len(self.graph.terms), -1, dtype=np.int32)
        found[self.profile.entity_term] = np.arange(len(self.profile), dtype=np.int32)
        return found

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {str(iri): number for number, iri in enumerate(self.profile.entity_iri.to_pylist())}

    def number(self, iri: str) -> int:
        """Id of the entity of an IRI, -1 for none."""
        return self._numbers.get(iri, -1)

    def name(self, entity: int) -> str:
        """The name that is shown of an entity."""
        return str(self.profile.entity_name[entity].as_py())

    def iri(self, entity: int) -> str:
        """Its IRI, or ``_:label``."""
        return str(self.profile.entity_iri[entity].as_py())

    def type(self, entity: int) -> str:
        """IRI of its type, empty for none."""
        number = int(self.profile.entity_type[entity])
        return self.profile.types[number] if number >= 0 else ""

    def record(self, entity: int) -> Record:
        """What the graph says of an entity, blank nodes opened, and which entities point to it."""
        found: Record = {}
        term = int(self.profile.entity_term[entity])
        for path, value in (*self._values(term, ()), *self._pointing(term)):
            values = found.setdefault(path, [])
            if value not in values:
                values.append(value)
        return found

    def _values(self, term: int, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Value]]:
        start, end = np.searchsorted(self._subjects, [term, term + 1])
        kinds, texts = self.graph.terms.kind, self.graph.terms.value
        for row in self._rows[start : min(end, start + _MOST_STATEMENTS)].tolist():
            there = int(self.graph.object[row])
            on = (*path, str(texts[int(self.graph.predicate[row])].as_py()))
            if kinds[there] == TermKind.BLANK and len(path) < _DEEPEST:
                yield from self._values(there, on)
            else:
                yield on, self._value(there)

    def _pointing(self, term: int) -> Iterator[tuple[tuple[str, ...], Value]]:
        start, end = np.searchsorted(self._objects, [term, term + 1])
        for row in self._rows_back[start : min(end, start + _MOST_STATEMENTS)].tolist():
            subject = int(self.graph.subject[row])
            if self._entity_of[subject] >= 0:
                predicate = str(self.graph.terms.value[int(self.graph.predicate[row])].as_py())
                yield (_BACK + predicate,), self._value(subject)

    def _value(self, term: int) -> Value:
        terms = self.graph.terms
        text = str(terms.value[term].as_py())
        entity = int(self._entity_of[term])
        if terms.kind[term] != TermKind.LITERAL:
            name = self.name(entity) if entity >= 0 else local_name(text) or text
            return Value(name[:_LONGEST], iri=text, entity=entity)
        language, datatype = int(terms.language[term]), int(terms.datatype[term])
        return Value(
            text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…",
            language=terms.languages[language] if language >= 0 else "",
            datatype=local_name(terms.datatypes[datatype]) if datatype >= 0 else "",
        )


@dataclass(frozen=True)
class Beside:
    """Puts records of two sides beside each other, by the properties that correspond."""

    left: Side
    right: Side
    alignment: Alignment
    vocabularies: Vocabularies
    _matches: dict[str, PropertyMatch] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        chosen = [each for each in self.vocabularies.properties if each.chosen and not each.inverse]
        object.__setattr__(self, "_matches", {each.left: each for each in chosen})

    @cached_property
    def _partners(self) -> set[tuple[int, int]]:
        rows = is_link(self.alignment)
        return set(zip(self.alignment.left[rows].tolist(), self.alignment.right[rows].tolist(), strict=True))

    def rows(self, left: int, right: int) -> list[Row]:
        """Two records, row by row: what both have first, then what one has; names come before the rest."""
        mine, theirs = self.left.record(left), self.right.record(right)
        pairs = list(self._pairs(mine, theirs))
        taken = {path for _, path, _ in pairs}
        pairs += [((), path, SAME) for path in theirs if path not in taken]
        order = sorted(range(len(pairs)), key=lambda at: (*self._place(pairs[at][0], pairs[at][1]), at))
        return [self._row(mine, theirs, *pairs[at]) for at in order]

    def _pairs(
        self, mine: Record, theirs: Record
    ) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Conversion]]:
        """Each left path with the right one that corresponds, if the other has it, and how numbers go over.

        What corresponds to nothing stands beside what has the same name, unless that corresponds to another.
        """
        matches = {path: self._match(path) for path in mine}
        claimed = {each[0] for each in matches.values() if each is not None}
        for path, match in matches.items():
            if match is not None and match[0] in theirs:
                yield path, *match
            else:
                yield path, path if path in theirs and path not in claimed else (), SAME

    def _match(self, path: tuple[str, ...]) -> tuple[tuple[str, ...], Conversion] | None:
        """The right path that corresponds to a left one."""
        back = _BACK if path[0].startswith(_BACK) else ""
        match = self._matches.get(path[0].removeprefix(_BACK)) if len(path) == 1 else None
        return None if match is None else ((back + match.right,), match.conversion)

    def _place(self, left: tuple[str, ...], right: tuple[str, ...]) -> tuple[int, int]:
        """Rows with both sides come first; of them names, then the rest, then types."""
        names = [
            {each.path for each in side.profile.attributes if each.is_name}
            for side in (self.left, self.right)
        ]
        lone = 0 if left and right else 1 if left else 2
        rank = 0 if left in names[0] or right in names[1] else 2 if (RDF_TYPE,) in (left, right) else 1
        return lone, rank

    def _row(
        self,
        mine: Record,
        theirs: Record,
        left: tuple[str, ...],
        right: tuple[str, ...],
        conversion: Conversion,
    ) -> Row:
        here, there = mine.get(left, []), theirs.get(right, [])
        same = [
            (i, j)
            for i, one in enumerate(here[:_MOST_VALUES])
            for j, other in enumerate(there[:_MOST_VALUES])
            if self._same(one, other, conversion)
        ]
        shown = _shown(here, there, {i for i, _ in same}), _shown(there, here, {j for _, j in same})
        return Row(left, right, *shown, conversion.note)

    def _same(self, one: Value, other: Value, conversion: Conversion) -> bool:
        if one.iri or other.iri:
            return one.iri == other.iri or (one.entity, other.entity) in self._partners
        if not conversion.same:
            return _is_converted(one.text, other.text, conversion)
        return one.text.casefold() == other.text.casefold()


def _is_converted(left: str, right: str, conversion: Conversion) -> bool:
    """Whether two numbers are one in two units, but for rounding."""
    try:
        expected, there = conversion.factor * float(left) + conversion.offset, float(right)
    except ValueError:
        return False
    return abs(expected - there) <= _ROUNDED * abs(there)


def _shown(values: Sequence[Value], opposite: Sequence[Value], same: Iterable[int]) -> tuple[Shown, ...]:
    """Values with what differs in them; what the other side says the same differs nowhere."""
    agreed = set(same)
    texts = [each.text for each in opposite]
    found = [
        Shown([(each.text, False)] if place in agreed else marked(each.text, texts), each, place in agreed)
        for place, each in enumerate(values[:_MOST_VALUES])
    ]
    if len(values) > _MOST_VALUES:
        more = f"and {len(values) - _MOST_VALUES:,} more"
        found.append(Shown([(more, False)], Value(more), False))
    return tuple(found)


def path_name(path: Sequence[str]) -> str:
    """Properties on a way in words."""
    return _STEP.join(
        f"is {local_name(each[1:])} of" if each.startswith(_BACK) else local_name(each) for each in path
    )
