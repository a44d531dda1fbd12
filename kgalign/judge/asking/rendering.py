"""What is shown of the entities in a question: which of their attributes and relations, and how much of each.

An attribute counts for a question by how far it identifies (distinct values over facts) times the share of
the entities in the question that have it: LLM-Align (2412.04690, section 3.2) multiplies the functionality
by the frequency among the entity and its candidates. Attributes of the two sides are the same one where they
read the same. Relations count in the same way, each direction for itself. Names come first, links to web
pages last.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count, groupby, islice
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import flags
from kgalign.judge.asking.quoting import ELLIPSIS, clean, cut, quoted, shown, weight
from kgalign.rdf.vocabulary import PREFIXES
from kgalign.records import Profile
from kgalign.records.votes import View
from kgalign.values.kinds import ValueKind

MOST_VALUES = 5
"""Most values of an attribute, and most names of a relation."""
MOST_CHARACTERS = 200
"""Most characters of a value."""
_NEIGHBOUR = 80
"""Most characters of a neighbour's name."""
_LABEL = 60
"""Most characters of what an attribute is called."""
_NAMES = 2
"""Most names of an entity beside its relations."""
_READ = 4 * MOST_CHARACTERS
"""Characters of a value that are looked at: one value may hold megabytes."""
_LOOKED_AT = 50
"""Values of an attribute, and neighbours by a relation, that are looked at."""
_KEPT = 20_000
"""Entities of a side that are kept ready: a case comes again soon."""
RELATIONS = "relations"
"""The key under which a record holds its relations."""
_TYPE = "type"
_IRI_NAME = "@iri"
_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
_SAYS_NOTHING = frozenset({"label", "name", "title", "value"})
"""Last steps of a longer path that add nothing: ``director/label`` reads as ``director``."""
_TURNED = (" by", " in", " at", " to", " from", " on", " with", " for", " as")
"""After these an "of" is no English."""
_STEPS = re.compile(r"/(?=\^?(?:[a-z][a-z0-9+.-]*://|urn:))")
"""Where one IRI of a relation's path ends and the next begins."""
_PREFIX = {iri: prefix for prefix, iri in reversed(PREFIXES.items())}


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute or relation of an entity, ready to be shown."""

    key: str
    """What it is called; an entity has each key once."""
    rank: int
    """0 for names, 2 for links to web pages, 1 for all else."""
    power: float
    """How far its values identify, 0 to 1."""
    order: int
    """What decides between equals."""
    values: tuple[str, ...]
    """Clean texts, none of them empty, at most :data:`MOST_VALUES`."""
    partial: bool
    """Whether there are more values, which is shown by an ellipsis: what is missing then proves nothing."""
    text: str
    """Key and values as a member of a JSON object."""
    weight: float
    """Of ``text`` and what parts it from the next, in tokens."""


@dataclass(frozen=True, slots=True)
class Entity:
    """What may be shown of an entity."""

    iri: str
    attributes: tuple[Line, ...]
    relations: tuple[Line, ...]

    def has(self, view: View) -> bool:
        """Whether there is anything to show in a view."""
        if view is View.ATTRIBUTES:
            return bool(self.attributes)
        if view is View.RELATIONS:
            return bool(self.relations)
        return bool(self.attributes or self.relations)


@dataclass(frozen=True, slots=True)
class Level:
    """How much of each entity is shown."""

    lines: int
    """Most attributes and relations together; names beside relations are not counted."""
    values: int
    characters: int


LEVELS = (
    *(Level(lines, MOST_VALUES, MOST_CHARACTERS) for lines in (8, 6, 5, 4, 3)),
    Level(3, 3, 100),
    Level(3, 2, 60),
    Level(3, 1, 40),
    Level(2, 1, 30),
    Level(1, 1, 30),
    Level(1, 1, 15),
    Level(0, 0, 0),
)
"""From the most that is ever shown to nothing at all: fewer attributes first, then shorter values."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entity as it is shown."""

    text: str
    """A JSON object on one line."""
    values: tuple[str, ...]


class Side:
    """The entities of one graph as they may be shown; each is made ready when it is first asked for.

    :param profile: the side after selection; nothing is copied but its offsets.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        size = np.arange(len(profile) + 1)
        self._values = np.searchsorted(profile.value_entity, size).tolist()
        self._out = np.searchsorted(profile.edge_head, size).tolist()
        order = np.lexsort((profile.edge_head, profile.edge_relation, profile.edge_tail))
        self._in = np.searchsorted(profile.edge_tail[order], size).tolist()
        self._in_relation, self._in_head = profile.edge_relation[order], profile.edge_head[order]
        naming = [i for i, each in enumerate(profile.attributes) if each.is_name]
        named = profile.value_entity[np.isin(profile.value_attribute, naming)]
        # A name that is no value comes from the IRI, which is not to be read: the user may have said so.
        self._is_named = flags(len(profile), named)
        self._attribute_keys = distinct_keys([each.path for each in profile.attributes], (RELATIONS, _TYPE))
        paths = [_STEPS.split(each.iri) for each in profile.relations]
        self._relation_keys = distinct_keys([way for path in paths for way in (path, [*path, "^"])])
        self._type_names = [_step(each) for each in profile.types]
        typed = int((profile.entity_type >= 0).sum())
        self._type_power = len(profile.types) / typed if len(profile.types) > 1 else 0.0
        self._kept: dict[int, Entity] = {}

    @property
    def has_attributes(self) -> bool:
        """Whether any entity has an attribute besides names."""
        return any(not each.is_name for each in self._profile.attributes)

    @property
    def has_relations(self) -> bool:
        """Whether any entity has a relation."""
        return len(self._profile.edge_head) > 0

    def iri(self, entity: int) -> str:
        """The IRI of an entity."""
        return str(self._profile.entity_iri[entity].as_py())

    def entity(self, entity: int) -> Entity:
        """What may be shown of an entity."""
        found = self._kept.get(entity)
        if found is None:
            found = Entity(self.iri(entity), self._attributes(entity), self._relations(entity))
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[entity] = found
        return found

    def _attributes(self, entity: int) -> tuple[Line, ...]:
        profile = self._profile
        rows = slice(self._values[entity], self._values[entity + 1])
        columns = profile.value_attribute[rows].tolist()
        texts = pc.utf8_slice_codeunits(profile.texts.take(pa.array(profile.value_text[rows])), 0, _READ + 1)
        lines, names = [], set[str]()
        for column, pairs in groupby(zip(columns, texts.to_pylist(), strict=True), lambda pair: pair[0]):
            attribute = profile.attributes[column]
            cleaned = [shown(text, MOST_CHARACTERS) for _, text in islice(pairs, _LOOKED_AT)]
            if attribute.is_name:
                # The same name under another attribute says nothing new.
                cleaned = [each for each in cleaned if each.casefold() not in names]
                names.update(each.casefold() for each in cleaned)
            values, partial = _first(cleaned)
            if values:
                rank = 0 if attribute.is_name else 2 if attribute.kind is ValueKind.LINK else 1
                key, power = self._attribute_keys[column], attribute.inverse_functionality
                lines.append(_line(key, rank, power, column, values, partial))
        kind = int(profile.entity_type[entity])
        if kind >= 0 and self._type_power:
            lines.append(_line(_TYPE, 1, self._type_power, len(profile.attributes), [self._type_names[kind]]))
        return tuple(lines)

    def _relations(self, entity: int) -> tuple[Line, ...]:
        profile = self._profile
        out = slice(self._out[entity], self._out[entity + 1])
        into = slice(self._in[entity], self._in[entity + 1])
        lines = []
        for inverse, relations, ends in (
            (0, profile.edge_relation[out], profile.edge_tail[out]),
            (1, self._in_relation[into], self._in_head[into]),
        ):
            named = self._is_named[ends]
            for relation, pairs in groupby(
                zip(relations[named].tolist(), ends[named].tolist(), strict=True), lambda pair: pair[0]
            ):
                values, partial = self._names([end for _, end in islice(pairs, _LOOKED_AT)])
                about = profile.relations[relation]
                # From the head it is the tails that identify, from the tail the heads.
                power = about.functionality if inverse else about.inverse_functionality
                key = self._relation_keys[2 * relation + inverse]
                if values:
                    lines.append(_line(key, 1, power, -about.facts, values, partial))
        return tuple(lines)

    def _names(self, entities: list[int]) -> tuple[list[str], bool]:
        names = self._profile.entity_name
        return _first(shown(str(names[each].as_py())[:_READ], _NEIGHBOUR) for each in entities)


def _first(values: Iterable[str]) -> tuple[list[str], bool]:
    """The first values, each once, and whether there are more."""
    found = list(dict.fromkeys(value for value in values if value))
    return found[:MOST_VALUES], len(found) > MOST_VALUES


def _line(
    key: str, rank: int, power: float, order: int, values: Sequence[str], partial: bool = False
) -> Line:
    listed = ", ".join([*map(quoted, values), *([f'"{ELLIPSIS}"'] if partial else [])])
    text = f"{quoted(key)}: {listed if len(values) == 1 and not partial else f'[{listed}]'}"
    return Line(key, rank, power, order, tuple(values), partial, text, weight(text) + _PARTING)


_PARTING = weight(", ")
_FRAME = weight(f'Record: {{"{RELATIONS}": {{}}}}\n')
"""What stands round the lines of a record."""


def show(asker: Entity, options: Sequence[Entity], view: View, budget: float) -> tuple[list[Record], bool]:
    """Choose what is shown of each entity in a question, the asker first.

    What is shown does not depend on the order of the options, so that the rounds of a question have their
    beginnings in common. A view in which the asker or all options would be empty shows both attributes and
    relations; so does a single option that would be empty.

    :param asker: the entity above the options.
    :param options: the others, in any order.
    :param view: attributes, relations or both.
    :param budget: tokens that all records may have together, as :func:`~kgalign.judge.asking.quoting.weight`
        counts.
    :returns: The records in the order of the entities, and whether something was left out or cut so that they
        fit.
    """
    entities = (asker, *options)
    if not (asker.has(view) and any(each.has(view) for each in options)):
        view = View.BOTH
    attributes = _ordered([each.attributes for each in entities])
    relations = _ordered([each.relations for each in entities])
    views = [view if each.has(view) else View.BOTH for each in entities]
    for level in LEVELS:
        picked = [_pick(*each, level.lines) for each in zip(attributes, relations, views, strict=True)]
        records = [(_shorten(some, level), _shorten(others, level)) for some, others in picked]
        total = math.fsum(line.weight for pair in records for part in pair for line in part)
        if total + len(records) * _FRAME <= budget:
            break
    return [_record(*pair) for pair in records], level is not LEVELS[0]


def _ordered(lines: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Each entity's lines, those that tell most in this question first."""
    counts: dict[str, int] = {}
    for each in lines:
        for line in each:
            counts[line.key] = counts.get(line.key, 0) + 1
    return [
        sorted(each, key=lambda line: (line.rank, -line.power * counts[line.key], line.order, line.key))
        for each in lines
    ]


def _pick(
    attributes: list[Line], relations: list[Line], view: View, most: int
) -> tuple[list[Line], list[Line]]:
    """The first attributes and relations that a view shows."""
    if view is View.ATTRIBUTES:
        return attributes[:most], []
    if view is View.RELATIONS:
        names = [line for line in attributes[:_NAMES] if line.rank == 0]
        return names[:most], relations[:most]
    few = max(most - len(relations), most - most // 2)
    return attributes[:few], relations[: most - min(few, len(attributes))]


def _shorten(lines: list[Line], level: Level) -> list[Line]:
    if level.values == MOST_VALUES and level.characters == MOST_CHARACTERS:
        return lines
    shorter = []
    for line in lines:
        values = [cut(value, level.characters) for value in line.values[: level.values]]
        partial = line.partial or len(line.values) > len(values)
        shorter.append(_line(line.key, line.rank, line.power, line.order, values, partial))
    return shorter


def _record(attributes: list[Line], relations: list[Line]) -> Record:
    members = [line.text for line in attributes]
    if relations:
        members.append(f'"{RELATIONS}": {{{", ".join([line.text for line in relations])}}}')
    values = [value for line in (*attributes, *relations) for value in line.values]
    return Record(f"{{{', '.join(members)}}}", tuple(values))


def distinct_keys(paths: Iterable[Sequence[str]], taken: Iterable[str] = ()) -> list[str]:
    """What attributes or relations are called in a record: words, no two the same.

    >>> distinct_keys([("http://xmlns.com/foaf/0.1/name",), ("@iri",), ("http://e.org/bornIn", "^")])
    ['name', 'name (iri)', 'born in (inverse)']

    :param paths: predicate IRIs, a step against the direction of the statements with ``^`` before it; a last
        step ``^`` turns the whole path round.
    :param taken: words that none of them may have.
    """
    used, keys = set(taken), []
    for path in paths:
        plain = _words(path)
        choices = chain((plain, f"{plain} ({_where(path)})"), (f"{plain} {number}" for number in count(2)))
        key = next(each for each in choices if each not in used)
        used.add(key)
        keys.append(key)
    return keys


def _words(path: Sequence[str]) -> str:
    steps = [_step(step) for step in path if step != "^"]
    if len(steps) > 1 and steps[-1] in _SAYS_NOTHING:
        steps.pop()
    words = cut(" ".join(steps), _LABEL)
    if path[-1] != "^":
        return words
    if words.endswith(" of"):
        return words.removesuffix(" of")
    return f"{words} (inverse)" if words.endswith(_TURNED) else f"{words} of"


def _step(step: str) -> str:
    if step == _IRI_NAME:
        return "name"
    local = re.split(r"[#/:]", step.rstrip("/#"))[-1]
    words = shown(_CAMEL.sub(" ", unquote(local).replace("_", " ").replace("-", " ")), _LABEL).lower()
    return f"{words or 'value'} of" if step.startswith("^") else words or "value"


def _where(path: Sequence[str]) -> str:
    """The vocabulary of a path's first step, in a word."""
    step = path[0].lstrip("^").rstrip("/#")
    namespace = step[: len(step) - len(re.split(r"[#/:]", step)[-1])]
    words = re.findall(r"[^\W\d_]+", namespace)
    return _PREFIX.get(namespace) or (
        "iri" if step == _IRI_NAME else clean(words[-1], 20) if words else "other"
    )
