"""Records of one thing within a side: found where they answer to one entity of the other side, and to each
other.

Two right entities that are about as good for one left entity are either look-alikes, of which one is right,
or two records of one thing. Records of one thing are as much alike as each of them is like the left one; this
is told by the measures that need no correspondences, within the side as across (a triangle of pairs that are
all judged by the same prior).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kgalign.arrays import Doubles, Flags, place_in_run
from kgalign.judge.evidence import generic
from kgalign.judge.evidence.ends import Ends, rows_where
from kgalign.judge.evidence.prior import Additive
from kgalign.rdf.graph import Ids
from kgalign.records import Floats


@dataclass(frozen=True, slots=True)
class Reach:
    """How far is looked for records of one thing."""

    margin: float
    """Log-odds by which a second candidate may trail the best one and be another record of the same thing."""
    own: float
    """Log-odds by which it may like another entity better."""
    most: int
    """Candidates of one entity that are looked at."""
    slack: float
    """Log-odds by which the pair within a side may be less alike than the weaker pair across."""
    usual: float
    """Share of the expected matches that share less than what is looked at has to."""


SEARCH = Reach(margin=3.0, own=1.5, most=8, slack=0.5, usual=0.1)
"""To see whether a side holds several records of one thing."""
GATHER = Reach(margin=12.0, own=3.0, most=60, slack=2.0, usual=0.02)
"""To gather them, once it is known that it does."""

LIKE = Reach(margin=12.0, own=12.0, most=60, slack=0.5, usual=0.1)
"""To tell what may be one of them, whatever else it is like."""


@dataclass(frozen=True, slots=True)
class Triples:
    """Two entities of one side that are candidates of one entity of the other."""

    first: Ids
    second: Ids
    """(t,) entities of the side."""
    row: Ids
    other: Ids
    """(t,) rows of the pairs across: of the best candidate, and of the other one."""


def absolute(model: Additive, measures: Mapping[str, Floats]) -> Doubles:
    """(c,) what the measures add that need no rivals to compare with."""
    total: Doubles = np.zeros(len(measures[generic.MEASURES[0]]))
    for name, shape in model.shapes.items():
        if name in generic.MEASURES:
            total += shape.look_up(measures[name])
    return total


def weighted_quantile(value: Doubles, weight: Doubles, share: float) -> float:
    """The value below which a share of the weight lies."""
    order = np.argsort(value, kind="stable")
    reached = np.cumsum(weight[order])
    if not len(order) or reached[-1] <= 0:
        return np.inf
    return float(value[order[np.searchsorted(reached, share * reached[-1])]])


def rivals_of_one(ends: Ends, members: Ends, score: Floats, likely: Flags, reach: Reach) -> Triples:
    """The best candidate of each node with each of those that come near it.

    :param ends: the pairs across by the entities of the other side; ``members`` by those of this one.
    :param score: (c,) of the pairs across.
    :param likely: (c,) pairs that share as much as matches do.
    """
    node, member = ends.node, members.node
    # Whoever has a better candidate elsewhere is a look-alike of this one.
    own, most = (each.highest(lambda rows: score[rows]).astype(np.float64) for each in (members, ends))
    rows = rows_where(lambda part: score[part] >= most[node[part]] - reach.margin, len(node))
    order = rows[np.lexsort((member[rows], -score[rows], node[rows]))]
    place = place_in_run(node[order])
    best = order[np.arange(len(order)) - place]
    near = (place > 0) & (place < reach.most)
    near &= (score[order] >= own[member[order]] - reach.own) & likely[order] & likely[best]
    row, other = best[near].astype(np.int32), order[near].astype(np.int32)
    return Triples(member[row], member[other], row, other)


def hold_together(triples: Triples, within: Doubles, across: Doubles, reach: Reach) -> Flags:
    """(t,) whether the two are as much alike as the weaker pair across.

    :param within: (t,) log-odds of the pair within the side; ``across`` (c,) those of the pairs across.
    """
    weaker = np.minimum(across[triples.row], across[triples.other])
    return np.asarray(within >= weaker - reach.slack)


def grouped(first: Ids, second: Ids, size: int) -> Ids:
    """(n,) number of the thing of each entity, by pairs of records of one thing."""
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)
