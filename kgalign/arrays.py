"""Sorting, grouping and joining of columns: what several stages need."""

import numpy as np
import numpy.typing as npt

from kgalign.rdf.graph import Ids

Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


def run_starts(*columns: npt.NDArray[np.generic]) -> Flags:
    """Rows of sorted columns that differ from the row before; the first row does."""
    starts = np.ones(len(columns[0]), dtype=bool)
    if len(starts):
        starts[1:] = False
        for column in columns:
            starts[1:] |= column[1:] != column[:-1]
    return starts


def spread(start: npt.NDArray[np.integer], count: npt.NDArray[np.integer]) -> tuple[Positions, Positions]:
    """Write ranges out: for range i with ``count[i]`` members from ``start[i]``, its number and each member."""
    number = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(number)) - np.repeat(np.cumsum(count) - count, count)
    return number, np.repeat(start, count) + offset


def join(left: Ids, right: Ids) -> tuple[Positions, Positions]:
    """All pairs of positions (i, j) with ``left[i] == right[j]``."""
    order = np.argsort(right, kind="stable")
    low = np.searchsorted(right[order], left, "left")
    number, place = spread(low, np.searchsorted(right[order], left, "right") - low)
    return number, order[place]
