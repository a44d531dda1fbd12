"""Which nodes are entities, and which only belong to one.

An address node, a title node or an event node that hangs on one person is a part of the person's
description; its literals are attributes of the person over a path. Nodes are judged by group (the
nodes of one set of types, or of one namespace), never one by one, so that all addresses fare alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.errors import InputError
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.select.names import is_readable, split_namespaces

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
RDF_TYPE = RDF + "type"
_CLASSES = frozenset({OWL + "Class", RDFS + "Class"})
_SCHEMA = _CLASSES | {
    OWL + name
    for name in (
        "ObjectProperty DatatypeProperty AnnotationProperty FunctionalProperty InverseFunctionalProperty "
        "TransitiveProperty SymmetricProperty Restriction Ontology AllDisjointClasses AllDifferent "
        "NamedIndividual Thing Axiom DeprecatedClass DeprecatedProperty OntologyProperty"
    ).split()
}
_SCHEMA |= {RDF + "Property", RDF + "List", RDF + "Statement", RDFS + "Datatype", RDFS + "ContainerMembershipProperty"}
_SCHEMA_LINKS = frozenset(
    {RDFS + name for name in ("subPropertyOf", "domain", "range")}
    | {OWL + name for name in ("inverseOf", "equivalentProperty", "onProperty", "propertyChainAxiom")}
)
_CLASS_LINKS = frozenset({RDFS + "subClassOf", OWL + "equivalentClass", OWL + "disjointWith"})
_IDENTITY = frozenset({OWL + "sameAs", SKOS + "exactMatch", RDFS + "seeAlso", OWL + "differentFrom"})
_NAMED_SHARE = 0.3
_SINGLE_SHARE = 0.9
_DISTINCT_SHARE = 0.9
_DEPTH = 4
_TIGHT = 1.5
_SHARED = -2
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of a graph, sorted out."""

    entities: Ids
    """Term ids of the entities, ascending."""
    owner: Ids
    """(terms,) term id of the entity that a dependent node belongs to, -1 for all others."""
    usable: Flags
    """(statements,) statements that describe entities: no types, no schema, no identity links."""
    type_of: Ids
    """(terms,) term id of the node's most specific frequent type, -1 where it has none."""
    readable: Flags
    """(terms,) IRIs whose local name can serve as a name."""
    local: dict[int, str]
    """Local names of the readable IRIs."""


def find_entities(graph: Graph, types: Sequence[str], name_predicates: Ids, side: str) -> Nodes:
    """Sort out which nodes are entities.

    :param types: IRIs of the types asked for; empty for a choice of our own.
    :param name_predicates: term ids of the predicates that name things.
    :raises InputError: where no node has one of the types asked for.
    """
    values = graph.terms.value
    terms = len(graph.terms)
    iri_of = {int(i): values[int(i)].as_py() for i in np.unique(graph.predicate)}
    type_id = next((i for i, iri in iri_of.items() if iri == RDF_TYPE), -1)
    is_type = graph.predicate == type_id
    type_ids = np.unique(graph.object[is_type])
    type_iris = {int(i): str(values[int(i)].as_py()) for i in type_ids}
    schema_types = np.array([i for i, iri in type_iris.items() if iri in _SCHEMA], dtype=np.int32)
    class_types = np.array([i for i, iri in type_iris.items() if iri in _CLASSES], dtype=np.int32)

    is_schema = np.zeros(terms, dtype=bool)
    is_schema[graph.subject[is_type & np.isin(graph.object, schema_types)]] = True
    is_class = np.zeros(terms, dtype=bool)
    is_class[graph.subject[is_type & np.isin(graph.object, class_types)]] = True
    is_class &= graph.terms.kind == TermKind.IRI
    is_object_of_type = np.zeros(terms, dtype=bool)
    is_object_of_type[type_ids] = True
    instances = graph.subject[is_type & ~np.isin(graph.object, schema_types)]
    only_schema = is_schema.copy()
    only_schema[instances] = False

    skip = np.array([i for i, iri in iri_of.items() if iri in _IDENTITY], dtype=np.int32)
    usable = ~is_type & ~np.isin(graph.predicate, skip)
    node = graph.terms.kind <= TermKind.BLANK
    described = np.zeros(terms, dtype=bool)
    described[graph.subject[usable]] = True
    in_graph = described.copy()
    linked = usable & node[graph.object]
    in_graph[graph.object[linked]] = True
    in_graph[instances] = True

    # In an ontology the classes are what is to be aligned; beside instances they are only schema.
    things = described & ~only_schema & (graph.terms.kind == TermKind.IRI)
    ontology = not types and int((is_class & described).sum()) > int(things.sum()) * 0.25
    schema = only_schema & ~is_class if ontology else only_schema
    schema = schema | _vocabulary(graph, iri_of, ontology, instances)
    # What only ever stands as a type is schema as well, described or not.
    schema = schema | (is_object_of_type & ~(is_class if ontology else np.zeros(terms, dtype=bool)))
    in_graph &= node & ~schema
    usable &= ~schema[graph.subject] & ~schema[graph.object]

    type_of = _main_types(graph, is_type, schema_types)
    readable, local, spaces = _readable(graph, in_graph)
    links = usable & node[graph.object] & (graph.subject != graph.object)
    if types:
        core = _asked(graph, is_type, types, type_iris, side)
    elif ontology:
        core = is_class & in_graph
    else:
        core = _core(graph, links, in_graph, type_of, spaces, readable, name_predicates, usable)
    group = _groups(in_graph, type_of, spaces)
    owner, entities = _own(graph, links, in_graph, core, group, bool(types) or ontology)
    return Nodes(entities, owner, usable, type_of, readable, local)


def _vocabulary(graph: Graph, iri_of: dict[int, str], ontology: bool, instances: Ids) -> Flags:
    """Nodes that the graph uses as predicates or describes as properties and classes, typed or not."""
    found = np.zeros(len(graph.terms), dtype=bool)
    found[list(iri_of)] = True
    marks = _SCHEMA_LINKS if ontology else _SCHEMA_LINKS | _CLASS_LINKS
    rows = np.isin(graph.predicate, np.array([i for i, iri in iri_of.items() if iri in marks], dtype=np.int32))
    on_property = np.isin(graph.predicate, [i for i, iri in iri_of.items() if iri == OWL + "onProperty"])
    found[graph.subject[rows & ~on_property]] = True
    found[graph.object[rows]] = True
    found[instances] = False
    return found & (graph.terms.kind <= TermKind.BLANK)


def _asked(
    graph: Graph, is_type: Flags, types: Sequence[str], type_iris: dict[int, str], side: str
) -> Flags:
    wanted = [i for i, iri in type_iris.items() if iri in set(types)]
    core = np.zeros(len(graph.terms), dtype=bool)
    core[graph.subject[is_type & np.isin(graph.object, np.array(wanted, dtype=np.int32))]] = True
    if not core.any():
        present = ", ".join(sorted(type_iris.values())[:5]) or "none at all"
        raise InputError(
            f"No entity of the {side or 'given'} side has the type {' or '.join(types)}",
            f"Types there are: {present}",
        )
    return core


def _main_types(graph: Graph, is_type: Flags, schema_types: Ids) -> Ids:
    """The rarest type that is still frequent: the most specific one that says something of a group."""
    keep = is_type & ~np.isin(graph.object, schema_types)
    subjects, objects = graph.subject[keep], graph.object[keep]
    result = np.full(len(graph.terms), -1, dtype=np.int32)
    if not len(subjects):
        return result
    counts = np.bincount(objects, minlength=len(graph.terms))
    total = len(np.unique(subjects))
    # Types of a hundredth of the nodes come first, rarest of them leading; rare ones come last.
    frequent = counts[objects] >= 0.01 * total
    order = np.lexsort((objects, np.where(frequent, counts[objects], -counts[objects]), ~frequent, subjects))
    first = np.ones(len(order), dtype=bool)
    first[1:] = subjects[order][1:] != subjects[order][:-1]
    chosen = order[first]
    result[subjects[chosen]] = objects[chosen]
    return result


def _readable(graph: Graph, in_graph: Flags) -> tuple[Flags, dict[int, str], Ids]:
    """Local names that read as names, and the namespace of each node (an index, -1 for none)."""
    ids = np.flatnonzero(in_graph & (graph.terms.kind == TermKind.IRI))
    iris = graph.terms.value.take(ids).to_pylist()
    namespaces, locals_ = split_namespaces(iris)
    by_space: dict[str, list[int]] = {}
    for position, space in enumerate(namespaces):
        by_space.setdefault(space, []).append(position)
    readable = np.zeros(len(graph.terms), dtype=bool)
    spaces = np.full(len(graph.terms), -1, dtype=np.int32)
    local: dict[int, str] = {}
    for index, space in enumerate(sorted(by_space)):
        members = by_space[space]
        spaces[ids[members]] = index
        if is_readable([locals_[m] for m in members]):
            readable[ids[members]] = True
            local.update((int(ids[m]), locals_[m]) for m in members)
    return readable, local, spaces


def _groups(in_graph: Flags, type_of: Ids, spaces: Ids) -> Ids:
    """Number the groups: by type where there is one, else by namespace, blank nodes apart."""
    terms = len(in_graph)
    keys = np.where(type_of >= 0, type_of.astype(np.int64), terms + 1 + spaces)
    keys[~in_graph] = -1
    return np.unique(keys, return_inverse=True)[1].astype(np.int32)


def _referrers(subjects: Ids, objects: Ids, terms: int) -> npt.NDArray[np.int64]:
    """Distinct nodes that point to each node."""
    pairs = np.unique(subjects.astype(np.int64) * terms + objects)
    return np.bincount((pairs % terms).astype(np.int64), minlength=terms)


def _core(
    graph: Graph,
    links: Flags,
    in_graph: Flags,
    type_of: Ids,
    spaces: Ids,
    readable: Flags,
    name_predicates: Ids,
    usable: Flags,
) -> Flags:
    """Groups that stand for themselves: named, and not hanging on one other node each."""
    terms = len(graph.terms)
    naming = usable & np.isin(graph.predicate, name_predicates) & (graph.terms.kind[graph.object] == TermKind.LITERAL)
    named = readable.copy()
    named[graph.subject[naming]] = True
    # One number per node that differs where the names differ: a hash over all its names.
    mixed = (graph.object[naming].astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    signature = np.zeros(terms, dtype=np.uint64)
    np.add.at(signature, graph.subject[naming], mixed ^ (mixed >> np.uint64(29)))
    own = readable & (signature == 0)
    signature[own] = np.flatnonzero(own).astype(np.uint64)
    single = _referrers(graph.subject[links], graph.object[links], terms) == 1

    group = _groups(in_graph, type_of, spaces)
    size = np.maximum(np.bincount(group[in_graph], minlength=group.max() + 1), 1)
    named_share = np.bincount(group[in_graph & named], minlength=len(size)) / size
    single_share = np.bincount(group[in_graph & single], minlength=len(size)) / size
    chosen = in_graph & named
    pairs = np.unique(np.stack([group[chosen].astype(np.uint64), signature[chosen]]), axis=1)
    distinct = np.bincount(pairs[0].astype(np.int64), minlength=len(size))
    distinct_share = distinct / np.maximum(np.bincount(group[chosen], minlength=len(size)), 1)
    good = (named_share >= _NAMED_SHARE) & ((single_share < _SINGLE_SHARE) | (distinct_share >= _DISTINCT_SHARE))
    if not good.any():
        # Nothing has a name: what is no part of one other thing stands for itself.
        good = single_share < _SINGLE_SHARE
    return in_graph & good[group]


def _own(
    graph: Graph,
    links: Flags,
    in_graph: Flags,
    core: Flags,
    group: Ids,
    only_core: bool,
) -> tuple[Ids, Ids]:
    """Give every node that hangs on one core node only to that node; the rest are entities too."""
    a, b, p = graph.subject[links], graph.object[links], graph.predicate[links]
    source, target, step = np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([p, -1 - p])
    tight = _is_tight(source, step)
    core = core.copy()
    for _ in range(4):
        owner = _sole_owner(source, target, tight, core, in_graph)
        rest = in_graph & ~core
        if only_core or not (rest & (owner < 0)).any():
            break
        size = np.maximum(np.bincount(group[rest], minlength=group.max() + 1), 1)
        shared = np.bincount(group[rest & (owner == _SHARED)], minlength=len(size)) / size
        owned = np.bincount(group[rest & (owner >= 0)], minlength=len(size)) / size
        grown = core | (rest & ((shared > 1 - _SINGLE_SHARE) | (owned < 1 - _SINGLE_SHARE))[group])
        if (grown == core).all():
            break
        core = grown
    return np.maximum(owner, -1), np.flatnonzero(core).astype(np.int32)


def _is_tight(source: Ids, step: Ids) -> Flags:
    """Links over a predicate and direction that leads from a node to hardly more than one other."""
    steps, number = np.unique(step, return_inverse=True)
    facts = np.bincount(number, minlength=len(steps))
    pairs = np.unique(np.stack([number.astype(np.int32), source]), axis=1)
    sources = np.bincount(pairs[0], minlength=len(steps))
    tight: Flags = (facts / np.maximum(sources, 1) <= _TIGHT)[number]
    return tight


def _sole_owner(source: Ids, target: Ids, tight: Flags, core: Flags, in_graph: Flags) -> Ids:
    """(terms,) the one core node that each other node hangs on, -1 for none, ``_SHARED`` for several.

    Ownership spreads hop by hop: a node belongs to a core node where all its neighbours that belong
    anywhere belong to that one; where they belong to several, the node is shared and passes nothing on.
    An event that one work has, and that names a person who has many, belongs to the work: links that
    lead to hardly more than one node count before the others.
    """
    terms = len(core)
    owner = np.where(core, np.arange(terms, dtype=np.int32), np.int32(-1))
    closed = core | ~in_graph
    for _ in range(_DEPTH):
        reach = (owner[source] >= 0) & ~closed[target]
        if not reach.any():
            break
        held = np.zeros(terms, dtype=bool)
        held[target[reach & tight]] = True
        reach &= tight | ~held[target]
        pairs = np.unique(np.stack([target[reach], owner[source[reach]]]), axis=1)
        first = np.ones(pairs.shape[1], dtype=bool)
        first[1:] = pairs[0, 1:] != pairs[0, :-1]
        sole = first & np.append(first[1:], True)
        owner[pairs[0, sole]] = pairs[1, sole]
        owner[pairs[0, ~sole & (owner[pairs[0]] < 0)]] = _SHARED
        closed[pairs[0]] = True
    owner[core] = -1
    return owner
