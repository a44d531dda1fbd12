"""``mappings.sssom.tsv``: the links in the Simple Standard for Sharing Ontological Mappings.

Properties and classes that correspond come after the entities.
"""

import csv
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from kgalign.base.files import replacing_text
from kgalign.decisions.people import Words
from kgalign.export.curies import Prefixes
from kgalign.export.rows import Link, Pairs, Written, is_iri, linked, named, one_line
from kgalign.links.sssom_names import FIXED
from kgalign.records import Alignment, Outcome, Profile, Verdicts
from kgalign.records.vocabularies import (
    ClassMatch,
    PropertyMatch,
    Target,
    Vocabularies,
    class_objection,
    objection,
)

UNSPECIFIED_LICENSE = "https://w3id.org/sssom/license/unspecified"
"""What SSSOM says where nobody has chosen a licence."""

_TOOL = "kgalign"
_COLUMNS = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "predicate_modifier",
    "object_id",
    "object_label",
    "mapping_justification",
    "author_id",
    "author_label",
    "subject_type",
    "object_type",
    "mapping_tool",
    "mapping_tool_version",
    "confidence",
    "comment",
)
"""In the order that SSSOM gives them."""
_OPTIONAL = frozenset(
    {"predicate_modifier", "author_id", "author_label", "subject_type", "object_type", "comment"}
)
_OF_TOOL = frozenset({"mapping_tool", "mapping_tool_version"})
_BY_PEOPLE = frozenset({Outcome.CONFIRMED, Outcome.REJECTED})
_OPEN = {
    Outcome.UNDECIDED: "undecided: left to people",
    Outcome.NOT_ASKED: "undecided: a language model was to be asked, but was not",
    Outcome.FAILED: "undecided: a language model was asked and gave no usable answer",
}
_OWL_CLASSES = ("http://www.w3.org/2002/07/owl#Class", "http://www.w3.org/2000/01/rdf-schema#Class")
_CONCEPTS = ("http://www.w3.org/2004/02/skos/core#Concept",)
_SUBCLASS = (
    "http://www.w3.org/2000/01/rdf-schema#subClassOf",
    "http://www.w3.org/2002/07/owl#equivalentClass",
)
_BROADER = ("http://www.w3.org/2004/02/skos/core#broader", "http://www.w3.org/2004/02/skos/core#narrower")

_INSTANCE, _CLASS, _CONCEPT = 0, 1, 2

PROPERTY, CLASS = "rdf property", "rdfs class"
"""What SSSOM calls the types of entities: the widest ones, as the data don't say more."""
_PROPERTIES = {
    "exact": "owl:equivalentProperty",
    "narrower": "rdfs:subPropertyOf",
    "broader": "skos:narrowMatch",
    "close": "skos:closeMatch",
}
"""Relation → predicate. Of what is broader, RDF Schema has no word in this direction."""
_CLASSES = _PROPERTIES | {"exact": "owl:equivalentClass", "narrower": "rdfs:subClassOf"}


def write_sssom(
    path: Path,
    left: Profile,
    right: Profile,
    alignment: Alignment,
    verdicts: Verdicts,
    *,
    version: str,
    pairs: Pairs | None = None,
    vocabularies: Vocabularies | None = None,
    vocabulary: Target = "left",
    words: Words | None = None,
) -> Written:
    """Write each pair as one mapping: the links, unless other pairs are named; then what corresponds.

    Instances are mapped with owl:sameAs, classes with owl:equivalentClass, concepts (and a class with
    anything else) with skos:exactMatch. A pair that was refused is the same mapping with the modifier
    ``Not``; its confidence is that of the refusal, 1 where a person refused it. A pair that is left to
    people is a skos:closeMatch, and a comment says so: a reader that looks at nothing but the predicate
    shall not take it for a link. IRIs become CURIEs of their URIs. What kgalign found is a composite
    matching, of properties and classes an instance-based one; a link known from the start is of unspecified
    origin, what a person said is manual curation, with who said it and why. The set's id is a hash of its
    mappings: the same mappings, the same id.

    :param alignment: what was decided; its links are written where ``pairs`` is None.
    :param verdicts: says which pairs were known from the start.
    :param vocabularies: properties and classes that correspond.
    :param vocabulary: whose vocabulary the fused graph uses, for their comments.
    :param words: who decided on a pair, and why.
    :raises OSError: no room, or no permission.
    """
    wanted = linked(alignment) if pairs is None else pairs
    said = list(_vocabulary_mappings(vocabularies or Vocabularies(), vocabulary))
    told = [each for each in said if is_iri(each.subject) and is_iri(each.object)]
    prefixes = prefixes_of_run(left, right, vocabularies or Vocabularies(), words or {})
    mapper = _Mapper(prefixes, version, verdicts.given, _kinds(left), _kinds(right), words or {})

    def mappings() -> Iterator[tuple[str, ...]]:
        return chain(map(mapper.mapping, named(left, right, wanted)), map(mapper.of_vocabulary, told))

    used = prefixes.used_by(_iris(named(left, right, wanted), told, words or {}))
    written = _write(path, mappings, used, version=version)
    return Written(written, len(wanted) + len(said) - written)


def prefixes_of_run(left: Profile, right: Profile, vocabularies: Vocabularies, words: Words) -> Prefixes:
    """Prefixes for all that can be exported of a run: each stands for the same in every file.

    :param words: who decided, among whom may be IRIs; they change no prefix of anything else.
    """
    entities = chain(*(side.entity_iri.to_pylist() for side in (left, right)))
    told = ((each.subject, each.object) for each in _vocabulary_mappings(vocabularies, "left"))
    things = filter(is_iri, chain(entities, chain.from_iterable(told)))
    return Prefixes.for_iris(things).extended(sorted({by for by, _ in words.values() if is_iri(by)}))


def _write(
    path: Path,
    mappings: Callable[[], Iterator[tuple[str, ...]]],
    prefixes: Prefixes,
    *,
    version: str,
) -> int:
    """Go through the mappings twice, once for the head of the file: how many there are."""
    places, set_id = _survey(mappings())
    columns = [_COLUMNS[place] for place in places]
    written = 0
    with replacing_text(path) as file:
        _write_head(file, set_id, None if _OF_TOOL & set(columns) else version, prefixes)
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(columns)
        for values in mappings():
            table.writerow([values[place] for place in places])
            written += 1
    return written


def _survey(mappings: Iterable[tuple[str, ...]]) -> tuple[list[int], str]:
    """Places of those of ``_COLUMNS`` that the mappings need, and the id of the set.

    A value of the whole set may not stand in single mappings too: the tool is named in one place.
    """
    digest = hashlib.sha256()
    places = {column: place for place, column in enumerate(_COLUMNS)}
    optional, of_tool = ([places[each] for each in sorted(names)] for names in (_OPTIONAL, _OF_TOOL))
    told = [place for place in places.values() if place not in of_tool]
    needed = set(told) - set(optional)
    for values in mappings:
        needed.update(place for place in optional if values[place])
        needed.update(place for place in of_tool if not values[place])
        digest.update(json.dumps([values[place] for place in told]).encode())
    return sorted(needed), f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest.hexdigest())}"


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A mapping of two properties or two classes."""

    subject: str
    object: str
    """IRIs."""
    predicate: str
    type: str
    """:data:`PROPERTY` or :data:`CLASS`."""
    given: bool
    """Whether the user said so."""
    confidence: float
    comment: str
    """Units, and whether statements are renamed by it."""


@dataclass(frozen=True, slots=True)
class _Mapper:
    """Turns pairs into mappings."""

    prefixes: Prefixes
    version: str
    given: npt.NDArray[np.bool_]
    left_kind: npt.NDArray[np.int8]
    right_kind: npt.NDArray[np.int8]
    words: Words

    def mapping(self, link: Link) -> tuple[str, ...]:
        """The value of each of ``_COLUMNS``."""
        tool = ("", "") if _by_people(link) else (_TOOL, self.version)
        by, why = _word(link, self.words) or ("", "")
        return (
            self.prefixes.curie(link.left_iri),
            one_line(link.left_name),
            self._predicate(link),
            "Not" if link.refused else "",
            self.prefixes.curie(link.right_iri),
            one_line(link.right_name),
            self._justification(link),
            *author(by, self.prefixes),
            "",
            "",
            *tool,
            _confidence(link),
            one_line(why) or _OPEN.get(link.outcome, ""),
        )

    def of_vocabulary(self, mapping: _Mapping) -> tuple[str, ...]:
        """The value of each of ``_COLUMNS`` for two properties or classes."""
        given = mapping.given
        return (
            self.prefixes.curie(mapping.subject),
            "",
            mapping.predicate,
            "",
            self.prefixes.curie(mapping.object),
            "",
            "semapv:ManualMappingCuration" if given else "semapv:InstanceBasedMatching",
            "",
            "",
            mapping.type,
            mapping.type,
            *(("", "") if given else (_TOOL, self.version)),
            str(round(mapping.confidence, 6)),
            one_line(mapping.comment),
        )

    def _predicate(self, link: Link) -> str:
        if link.open:
            return "skos:closeMatch"
        kinds = {int(self.left_kind[link.left]), int(self.right_kind[link.right])}
        if kinds == {_INSTANCE}:
            return "owl:sameAs"
        return "owl:equivalentClass" if kinds == {_CLASS} else "skos:exactMatch"

    def _justification(self, link: Link) -> str:
        if not _by_people(link):
            return "semapv:CompositeMatching"
        known = link.confirmed and link.verdict >= 0 and bool(self.given[link.verdict])
        known = known and _word(link, self.words) is None
        return "semapv:UnspecifiedMatching" if known else "semapv:ManualMappingCuration"


def _iris(links: Iterable[Link], mappings: Iterable[_Mapping], words: Words) -> Iterator[str]:
    for link in links:
        yield link.left_iri
        yield link.right_iri
        word = _word(link, words)
        if word is not None and is_iri(word[0]):
            yield word[0]
    for mapping in mappings:
        yield mapping.subject
        yield mapping.object


def _by_people(link: Link) -> bool:
    """Whether a person, or the input, decided, and not the tool."""
    return link.outcome in _BY_PEOPLE


def _word(link: Link, words: Words) -> tuple[str, str] | None:
    """Who decided on a link, and why; None where nobody did."""
    return words.get(((link.left_iri, link.right_iri), link.confirmed)) if _by_people(link) else None


def author(by: str, prefixes: Prefixes) -> tuple[str, str]:
    """Who decided, as ``author_id`` and ``author_label``: the one for an IRI, the other for a name."""
    return (prefixes.curie(by), "") if is_iri(by) else ("", one_line(by))


def _confidence(link: Link) -> str:
    """How sure the mapping is as it stands there, 0 to 1."""
    if link.outcome is Outcome.REJECTED:
        return "1.0"
    return str(round(1 - link.probability if link.refused else link.probability, 6))


def _kinds(profile: Profile) -> npt.NDArray[np.int8]:
    """(n,) whether each entity is an instance, a class or a concept: by its type, or by its relations.

    Selection passes over schema types, so that the classes of an ontology mostly have none; but they
    have superclasses.
    """
    kinds = np.full(len(profile), _INSTANCE, dtype=np.int8)
    for kind, types, relations in ((_CONCEPT, _CONCEPTS, _BROADER), (_CLASS, _OWL_CLASSES, _SUBCLASS)):
        typed = [number for number, iri in enumerate(profile.types) if iri in types]
        kinds[np.isin(profile.entity_type, typed)] = kind
        related = [number for number, each in enumerate(profile.relations) if each.iri in relations]
        edges = np.isin(profile.edge_relation, related)
        kinds[profile.edge_head[edges]] = kind
        kinds[profile.edge_tail[edges]] = kind
    return kinds


def _write_head(file: TextIO, set_id: str, version: str | None, prefixes: Prefixes) -> None:
    slots = {"mapping_set_id": set_id, "license": UNSPECIFIED_LICENSE}
    if version is not None:
        slots |= {"mapping_tool": _TOOL, "mapping_tool_version": version}
    write_metadata(file, slots, prefixes)


def write_metadata(file: TextIO, slots: Mapping[str, str], prefixes: Prefixes) -> None:
    """The YAML comment block; JSON strings are YAML strings."""
    for name, value in slots.items():
        file.write(f"# {name}: {json.dumps(value)}\n")
    file.write("# curie_map:\n")
    curie_map = FIXED | {name: space for space, name in prefixes.names.items()}
    for name, space in sorted(curie_map.items()):
        file.write(f"#   {name}: {json.dumps(space)}\n")


def _vocabulary_mappings(vocabularies: Vocabularies, target: Target) -> Iterator[_Mapping]:
    """All mappings of properties, then of classes: the best of each, and what contains the other.

    What both sides call by one name is mapped to itself without saying. A property whose numbers are in
    another unit is close: taken for equal, its numbers would be wrong.

    :param target: whose vocabulary the fused graph uses, for the comments.
    """
    renamed = f"in the fused graph: the {target} one's name for both"
    for match in vocabularies.properties:
        if _is_told(match) and (match.left != match.right or match.inverse):
            against = objection(match, target)
            notes = [note for note in match.notes if note not in against]
            comment = "; ".join([*notes, f"not renamed: {against}" if against else renamed])
            yield _Mapping(
                match.left,
                match.right,
                _relation(match),
                PROPERTY,
                match.given,
                match.score,
                comment,
            )
    yield from (_by_name(pair, "owl:equivalentProperty", PROPERTY, target) for pair in vocabularies.standard)
    for kind in vocabularies.classes:
        if _is_told(kind) and kind.left != kind.right:
            against = class_objection(kind, target)
            comment = f"not renamed: {against}" if against else renamed
            predicate = _CLASSES[kind.relation]
            yield _Mapping(kind.left, kind.right, predicate, CLASS, kind.given, kind.score, comment)
    yield from (
        _by_name(pair, "owl:equivalentClass", CLASS, target) for pair in vocabularies.standard_classes
    )


def _is_told(match: PropertyMatch | ClassMatch) -> bool:
    return match.given or match.chosen or match.relation in ("narrower", "broader")


def _relation(match: PropertyMatch) -> str:
    if match.inverse:
        return "owl:inverseOf" if match.relation == "exact" else "skos:relatedMatch"
    if match.relation == "exact" and not match.conversion.same:
        return "skos:closeMatch"
    return _PROPERTIES[match.relation]


def _by_name(pair: tuple[str, str], predicate: str, type: str, target: Target) -> _Mapping:
    """What the user gave a name that neither graph uses."""
    kept = target == "both"
    comment = "not renamed: both vocabularies are kept" if kept else "in the fused graph: the second name"
    return _Mapping(*pair, predicate, type, True, 1.0, comment)
