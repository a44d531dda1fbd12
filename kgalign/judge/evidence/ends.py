"""Pairs by what stands at one of their ends: the highest value of each node, and which pairs have it.

Rows are read as they lie. Where they stand in the order of their nodes a node is one run of rows, and what is
asked of it is found there. Where they don't, nodes are looked up in tables: there are far fewer of these than
rows, and of a part of the rows only those are written that are higher than all before.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Ids, Positions, run_starts
from kgalign.base.cores import cores, slices
from kgalign.judge.evidence import parts

Scores = npt.NDArray[np.floating[Any]]
_MOST_CHUNKS = 4
"""Tables of nodes that are filled side by side: each begins with nothing."""


class Ends:
    """Pairs by what stands at one of their ends.

    :param node: (c,) number of the node of each pair.
    """

    def __init__(self, node: Ids) -> None:
        self.node = node
        self.size = int(node.max(initial=-1)) + 1
        self.in_order = all(self._ascends(rows) for rows in parts.parts_of(len(node)))

    def _ascends(self, rows: slice) -> bool:
        node = self.node[rows.start : rows.stop + 1]
        return bool(np.all(node[1:] >= node[:-1]))

    def whole(self, rows: slice) -> slice:
        """Rows with all others of their nodes, where rows stand in the order of these."""
        node = self.node[rows]
        if not len(node):
            return rows
        begin, end = (
            np.searchsorted(self.node, node[0], "left"),
            np.searchsorted(self.node, node[-1], "right"),
        )
        return slice(int(begin), int(end))

    def beginning(self, rows: slice) -> slice:
        """All rows of the nodes that begin in some rows, where rows stand in the order of these."""
        begin, end = (
            int(np.searchsorted(self.node, self.node[row - 1], "right")) if row else 0
            for row in (rows.start, min(rows.stop, len(self.node)))
        )
        return slice(begin, end)

    def highest(self, value: Callable[[slice], Scores]) -> Scores:
        """(n,) the highest value of each node, minus infinity for one of no pair.

        :param value: of some rows.
        """
        found = np.full(self.size, -np.inf, dtype=value(slice(0, 0)).dtype)
        if self.in_order:
            for node, best in parts.in_turn(partial(self._of_runs, value), parts.parts_of(len(self.node))):
                found[node] = best
            return found
        for best in parts.in_turn(partial(self._of_chunk, value), self._chunks()):
            np.maximum(found, best, out=found)
        return found

    def highest_two(self, value: Callable[[slice], Scores]) -> tuple[Scores, Scores]:
        """(n,) each: the highest value of each node, and the next one, which may be as high; minus infinity
        where there is none.

        :param value: of some rows.
        """
        best, second = (np.full(self.size, -np.inf, dtype=value(slice(0, 0)).dtype) for _ in range(2))
        for higher, after in parts.in_turn(partial(self._two_of_chunk, value), self._chunks()):
            np.maximum(second, np.minimum(best, higher), out=second)
            np.maximum(second, after, out=second)
            np.maximum(best, higher, out=best)
        return best, second

    def _chunks(self) -> list[slice]:
        """Rows for each core: what is highest does not hang on how they are cut."""
        size = len(self.node)
        count = min(cores(), _MOST_CHUNKS, size // parts.PART + 1)
        return slices(size, size // count + 1)

    def _of_runs(self, value: Callable[[slice], Scores], rows: slice) -> tuple[Ids, Scores]:
        """Nodes that begin in some rows, and the highest value of each."""
        rows = self.beginning(rows)
        node, values = self.node[rows], value(rows)
        start = np.flatnonzero(run_starts(node))
        return node[start], np.maximum.reduceat(values, start) if len(start) else values

    def _of_chunk(self, value: Callable[[slice], Scores], chunk: slice) -> Scores:
        """(n,) the highest value of each node among some rows."""
        found = np.full(self.size, -np.inf, dtype=value(slice(0, 0)).dtype)
        for rows in _within(chunk):
            node, values = self.node[rows], value(rows)
            higher = np.flatnonzero(values > found.take(node))
            np.maximum.at(found, node[higher], values[higher])
        return found

    def _two_of_chunk(self, value: Callable[[slice], Scores], chunk: slice) -> tuple[Scores, Scores]:
        """As :meth:`highest_two`, among some rows."""
        best, second = (np.full(self.size, -np.inf, dtype=value(slice(0, 0)).dtype) for _ in range(2))
        last = np.zeros(self.size, dtype=np.int32)
        for rows in _within(chunk):
            node, values = self.node[rows], value(rows)
            higher = np.flatnonzero(values > second.take(node))
            node, values = node[higher], values[higher]
            before = best.take(node)
            np.maximum.at(best, node, values)
            now = best.take(node)
            # Where a better one came what was the best is the next one; of those as good one is the best.
            new = np.flatnonzero((values == now) & (before < now))
            last[node[new]] = new
            values[new[last[node[new]] == new]] = -np.inf
            before[before == now] = -np.inf
            np.maximum.at(second, node, np.maximum(values, before))
        return best, second

    def first(self, rows: Positions, other: Ids) -> Ids:
        """(n,) of each node the lowest number at the other end of some rows, the highest of all for none.

        :param other: (r,) of these rows.
        """
        found = np.full(self.size, np.iinfo(other.dtype).max, dtype=other.dtype)
        np.minimum.at(found, self.node[rows], other)
        return found


def rows_where(holds: Callable[[slice], npt.NDArray[np.bool_]], size: int) -> Positions:
    """Rows for which something holds."""
    found = parts.in_turn(lambda rows: np.flatnonzero(holds(rows)) + rows.start, parts.parts_of(size))
    return np.concatenate(list(found))


def _within(chunk: slice) -> list[slice]:
    """The rows of a chunk in parts."""
    return [
        slice(chunk.start + part.start, chunk.start + part.stop)
        for part in slices(chunk.stop - chunk.start, parts.PART)
    ]
