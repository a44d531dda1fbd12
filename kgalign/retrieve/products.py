"""Products of sparse rows of which the largest entries of each row are kept.

`sparse_dot_topn`_ adds up a row of the product and picks its largest entries at once, on all cores, and never
holds the product. It has no wheel for some machines (Linux on ARM): there scipy multiplies, and the largest
are picked here. Of equal entries at the cut the two may keep others.

.. _sparse_dot_topn: https://github.com/ing-bank/sparse_dot_topn
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from kgalign.arrays import Flags, Ids, Positions, place_in_run, sparse_rows
from kgalign.base.cores import slices, threads
from kgalign.retrieve.ranks import Pairs, best_first, keep_best

_library: Callable[..., Any] | None = None
try:
    from sparse_dot_topn import _has_openmp_support, unchecked

    # Where it has no threads of its own it would keep all others waiting.
    if _has_openmp_support:
        _library = unchecked.sp_matmul_topn_mt
except (ImportError, TypeError):  # TypeError: it can't tell how many cores the machine has
    pass
_SEVERAL = 4_096
"""Rows from which further threads pay: they take time and memory to begin, and wait busily at the end."""
_AT_ONCE = 512
"""Rows whose whole product is held where there is no library."""
_BLOCKS = 8
"""Blocks that a row is cut into, for each of the entries that are wanted: see :func:`_best`."""


def largest(rows: csr_array, lists: csr_array, k: int) -> Pairs:
    """The k largest entries of each row of ``rows @ lists``, none of which is negative: row, column, value.

    By row, falling value and rising column; entries of 0 are left out.

    :param rows: (n, columns); ``lists`` (columns, m); both in single precision, with less than 2**31 entries.
    """
    if not rows.nnz or not lists.nnz:
        return np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32)
    if _library is None:
        return largest_by_scipy(rows, lists, k)
    # It takes places in 32 bits alone.
    sides = [sparse_rows(each.data, each.indices, each.indptr, each.shape[1]) for each in (rows, lists)]
    for side in sides:
        side.data, side.indices, side.indptr = map(_lent, (side.data, side.indices, side.indptr))
    most = min(k, lists.shape[1])
    several = threads() if rows.shape[0] >= _SEVERAL else 1
    product = _library(*sides, top_n=most, sort=True, threshold=0.0, n_threads=several)
    row = np.repeat(np.arange(rows.shape[0], dtype=np.int32), np.diff(product.indptr))
    order = best_first(row, product.indices, product.data)
    return row[order], product.indices[order], product.data[order]


class _Lent:
    """An array as the library takes it: it refuses arrays that can't be written to, and writes to none."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


def _lent(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same bytes; those of an engine's object store are for reading alone."""
    return array if array.flags.writeable else np.asarray(_Lent(array))


def largest_by_scipy(rows: csr_array, lists: csr_array, k: int) -> Pairs:
    """As :func:`largest`, without the library."""
    found = []
    for part in slices(rows.shape[0], _AT_ONCE):
        product = rows[part] @ lists
        row, place = _best(product, k)
        found.append((row + np.int32(part.start), product.indices[place], product.data[place]))
    row, column, value = (np.concatenate(each) for each in zip(*found, strict=True))
    return keep_best(row, column, value, k)


def _best(product: csr_array, k: int) -> tuple[Ids, Positions]:
    """Row and position of the k largest entries of each row, by row and falling value, of equals the first.

    Each row is cut into blocks: what is less than the k-th largest of their maxima is not among the k
    largest, and what is left is sorted. All rows at once: a loop over them would hold the interpreter.
    """
    counts = np.diff(product.indptr)
    rows = np.flatnonzero(counts)
    counts, start = counts[rows].astype(np.int64), product.indptr[rows].astype(np.int64)
    width = np.maximum(counts // (_BLOCKS * k), 1)
    blocks = -(-counts // width)
    first = np.cumsum(blocks) - blocks
    within = np.arange(int(blocks.sum())) - np.repeat(first, blocks)
    least = np.full(len(rows), -np.inf, dtype=np.float32)
    if len(rows) and blocks.max() > k:
        maxima = np.maximum.reduceat(
            product.data, np.repeat(start, blocks) + within * np.repeat(width, blocks)
        )
        table = np.full((len(rows), int(blocks.max())), -np.inf, dtype=np.float32)
        table[np.repeat(np.arange(len(rows)), blocks), within] = maxima
        table.partition(table.shape[1] - k, axis=1)
        least = table[:, table.shape[1] - k]
    above: Flags = product.data >= np.repeat(least, counts)
    place = np.flatnonzero(above)
    row = rows[np.searchsorted(start, place, "right") - 1].astype(np.int32)
    order = best_first(row, np.zeros(len(row), np.int32), product.data[place])
    row, place = row[order], place[order]
    keep = place_in_run(row) < k
    return row[keep], place[keep]
