"""Values that lie one or more hops from their entity: attributes are paths.

A path runs through nodes that belong to one entity, in either direction of the statements. Each
such node is reached once, by its shortest path (forward before backward, then by predicate), so
that a graph which states a relation and its inverse does not say everything twice.
"""

from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Flags, count_distinct, distinct, flags, join, run_starts
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.select.entities import Nodes
from kgalign.select.schema import iris_of

_MOST_SHARED_VALUES = 20
"""A node that many entities share is a value of theirs; one that says more than this is not."""
_MOST_HEADS = 3
"""A node that more entities point to is a value they share, not a relation between them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """(entity, path, value) rows, and (head, path, tail) rows between entities; both distinct."""

    entity: Ids
    path: Ids
    value: Ids
    """(v,) term id of the entity, index into ``paths``, term id of the value."""
    head: Ids
    relation: Ids
    tail: Ids
    """(e,) term id, index into ``paths``, term id."""
    paths: tuple[tuple[str, ...], ...]
    """Predicate IRIs, with a leading ``^`` for a step against the direction of the statements."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The usable statements of a graph, and what their terms are."""

    subject: Ids
    predicate: Ids
    object: Ids
    to_literal: Flags
    to_node: Flags
    """(m,) what the object is; a triple term is neither."""
    entity: Flags
    shared: Flags
    """(terms,) nodes that are entities; nodes that are none and belong to no single one."""
    is_iri: Flags
    """(terms,)"""


@dataclass(frozen=True, slots=True)
class _Reached:
    """From which entity each node is reached, and how."""

    root: Ids
    """(terms,) term id of the entity, -1 for none."""
    path: Ids
    """(terms,) number of the path."""


class _Paths:
    """Numbers paths; the empty path is 0."""

    def __init__(self, names: dict[int, str]) -> None:
        self.listed: list[tuple[str, ...]] = [()]
        self._numbers: dict[tuple[str, ...], int] = {(): 0}
        self._names = names

    def extend(self, base: Ids, step: Ids) -> Ids:
        """Numbers of the ``base`` paths plus one ``step`` each.

        :param step: a predicate id, ``-1 - id`` against the direction of its statements.
        """
        keys, inverse = np.unique(base.astype(np.int64) << 32 | step.astype(np.uint32), return_inverse=True)
        made = [
            self._number((*self.listed[parent], self._name(taken)))
            for parent, taken in zip(
                (keys >> 32).tolist(), keys.astype(np.uint32).astype(np.int32).tolist(), strict=True
            )
        ]
        return np.array(made, dtype=np.int32)[inverse]

    def lengths(self) -> Ids:
        """Steps of each path."""
        return np.array([len(path) for path in self.listed], dtype=np.int32)

    def _name(self, step: int) -> str:
        return self._names[step] if step >= 0 else "^" + self._names[-1 - step]

    def _number(self, path: tuple[str, ...]) -> int:
        number = self._numbers.setdefault(path, len(self.listed))
        if number == len(self.listed):
            self.listed.append(path)
        return number


def find_facts(graph: Graph, nodes: Nodes, max_hops: int) -> Facts:
    """Collect the values and the relations of all entities.

    :param max_hops: how many nodes may lie between an entity and a value.
    """
    rows = _usable_rows(graph, nodes)
    paths = _Paths(iris_of(graph, graph.predicate))
    reached = _reach(rows, nodes, max_hops, paths)
    values = [_held(rows, reached, paths), _held_by_shared(rows, reached, max_hops, paths)]
    edges = [_direct(rows, paths), _through_a_node(rows, paths)]
    entity, path, value = distinct(*(np.concatenate(column) for column in zip(*values, strict=True)))
    head, relation, tail = distinct(*(np.concatenate(column) for column in zip(*edges, strict=True)))
    return Facts(entity, path, value, head, relation, tail, tuple(paths.listed))


def _usable_rows(graph: Graph, nodes: Nodes) -> _Rows:
    s, p, o = (column[nodes.usable] for column in (graph.subject, graph.predicate, graph.object))
    kind = graph.terms.kind
    entity = flags(len(kind), nodes.entities)
    shared = ~entity & (nodes.owner < 0) & (kind <= TermKind.BLANK)
    return _Rows(
        s, p, o, kind[o] == TermKind.LITERAL, kind[o] <= TermKind.BLANK, entity, shared, kind == TermKind.IRI
    )


def _reach(rows: _Rows, nodes: Nodes, max_hops: int, paths: _Paths) -> _Reached:
    """Walk from each entity through the nodes it owns."""
    terms = len(rows.entity)
    root = np.full(terms, -1, dtype=np.int32)
    root[nodes.entities] = nodes.entities
    path = np.zeros(terms, dtype=np.int32)
    owned = nodes.owner >= 0
    parent = np.concatenate([rows.subject, rows.object])
    child = np.concatenate([rows.object, rows.subject])
    step = np.concatenate([rows.predicate, -1 - rows.predicate])
    keep = owned[child] & (owned[parent] | rows.entity[parent])
    parent, child, step = parent[keep], child[keep], step[keep]
    for _ in range(max_hops):
        near = (root[child] < 0) & (root[parent] >= 0) & (nodes.owner[child] == root[parent])
        if not near.any():
            break
        c, q, st = child[near], parent[near], step[near]
        # Ids of predicates are in the order of their IRIs.
        order = np.lexsort((q, path[q], np.where(st < 0, -1 - st, st), st < 0, c))
        chosen = order[run_starts(c[order])]
        path[c[chosen]] = paths.extend(path[q[chosen]], st[chosen])
        root[c[chosen]] = root[q[chosen]]
    return _Reached(root, path)


def _held(rows: _Rows, reached: _Reached, paths: _Paths) -> tuple[Ids, Ids, Ids]:
    """Literals of the entities and of the nodes they own, and links to what the graph says nothing of."""
    s, o = rows.subject, rows.object
    described = flags(len(rows.entity), s)
    link = rows.to_node & ~rows.entity[o] & ~described[o] & rows.is_iri[o]
    here = (reached.root[s] >= 0) & (rows.to_literal | link)
    return reached.root[s[here]], paths.extend(reached.path[s[here]], rows.predicate[here]), o[here]


def _held_by_shared(rows: _Rows, reached: _Reached, max_hops: int, paths: _Paths) -> tuple[Ids, Ids, Ids]:
    """Literals of nodes that several entities share and that are no entities themselves, one hop on."""
    s, p, o = rows.subject, rows.predicate, rows.object
    of_shared = rows.shared[s] & rows.to_literal
    few = np.bincount(s[of_shared], minlength=len(rows.entity)) <= _MOST_SHARED_VALUES
    of_shared &= few[s]
    near = (reached.root[s] >= 0) & (paths.lengths()[reached.path[s]] < max_hops)
    to_shared = near & rows.to_node & rows.shared[o]
    left, right = join(o[to_shared], s[of_shared])
    first = paths.extend(reached.path[s[to_shared]], p[to_shared])
    return (
        reached.root[s[to_shared]][left],
        paths.extend(first[left], p[of_shared][right]),
        o[of_shared][right],
    )


def _direct(rows: _Rows, paths: _Paths) -> tuple[Ids, Ids, Ids]:
    """Statements between two entities."""
    s, o = rows.subject, rows.object
    between = rows.entity[s] & rows.entity[o] & (s != o)
    return s[between], paths.extend(np.zeros_like(s[between]), rows.predicate[between]), o[between]


def _through_a_node(rows: _Rows, paths: _Paths) -> tuple[Ids, Ids, Ids]:
    """Relations that run through one node in between (an event, an n-ary relation)."""
    s, p, o = rows.subject, rows.predicate, rows.object
    inward = rows.entity[s] & rows.shared[o]
    outward = rows.shared[s] & rows.entity[o]
    heads = count_distinct(o[inward], s[inward], len(rows.entity))
    inward &= (heads <= _MOST_HEADS)[o]
    left, right = join(o[inward], s[outward])
    head, tail = s[inward][left], o[outward][right]
    differ = head != tail
    left, right = left[differ], right[differ]
    first = paths.extend(np.zeros_like(p[inward]), p[inward])
    return head[differ], paths.extend(first[left], p[outward][right]), tail[differ]
