"""Values that lie one or more hops from their entity: attributes are paths.

A path runs through nodes that belong to one entity, in either direction of the statements. Each
such node is reached once, by its shortest path (forward before backward, then by predicate), so
that a graph which states a relation and its inverse does not say everything twice.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.select.entities import Nodes

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Facts:
    """(entity, path, value) rows, and (head, path, tail) rows between entities."""

    entity: Ids
    path: Ids
    value: Ids
    """(v,) term ids of entity and value, index into ``paths``."""
    head: Ids
    relation: Ids
    tail: Ids
    """(e,) term ids of the two entities, index into ``paths``."""
    paths: tuple[tuple[str, ...], ...]


class _Paths:
    """Numbers paths; the empty path is 0."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, ...], int] = {(): 0}

    def extend(self, base: Ids, step: Ids, names: dict[int, str]) -> Ids:
        """Ids of ``base`` path plus one ``step`` (a predicate id, ``-1 - id`` against its direction)."""
        if not len(base):
            return base.astype(np.int32)
        pairs, inverse = np.unique(np.stack([base, step]), axis=1, return_inverse=True)
        listed = list(self.known)
        made = []
        for parent, taken in pairs.T.tolist():
            name = names[taken] if taken >= 0 else "^" + names[-1 - taken]
            made.append(self.known.setdefault((*listed[parent], name), len(self.known)))
        return np.array(made, dtype=np.int32)[inverse.ravel()]


def find_facts(graph: Graph, nodes: Nodes, max_hops: int) -> Facts:
    """Collect the values and the relations of all entities.

    :param max_hops: how many nodes may lie between an entity and a value.
    """
    names = {int(i): str(graph.terms.value[int(i)].as_py()) for i in np.unique(graph.predicate)}
    terms = len(graph.terms)
    entity = np.zeros(terms, dtype=bool)
    entity[nodes.entities] = True
    is_literal = graph.terms.kind == TermKind.LITERAL
    s, p, o = (column[nodes.usable] for column in (graph.subject, graph.predicate, graph.object))
    to_node = ~is_literal[o] & (graph.terms.kind[o] != TermKind.TRIPLE)

    paths = _Paths()
    root, path = _reach(s[to_node], p[to_node], o[to_node], nodes, entity, max_hops, paths, names)

    described = np.zeros(terms, dtype=bool)
    described[s] = True
    link_value = to_node & ~entity[o] & ~described[o] & (graph.terms.kind[o] == TermKind.IRI)
    here = (root[s] >= 0) & (is_literal[o] | link_value)
    rows = [(root[s[here]], paths.extend(path[s[here]], p[here], names), o[here])]
    shared = ~entity & (nodes.owner < 0)
    rows.append(_through_shared(s, p, o, is_literal, shared, root, path, paths, names))

    between = to_node & entity[s] & entity[o] & (s != o)
    edges = [(s[between], paths.extend(np.zeros(int(between.sum()), np.int32), p[between], names), o[between])]
    edges.append(_joined(s, p, o, to_node, shared, entity, paths, names))
    facts = [np.concatenate(column) for column in zip(*rows, strict=True)]
    links = [np.concatenate(column) for column in zip(*edges, strict=True)]
    facts = list(np.unique(np.stack(facts), axis=1)) if len(facts[0]) else facts
    links = list(np.unique(np.stack(links), axis=1)) if len(links[0]) else links
    return Facts(*(c.astype(np.int32) for c in (*facts, *links)), tuple(paths.known))


def _reach(
    s: Ids, p: Ids, o: Ids, nodes: Nodes, entity: Flags, max_hops: int, paths: _Paths, names: dict[int, str]
) -> tuple[Ids, Ids]:
    """(terms,) the entity from which each node is reached (-1: none), and by which path."""
    terms = len(entity)
    root = np.full(terms, -1, dtype=np.int32)
    root[nodes.entities] = nodes.entities
    path = np.zeros(terms, dtype=np.int32)
    owned = nodes.owner >= 0
    parent = np.concatenate([s, o])
    child = np.concatenate([o, s])
    step = np.concatenate([p, -1 - p])
    keep = owned[child] & (owned[parent] | entity[parent])
    parent, child, step = parent[keep], child[keep], step[keep]
    rank = {i: r for r, i in enumerate(sorted(names, key=lambda i: names[i]))}
    by_name = np.array([rank[int(i if i >= 0 else -1 - i)] for i in np.unique(step)], dtype=np.int64)
    order_of_step = by_name[np.unique(step, return_inverse=True)[1]] if len(step) else step
    for _ in range(max_hops):
        open_ = (root[child] < 0) & (root[parent] >= 0) & (nodes.owner[child] == root[parent])
        if not open_.any():
            break
        c, q, st = child[open_], parent[open_], step[open_]
        order = np.lexsort((q, path[q], order_of_step[open_], st < 0, c))
        first = np.ones(len(order), dtype=bool)
        first[1:] = c[order][1:] != c[order][:-1]
        chosen = order[first]
        path_of = paths.extend(path[q[chosen]], st[chosen], names)
        root[c[chosen]] = root[q[chosen]]
        path[c[chosen]] = path_of
    return root, path


def _through_shared(
    s: Ids,
    p: Ids,
    o: Ids,
    is_literal: Flags,
    shared: Flags,
    root: Ids,
    path: Ids,
    paths: _Paths,
    names: dict[int, str],
) -> tuple[Ids, Ids, Ids]:
    """Literals of nodes that several entities share and that are no entities themselves, one hop on."""
    empty = np.zeros(0, dtype=np.int32)
    to_shared = (root[s] >= 0) & shared[o] & ~is_literal[o]
    of_shared = shared[s] & is_literal[o]
    if not to_shared.any() or not of_shared.any():
        return empty, empty, empty
    left, right = _join(o[to_shared], s[of_shared])
    first = paths.extend(path[s[to_shared]], p[to_shared], names)
    return (
        root[s[to_shared]][left],
        paths.extend(first[left], p[of_shared][right], names),
        o[of_shared][right],
    )


def _joined(
    s: Ids, p: Ids, o: Ids, to_node: Flags, shared: Flags, entity: Flags, paths: _Paths, names: dict[int, str]
) -> tuple[Ids, Ids, Ids]:
    """Relations that run through one node in between (a restriction, an n-ary relation)."""
    empty = np.zeros(0, dtype=np.int32)
    inward = to_node & entity[s] & shared[o]
    outward = to_node & shared[s] & entity[o]
    if not inward.any() or not outward.any():
        return empty, empty, empty
    # A node that many entities point to is a value they share, not a relation between them.
    few = np.bincount(o[inward], minlength=len(entity)) <= 3
    inward &= few[o]
    left, right = _join(o[inward], s[outward])
    first = paths.extend(np.zeros(int(inward.sum()), np.int32), p[inward], names)
    head, tail = s[inward][left], o[outward][right]
    relation = paths.extend(first[left], p[outward][right], names)
    keep = head != tail
    return head[keep], relation[keep], tail[keep]


def _join(a: Ids, b: Ids) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All pairs of positions (i, j) with ``a[i] == b[j]``."""
    order = np.argsort(b, kind="stable")
    low = np.searchsorted(b[order], a, "left")
    high = np.searchsorted(b[order], a, "right")
    counts = high - low
    left = np.repeat(np.arange(len(a)), counts)
    offset = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, order[np.repeat(low, counts) + offset]
