"""``mappings.sssom.tsv``: the links in the Simple Standard for Sharing Ontological Mappings."""

import csv
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from kgalign.export.curies import BUILT_IN, Prefixes
from kgalign.export.files import replacing
from kgalign.export.rows import REFUSED, Link, Pairs, Written, linked, named, one_line
from kgalign.records import Alignment, Outcome, Profile, Verdicts

UNSPECIFIED_LICENSE = "https://w3id.org/sssom/license/unspecified"
"""What SSSOM says where nobody has chosen a licence."""

_TOOL = "kgalign"
_MODIFIER, _COMMENT = "predicate_modifier", "comment"
_COLUMNS = (
    "subject_id",
    "subject_label",
    "predicate_id",
    _MODIFIER,
    "object_id",
    "object_label",
    "mapping_justification",
    "mapping_tool",
    "mapping_tool_version",
    "confidence",
    _COMMENT,
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


def write_sssom(
    path: Path,
    left: Profile,
    right: Profile,
    alignment: Alignment,
    verdicts: Verdicts,
    *,
    version: str,
    license: str = UNSPECIFIED_LICENSE,
    pairs: Pairs | None = None,
) -> Written:
    """Write each pair as one mapping: the links, unless other pairs are named.

    Instances are mapped with owl:sameAs, classes with owl:equivalentClass, concepts (and a class with
    anything else) with skos:exactMatch. A pair that was refused is the same mapping with the modifier
    ``Not``; its confidence is that of the refusal, 1 where a person refused it. A pair that is left to
    people is a skos:closeMatch, and a comment says so: a reader that looks at nothing but the predicate
    shall not take it for a link. IRIs become CURIEs of their URIs. What kgalign found is a composite
    matching; a link known from the start is of unspecified origin, what a person confirmed or rejected is
    manual curation. The set's id is a hash of its mappings: the same mappings, the same id.

    Args:
        path: where to.
        left: the left side, subjects of the mappings.
        right: the right side, their objects.
        alignment: what was decided; its links are written where ``pairs`` is None.
        verdicts: says which pairs were known from the start.
        version: version of kgalign.
        license: URI of the licence of the mappings.
        pairs: what to write.

    Raises:
        OSError: no room, or no permission.
    """
    wanted = linked(alignment) if pairs is None else pairs
    outcomes: set[Outcome] = set()
    prefixes = Prefixes.for_iris(_iris(named(left, right, wanted), outcomes))
    mapper = _Mapper(prefixes, version, verdicts.given, _kinds(left), _kinds(right))
    rows = _needed(outcomes)
    columns = [_COLUMNS[row] for row in rows]
    all_by_tool = not _OF_TOOL & set(columns)
    digest = hashlib.sha256()
    told = [row for row in rows if _COLUMNS[row] not in _OF_TOOL]
    for link in named(left, right, wanted):
        values = mapper.mapping(link)
        digest.update(json.dumps([values[row] for row in told]).encode())
    set_id = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest.hexdigest())}"
    written = 0
    with replacing(path) as file:
        _write_head(file, set_id, license, version if all_by_tool else None, prefixes)
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(columns)
        for link in named(left, right, wanted):
            values = mapper.mapping(link)
            table.writerow([values[row] for row in rows])
            written += 1
    return Written(written, len(wanted) - written)


@dataclass(frozen=True, slots=True)
class _Mapper:
    """Turns pairs into mappings."""

    prefixes: Prefixes
    version: str
    given: npt.NDArray[np.bool_]
    left_kind: npt.NDArray[np.int8]
    right_kind: npt.NDArray[np.int8]

    def mapping(self, link: Link) -> tuple[str, ...]:
        """The value of each of ``_COLUMNS``."""
        tool = ("", "") if _by_people(link) else (_TOOL, self.version)
        return (
            self.prefixes.curie(link.left_iri),
            one_line(link.left_name),
            self._predicate(link),
            "Not" if link.refused else "",
            self.prefixes.curie(link.right_iri),
            one_line(link.right_name),
            self._justification(link),
            *tool,
            _confidence(link),
            _OPEN.get(link.outcome, ""),
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
        return "semapv:UnspecifiedMatching" if known else "semapv:ManualMappingCuration"


def _iris(links: Iterable[Link], outcomes: set[Outcome]) -> Iterator[str]:
    """The IRIs of pairs; their outcomes are put into the set."""
    for link in links:
        outcomes.add(link.outcome)
        yield link.left_iri
        yield link.right_iri


def _needed(outcomes: set[Outcome]) -> list[int]:
    """Places of those of ``_COLUMNS`` that mappings of these outcomes need.

    A value of the whole set may not stand in single mappings too: the tool is named in one place.
    """
    needed = dict.fromkeys(_OF_TOOL, bool(outcomes & _BY_PEOPLE))
    needed |= {_MODIFIER: bool(outcomes & REFUSED), _COMMENT: bool(outcomes & _OPEN.keys())}
    return [place for place, column in enumerate(_COLUMNS) if needed.get(column, True)]


def _by_people(link: Link) -> bool:
    """Whether a person, or the input, decided, and not the tool."""
    return link.outcome in _BY_PEOPLE


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


def _write_head(file: TextIO, set_id: str, license: str, version: str | None, prefixes: Prefixes) -> None:
    """The YAML comment block; JSON strings are YAML strings."""
    slots = {"mapping_set_id": set_id, "license": license}
    if version is not None:
        slots |= {"mapping_tool": _TOOL, "mapping_tool_version": version}
    for name, value in slots.items():
        file.write(f"# {name}: {json.dumps(value)}\n")
    file.write("# curie_map:\n")
    curie_map = BUILT_IN | {name: space for space, name in prefixes.names.items()}
    for name, space in sorted(curie_map.items()):
        file.write(f"#   {name}: {json.dumps(space)}\n")
