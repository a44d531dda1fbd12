"""What the candidates of one entity make of each other: leads, and who is taken first.

All are reductions over ids. Records of one thing within a side (:mod:`kgalign.judge.evidence.twins`) share a
number and do not compete. Ties go by the entities' ids, never by the place of a row.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Flags, Ids, Positions, run_starts
from kgalign.judge.evidence import parts
from kgalign.records import Floats

Scores = npt.NDArray[np.floating[Any]]
ALONE = 12.0
"""The lead of a pair that competes with none."""


class Ends:
    """Pairs by what stands at one of their ends.

    :param node: (c,) number of the node of each pair.
    """

    def __init__(self, node: Ids) -> None:
        self.node = node
        self.size = int(node.max(initial=-1)) + 1
        self._in_order = bool(np.all(node[1:] >= node[:-1]))

    def highest(self, value: Callable[[slice], Scores]) -> Scores:
        """(n,) the highest value of each node, minus infinity for one of no pair.

        The rows are read as they lie and the nodes are looked up: there are far fewer of these, and a core
        has them in its cache.

        :param value: of some rows.
        """
        found = np.full(self.size, -np.inf, dtype=value(slice(0, 0)).dtype)
        for node, best in parts.in_turn(partial(self._highest, value), parts.parts_of(len(self.node))):
            np.maximum.at(found, node, best)
        return found

    def _highest(self, value: Callable[[slice], Scores], rows: slice) -> tuple[Ids, Scores]:
        """Nodes of some rows and values of theirs, the highest among them."""
        node, values = self.node[rows], value(rows)
        if not self._in_order:
            return node, values
        start = np.flatnonzero(run_starts(node))
        return node[start], np.maximum.reduceat(values, start) if len(start) else values

    def first(self, rows: Positions, other: Ids) -> Ids:
        """(n,) of each node the lowest number at the other end of some rows, the highest of all for none.

        :param other: (r,) of these rows.
        """
        found = np.full(self.size, np.iinfo(other.dtype).max, dtype=other.dtype)
        np.minimum.at(found, self.node[rows], other)
        return found


def lead(
    ends: Ends,
    other: Ids,
    score: Scores,
    thing: Ids | None = None,
    missing: float | None = None,
) -> Floats:
    """(c,) by how much each pair leads the best that its node has with another thing; negative where it
    trails.

    :param other: (c,) entity at the other end; ``thing`` what each of those is a record of, itself if None.
        Pairs of a node with one thing don't compete.
    :param missing: the score of those that have none (NaN).
    """

    def value(rows: slice) -> Scores:
        found = score[rows]
        return found if missing is None else np.where(np.isnan(found), found.dtype.type(missing), found)

    def end(rows: slice | Positions) -> Ids:
        return other[rows] if thing is None else thing[other[rows]]

    best = ends.highest(value)
    at_best = _rows(lambda rows: value(rows) == best.take(ends.node[rows]), len(score))
    nearest = ends.first(at_best, end(at_best))

    def rest(rows: slice) -> Flags:
        found: Flags = end(rows) != nearest.take(ends.node[rows])
        return found

    second = ends.highest(
        lambda rows: np.where(rest(rows), value(rows), -np.inf).astype(score.dtype, copy=False)
    )

    def ahead(rows: slice) -> Floats:
        node = ends.node[rows]
        rival = np.where(rest(rows), best.take(node), second.take(node))
        found: Floats = np.where(np.isinf(rival), ALONE, value(rows) - rival).astype(np.float32)
        return found

    return parts.column(ahead, len(score))


def _rows(holds: Callable[[slice], Flags], size: int) -> Positions:
    """Rows for which something holds."""
    found = parts.in_turn(lambda rows: np.flatnonzero(holds(rows)) + rows.start, parts.parts_of(size))
    return np.concatenate(list(found))


def best_of_each(ends: Ends, other: Ids, score: Doubles) -> Positions:
    """(n,) rows of the best pair of each node that has any; equal scores go by the other end, and all rows of
    one are best.
    """
    best = ends.highest(lambda rows: score[rows])
    rows = _rows(lambda part: score[part] == best.take(ends.node[part]), len(score))
    if len(rows) == np.count_nonzero(best > -np.inf):
        return rows
    nearest = ends.first(rows, other[rows])
    found: Positions = rows[other[rows] == nearest[ends.node[rows]]]
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
