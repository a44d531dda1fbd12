"""Lexical channels: an inverted index over words or character n-grams, rarest first.

Which pairs are looked at is bounded by a budget of postings per row, spent on the row's rarest columns, so
that the work grows with the number of entities and not with its square. A column in more rows than the budget
allows is looked up among those in which it weighs most (champion lists: Manning, Raghavan and Schütze,
*Introduction to Information Retrieval*, 7.1.3): no column costs more than the budget, however common it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from kgalign.arrays import Doubles, Flags, Positions, place_in_run, run_starts, sparse_rows
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.base.progress import Progress
from kgalign.rdf.graph import Ids
from kgalign.records import Floats
from kgalign.values.text import dots, row_of

BUDGET = 4_000
"""Postings that are looked at for a row."""
HALF = BUDGET // 2
"""For a first look where columns say the same more than once, as the n-grams of one name do."""
_PART = 1_024
"""Rows that are looked up at once."""
_COUNTED = 1 << 18
"""Rows whose columns are counted at once."""
_BLOCKS = 8
"""Blocks that a row is cut into, for each of the entries that are wanted: see :func:`_best`."""
Pairs = tuple[Ids, Ids, Floats]
"""(n,) left entities, right entities, and how near the two are; greater is nearer."""
Rows = tuple[csr_array, Ids]
"""Rows of unit length, and the entity that each is of, ascending."""


@dataclass(frozen=True, slots=True)
class Index:
    """Rows that can be looked up by what they hold."""

    rows: csr_array
    """(n, columns) rows of unit length."""
    owner: Ids
    """(n,) the entity that each row is of, ascending."""
    lists: csr_array
    """(columns, n) of each column the rows that have it: the champions alone where they are too many."""
    frequency: Ids
    """(columns,) in how many rows each column is."""
    longest: int
    """Most rows of a column in ``lists``."""


@dataclass(frozen=True, slots=True)
class _Pruned:
    """Rows with a part of their columns."""

    rows: csr_array
    rest: Doubles
    """(n,) the length of what is left out: no row that shares none of these columns has a greater cosine."""


def index_of(rows: Rows, k: int) -> Index:
    """An index in which the k nearest rows are looked up."""
    matrix, owner = rows
    longest = max(BUDGET, 2 * k)
    lists = matrix.T.tocsr()
    frequency = np.diff(lists.indptr).astype(np.int32)
    long = np.flatnonzero(frequency > longest)
    if len(long):
        kept = np.ones(lists.nnz, dtype=np.bool_)
        for start, end in zip(lists.indptr[long].tolist(), lists.indptr[long + 1].tolist(), strict=True):
            kept[start:end] = False
            kept[start + _largest(lists.data[start:end], longest)] = True
        counts = np.minimum(frequency, longest)
        indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        lists = sparse_rows(lists.data[kept], lists.indices[kept], indptr, lists.shape[1])
    return Index(matrix, owner, lists, frequency, longest)


@dataclass(frozen=True, slots=True)
class Common:
    """Rows for which only a part of what they share something with is looked at."""

    rows: int
    """How many."""
    column: int
    """The rarest column of most of them."""
    most: int
    """How many rows are looked at."""


def common_only(rows: csr_array, others: csr_array, k: int) -> Common | None:
    """Rows whose every column is in more of the others than the budget allows; None where there are none."""
    frequency = np.bincount(others.indices, minlength=others.shape[1])
    longest = max(BUDGET, 2 * k)
    if frequency.max(initial=0) <= longest:
        return None
    found = np.zeros(rows.shape[1], dtype=np.int64)
    never = np.iinfo(np.int64).max
    for part in slices(rows.shape[0], _COUNTED):
        columns = rows.indices[rows.indptr[part.start] : rows.indptr[part.stop]]
        counts = np.diff(rows.indptr[part.start : part.stop + 1]).astype(np.int64)
        key = np.where(frequency[columns] > 0, frequency[columns] << 32 | columns, never)
        starts = (np.cumsum(counts) - counts)[counts > 0]
        rarest = np.minimum.reduceat(key, starts) if len(starts) else key
        rarest = rarest[(rarest >> 32 > longest) & (rarest < never)] & 0xFFFFFFFF
        found += np.bincount(rarest, minlength=len(found))
    return Common(int(found.sum()), int(found.argmax()), longest) if found.any() else None


def top_rows(left: Rows, right: Rows, k: int, *, progress: Progress, name: str, first: int = BUDGET) -> Pairs:
    """The k right entities nearest to each left one by cosine: the best pair of their rows counts.

    :param first: postings of a row after which it gets no more where nothing that was not seen can be nearer
        than what was found.
    :returns: (left entity, right entity, cosine), sorted by left entity and falling cosine.
    """
    rows, owner = left
    index = index_of(right, k)

    def search(part: slice) -> Pairs:
        return nearest(rows[part], owner[part], index, k, first)

    with progress.task(name, rows.shape[0], "entities") as task:

        def found() -> Iterator[Pairs]:
            parts = slices(rows.shape[0], _PART)
            for part, pairs in zip(parts, in_order(search, parts, heavy=True), strict=True):
                task.advance(part.stop - part.start)
                yield pairs

        none = np.zeros(0, np.int32)
        pairs = scratch.gather_columns(_whole(found(), k, (none, none, np.zeros(0, np.float32))))
    return pairs[0], pairs[1], pairs[2]


def nearest(rows: csr_array, owner: Ids, index: Index, k: int, first: int) -> Pairs:
    """What :func:`top_rows` gives, for a part of the rows.

    :param owner: (rows,) the entity that each row is of, ascending.
    """
    a, b, score, rest = _look(rows, index, k, first)
    best = np.zeros(rows.shape[0])
    starts = np.flatnonzero(run_starts(a))
    if len(starts):
        best[a[starts]] = np.maximum.reduceat(score, starts)
    again = best < rest
    if first < BUDGET and again.any():
        more = np.flatnonzero(again).astype(np.int32)
        found = _look(rows[more], index, k, BUDGET)
        keep = ~again[a]
        a = np.concatenate([a[keep], more[found[0]]])
        b, score = np.concatenate([b[keep], found[1]]), np.concatenate([score[keep], found[2]])
    return _of_owners(owner[a], index.owner[b], score, k)


def _whole(parts: Iterable[Pairs], k: int, none: Pairs) -> Iterator[Pairs]:
    """The parts, with an entity whose rows lie in several of them put together."""
    held = none
    for part in parts:
        if len(held[0]) and len(part[0]) and held[0][-1] == part[0][0]:
            first = int(np.searchsorted(part[0], held[0][-1], "right"))
            both = (np.concatenate([one, other[:first]]) for one, other in zip(held, part, strict=True))
            a, b, score = both
            one = _of_owners(a, b, score, k)
            part = tuple(np.concatenate([x, y[first:]]) for x, y in zip(one, part, strict=True))  # type: ignore[assignment]
        else:
            yield held
        last = int(np.searchsorted(part[0], part[0][-1])) if len(part[0]) else 0
        yield part[0][:last], part[1][:last], part[2][:last]
        held = part[0][last:], part[1][last:], part[2][last:]
    yield held


def _of_owners(a: Ids, b: Ids, score: Floats, k: int) -> Pairs:
    """The k best of each a; of pairs that stand there more than once the best counts."""
    key = a.astype(np.int64) << 32 | b
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(run_starts(key[order]))
    if len(first) < len(key):
        score = np.maximum.reduceat(score[order], first)
        a, b = a[order[first]], b[order[first]]
    return keep_best(a, b, score, k)


def keep_best(a: Ids, b: Ids, score: Floats, k: int) -> Pairs:
    """Keep the k best pairs of each a, best first; equal scores go by b.

    :param score: (n,) not negative.
    """
    order = best_first(a, b, score)
    a = a[order]
    keep = place_in_run(a) < k
    order = order[keep]
    return a[keep], b[order], score[order]


def best_first(a: Ids, b: Ids, score: Floats) -> npt.NDArray[np.int64]:
    """Order by a, then falling score, then b: a sort of whole numbers, faster than one of three keys."""
    # The bits of a float that is not negative order as the float does.
    key = np.maximum(score, 0).astype(np.float32).view(np.uint32).astype(np.int64)
    np.subtract(0xFFFFFFFF, key, out=key)
    key |= a.astype(np.int64) << 32
    if (key[1:] >= key[:-1]).all():
        order: npt.NDArray[np.int64] = np.arange(len(key))
    else:
        order = np.argsort(key, kind="stable")
        key = key[order]
    equal = key[1:] == key[:-1]
    later = b[order]
    if (equal & (later[1:] < later[:-1])).any():
        rows = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
        order[rows] = order[rows][np.lexsort((later[rows], key[rows]))]
    return order


def _look(rows: csr_array, index: Index, k: int, budget: int) -> tuple[Ids, Ids, Floats, Doubles]:
    """Candidates of each row by its rarest columns, their cosines, and how near others may be at most."""
    pruned = _prune(rows, index, budget)
    product = pruned.rows @ index.lists
    a, place = _best(product, 2 * k)
    b, score = product.indices[place].astype(np.int32), product.data[place]
    # Where no column was left out the product is the cosine.
    open_ = np.flatnonzero(pruned.rest[a] > 0)
    score[open_] = dots(rows, index.rows, a[open_], b[open_])
    return a, b, score, pruned.rest


def _prune(rows: csr_array, index: Index, budget: int) -> _Pruned:
    """Keep each row's rarest columns up to the budget (one at the least)."""
    row, size = row_of(rows), rows.shape[0]
    cost = index.frequency[rows.indices]
    order = np.argsort(row << 32 | cost, kind="stable")
    spent = np.cumsum(np.minimum(cost, index.longest)[order], dtype=np.int64)
    counts = np.diff(rows.indptr)
    before = np.concatenate([[0], spent])[rows.indptr[:-1]]
    # Columns that no row has are first, and cost nothing.
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    within = (spent - np.repeat(before, counts))[place]
    kept = (cost > 0) & ((within <= budget) | (within == np.minimum(cost, index.longest)))
    unseen = (cost > 0) & ~(kept & (cost <= index.longest))
    rest = np.sqrt(np.bincount(row[unseen], rows.data[unseen].astype(np.float64) ** 2, minlength=size))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row[kept], minlength=size))])
    return _Pruned(sparse_rows(rows.data[kept], rows.indices[kept], indptr, rows.shape[1]), rest)


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


def _largest(values: Floats, k: int) -> Positions:
    """Places of the k largest of more than k values, ascending; of equals the first."""
    ordered = values.copy()
    ordered.partition(len(values) - k)
    least = ordered[len(values) - k]
    found: Positions = (values >= least).nonzero()[0]
    if len(found) > k:
        above, equal = found[values[found] > least], found[values[found] == least]
        found = np.sort(np.concatenate([above, equal[: k - len(above)]]))
    return found
