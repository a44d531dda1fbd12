"""Sorting, grouping and joining of columns: what several stages need."""

from collections.abc import Sequence
from dataclasses import dataclass
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
Hashes = npt.NDArray[np.uint64]
_Scalar = TypeVar("_Scalar", bound=np.integer[Any])
_SPARSE = 64
"""Ids that are this many times more than rows are sorted as they are: a table of them would cost more."""


_BITS = 63
_SAMPLE = 1_000
"""Rows that tell how many numbers a column has."""

_FEW = 10_000
"""Values that are looked up faster as they are than sorted."""


def flags(size: int, *ids: npt.NDArray[np.integer[Any]]) -> Flags:
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


def among(numbers: npt.NDArray[_Scalar], size: int) -> tuple[npt.NDArray[_Scalar], Ids]:
    """Distinct numbers, sorted, and (n,) the place of each among them: as :func:`numpy.unique` with the
    inverse, by a table instead of a sort.

    :param numbers: (n,) from 0 to less than ``size``.
    """
    seen = flags(size, numbers)
    return np.flatnonzero(seen).astype(numbers.dtype), (np.cumsum(seen, dtype=np.int32) - 1)[numbers]


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


def rows_by_count(
    width: int,
    data: npt.NDArray[np.float32],
    indices: npt.NDArray[np.integer[Any]],
    counts: npt.NDArray[np.integer[Any]],
) -> csr_array:
    """As :func:`sparse_rows`.

    :param counts: (rows,) how many entries each row has.
    """
    ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    return sparse_rows(data, indices, ends, width)


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
        key, codes = packed
        key.sort()
        return _unpack(key[run_starts(key)], codes)
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    keep = run_starts(*ordered)
    return tuple(column[keep] for column in ordered)


def in_order_of(*columns: npt.NDArray[Any]) -> Positions:
    """(n,) rows of columns of whole numbers sorted by the first column, then by the next, equal ones as they
    stand.

    As :func:`numpy.lexsort` of the columns in reverse; where they fit they are packed into one number and
    sorted once.
    """
    packed = _pack(columns)
    return np.lexsort(columns[::-1]) if packed is None else np.argsort(packed[0], kind="stable")


def hashes(*columns: npt.NDArray[np.int64] | npt.NDArray[np.int32]) -> Hashes:
    """(n,) one hash of each row of whole numbers (splitmix64; Steele, Lea and Flood, 2014)."""
    found: Hashes = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        found = (found ^ column.astype(np.int64).view(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found = found ^ (found >> np.uint64(31))
    return found


def drawn(most: int, *columns: Ids) -> Positions:
    """(≤ most,) rows of columns that are drawn by what stands in them, in an order that looks random.

    The same rows are drawn in whatever order they stand, and nearly the same ones where some are added: those
    with the smallest hashes (bottom-k sampling; Cohen and Kaplan, 2007).
    """
    return np.argsort(hashes(*columns), kind="stable")[:most]


def rotations(count: int, column: Ids) -> list[Ids]:
    """A column moved on by ``count`` steps, as far apart as can be: where rows stand in no order that is what
    pairs at random look like, and none of them is a pair that was.
    """
    return [np.roll(column, max(1, len(column) * each // (count + 1))) for each in range(1, count + 1)]


def numbered(*columns: npt.NDArray[Any]) -> Positions:
    """(n,) the number of each row among the distinct rows, from 0, in the order of the first column, then of
    the next.
    """
    order = np.argsort(columns[0], kind="stable") if len(columns) == 1 else in_order_of(*columns)
    code = np.empty(len(order), np.int64)
    code[order] = np.cumsum(run_starts(*(column[order] for column in columns))) - 1
    return code


@dataclass(slots=True)
class _Code:
    """How a column goes into a key: as the place in a table, or less its lowest number."""

    lowest: int
    width: int
    """Bits."""
    kind: np.dtype[Any]
    table: npt.NDArray[Any] | None = None
    place: Positions | None = None
    """By number less the lowest: its place in the table."""

    @classmethod
    def of(cls, column: npt.NDArray[Any]) -> "_Code":
        lowest = int(column.min()) if len(column) else 0
        return cls(lowest, (int(column.max(initial=lowest)) - lowest).bit_length(), column.dtype)

    def shorten(self, column: npt.NDArray[Any]) -> None:
        """Number what is there."""
        seen = np.zeros(1 << self.width, bool)
        seen[column.astype(np.int64) - self.lowest] = True
        self.table = (np.flatnonzero(seen) + self.lowest).astype(self.kind)
        self.place = np.cumsum(seen) - 1
        self.width = (len(self.table) - 1).bit_length()

    def encoded(self, column: npt.NDArray[Any]) -> Positions:
        numbers = column.astype(np.int64) - self.lowest
        return numbers if self.place is None else self.place[numbers]

    def decoded(self, codes: Positions) -> npt.NDArray[Any]:
        return (codes + self.lowest).astype(self.kind) if self.table is None else self.table[codes]


def _pack(columns: Sequence[npt.NDArray[Any]]) -> tuple[Positions, list[_Code]] | None:
    """One sortable 63-bit key per row, or None where the rows do not fit or are few among many numbers."""
    size = len(columns[0])
    codes = [_Code.of(column) for column in columns]
    # Those with few numbers first: their tables are small.
    step = size // _SAMPLE + 1
    for number in sorted(range(len(columns)), key=lambda number: len(np.unique(columns[number][::step]))):
        if sum(code.width for code in codes) <= _BITS:
            break
        if 1 << codes[number].width <= _SPARSE * size:
            codes[number].shorten(columns[number])
    if sum(code.width for code in codes) > _BITS:
        return None
    key = np.zeros(size, np.int64)
    for code, column in zip(codes, columns, strict=True):
        key <<= code.width
        key |= code.encoded(column)
    return key, codes


def _unpack(key: Positions, codes: Sequence[_Code]) -> tuple[npt.NDArray[Any], ...]:
    columns: list[npt.NDArray[Any]] = []
    for code in reversed(codes):
        columns.append(code.decoded(key & ((1 << code.width) - 1)))
        key = key >> code.width
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
