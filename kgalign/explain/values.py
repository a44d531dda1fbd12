"""What stands beside the evidence: values that were compared, neighbours, chains of links, names in words."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kgalign.arrays import Positions
from kgalign.evaluate.mistakes import Named
from kgalign.rdf.graph import Ids
from kgalign.records import Feature, Profile
from kgalign.values.orders import candidates, hints

Link = tuple[int, int]
"""A left and a right entity."""
_LOOKED_AT = 10_000
"""Characters of a value."""
_BEGINNING = 200
"""Characters that are shown of it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What a record says by one property."""

    path: str
    """IRI of the property, ``^`` before one that points here; several with " / " between for a path."""
    values: tuple[str, ...]
    """Lexical forms, or names of neighbours."""
    more: int = 0
    """Values that are not among them."""


def record(profile: Profile, entity: int, most: int) -> Iterator[Fact]:
    """All that a record says: its attributes, the most important first, then its neighbours by name.

    :param most: values that are given of each property.
    """
    start, end = np.searchsorted(profile.value_entity, [entity, entity + 1])
    attribute = profile.value_attribute[start:end]
    for number in sorted(set(attribute.tolist()), key=lambda each: -profile.attributes[each].importance):
        texts = np.unique(profile.value_text[start:end][attribute == number])
        shown = profile.texts.take(pa.array(texts[:most])).to_pylist()
        yield Fact(" / ".join(profile.attributes[number].path), tuple(shown), len(texts) - len(shown))
    beside: dict[str, list[int]] = {}
    for relation, neighbour in edges(profile, entity):
        beside.setdefault(relation, []).append(neighbour)
    for relation, ends in beside.items():
        names = profile.entity_name.take(pa.array(ends[:most])).to_pylist()
        yield Fact(relation, tuple(names), len(ends) - len(names))


def compared(profile: Profile, entity: int, feature: Feature, side: int, most: int) -> tuple[str, ...]:
    """Some of the values of an entity that a feature compares, where it compares those of attributes."""
    attributes = compared_attributes(profile, feature, side)
    start, end = np.searchsorted(profile.value_entity, [entity, entity + 1])
    rows = np.arange(start, end)[np.isin(profile.value_attribute[start:end], attributes)]
    texts = profile.texts.take(pa.array(np.unique(profile.value_text[rows])[: most + 1])).to_pylist()
    return tuple(texts[:most]) + (("…",) if len(texts) > most else ())


@dataclass(frozen=True, slots=True)
class ForModels:
    """A value that wants something of a model which reads it."""

    side: str
    value: str
    """Its beginning."""
    hints: tuple[str, ...]
    """What it does, in words: see :func:`kgalign.values.orders.hints`."""

    def __str__(self) -> str:
        return f"a value of the {self.side} one {' and '.join(self.hints)}: {self.value}"


def for_models(profile: Profile, entity: int, side: str, most: int) -> Iterator[ForModels]:
    """Values of an entity that want something of a model, each once.

    :param side: whose entity it is, ``left`` or ``right``.
    :param most: values that are named.
    """
    start, end = np.searchsorted(profile.value_entity, [entity, entity + 1])
    texts = profile.texts.take(pa.array(np.unique(profile.value_text[start:end])))
    found = 0
    for row in np.flatnonzero(candidates(texts)).tolist():
        text = str(texts[row].as_py())[:_LOOKED_AT]
        if found < most and (told := hints(text)):
            found += 1
            yield ForModels(side, text if len(text) <= _BEGINNING else f"{text[:_BEGINNING]}…", told)


def compared_attributes(profile: Profile, feature: Feature, side: int) -> list[int]:
    """The attributes of a side whose values a feature compares; none where it compares no attributes.

    :param side: 0 for the left side, 1 for the right one.
    """
    if feature.name == "names":
        return [number for number, each in enumerate(profile.attributes) if each.is_name]
    attribute = (feature.left_attribute, feature.right_attribute)[side]
    return [attribute] if attribute >= 0 else []


def edges(profile: Profile, entity: int) -> Iterator[tuple[str, int]]:
    """(relation, neighbour) of an entity, in both directions."""
    out = np.flatnonzero(profile.edge_head == entity)
    into = np.flatnonzero(profile.edge_tail == entity)
    yield from _named_edges(profile, out, profile.edge_tail, "")
    yield from _named_edges(profile, into, profile.edge_head, "^")


def _named_edges(profile: Profile, rows: Positions, ends: Ids, mark: str) -> Iterator[tuple[str, int]]:
    for relation, end in zip(profile.edge_relation[rows].tolist(), ends[rows].tolist(), strict=True):
        yield mark + profile.relations[relation].iri, end


def chain(links: tuple[Ids, Ids], side: int, first: int, second: int) -> list[Link]:
    """The shortest chain of links between two entities of one side; empty where there is none.

    :param links: (l,) and (l,) the left and the right entity of each link.
    :param side: whose entities the two are: 0 for the left side, 1 for the right one.
    """
    came: dict[tuple[int, int], tuple[int, int]] = {}
    start, end = (side, first), (side, second)
    waiting = deque([start])
    while waiting and end not in came:
        at = waiting.popleft()
        for partner in np.unique(links[1 - at[0]][links[at[0]] == at[1]]).tolist():
            beside = 1 - at[0], partner
            if beside not in came and beside != start:
                came[beside] = at
                waiting.append(beside)
    found: list[Link] = []
    while end in came:
        before = came[end]
        found.append((before[1], end[1]) if before[0] == 0 else (end[1], before[1]))
        end = before
    return found[::-1]


def shown(entity: Named) -> str:
    """An entity by its name and IRI."""
    return f"{entity.name} <{entity.iri}>" if entity.name and entity.name != entity.iri else f"<{entity.iri}>"


def same_iri(left: Named, right: Named) -> str:
    """What is to be said of two entities with one IRI; blank nodes have none."""
    if left.iri != right.iri or left.iri.startswith("_:"):
        return ""
    return "; both sides use this IRI, so that they are one node whatever is decided"
