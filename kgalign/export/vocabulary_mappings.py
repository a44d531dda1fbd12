"""Properties and classes that correspond, as mappings of SSSOM."""

from collections.abc import Iterator
from dataclasses import dataclass

from kgalign.records.vocabularies import (
    ClassMatch,
    PropertyMatch,
    Target,
    Vocabularies,
    class_objection,
    objection,
)

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


@dataclass(frozen=True, slots=True)
class Mapping:
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


def vocabulary_mappings(vocabularies: Vocabularies, target: Target) -> Iterator[Mapping]:
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
            yield Mapping(
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
            yield Mapping(kind.left, kind.right, predicate, CLASS, kind.given, kind.score, comment)
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


def _by_name(pair: tuple[str, str], predicate: str, type: str, target: Target) -> Mapping:
    """What the user gave a name that neither graph uses."""
    kept = target == "both"
    comment = "not renamed: both vocabularies are kept" if kept else "in the fused graph: the second name"
    return Mapping(*pair, predicate, type, True, 1.0, comment)
