"""Which nodes are entities, and which only belong to one.

An address node, a title node or an event node that hangs on one person is a part of the person's
description; its literals are attributes of the person over a path. Nodes are judged by group (the
nodes of one set of types, or of one namespace), never one by one, so that all addresses fare alike.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Flags, Positions, among, count_distinct, flags, run_starts, unique
from kgalign.errors import InputError
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.select.names import LocalNames, find_local_names
from kgalign.select.ownership import Groups, Links, find_owners
from kgalign.select.schema import Schema, Types, find_schema, read_types

_NAMED_SHARE = 0.3
_SINGLE_SHARE = 0.9
_DISTINCT_SHARE = 0.9
_MUCH_SAID = 2
"""Properties with literals from which a named node is more than a name."""
_ONE_EACH = 1.1
"""Statements per subject up to which a predicate gives each one thing."""
_FREQUENT_TYPE = 0.01
_TYPES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of a graph, sorted out."""

    entities: Ids
    """Term ids of the entities, ascending."""
    described: Flags
    """(entities,) whether the graph says anything of it, or only mentions it."""
    owner: Ids
    """(terms,) term id of the entity that a dependent node belongs to, -1 for all others."""
    usable: Flags
    """(statements,) statements that describe entities: no types, no schema, no identity links."""
    type_of: Ids
    """(terms,) term id of the node's most specific frequent type, -1 where it has none."""
    local: LocalNames
    """What the IRIs of the nodes say by themselves."""


def find_entities(graph: Graph, types: Sequence[str], name_predicates: Ids, side: str) -> Nodes:
    """Sort out which nodes are entities.

    :param types: IRIs of the types asked for; empty for a choice of our own.
    :param name_predicates: term ids of the predicates that name things.
    :param side: ``left`` or ``right``, for messages.
    :raises InputError: where no node has one of the types asked for.
    """
    stated = read_types(graph)
    asked = _asked(stated, types, side) if types else None
    schema = find_schema(graph, stated, asked)
    type_of = _main_types(stated)
    local = find_local_names(graph, schema.in_graph)
    groups = _groups(schema.in_graph, type_of, local.namespace)
    links = _links(graph, schema)
    if asked is not None:
        core = asked
    elif schema.ontology:
        core = (schema.classes | schema.properties) & schema.in_graph
    else:
        telling = schema.usable & (graph.terms.kind[graph.object] == TermKind.LITERAL)
        naming = telling & np.isin(graph.predicate, name_predicates)
        said = _counts(graph.subject[telling], graph.predicate[telling], len(graph.terms))
        core = _core(groups, links, local.readable, graph.subject[naming], graph.object[naming], said)
    owner, core = find_owners(links, groups, core, grow=asked is None and not schema.ontology)
    described = schema.described | schema.classes | schema.properties
    if asked is None:
        core = _without_mentions(groups, core, described)
    else:
        described = described | asked
    entities = np.flatnonzero(core).astype(np.int32)
    return Nodes(entities, described[entities], owner, schema.usable, type_of, local)


def _without_mentions(groups: Groups, core: Flags, described: Flags) -> Flags:
    """What is only mentioned is a value of what mentions it, unless its kind is described elsewhere.

    A graph that describes some of its people mentions others: these stay as neighbours, and get no link.
    """
    if not (core & described).any():
        return core
    kind = groups.sizes(core & described) > 0
    return core & (described | kind[groups.of])


def _asked(types: Types, wanted: Sequence[str], side: str) -> Flags:
    """(terms,) the nodes that have one of the types asked for."""
    core = types.having(wanted)
    if not core.any():
        counts = Counter({types.iris[i]: n for i, n in Counter(types.type.tolist()).items()})
        most = sorted(counts, key=lambda iri: (-counts[iri], iri))[:_TYPES_SHOWN]
        raise InputError(
            f"No entity of the {side or 'given'} side has the type {' or '.join(wanted)}",
            f"Types there are: {', '.join(most) or 'none at all'}"
            + (f" and {len(counts) - len(most)} more" if len(counts) > len(most) else ""),
        )
    return core


def _main_types(types: Types) -> Ids:
    """(terms,) the rarest type that is still frequent: the most specific one that says something.

    Types of a hundredth of the nodes come first, rarest of them leading; rare ones come last.
    """
    keep = types.telling()
    nodes, given = types.node[keep], types.type[keep]
    counts = np.bincount(given, minlength=types.terms)[given]
    frequent = counts >= _FREQUENT_TYPE * len(unique(nodes))
    order = np.lexsort((given, np.where(frequent, counts, -counts), ~frequent, nodes))
    chosen = order[run_starts(nodes[order])]
    main = np.full(types.terms, -1, dtype=np.int32)
    main[nodes[chosen]] = given[chosen]
    return main


def _groups(in_graph: Flags, type_of: Ids, namespace: Ids) -> Groups:
    """Group the nodes by type where there is one, else by namespace, blank nodes apart."""
    terms = len(in_graph)
    keys = np.where(type_of >= 0, type_of.astype(np.int64), terms + 1 + namespace)
    keys[~in_graph] = -1
    return Groups(among(keys + 1, 2 * (terms + 1) + int(namespace.max(initial=-1)))[1], in_graph)


def _links(graph: Graph, schema: Schema) -> Links:
    """The statements between two different nodes."""
    node = graph.terms.kind <= TermKind.BLANK
    rows = schema.usable & node[graph.object] & (graph.subject != graph.object)
    return Links(graph.subject[rows], graph.predicate[rows], graph.object[rows])


def _counts(group: Ids, member: Ids, groups: int) -> Positions:
    """As :func:`count_distinct` of rows that are sorted by both."""
    return np.bincount(group[run_starts(group, member)], minlength=groups)


def _core(
    groups: Groups, links: Links, readable: Flags, named_node: Ids, name: Ids, said: Positions
) -> Flags:
    """Groups that stand for themselves: named, and not hanging on one other node each.

    :param readable: (terms,) nodes whose IRI holds a name.
    :param named_node: (names,) term ids of the nodes that have a literal name.
    :param name: (names,) term ids of these names.
    :param said: (terms,) how many different things are said of each node, in literals.
    """
    terms = len(readable)
    named = readable | flags(terms, named_node)
    referrers = count_distinct(links.tail, links.head, terms)
    single = groups.share(referrers == 1, groups.member)
    signature = _name_signatures(readable, named_node, name)
    chosen = groups.member & named
    number = np.unique(signature[chosen], return_inverse=True)[1].astype(np.int32)
    names = count_distinct(groups.of[chosen], number, groups.count)
    distinct_names = names / np.maximum(groups.sizes(chosen), 1)
    good = groups.share(named, groups.member) >= _NAMED_SHARE
    # A suburb that is but a name belongs to its address; a capital of which much is said stands for itself.
    part = groups.share(_reached_tightly(links, named), groups.member) >= _SINGLE_SHARE
    part &= groups.share(said >= _MUCH_SAID, groups.member) < 1 / 2
    good &= (single < _SINGLE_SHARE) | ((distinct_names >= _DISTINCT_SHARE) & ~part)
    if not (groups.member & good[groups.of]).any():
        # Nothing has a name: what is no part of one other thing stands for itself.
        good = single < _SINGLE_SHARE
    core: Flags = groups.member & good[groups.of]
    return core if core.any() else groups.member


def _reached_tightly(links: Links, named: Flags) -> Flags:
    """(terms,) nodes of which something has but one by that predicate: its address, and not one of its
    actors.

    Something that has a name, or hangs on another thing itself: a note that nobody refers to owns nothing.
    """
    step = among(links.predicate, len(named))[1]
    count = np.bincount(step)
    heads = np.bincount(step[run_starts(links.head, links.predicate)], minlength=len(count))
    tight = (count <= _ONE_EACH * heads)[step]
    owning = named[links.head]
    rows = np.flatnonzero(tight & ~owning & flags(len(named), links.tail)[links.head])
    if len(rows):
        there = links.head.astype(np.int64) << 32 | links.tail
        owning[rows] = ~np.isin(links.tail[rows].astype(np.int64) << 32 | links.head[rows], there)
    return flags(len(named), links.tail[tight & owning])


def _name_signatures(readable: Flags, named_node: Ids, name: Ids) -> npt.NDArray[np.uint64]:
    """(terms,) a number per node that differs where the names differ: a hash over all its names."""
    mixed = (name.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    signature = np.zeros(len(readable), dtype=np.uint64)
    np.add.at(signature, named_node, mixed ^ (mixed >> np.uint64(29)))
    own = readable & (signature == 0)
    signature[own] = np.flatnonzero(own).astype(np.uint64)
    return signature
