"""By how much a pair leads the others of an entity: made of some rows whenever these are looked at.

What all rows say of an entity is held (its best value and the best with another thing), a number of each; and
where rows stand in the order of the entities not even that.
"""

from typing import Protocol

import numpy as np

from kgalign.arrays import Flags, Ids, Positions, run_starts
from kgalign.judge.evidence import parts
from kgalign.judge.evidence.ends import Ends, Scores, rows_where
from kgalign.records import Floats

ALONE = 12.0
"""The lead of a pair that competes with none."""


class Scored(Protocol):
    """A number of each pair."""

    def __getitem__(self, rows: slice, /) -> Scores:
        """(r,) of some pairs."""

    def __len__(self) -> int: ...


class Lead:
    """(c,) by how much each pair leads the best that its node has with another thing; negative where it
    trails.

    :param other: (c,) entity at the other end; ``thing`` what each of those is a record of, itself if None.
        Pairs of a node with one thing don't compete. No two rows are of one node and one other entity.
    :param missing: the score of those that have none (NaN).
    :param least: what is further behind counts as this.
    """

    def __init__(
        self,
        ends: Ends,
        other: Ids,
        score: Scored,
        thing: Ids | None = None,
        missing: float | None = None,
        least: float | None = None,
    ) -> None:
        self._ends, self._other, self._score, self._thing = ends, other, score, thing
        self._missing, self._least = missing, least
        if not ends.in_order:
            self._look_round()

    def __len__(self) -> int:
        return len(self._score)

    def __getitem__(self, rows: slice | Positions | Flags) -> Floats:
        """(r,) of some rows; of rows that are no slice all are made."""
        if not isinstance(rows, slice):
            found: Floats = parts.column(self._of, len(self))[rows]
            return found
        return self._of(slice(*rows.indices(len(self))))

    def _of(self, rows: slice) -> Floats:
        if not len(self._ends.node[rows]):
            return np.zeros(0, dtype=np.float32)
        value, rival = self._in_order(rows) if self._ends.in_order else self._by_tables(rows)
        ahead = value - rival
        ahead[np.isinf(rival)] = ALONE
        found: Floats = ahead.astype(np.float32, copy=False)
        return found if self._least is None else np.maximum(found, np.float32(self._least))

    def _value(self, rows: slice) -> Scores:
        found = self._score[rows]
        none = np.isnan(found) if self._missing is not None else np.zeros(0, dtype=bool)
        if none.any():
            found = found.copy()
            found[none] = self._missing
        return found

    def _end(self, rows: slice | Positions) -> Ids:
        found: Ids = self._other[rows] if self._thing is None else self._thing[self._other[rows]]
        return found

    # Rows in the order of the nodes: all of a node is there at once.

    def _in_order(self, rows: slice) -> tuple[Scores, Scores]:
        """(r,) each: value of some rows, and the best that its node has with another thing."""
        whole = self._ends.whole(rows)
        value = self._value(whole)
        start = np.flatnonzero(run_starts(self._ends.node[whole]))
        count = np.diff(start, append=len(value))
        rival = np.repeat(np.maximum.reduceat(value, start), count)
        top = np.flatnonzero(value == rival)
        begins = run_starts(np.searchsorted(start, top, "right"))
        rest = value.copy()
        if self._thing is None:
            # Where several are as good none leads.
            near = top[begins & np.append(begins[1:], True)]
        else:
            end = self._end(whole)
            nearest = np.minimum.reduceat(end[top], np.flatnonzero(begins))
            near = np.flatnonzero(end == np.repeat(nearest, count))
        rest[near] = -np.inf
        rival[near] = np.maximum.reduceat(rest, start)[np.searchsorted(start, near, "right") - 1]
        inside = slice(rows.start - whole.start, rows.stop - whole.start)
        return value[inside], rival[inside]

    # Rows in any order: nodes are looked up in tables.

    def _look_round(self) -> None:
        """Find the best of each node, and the best with another thing than the best one."""
        ends = self._ends
        if self._thing is None:
            self._best, self._second = ends.highest_two(self._value)
            return
        self._best = ends.highest(self._value)
        top = rows_where(lambda rows: self._value(rows) == self._best.take(ends.node[rows]), len(self))
        self._nearest = ends.first(top, self._end(top))
        self._second = ends.highest(self._of_others)

    def _of_others(self, rows: slice) -> Scores:
        value = self._value(rows).copy()
        value[self._end(rows) == self._nearest.take(self._ends.node[rows])] = -np.inf
        return value

    def _by_tables(self, rows: slice) -> tuple[Scores, Scores]:
        """As :meth:`_in_order`."""
        value, node = self._value(rows), self._ends.node[rows]
        rival = self._best.take(node)
        same = value == rival if self._thing is None else self._end(rows) == self._nearest.take(node)
        near = np.flatnonzero(same)
        rival[near] = self._second.take(node[near])
        return value, rival
