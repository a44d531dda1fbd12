"""Sorting, grouping and joining of integer columns."""

import numpy as np
import numpy.typing as npt

from kgalign.rdf.graph import Ids

Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]


def flags(size: int, *ids: Ids) -> Flags:
    """(size,) true at the given positions."""
    marked = np.zeros(size, dtype=bool)
    for each in ids:
        marked[each] = True
    return marked


def run_starts(*columns: Ids) -> Flags:
    """Rows of sorted columns that differ from the row before; the first row does."""
    starts = np.ones(len(columns[0]), dtype=bool)
    if len(starts):
        starts[1:] = False
        for column in columns:
            starts[1:] |= column[1:] != column[:-1]
    return starts


def distinct(*columns: Ids) -> tuple[Ids, ...]:
    """Distinct rows, sorted by the first column, then by the next."""
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    keep = run_starts(*ordered)
    return tuple(column[keep] for column in ordered)


def count_distinct(group: Ids, member: Ids, groups: int) -> Positions:
    """(groups,) how many distinct members each group has."""
    pairs = np.unique(group.astype(np.int64) << 32 | member.astype(np.int64))
    return np.bincount(pairs >> 32, minlength=groups)


def join(left: Ids, right: Ids) -> tuple[Positions, Positions]:
    """All pairs of positions (i, j) with ``left[i] == right[j]``."""
    order = np.argsort(right, kind="stable")
    low = np.searchsorted(right[order], left, "left")
    counts = np.searchsorted(right[order], left, "right") - low
    first = np.repeat(np.arange(len(left)), counts)
    offset = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, order[np.repeat(low, counts) + offset]
