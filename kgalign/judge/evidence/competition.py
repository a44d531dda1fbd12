"""What the candidates of one entity make of each other: leads, and who is taken first.

All are reductions over ids. Records of one thing within a side (:mod:`kgalign.judge.evidence.twins`) share a
number and do not compete. Ties go by the entities' ids, never by the place of a row.
"""

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.rdf.graph import Ids

ALONE = 12.0
"""The lead of a pair that competes with none."""


def lead(node: Ids, other: Ids, score: Doubles) -> Doubles:
    """(c,) by how much each pair leads the best that its node has with another thing; negative where it
    trails.

    :param other: number of the thing at the other end; pairs of a node with one thing don't compete.
    """
    size = int(node.max()) + 1
    best, second = np.full((2, size), -np.inf)
    np.maximum.at(best, node, score)
    first = np.flatnonzero(score == best[node])
    best_thing = np.full(size, np.iinfo(other.dtype).max, dtype=other.dtype)
    np.minimum.at(best_thing, node[first], other[first])
    rest = other != best_thing[node]
    np.maximum.at(second, node[rest], score[rest])
    rival = np.where(rest, best[node], second[node])
    return np.where(np.isinf(rival), ALONE, score - rival)


class _Favourites:
    """Each node's best pair among those that are left: equal scores go by the other end, then by the row."""

    def __init__(self, node: Ids, other: Ids) -> None:
        self.node, self.other = node, other
        size = int(node.max()) + 1
        self.best = np.empty(size)
        self.first = np.empty(size, dtype=other.dtype)

    def among(self, rows: Positions, score: Doubles) -> Flags:
        """(r,) rows whose pair is its node's best one.

        :param score: (r,) of the rows.
        """
        node, other = self.node[rows], self.other[rows]
        self.best[node] = -np.inf
        np.maximum.at(self.best, node, score)
        found: Flags = score == self.best[node]
        held, ends = node[found], other[found]
        self.first[held] = ends
        np.minimum.at(self.first, held, ends)
        found[found] = ends == self.first[held]
        return found


def dominant(left: Ids, right: Ids, score: Doubles, one_left: bool, one_right: bool) -> Flags:
    """(c,) pairs that a greedy matching takes, best first: mutual bests are taken until none is left.

    :param left: number of the thing at the left end of each pair; ``right`` at the right one. Of several
        rows of two things with one score the first is taken.
    :param one_left: whether a right thing has at most one left partner; ``one_right`` the other way.
    """
    chosen = np.zeros(len(score), dtype=bool)
    of_left, of_right = _Favourites(left, right), _Favourites(right, left)
    used_left, used_right = (np.zeros(len(each.best), dtype=bool) for each in (of_left, of_right))
    open_ = np.arange(len(score))
    while len(open_):
        value = score[open_]
        ok = np.ones(len(open_), dtype=bool)
        if one_right:
            ok &= of_left.among(open_, value)
        if one_left:
            ok &= of_right.among(open_, value)
        taken = _first_rows(open_[ok], left, right) if one_left or one_right else open_[ok]
        chosen[taken] = True
        if not (one_right and one_left and len(taken)):
            break
        used_left[left[taken]], used_right[right[taken]] = True, True
        open_ = open_[~used_left[left[open_]] & ~used_right[right[open_]]]
    return chosen


def _first_rows(rows: Positions, left: Ids, right: Ids) -> Positions:
    """The first of the rows of each pair of things."""
    _, first = np.unique(left[rows].astype(np.int64) << 32 | right[rows], return_index=True)
    return rows[first]
