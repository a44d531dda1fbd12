"""Rows in the order of what they hold, so that rows that share something lie near each other.

Looking a row up adds to a number of each row that shares a column with it. With a million rows these numbers
lie in memory that a core does not hold; where the rows of a column lie together, and rows that are looked up
one after the other have columns in common, it does. Documents are ordered before they are indexed for like
reasons (Blandford and Blelloch, *Index compression through document reordering*, DCC 2002).
"""

import numpy as np
from scipy.sparse import csr_array

from kgalign.arrays import Ids, Positions, run_starts
from kgalign.base import scratch
from kgalign.base.cores import in_order
from kgalign.values.text import entries_of, row_parts

_DEPTH = 3
"""Columns of a row that it is ordered by."""


def content_order(rows: csr_array, owner: Ids, frequency: Ids | Positions, most: int) -> Positions:
    """(n,) rows by their most frequent columns, those of an entity together.

    :param owner: (n,) the entity that each row is of, ascending.
    :param frequency: (columns,) how many rows have each column; those in more than ``most`` don't count.
    """

    def keys(part: slice) -> list[Positions]:
        return _keys(rows, part, frequency, most)

    order = np.lexsort(scratch.gather_columns(in_order(keys, row_parts(rows.indptr)))[::-1])
    if not len(order) or run_starts(owner).all():
        return order
    # An entity stands where the first of its rows does.
    place = np.empty(int(owner[-1]) + 1, dtype=np.int64)
    place[owner[order[::-1]]] = np.arange(len(order))[::-1]
    found: Positions = np.argsort(place[owner], kind="stable")
    return found


def _keys(rows: csr_array, part: slice, frequency: Ids | Positions, most: int) -> list[Positions]:
    """(r,) each: the most frequent column of each of some rows with its frequency, then the next."""
    counts, entries = entries_of(rows, part)
    some = np.flatnonzero(counts)
    starts = (np.cumsum(counts) - counts)[some]
    columns = rows.indices[entries]
    often = frequency[columns].astype(np.int64)
    key = np.where(often <= most, often << 32 | columns, -1)
    keys = []
    for _ in range(_DEPTH):
        best = np.full(len(counts), -1, dtype=np.int64)
        if len(some):
            best[some] = np.maximum.reduceat(key, starts)
        keys.append(best)
        key[key == np.repeat(best, counts)] = -1
    return keys
