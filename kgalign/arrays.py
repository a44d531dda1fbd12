"""Sorting, grouping and joining of columns: what several stages need."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

Ids = npt.NDArray[np.int32]
"""Ids of terms, entities, attributes …: what they index is said where they are held."""
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
_Scalar = TypeVar("_Scalar", bound=np.integer[Any])
_SPARSE = 64
"""Ids that are this many times more than rows are sorted as they are: a table of them would cost more."""


_FEW = 10_000
"""Values that are looked up faster as they are than sorted."""


def flags(size: int, *ids: Ids) -> Flags:
    """(size,) true at the given positions."""
    marked = np.zeros(size, dtype=bool)
    for each in ids:
        marked[each] = True
    return marked


def run_starts(*columns: npt.NDArray[Any]) -> Flags:
    """Rows of sorted columns that differ from the row before; the first row does."""
    starts = np.ones(len(columns[0]), dtype=bool)
    if len(starts):
        starts[1:] = False
        for column in columns:
            starts[1:] |= column[1:] != column[:-1]
    return starts


def unique(values: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """Distinct whole numbers, sorted. By sorting: np.unique's hash table takes ten times as long and far more
    memory where there are millions.
    """
    ordered = np.sort(values)
    return ordered[run_starts(ordered)]


def find(ordered: npt.NDArray[_Scalar], values: npt.NDArray[_Scalar]) -> Positions:
    """Where each value stands, or would stand, in sorted ones: np.searchsorted for millions.

    The values are sorted first: then memory is read in order, which takes a sixth of the time.
    """
    if len(values) < _FEW:
        return np.searchsorted(ordered, values)
    order = np.argsort(values, kind="stable")
    place = np.empty(len(values), dtype=np.int64)
    place[order] = np.searchsorted(ordered, values[order])
    return place


def sparse_rows(
    data: npt.NDArray[np.float32],
    indices: npt.NDArray[np.integer[Any]],
    indptr: npt.NDArray[np.integer[Any]],
    width: int,
) -> csr_array:
    """Rows of a sparse matrix, their columns in 32 bits where there are not too many: scipy would take 64.

    :param indptr: (rows + 1,) bounds of the rows in ``data`` and ``indices``.
    """
    kind = np.int32 if max(len(data), width) < 2**31 else np.int64
    shape = len(indptr) - 1, width
    return csr_array((data, indices.astype(kind, copy=False), indptr.astype(kind, copy=False)), shape=shape)


def place_in_run(*ordered: npt.NDArray[Any]) -> Positions:
    """(n,) place of each row of sorted columns among the rows that equal it, from 0."""
    row = np.arange(len(ordered[0]))
    return row - np.maximum.accumulate(np.where(run_starts(*ordered), row, 0))


def first_of_best(group: Ids | Positions, *keys: npt.NDArray[Any]) -> Positions:
    """(groups,) row of the best of each group: with the highest first key, among equal ones with the highest
    next key, then the first.

    :param group: (n,) sorted.
    :param keys: (n,) each, without NaN.
    """
    rows = np.arange(len(group))
    for key in keys:
        starts = run_starts(group[rows])
        if starts.all():
            break
        values = key[rows]
        highest = np.maximum.reduceat(values, np.flatnonzero(starts))
        rows = rows[values == highest[np.cumsum(starts) - 1]]
    found: Positions = rows[run_starts(group[rows])]
    return found


def distinct(*columns: Ids) -> tuple[Ids, ...]:
    """Distinct rows of equally long columns, sorted by the first column, then by the next."""
    packed = _pack(columns)
    if packed is not None:
        key, tables = packed
        key.sort()
        return _unpack(key[run_starts(key)], tables)
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    keep = run_starts(*ordered)
    return tuple(column[keep] for column in ordered)


def in_order_of(*columns: npt.NDArray[Any]) -> Positions:
    """(n,) rows of columns sorted by the first column, then by the next, equal ones as they stand.

    As :func:`numpy.lexsort` of the columns in reverse; ids are packed into one number and sorted once.
    """
    narrow = [
        each.astype(np.int32) if each.dtype.itemsize < np.dtype(np.int32).itemsize else each
        for each in columns
    ]
    packed = _pack(narrow)
    return np.lexsort(columns[::-1]) if packed is None else np.argsort(packed[0], kind="stable")


def numbered(*columns: npt.NDArray[Any]) -> Positions:
    """(n,) the number of each row among the distinct rows, from 0, in the order of the first column, then of
    the next.
    """
    order = np.argsort(columns[0], kind="stable") if len(columns) == 1 else in_order_of(*columns)
    code = np.empty(len(order), np.int64)
    code[order] = np.cumsum(run_starts(*(column[order] for column in columns))) - 1
    return code


def _pack(
    columns: Sequence[npt.NDArray[Any]],
) -> tuple[npt.NDArray[np.int64], list[npt.NDArray[np.integer[Any]]]] | None:
    """One sortable 63-bit key per row, or None where the rows do not fit or are few among many numbers."""
    tables: list[npt.NDArray[np.integer[Any]]] = []
    key = np.zeros(len(columns[0]), np.int64)
    bits = 0
    for ids in columns:
        lowest, highest = int(ids.min(initial=0)), int(ids.max(initial=-1))
        if lowest < -1 or highest > _SPARSE * len(ids):
            return None
        seen = np.zeros(highest + 2, bool)
        seen[ids + 1] = True
        table = (np.flatnonzero(seen) - 1).astype(ids.dtype)
        width = len(table).bit_length()
        bits += width
        if bits > 63:
            return None
        code = np.cumsum(seen) - 1
        key = (key << width) | code[ids + 1]
        tables.append(table)
    return key, tables


def _unpack(
    key: npt.NDArray[np.int64], tables: Sequence[npt.NDArray[np.integer[Any]]]
) -> tuple[npt.NDArray[Any], ...]:
    columns: list[npt.NDArray[Any]] = []
    for table in reversed(tables):
        width = len(table).bit_length()
        columns.append(table[key & ((1 << width) - 1)])
        key = key >> width
    return tuple(reversed(columns))


def count_distinct(group: Ids, member: Ids, groups: int) -> Positions:
    """(groups,) how many distinct members each group has."""
    pairs = unique(group.astype(np.int64) << 32 | member.astype(np.int64))
    return np.bincount(pairs >> 32, minlength=groups)


def spread(start: npt.NDArray[np.integer], count: npt.NDArray[np.integer]) -> tuple[Positions, Positions]:
    """Write ranges out: for each range its number and each member, ``count[i]`` of them from ``start[i]``."""
    number = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(number)) - np.repeat(np.cumsum(count) - count, count)
    return number, np.repeat(start, count) + offset


def join(left: Ids | Positions, right: Ids | Positions) -> tuple[Positions, Positions]:
    """All pairs of positions (i, j) with ``left[i] == right[j]``."""
    order = np.argsort(right, kind="stable")
    low = np.searchsorted(right[order], left, "left")
    number, place = spread(low, np.searchsorted(right[order], left, "right") - low)
    return number, order[place]


def connected(a: Ids | Positions, b: Ids | Positions, size: int) -> Positions:
    """(size,) the same number, from 0, for nodes that edges from ``a[i]`` to ``b[i]`` hold together."""
    if not size:
        return np.empty(0, np.int64)
    edges = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(size, size))
    return np.asarray(connected_components(edges, directed=False)[1], np.int64)
