"""``mappings.sssom.tsv``: the links in the Simple Standard for Sharing Ontological Mappings."""

import csv
import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from kgalign.export.curies import BUILT_IN, Prefixes
from kgalign.export.files import replacing
from kgalign.export.rows import Link, Written, count, links
from kgalign.records import Alignment, Profile, Verdicts

UNSPECIFIED_LICENSE = "https://w3id.org/sssom/license/unspecified"
"""What SSSOM says where nobody has chosen a licence."""

_TOOL = "kgalign"
_COLUMNS = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
)
_TOOL_COLUMNS = ("mapping_tool", "mapping_tool_version")
_OWL_CLASSES = ("http://www.w3.org/2002/07/owl#Class", "http://www.w3.org/2000/01/rdf-schema#Class")
_CONCEPTS = ("http://www.w3.org/2004/02/skos/core#Concept",)
_SUBCLASS = (
    "http://www.w3.org/2000/01/rdf-schema#subClassOf",
    "http://www.w3.org/2002/07/owl#equivalentClass",
)
_BROADER = ("http://www.w3.org/2004/02/skos/core#broader", "http://www.w3.org/2004/02/skos/core#narrower")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_LONGEST = 500

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
) -> Written:
    """Write each link as one mapping; undecided pairs are not in it.

    Instances are mapped with owl:sameAs, classes with owl:equivalentClass, concepts (and a class with
    anything else) with skos:exactMatch. IRIs become CURIEs of their URIs. What kgalign found is a
    composite matching; a link known from the start is of unspecified origin, one that a person
    confirmed is manual curation. The set's id is a hash of its mappings: the same links, the same id.

    Args:
        path: where to.
        left: the left side, subjects of the mappings.
        right: the right side, their objects.
        alignment: what was decided.
        verdicts: says which pairs were known from the start.
        version: version of kgalign.
        license: URI of the licence of the mappings.

    Raises:
        OSError: no room, or no permission.
    """
    prefixes = Prefixes.for_iris(
        iri for link in links(left, right, alignment) for iri in (link.left_iri, link.right_iri)
    )
    mapper = _Mapper(prefixes, verdicts.given, _kinds(left), _kinds(right))
    digest, all_by_tool = hashlib.sha256(), True
    for link in links(left, right, alignment):
        digest.update(json.dumps([*mapper.mapping(link), mapper.confidence(link)]).encode())
        all_by_tool &= not link.confirmed
    set_id = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest.hexdigest())}"
    written = 0
    with replacing(path) as file:
        _write_head(file, set_id, license, version if all_by_tool else None, prefixes)
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        # A value of the whole set may not stand in single mappings too: the tool is named in one place.
        table.writerow([*_COLUMNS, *(() if all_by_tool else _TOOL_COLUMNS), "confidence"])
        for link in links(left, right, alignment):
            tool = () if all_by_tool else ("", "") if link.confirmed else (_TOOL, version)
            table.writerow([*mapper.mapping(link), *tool, mapper.confidence(link)])
            written += 1
    return count(alignment, written)


@dataclass(frozen=True, slots=True)
class _Mapper:
    """Turns links into mappings."""

    prefixes: Prefixes
    given: npt.NDArray[np.bool_]
    left_kind: npt.NDArray[np.int8]
    right_kind: npt.NDArray[np.int8]

    def mapping(self, link: Link) -> tuple[str, ...]:
        """The columns that every mapping has."""
        return (
            self.prefixes.curie(link.left_iri),
            _label(link.left_name),
            self._predicate(link),
            self.prefixes.curie(link.right_iri),
            _label(link.right_name),
            self._justification(link),
        )

    @staticmethod
    def confidence(link: Link) -> str:
        return str(round(link.probability, 6))

    def _predicate(self, link: Link) -> str:
        kinds = {int(self.left_kind[link.left]), int(self.right_kind[link.right])}
        if kinds == {_INSTANCE}:
            return "owl:sameAs"
        return "owl:equivalentClass" if kinds == {_CLASS} else "skos:exactMatch"

    def _justification(self, link: Link) -> str:
        if not link.confirmed:
            return "semapv:CompositeMatching"
        known = link.verdict >= 0 and bool(self.given[link.verdict])
        return "semapv:UnspecifiedMatching" if known else "semapv:ManualMappingCuration"


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


def _label(name: str) -> str:
    """A name on one line, without control characters, and of a length that people read."""
    text = _BLANKS.sub(" ", name[: 2 * _LONGEST]).strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


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
