"""Which nodes hang on one entity only, and are a part of its description."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Flags, Positions, among, count_distinct, distinct, run_starts
from kgalign.rdf.graph import Ids

_DEPTH = 4
"""Nodes on the way from an entity to the last node it owns."""
_ROUNDS = 4
_MOST_OWNED = 0.9
_TIGHT = 1.5
_SHARED = -2


@dataclass(frozen=True, slots=True)
class Groups:
    """The nodes of a graph by kind; the nodes of one group fare alike."""

    of: Ids
    """(terms,) number of each term's group."""
    member: Flags
    """(terms,) which terms are nodes and count."""

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return int(self.of.max()) + 1

    def sizes(self, whole: Flags) -> Positions:
        """(groups,) how many terms of ``whole`` each group has."""
        return np.bincount(self.of[whole], minlength=self.count)

    def share(self, part: Flags, whole: Flags) -> npt.NDArray[np.float64]:
        """(groups,) share of ``part`` in each group's terms of ``whole``."""
        return self.sizes(whole & part) / np.maximum(self.sizes(whole), 1)


@dataclass(frozen=True, slots=True)
class Links:
    """Statements between two different nodes."""

    head: Ids
    predicate: Ids
    tail: Ids
    """(l,) term ids each, sorted."""


@dataclass(frozen=True, slots=True)
class _Ways:
    """Links that can be walked both ways."""

    source: Ids
    target: Ids
    tight: Flags
    """(w,) ways over a predicate and direction that leads from a node to hardly more than one other."""


def find_owners(links: Links, groups: Groups, core: Flags, *, grow: bool) -> tuple[Ids, Flags]:
    """Give every node that hangs on one core node only to that node.

    :param core: (terms,) nodes that are entities for certain.
    :param grow: whether groups whose nodes mostly belong to no one, or to several, are entities too.
    :returns: (terms,) the owner of each node, -1 for none, and the core with the groups added.
    """
    ways = _both_ways(links)
    owner = _sole_owners(ways, core, groups.member)
    for _ in range(_ROUNDS if grow else 0):
        rest = groups.member & ~core
        if not (rest & (owner < 0)).any():
            break
        shared = groups.share(owner == _SHARED, rest)
        owned = groups.share(owner >= 0, rest)
        free = (shared > 1 - _MOST_OWNED) | (owned < 1 - _MOST_OWNED)
        added = rest & free[groups.of]
        if not added.any():
            break
        core = core | added
        owner = _sole_owners(ways, core, groups.member)
    return np.maximum(owner, -1), core


def _both_ways(links: Links) -> _Ways:
    source = np.concatenate([links.head, links.tail])
    target = np.concatenate([links.tail, links.head])
    step = among(links.predicate, int(links.predicate.max(initial=0)) + 1)[1]
    ways = np.bincount(step)
    # Links are sorted by head and predicate.
    heads = np.bincount(step[run_starts(links.head, links.predicate)], minlength=len(ways))
    tails = count_distinct(step, links.tail, len(ways))
    tight = [(ways / np.maximum(each, 1) <= _TIGHT)[step] for each in (heads, tails)]
    return _Ways(source, target, np.concatenate(tight))


def _sole_owners(ways: _Ways, core: Flags, member: Flags) -> Ids:
    """(terms,) the one core node that each other node hangs on, -1 for none, ``_SHARED`` for several.

    Ownership spreads hop by hop: a node belongs to a core node where all its neighbours that belong
    anywhere belong to that one; where they belong to several, the node is shared and passes nothing on.
    An event that one work has, and that names a person who has many, belongs to the work: links that
    lead to hardly more than one node count before the others.
    """
    terms = len(core)
    owner = np.where(core, np.arange(terms, dtype=np.int32), np.int32(-1))
    closed = core | ~member
    for _ in range(_DEPTH):
        reach = (owner[ways.source] >= 0) & ~closed[ways.target]
        if not reach.any():
            break
        held = np.zeros(terms, dtype=bool)
        held[ways.target[reach & ways.tight]] = True
        reach &= ways.tight | ~held[ways.target]
        target, holder = distinct(ways.target[reach], owner[ways.source[reach]])
        first = run_starts(target)
        sole = first & np.append(first[1:], True)
        owner[target[sole]] = holder[sole]
        owner[target[~sole]] = _SHARED
        closed[target] = True
    owner[core] = -1
    return owner
