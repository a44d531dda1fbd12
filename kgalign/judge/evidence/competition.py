"""What the candidates of one entity make of each other: leads, and who is taken first.

All are reductions over ids. Records of one thing within a side (:mod:`kgalign.judge.evidence.twins`) share a
number and do not compete. Ties go by the entities' ids, never by the place of a row.
"""

from functools import partial
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from kgalign.arrays import Doubles, Flags, Ids, Positions, run_starts
from kgalign.base import scratch
from kgalign.judge.evidence import parts
from kgalign.records import Floats

ALONE = 12.0
"""The lead of a pair that competes with none."""


class Ends:
    """Pairs by what stands at one of their ends: the rows of each node one after the other, in their order.

    :param node: (c,) number of the node of each pair.
    """

    def __init__(self, node: Ids) -> None:
        self.node = node
        self.size = int(node.max(initial=-1)) + 1
        self._order: Ids | None = None
        if np.all(node[1:] >= node[:-1]):
            self._start = np.searchsorted(node, np.arange(self.size + 1))
        else:
            # The transpose of a matrix of one row counts and places: no sorting of millions.
            place = np.arange(len(node), dtype=np.int32 if len(node) < 2**31 else np.int64)
            bounds = np.array([0, len(node)])
            turned = csr_array((place, node, bounds), shape=(1, self.size)).tocsc()
            self._start, self._order = turned.indptr, scratch.gather([turned.data])

    def parts(self) -> list[tuple[int, int]]:
        """Nodes from one up to another, whose rows are a part."""
        cuts = np.searchsorted(self._start, np.arange(0, len(self.node), parts.PART))
        bounds = np.unique(np.append(cuts, self.size)).tolist()
        return list(pairwise(bounds))

    def rows(self, part: tuple[int, int]) -> "slice | Ids":
        """Rows of the pairs of some nodes."""
        held = slice(int(self._start[part[0]]), int(self._start[part[1]]))
        return held if self._order is None else self._order[held]

    def runs(self, part: tuple[int, int]) -> tuple[Positions, Positions]:
        """Where the rows of each node that has any begin within a part, and how many they are."""
        bounds = self._start[part[0] : part[1] + 1].astype(np.int64)
        count = np.diff(bounds)
        return (bounds[:-1] - bounds[0])[count > 0], count[count > 0]


def lead(
    ends: Ends,
    other: Ids,
    score: Doubles | Floats,
    thing: Ids | None = None,
    missing: float | None = None,
) -> Floats:
    """(c,) by how much each pair leads the best that its node has with another thing; negative where it
    trails.

    :param other: (c,) entity at the other end; ``thing`` what each of those is a record of, itself if None.
        Pairs of a node with one thing don't compete.
    :param missing: the score of those that have none (NaN).
    """

    def ahead(part: tuple[int, int]) -> Floats:
        rows = ends.rows(part)
        start, count = ends.runs(part)
        value: Doubles | Floats = score[rows]
        if missing is not None:
            value = value.copy()
            value[np.isnan(value)] = missing
        if thing is None:
            return _lead_alone(value, start, count)
        end = thing[other[rows]]
        best = np.repeat(np.maximum.reduceat(value, start), count)
        nearest = np.minimum.reduceat(np.where(value == best, end, np.iinfo(end.dtype).max), start)
        rest = end != np.repeat(nearest, count)
        second = np.repeat(np.maximum.reduceat(np.where(rest, value, -np.inf), start), count)
        rival = np.where(rest, best, second)
        found: Floats = np.where(np.isinf(rival), ALONE, value - rival).astype(np.float32)
        return found

    result: Floats = scratch.empty(len(ends.node), np.float32)
    nodes = ends.parts()
    for part, found in zip(nodes, parts.in_turn(ahead, nodes), strict=True):
        result[ends.rows(part)] = found
    return result


def _lead_alone(value: Doubles | Floats, start: Positions, count: Positions) -> Floats:
    """(r,) the leads of the rows of some nodes, whose pairs are all with other things."""
    best = np.maximum.reduceat(value, start)
    trail = value - np.repeat(best, count)
    first = np.flatnonzero(trail == 0)
    run = np.arange(len(start)) if len(first) == len(start) else np.searchsorted(start, first, "right") - 1
    # Whoever shares the first place leads by nothing.
    alone = np.bincount(run, minlength=len(start)) == 1
    first, run = first[alone[run]], run[alone[run]]
    others = value.copy()
    others[first] = -np.inf
    second = np.maximum.reduceat(others, start)[run]
    found: Floats = trail.astype(np.float32)
    found[first] = np.where(np.isinf(second), ALONE, best[run] - second)
    return found


def best_of_each(ends: Ends, other: Ids, score: Doubles) -> Positions:
    """(n,) rows of the best pair of each node that has any; equal scores go by the other end, and all rows of
    one are best.
    """

    def best(part: tuple[int, int]) -> Positions:
        rows = ends.rows(part)
        start, count = ends.runs(part)
        value = score[rows]
        first = np.flatnonzero(value == np.repeat(np.maximum.reduceat(value, start), count))
        here: Positions = first + rows.start if isinstance(rows, slice) else rows[first].astype(np.int64)
        if len(first) == len(start):
            return here
        run = np.searchsorted(start, first, "right") - 1
        nearest = np.minimum.reduceat(other[here], np.flatnonzero(run_starts(run)))
        found: Positions = here[other[here] == nearest[run]]
        return found

    return np.concatenate([np.zeros(0, np.int64), *parts.in_turn(best, ends.parts())])


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
