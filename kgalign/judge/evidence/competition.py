"""What the candidates of one entity make of each other: leads, and who is taken first.

All are reductions over ids. Records of one thing within a side (:mod:`kgalign.judge.evidence.twins`) share a
number and do not compete. Ties go by the entities' ids, never by the place of a row.
"""

import numpy as np

from kgalign.arrays import Doubles, Flags
from kgalign.rdf.graph import Ids

ALONE = 12.0
"""The lead of a pair that competes with none."""


def lead(node: Ids, other: Ids, score: Doubles) -> Doubles:
    """(c,) by how much each pair leads the best that its node has with another thing; negative where it
    trails.

    :param other: number of the thing at the other end; pairs of a node with one thing don't compete.
    """
    size = int(node.max()) + 1
    order = np.lexsort((other, -score, node))
    ranked, things = node[order], other[order]
    start = np.searchsorted(ranked, np.arange(size))
    held = np.flatnonzero(np.diff(np.append(start, len(ranked))) > 0)
    best_thing, best = np.full(size, -1, dtype=other.dtype), np.full(size, -np.inf)
    best_thing[held], best[held] = things[start[held]], score[order[start[held]]]
    second = np.full(size, -np.inf)
    rest = other != best_thing[node]
    np.maximum.at(second, node[rest], score[rest])
    rival = np.where(rest, best[node], second[node])
    return np.where(np.isinf(rival), ALONE, score - rival)


def dominant(left: Ids, right: Ids, score: Doubles, one_left: bool, one_right: bool) -> Flags:
    """(c,) pairs that a greedy matching takes, best first: mutual bests are taken until none is left.

    :param left: number of the thing at the left end of each pair; ``right`` at the right one.
    :param one_left: whether a right thing has at most one left partner; ``one_right`` the other way.
    """
    chosen = np.zeros(len(score), dtype=bool)
    rows, columns = int(left.max()) + 1, int(right.max()) + 1
    open_ = np.lexsort((right, left, -score))
    place = np.empty(len(score), dtype=np.int64)
    place[open_] = np.arange(len(score))
    while len(open_):
        first_left, first_right = np.full(rows, len(score)), np.full(columns, len(score))
        np.minimum.at(first_left, left[open_], place[open_])
        np.minimum.at(first_right, right[open_], place[open_])
        ok = np.ones(len(open_), dtype=bool)
        if one_right:
            ok &= place[open_] == first_left[left[open_]]
        if one_left:
            ok &= place[open_] == first_right[right[open_]]
        taken = open_[ok]
        chosen[taken] = True
        if not (one_right and one_left):
            break
        used_left, used_right = np.zeros(rows, dtype=bool), np.zeros(columns, dtype=bool)
        used_left[left[taken]], used_right[right[taken]] = True, True
        open_ = open_[~used_left[left[open_]] & ~used_right[right[open_]]]
    return chosen
