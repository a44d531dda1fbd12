"""``mappings.sssom.tsv``: the links in the Simple Standard for Sharing Ontological Mappings.

Properties and classes that correspond come after the entities.
"""

import csv
import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.arrays import Flags
from kgalign.base.cores import in_order
from kgalign.base.files import replacing_text
from kgalign.decisions.people import Words
from kgalign.export.curies import Prefixes
from kgalign.export.rows import (
    OPEN,
    REFUSED,
    Named,
    Pairs,
    Written,
    are_iris,
    is_iri,
    linked,
    named,
    one_line,
    six_digits,
)
from kgalign.export.vocabulary_mappings import Mapping, vocabulary_mappings
from kgalign.links.sssom_names import FIXED
from kgalign.records import Alignment, Outcome, Profile, Verdicts
from kgalign.records.vocabularies import Target, Vocabularies

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
_BY_PEOPLE = (Outcome.CONFIRMED, Outcome.REJECTED)
_NOTHING = ("", "")
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
    said = list(vocabulary_mappings(vocabularies or Vocabularies(), vocabulary))
    told = [each for each in said if is_iri(each.subject) and is_iri(each.object)]
    prefixes = prefixes_of_run(left, right, vocabularies or Vocabularies(), words or {})
    mapper = _Mapper(prefixes, version, verdicts.given, _kinds(left), _kinds(right), words or {})

    def mappings() -> Iterator[_Columns]:
        return chain(in_order(mapper.mappings, named(left, right, wanted)), mapper.of_vocabulary(told))

    used = prefixes.used_by(_iris(left, right, wanted, told, words or {}))
    written = _write(path, mappings, used, version=version)
    return Written(written, len(wanted) + len(said) - written)


def prefixes_of_run(left: Profile, right: Profile, vocabularies: Vocabularies, words: Words) -> Prefixes:
    """Prefixes for all that can be exported of a run: each stands for the same in every file.

    :param words: who decided, among whom may be IRIs; they change no prefix of anything else.
    """
    entities = [side.entity_iri.filter(pa.array(are_iris(side.entity_iri))) for side in (left, right)]
    told = ((each.subject, each.object) for each in vocabulary_mappings(vocabularies, "left"))
    others = [iri for iri in chain.from_iterable(told) if is_iri(iri)]
    things = pa.concat_arrays([*entities, pa.array(others, pa.large_string())])
    return Prefixes.for_iris(things).extended(sorted({by for by, _ in words.values() if is_iri(by)}))


_Columns = Sequence[Sequence[str]]
"""Mappings: the values of each of ``_COLUMNS``."""


def _write(
    path: Path,
    mappings: Callable[[], Iterator[_Columns]],
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
        for some in mappings():
            table.writerows(zip(*(some[place] for place in places), strict=True))
            written += len(some[0])
    return written


def _survey(mappings: Iterable[_Columns]) -> tuple[list[int], str]:
    """Places of those of ``_COLUMNS`` that the mappings need, and the id of the set.

    A value of the whole set may not stand in single mappings too: the tool is named in one place.
    """
    digest = hashlib.sha256()
    places = {column: place for place, column in enumerate(_COLUMNS)}
    optional, of_tool = ([places[each] for each in sorted(names)] for names in (_OPTIONAL, _OF_TOOL))
    told = [place for place in places.values() if place not in of_tool]
    needed = set(told) - set(optional)
    for some in mappings:
        needed.update(place for place in optional if any(some[place]))
        needed.update(place for place in of_tool if not all(some[place]))
        rows = map(", ".join, zip(*(map(quoted, some[place]) for place in told), strict=True))
        digest.update("".join(f"[{row}]" for row in rows).encode())
    return sorted(needed), f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest.hexdigest())}"


@dataclass(frozen=True, slots=True)
class _Mapper:
    """Turns pairs into mappings."""

    prefixes: Prefixes
    version: str
    given: npt.NDArray[np.bool_]
    left_kind: npt.NDArray[np.int8]
    right_kind: npt.NDArray[np.int8]
    words: Words

    def mappings(self, some: Named) -> _Columns:
        """The values of each of ``_COLUMNS``."""
        size, pairs = len(some), some.pairs
        by_people = np.isin(pairs.outcome, _BY_PEOPLE)
        told = ((row, _word(some, row, self.words)) for row in np.flatnonzero(by_people).tolist())
        words = {row: word for row, word in told if word is not None}
        authors = [_NOTHING] * size
        comments = [_OPEN.get(Outcome(each), "") for each in pairs.outcome.tolist()]
        for row, (by, why) in words.items():
            authors[row] = author(by, self.prefixes)
            comments[row] = one_line(why) or comments[row]
        nothing = [""] * size
        return (
            self.prefixes.curies(some.left_iri),
            list(map(one_line, some.left_name.to_pylist())),
            self._predicates(pairs),
            _chosen(("", "Not"), np.isin(pairs.outcome, tuple(REFUSED))),
            self.prefixes.curies(some.right_iri),
            list(map(one_line, some.right_name.to_pylist())),
            self._justifications(pairs, by_people, words),
            [by for by, _ in authors],
            [name for _, name in authors],
            nothing,
            nothing,
            _chosen((_TOOL, ""), by_people),
            _chosen((self.version, ""), by_people),
            _confidences(pairs),
            comments,
        )

    def of_vocabulary(self, mappings: Sequence[Mapping]) -> Iterator[_Columns]:
        """The values of each of ``_COLUMNS`` for properties and classes; nothing where there are none."""
        if mappings:
            subjects = self.prefixes.curies([each.subject for each in mappings])
            objects = self.prefixes.curies([each.object for each in mappings])
            yield list(zip(*map(self._of_two, mappings, subjects, objects), strict=True))

    def _of_two(self, mapping: Mapping, subject: str, object: str) -> tuple[str, ...]:
        given = mapping.given
        return (
            subject,
            "",
            mapping.predicate,
            "",
            object,
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

    def _predicates(self, pairs: Pairs) -> list[str]:
        """(p,) what each pair is mapped with."""
        left, right = self.left_kind[pairs.left], self.right_kind[pairs.right]
        one = left == right
        found = np.full(len(pairs), 1)
        found[one & (left == _INSTANCE)] = 0
        found[one & (left == _CLASS)] = 2
        found[np.isin(pairs.outcome, OPEN)] = 3
        return _chosen(("owl:sameAs", "skos:exactMatch", "owl:equivalentClass", "skos:closeMatch"), found)

    def _justifications(self, pairs: Pairs, by_people: Flags, words: Collection[int]) -> list[str]:
        """(p,) how each pair was found; ``words`` has the rows of which somebody said why."""
        known = (pairs.outcome == Outcome.CONFIRMED) & (pairs.verdict >= 0)
        known[known] = self.given[pairs.verdict[known]]
        known[list(words)] = False
        kinds = ("semapv:CompositeMatching", "semapv:ManualMappingCuration", "semapv:UnspecifiedMatching")
        return _chosen(kinds, np.where(by_people, 1 + known, 0))


def _chosen(texts: Sequence[str], codes: npt.NDArray[np.integer] | Flags) -> list[str]:
    """(n,) a text by its number each."""
    return [texts[code] for code in codes.tolist()]


def _iris(
    left: Profile, right: Profile, pairs: Pairs, mappings: Iterable[Mapping], words: Words
) -> pa.LargeStringArray:
    """The IRIs of mappings, and of those who decided."""
    columns: list[pa.LargeStringArray] = []
    others = [iri for mapping in mappings for iri in (mapping.subject, mapping.object)]
    for some in named(left, right, pairs):
        columns += [some.left_iri, some.right_iri]
        rows = np.flatnonzero(np.isin(some.pairs.outcome, _BY_PEOPLE)).tolist()
        told = (_word(some, row, words) for row in rows)
        others += [word[0] for word in told if word is not None and is_iri(word[0])]
    return pa.concat_arrays([*columns, pa.array(others, pa.large_string())])


def _word(some: Named, row: int, words: Words) -> tuple[str, str] | None:
    """Who decided on a pair, and why; None where nobody did."""
    if not words:
        return None
    pair = some.left_iri[row].as_py(), some.right_iri[row].as_py()
    return words.get((pair, bool(some.pairs.outcome[row] == Outcome.CONFIRMED)))


def author(by: str, prefixes: Prefixes) -> tuple[str, str]:
    """Who decided, as ``author_id`` and ``author_label``: the one for an IRI, the other for a name."""
    return (prefixes.curie(by), "") if is_iri(by) else ("", one_line(by))


def _confidences(pairs: Pairs) -> list[str]:
    """(p,) how sure each mapping is as it stands there, 0 to 1."""
    sure = pairs.probability.astype(np.float64)
    refused = np.isin(pairs.outcome, tuple(REFUSED))
    sure[refused] = 1 - sure[refused]
    sure[pairs.outcome == Outcome.REJECTED] = 1.0
    return six_digits(sure)


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


def write_metadata(file: TextIO, slots: dict[str, str], prefixes: Prefixes) -> None:
    """The YAML comment block; JSON strings are YAML strings."""
    for name, value in slots.items():
        file.write(f"# {name}: {json.dumps(value)}\n")
    file.write("# curie_map:\n")
    curie_map = FIXED | {name: space for space, name in prefixes.names.items()}
    for name, space in sorted(curie_map.items()):
        file.write(f"#   {name}: {json.dumps(space)}\n")
