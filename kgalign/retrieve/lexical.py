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
from kgalign.base.cores import Lent, elsewhere, in_order, slices
from kgalign.base.progress import Progress
from kgalign.rdf.graph import Ids
from kgalign.records import Floats
from kgalign.values.text import dots, row_of

BUDGET = 4_000
"""Postings that are looked at for a row."""
HALF = BUDGET // 2
"""For a first look where columns say the same more than once, as the n-grams of one name do."""
_PART = 512
"""Rows that are looked up at once."""
_TASK = 4 * _PART
"""Rows that are looked up by one task, one shard after the other."""
_PAIRS = 50_000
"""Pairs whose cosines are taken at once."""
SHARD = 1 << 28
"""Bytes of an index that are looked at at once: each further shard takes a tenth more time."""
SENT = 1 << 25
"""Where it goes to workers that hold one at a time."""
_COUNTED = 1 << 18
"""Rows whose columns are counted at once."""
_BLOCKS = 8
"""Blocks that a row is cut into, for each of the entries that are wanted: see :func:`_best`."""
Pairs = tuple[Ids, Ids, Floats]
"""(n,) left entities, right entities, and how near the two are; greater is nearer."""
Rows = tuple[csr_array, Ids]
"""Rows of unit length, and the entity that each is of, ascending."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Some of the rows of an index."""

    rows: csr_array
    """(n, columns) rows of unit length."""
    lists: csr_array
    """(columns, n) of each column the rows that have it: the champions alone where they are too many."""
    listed: csr_array
    """(n, columns) 1 where a column of a row has it in ``lists``, else 0."""


@dataclass(frozen=True, slots=True)
class Index:
    """Rows that can be looked up by what they hold."""

    owner: Ids
    """(n,) the entity that each row is of, ascending."""
    shards: tuple[Lent[Shard], ...]
    bounds: Positions
    """(shards + 1,) the row that each shard begins with, and the number of rows."""
    frequency: Ids
    """(columns,) in how many rows each column is."""
    longest: int
    """Most rows of a column that are listed."""


@dataclass(frozen=True, slots=True)
class _Pruned:
    """Rows with a part of their columns."""

    rows: csr_array
    rest: Doubles
    """(n,) the length of what is left out: no row that shares none of these columns has a greater cosine."""


def index_of(given: Rows, k: int, shard: int = SHARD) -> Index:
    """An index in which the k nearest rows are looked up.

    :param shard: bytes of a shard, about; what is found does not depend on it.
    """
    rows, owner = given
    longest = max(BUDGET, 2 * k)
    frequency = np.bincount(rows.indices, minlength=rows.shape[1]).astype(np.int32)
    listed = _listed(rows, frequency, longest)
    step = max(1, rows.shape[0] * shard // max(2 * (rows.data.nbytes + rows.indices.nbytes), 1))
    parts = slices(rows.shape[0], step) or [slice(0, 0)]
    shards = tuple(Lent(_shard(rows, listed, part)) for part in parts)
    return Index(owner, shards, np.array([0, *(part.stop for part in parts)]), frequency, longest)


def _shard(rows: csr_array, listed: npt.NDArray[np.int8], part: slice) -> Shard:
    bounds = rows.indptr[part.start : part.stop + 1]
    entries = slice(int(bounds[0]), int(bounds[-1]))
    bounds, data, indices, listed = (
        bounds - bounds[0],
        rows.data[entries],
        rows.indices[entries],
        listed[entries],
    )
    mine = sparse_rows(data, indices, bounds, rows.shape[1])
    marks = csr_array((listed, mine.indices, mine.indptr), shape=mine.shape)
    kept = listed > 0
    if not kept.all():
        before = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
        lists = sparse_rows(data[kept], indices[kept], before[bounds], rows.shape[1])
        return Shard(mine, lists.T.tocsr(), marks)
    return Shard(mine, mine.T.tocsr(), marks)


def _listed(rows: csr_array, frequency: Ids, longest: int) -> npt.NDArray[np.int8]:
    """(entries,) 1 where the row is in the list of the column: of a column that too many have, the rows in
    which it weighs most.
    """
    listed = np.ones(rows.nnz, dtype=np.int8)
    entry = np.flatnonzero(frequency[rows.indices] > longest)
    column = rows.indices[entry]
    order = np.argsort(column, kind="stable")
    starts = np.flatnonzero(run_starts(column[order]))
    listed[entry] = 0
    for places in np.split(entry[order], starts[1:]) if len(entry) else []:
        listed[places[_largest(rows.data[places], longest)]] = 1
    return listed


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
    index = index_of(right, k, SENT if elsewhere() else SHARD)

    def search(part: Rows) -> Pairs:
        return nearest(part, index, k, first)

    with progress.task(name, rows.shape[0], "entities") as task:

        def found() -> Iterator[Pairs]:
            cut = slices(rows.shape[0], _TASK)
            parts = ((rows[part], owner[part]) for part in cut)
            for part, pairs in zip(cut, in_order(search, parts, heavy=True), strict=True):
                task.advance(part.stop - part.start)
                yield pairs

        none = np.zeros(0, np.int32)
        pairs = scratch.gather_columns(_whole(found(), k, (none, none, np.zeros(0, np.float32))))
    return pairs[0], pairs[1], pairs[2]


def nearest(part: Rows, index: Index, k: int, first: int) -> Pairs:
    """What :func:`top_rows` gives, for a part of the rows."""
    rows, owner = part
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
    a, b, score = _candidates(pruned.rows, index, 2 * k)
    # Where no column was left out the product is the cosine.
    open_ = np.flatnonzero(pruned.rest[a] > 0)
    for shard, place, mine in _by_shard(index, b[open_]):
        for part in slices(len(place), _PAIRS):
            at = open_[place[part]]
            score[at] = dots(rows, shard.rows, a[at], mine[part])
    return a, b, score, pruned.rest


def _by_shard(index: Index, b: Ids) -> Iterator[tuple[Shard, Positions, Ids]]:
    """The shards that hold some rows, one after the other: where among those given its own stand, and their
    places in it.
    """
    of = np.searchsorted(index.bounds, b, "right") - 1
    for number, lent in enumerate(index.shards):
        place = np.flatnonzero(of == number)
        if len(place):
            with lent.opened() as shard:
                yield shard, place, (b[place] - index.bounds[number]).astype(np.int32)


def _candidates(rows: csr_array, index: Index, k: int) -> Pairs:
    """The k rows of the index with the largest product for each row, by row: one shard after the other.

    Of equal products those count that share the later column as their first, then the later rows: as a
    product with the whole index gives them.
    """
    none = np.zeros(0, np.int32)
    found = none, none, np.zeros(0, np.float32)
    for lent, first in zip(index.shards, index.bounds.tolist(), strict=False):
        least = np.full(rows.shape[0], -np.inf, dtype=np.float32)
        full = np.flatnonzero(place_in_run(found[0]) == k - 1)
        least[found[0][full]] = found[2][full]
        parts = [found]
        with lent.opened() as shard:
            for part in slices(rows.shape[0], _PART):
                product = rows[part] @ shard.lists
                a, place = _best_from(product, least[part], k)
                b = (product.indices[place] + first).astype(np.int32)
                parts.append((a + np.int32(part.start), b, product.data[place]))
        a, b, score = (np.concatenate(column) for column in zip(*parts, strict=True))
        found = _still_best(a, b, score, k) if first else (a, b, score)
    return _untied(found, rows, index, k)


def _best_from(product: csr_array, least: Floats, k: int) -> tuple[Ids, Positions]:
    """As :func:`_best`, of the entries that are not less than the row's ``least``."""
    open_ = np.flatnonzero(np.isneginf(least))
    if len(open_) == len(least):
        return _best(product, k)
    counts = np.diff(product.indptr)
    closed = np.where(np.isneginf(least), np.float32(np.inf), least)
    place = np.flatnonzero(product.data >= np.repeat(closed, counts))
    row = (np.searchsorted(product.indptr, place, "right") - 1).astype(np.int32)
    if len(open_):
        some = product[open_]
        a, within = _best(some, k)
        row = np.concatenate([row, open_[a].astype(np.int32)])
        place = np.concatenate([place, within - some.indptr[a] + product.indptr[open_[a]]])
    order = best_first(row, np.zeros(len(row), np.int32), product.data[place])
    row, place = row[order], place[order]
    keep = place_in_run(row) < k
    return row[keep], place[keep]


def _still_best(a: Ids, b: Ids, score: Floats, k: int) -> Pairs:
    """By row and falling score, the k best of each row and all that equal the last of them."""
    order = best_first(a, np.zeros(len(a), np.int32), score)
    a, b, score = a[order], b[order], score[order]
    keep = score >= score[_last(a, k)]
    return a[keep], b[keep], score[keep]


def _last(a: Ids, k: int) -> Positions:
    """(n,) place of the k-th of the row that each belongs to, or of its last."""
    starts = np.flatnonzero(run_starts(a))
    counts = np.diff(np.append(starts, len(a)))
    return np.repeat(starts + np.minimum(counts, k) - 1, counts)


def _untied(found: Pairs, rows: csr_array, index: Index, k: int) -> Pairs:
    """At most k of each row, where more than that many are there for being equal to the last."""
    a, b, score = found
    if not (place_in_run(a) >= k).any():
        return found
    tied = np.flatnonzero(score == score[_last(a, k)])
    # Columns of a row by their places in it, from 1.
    places = np.arange(rows.nnz) - np.repeat(rows.indptr[:-1], np.diff(rows.indptr)) + 1
    placed = csr_array((places, rows.indices, rows.indptr), shape=rows.shape)
    first = np.zeros(len(a), dtype=np.int64)
    for shard, at, mine in _by_shard(index, b[tied]):
        both = placed[a[tied[at]]].multiply(shard.listed[mine]).tocsr()
        first[tied[at]] = np.minimum.reduceat(both.data, both.indptr[:-1])
    # Those that are above the last come first whatever they share.
    first[score > score[_last(a, k)]] = rows.shape[1] + 1
    order = np.lexsort((-b, -first, a))
    order = np.sort(order[place_in_run(a[order]) < k])
    return a[order], b[order], score[order]


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
