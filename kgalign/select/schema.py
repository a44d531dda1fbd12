"""What of a graph is vocabulary: classes, properties and the like, and statements about them."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kgalign.arrays import Flags, flags
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.rdf.vocabulary import (
    OWL,
    OWL_CLASS,
    OWL_SAME_AS,
    OWL_THING,
    RDF,
    RDF_REIFIES,
    RDF_TYPE,
    RDFS,
    RDFS_SUBCLASS_OF,
    SKOS,
)

_CLASSES = frozenset({OWL_CLASS, RDFS + "Class"})
_SCHEMA_TYPES = _CLASSES | {
    *(RDF + name for name in "Property List Statement".split()),
    *(RDFS + name for name in "Datatype ContainerMembershipProperty".split()),
    *(
        OWL + name
        for name in (
            "ObjectProperty DatatypeProperty AnnotationProperty OntologyProperty FunctionalProperty "
            "InverseFunctionalProperty TransitiveProperty SymmetricProperty Ontology Axiom "
            "AllDisjointClasses AllDifferent DeprecatedClass DeprecatedProperty"
        ).split()
    ),
}
_PROPERTIES = frozenset({RDF + "Property", OWL + "ObjectProperty", OWL + "DatatypeProperty"})
_VAGUE_TYPES = frozenset({OWL_THING, OWL + "NamedIndividual", RDFS + "Resource"})
"""Types that say nothing about a node."""
_PROPERTY_LINKS = frozenset(
    {RDFS + name for name in ("subPropertyOf", "domain", "range")}
    | {OWL + name for name in ("inverseOf", "equivalentProperty", "propertyChainAxiom")}
)
_CLASS_LINKS = frozenset({RDFS_SUBCLASS_OF, OWL + "equivalentClass", OWL + "disjointWith"})
_IDENTITY = frozenset({OWL_SAME_AS, SKOS + "exactMatch", RDFS + "seeAlso", OWL + "differentFrom"})
_ONTOLOGY_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Types:
    """The rdf:type statements of a graph."""

    node: Ids
    type: Ids
    """(t,) term ids each."""
    iris: dict[int, str]
    """The types by their term ids."""
    terms: int

    def rows(self, wanted: Collection[str]) -> Flags:
        """(t,) statements that give one of the types."""
        ids = np.array([i for i, iri in self.iris.items() if iri in wanted], dtype=np.int32)
        return np.isin(self.type, ids)

    def having(self, wanted: Collection[str]) -> Flags:
        """(terms,) nodes that have one of the types."""
        return flags(self.terms, self.node[self.rows(wanted)])

    def telling(self) -> Flags:
        """(t,) statements whose type is neither vague nor one of vocabulary."""
        return ~self.rows(_SCHEMA_TYPES | _VAGUE_TYPES)


@dataclass(frozen=True, slots=True)
class Schema:
    """What is left of a graph once its vocabulary is set apart."""

    ontology: bool
    """Whether the graph's classes are its things."""
    classes: Flags
    """(terms,) IRIs of classes."""
    properties: Flags
    """(terms,) in an ontology, IRIs of the properties that it declares and does not itself use; else none."""
    in_graph: Flags
    """(terms,) nodes that are no vocabulary."""
    described: Flags
    """(terms,) nodes of which the graph says something itself: a statement, or a type that says something.
    The others are only mentioned."""
    usable: Flags
    """(statements,) statements between these: no types, no schema, no identity links."""


def iris_of(graph: Graph, ids: Ids) -> dict[int, str]:
    """The values of distinct terms, by their ids."""
    found = np.flatnonzero(flags(len(graph.terms), ids))
    return dict(zip(found.tolist(), graph.terms.value.take(pa.array(found)).to_pylist(), strict=True))


def read_types(graph: Graph) -> Types:
    """Collect the rdf:type statements."""
    rows = _rows(graph, iris_of(graph, graph.predicate), {RDF_TYPE})
    types = graph.object[rows]
    return Types(graph.subject[rows], types, iris_of(graph, types), len(graph.terms))


def find_schema(graph: Graph, types: Types, asked: Flags | None) -> Schema:
    """Set the vocabulary apart.

    In an ontology the classes are what is to be aligned; beside instances they are only schema.

    :param asked: (terms,) nodes that are entities because their type was asked for; None where
        the choice is ours.
    """
    predicates = iris_of(graph, graph.predicate)
    terms = len(graph.terms)
    node = graph.terms.kind <= TermKind.BLANK
    iri = graph.terms.kind == TermKind.IRI
    usable = ~_rows(graph, predicates, _IDENTITY | {RDF_TYPE})
    described = flags(terms, graph.subject[usable])

    instance = flags(terms, types.node[types.telling()])
    only_schema = types.having(_SCHEMA_TYPES) & ~instance
    subclass = flags(terms, graph.subject[_rows(graph, predicates, _CLASS_LINKS)])
    classes = (types.having(_CLASSES) | subclass) & iri
    has_instances = flags(terms, types.type)
    things = described & iri & ~only_schema & ~(subclass & ~instance)
    bare = classes & described & ~has_instances
    ontology = asked is None and int(bare.sum()) > _ONTOLOGY_SHARE * int(things.sum())

    # What only ever stands as a type is schema as well, described or not.
    schema = only_schema | has_instances | _described_as_vocabulary(graph, predicates, ontology)
    properties = types.having(_PROPERTIES) & iri & ontology
    schema &= node & ~(classes | properties | instance if ontology else instance)
    used = flags(terms, np.array(list(predicates), dtype=np.int32))
    schema |= used
    properties &= ~used
    if asked is not None:
        schema &= ~asked
    linked = graph.object[usable & node[graph.object]]
    typed = types.node[~types.rows(_SCHEMA_TYPES)]
    in_graph = (
        (described | flags(terms, linked, typed) | (classes if ontology else properties)) & node & ~schema
    )
    in_graph |= properties
    if asked is not None:
        in_graph |= asked
    usable &= ~schema[graph.subject] & ~schema[graph.object]
    said = described | flags(terms, types.node[types.telling()])
    return Schema(ontology, classes, properties, in_graph, said, usable)


def _rows(graph: Graph, predicates: dict[int, str], wanted: Collection[str]) -> Flags:
    """(statements,) those with one of the predicates."""
    ids = np.array([i for i, iri in predicates.items() if iri in wanted], dtype=np.int32)
    return np.isin(graph.predicate, ids)


def _described_as_vocabulary(graph: Graph, predicates: dict[int, str], ontology: bool) -> Flags:
    """Nodes that the graph describes as properties and classes, typed or not.

    Statements about statements (``rdf:reifies``) are vocabulary in this sense too.
    """
    links = _PROPERTY_LINKS if ontology else _PROPERTY_LINKS | _CLASS_LINKS
    rows = _rows(graph, predicates, links)
    return flags(
        len(graph.terms),
        graph.subject[rows],
        graph.object[rows],
        graph.object[_rows(graph, predicates, {OWL + "onProperty"})],
        graph.subject[_rows(graph, predicates, {RDF_REIFIES})],
    )
