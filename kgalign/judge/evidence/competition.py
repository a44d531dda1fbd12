"""What the candidates of one entity make of each other: who is taken first.

All are reductions over ids. Records of one thing within a side (:mod:`kgalign.judge.evidence.twins`) share a
number and do not compete. Ties go by the entities' ids, never by the place of a row.
"""

from functools import partial

import numpy as np

from kgalign.arrays import Doubles, Flags, Ids, Positions, run_starts
from kgalign.judge.evidence import parts
from kgalign.judge.evidence.ends import Ends, rows_where


def best_of_each(ends: Ends, other: Ids, score: Doubles) -> Positions:
    """(n,) rows of the best pair of each node that has any; equal scores go by the other end, and all rows of
    one are best.
    """
    if ends.in_order:
        return np.concatenate(
            list(parts.in_turn(partial(_best_in_order, ends, other, score), parts.parts_of(len(score))))
        )
    best = ends.highest(lambda rows: score[rows])
    rows = rows_where(lambda part: score[part] == best.take(ends.node[part]), len(score))
    if len(rows) == np.count_nonzero(best > -np.inf):
        return rows
    nearest = ends.first(rows, other[rows])
    found: Positions = rows[other[rows] == nearest[ends.node[rows]]]
    return found


def _best_in_order(ends: Ends, other: Ids, score: Doubles, rows: slice) -> Positions:
    """As :func:`best_of_each`, of the nodes that begin in some rows."""
    rows = ends.beginning(rows)
    value, start = score[rows], np.flatnonzero(run_starts(ends.node[rows]))
    if not len(start):
        return np.zeros(0, dtype=np.int64)
    top = np.flatnonzero(
        value == np.repeat(np.maximum.reduceat(value, start), np.diff(start, append=len(value)))
    )
    if len(top) > len(start):
        end = other[rows][top]
        begins = run_starts(np.searchsorted(start, top, "right"))
        nearest = np.minimum.reduceat(end, np.flatnonzero(begins))
        top = top[end == nearest[np.cumsum(begins) - 1]]
    found: Positions = top + rows.start
    return found


class _Favourites:
    """Each node's best pair among those that are left: equal scores go by the other end, then by the row."""

    def __init__(self, node: Ids, other: Ids, size: int) -> None:
        self.node, self.other = node, other
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


def dominant(left: Ends, right: Ends, score: Doubles, one_left: bool, one_right: bool) -> Flags:
    """(c,) pairs that a greedy matching takes, best first: mutual bests are taken until none is left.

    :param left: the pairs by the things at their left ends; ``right`` by those at their right ones. Of
        several rows of two things with one score the first is taken.
    :param one_left: whether a right thing has at most one left partner; ``one_right`` the other way.
    """
    chosen = np.zeros(len(score), dtype=bool)
    if not (one_left or one_right):
        return ~chosen
    taken = best_of_each(left, right.node, score) if one_right else best_of_each(right, left.node, score)
    if one_left and one_right:
        chosen[taken] = True
        taken = best_of_each(right, left.node, score)
        taken = taken[chosen[taken]]
        chosen[:] = False
    taken = _first_rows(taken, left.node, right.node)
    chosen[taken] = True
    if not (one_left and one_right):
        return chosen
    of_left = _Favourites(left.node, right.node, left.size)
    of_right = _Favourites(right.node, left.node, right.size)
    used_left, used_right = (np.zeros(each.size, dtype=bool) for each in (left, right))
    used_left[left.node[taken]], used_right[right.node[taken]] = True, True
    open_ = np.concatenate(
        list(parts.in_turn(partial(_open, left, right, used_left, used_right), parts.parts_of(len(score))))
    )
    while len(open_) and len(taken):
        value = score[open_]
        rows = open_[of_left.among(open_, value) & of_right.among(open_, value)]
        taken = _first_rows(rows, left.node, right.node)
        chosen[taken] = True
        used_left[left.node[taken]], used_right[right.node[taken]] = True, True
        open_ = open_[~used_left[left.node[open_]] & ~used_right[right.node[open_]]]
    return chosen


def _open(left: Ends, right: Ends, used_left: Flags, used_right: Flags, part: slice) -> Positions:
    """Rows of a part neither of whose things is used."""
    free = ~(used_left[left.node[part]] | used_right[right.node[part]])
    found: Positions = np.flatnonzero(free) + part.start
    return found


def _first_rows(rows: Positions, left: Ids, right: Ids) -> Positions:
    """The first of the rows of each pair of things."""
    rows = np.sort(rows)
    _, first = np.unique(left[rows].astype(np.int64) << 32 | right[rows], return_index=True)
    return rows[first]
