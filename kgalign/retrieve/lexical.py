"""Lexical channels: an inverted index over words or character n-grams, rarest first.

Which pairs are looked at is bounded by a budget of postings per row, spent on the row's rarest columns, so
that the work grows with the number of entities and not with its square. A column in more rows than the budget
allows is looked up among those in which it weighs most (champion lists: Manning, Raghavan and Schütze,
*Introduction to Information Retrieval*, 7.1.3): no column costs more than the budget, however common it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from kgalign.arrays import Doubles, Flags, Positions, run_starts, sparse_rows, spread
from kgalign.base import scratch
from kgalign.base.cores import Lent, in_order, slices
from kgalign.base.progress import Progress
from kgalign.rdf.graph import Ids
from kgalign.records import Floats
from kgalign.retrieve.ordering import content_order
from kgalign.retrieve.products import largest
from kgalign.retrieve.ranks import Pairs, keep_best
from kgalign.values.text import dots, frequency, row_of

BUDGET = 4_000
"""Postings that are looked at for a row."""
HALF = BUDGET // 2
"""For a first look where columns say the same more than once, as the n-grams of one name do."""
_TASK, _TASKS = 1 << 13, 16
"""Rows that are looked up by one task, shard after shard; fewer where there would be few tasks."""
_LEAST = 1 << 10
_PAIRS = 50_000
"""Pairs whose cosines are taken at once."""
SHARD = 1 << 27
"""Bytes of an index that are looked at at once: of equal rows at the cut those of an earlier shard count."""
_COUNTED = 1 << 18
"""Rows whose columns are counted at once."""
_MOVED = 1 << 14
"""Rows whose pairs are put in order at once."""
_TRIED = 1 << 11
"""Rows that tell whether a first look is enough for most; it is tried where there are many times more."""
_MANY = 16 * _TRIED
Rows = tuple[csr_array, Ids]
"""Rows of unit length, and the entity that each is of; those of one entity stand together."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Some of the rows of an index."""

    rows: csr_array
    """(n, columns) rows of unit length."""
    lists: csr_array
    """(columns, n) of each column the rows that have it: the champions alone where they are too many."""


@dataclass(frozen=True, slots=True)
class Index:
    """Rows that can be looked up by what they hold."""

    owner: Ids
    """(n,) the entity that each row is of."""
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

    :param shard: bytes of a shard, about.
    """
    rows, owner = given
    longest = max(BUDGET, 2 * k)
    held = frequency(rows).astype(np.int32)
    listed = _listed(rows, held, longest)
    step = max(1, rows.shape[0] * shard // max(2 * (rows.data.nbytes + rows.indices.nbytes), 1))
    parts = slices(rows.shape[0], step) or [slice(0, 0)]
    shards = tuple(Lent(_shard(rows, listed, part)) for part in parts)
    return Index(owner, shards, np.array([0, *(part.stop for part in parts)]), held, longest)


def _shard(rows: csr_array, listed: Flags, part: slice) -> Shard:
    bounds = rows.indptr[part.start : part.stop + 1]
    entries = slice(int(bounds[0]), int(bounds[-1]))
    bounds, data, indices, kept = (
        bounds - bounds[0],
        rows.data[entries],
        rows.indices[entries],
        listed[entries],
    )
    mine = lists = sparse_rows(data, indices, bounds, rows.shape[1])
    if not kept.all():
        before = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
        lists = sparse_rows(data[kept], indices[kept], before[bounds], rows.shape[1])
    return Shard(mine, lists.T.tocsr())


def _listed(rows: csr_array, frequency: Ids, longest: int) -> Flags:
    """(entries,) whether the row is in the list of the column: of a column that too many have, the rows in
    which it weighs most.
    """
    listed = np.ones(rows.nnz, dtype=bool)
    entry = np.flatnonzero(frequency[rows.indices] > longest)
    common = np.flatnonzero(frequency > longest)
    # Small numbers are sorted in a fraction of the time.
    number = np.zeros(len(frequency), dtype=np.uint16 if len(common) < 1 << 16 else np.int32)
    number[common] = np.arange(len(common))
    column = number[rows.indices[entry]]
    order = np.argsort(column, kind="stable")
    starts = np.flatnonzero(run_starts(column[order]))
    listed[entry] = False
    for places in np.split(entry[order], starts[1:]) if len(entry) else []:
        listed[places[_largest(rows.data[places], longest)]] = True
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
    held = frequency(others)
    longest = max(BUDGET, 2 * k)
    if held.max(initial=0) <= longest:
        return None
    found = np.zeros(rows.shape[1], dtype=np.int64)
    never = np.iinfo(np.int64).max
    for part in slices(rows.shape[0], _COUNTED):
        columns = rows.indices[rows.indptr[part.start] : rows.indptr[part.stop]]
        counts = np.diff(rows.indptr[part.start : part.stop + 1]).astype(np.int64)
        key = np.where(held[columns] > 0, held[columns] << 32 | columns, never)
        starts = (np.cumsum(counts) - counts)[counts > 0]
        rarest = np.minimum.reduceat(key, starts) if len(starts) else key
        rarest = rarest[(rarest >> 32 > longest) & (rarest < never)] & 0xFFFFFFFF
        found += np.bincount(rarest, minlength=len(found))
    return Common(int(found.sum()), int(found.argmax()), longest) if found.any() else None


def in_content_order(left: csr_array, right: csr_array, owners: tuple[Ids, Ids]) -> tuple[Rows, Rows]:
    """Rows of both sides in an order in which they are looked up fast (:mod:`.ordering`).

    :param owners: the entity that each left row is of, ascending, and each right one.
    """
    held = frequency(left, right)
    order = [
        content_order(rows, owner, held, 2 * BUDGET)
        for rows, owner in zip((left, right), owners, strict=True)
    ]
    return (left[order[0]], owners[0][order[0]]), (right[order[1]], owners[1][order[1]])


def top_rows(left: Rows, right: Rows, k: int, *, progress: Progress, name: str, first: int = BUDGET) -> Pairs:
    """The k right entities nearest to each left one by cosine: the best pair of their rows counts.

    :param first: postings of a row after which it gets no more where nothing that was not seen can be nearer
        than what was found; of many rows, if that is so for most of them.
    :returns: (left entity, right entity, cosine), sorted by left entity and falling cosine.
    """
    rows, owner = left
    index = index_of(right, k)
    starts = run_starts(owner)
    # Within the search left entities go by their places.
    place = (np.cumsum(starts) - 1).astype(np.int32)
    if first < BUDGET and not _pays(rows, index, k, first):
        first = BUDGET

    def search(part: Rows) -> Pairs:
        return nearest(part, index, k, first)

    with progress.task(name, rows.shape[0], "entities") as task:

        def found() -> Iterator[Pairs]:
            cut = slices(rows.shape[0], min(_TASK, max(_LEAST, rows.shape[0] // _TASKS)))
            parts = ((rows[part], place[part]) for part in cut)
            for part, pairs in zip(cut, in_order(search, parts, heavy=True), strict=True):
                task.advance(part.stop - part.start)
                yield pairs

        none = np.zeros(0, np.int32)
        pairs = scratch.gather_columns(_whole(found(), k, (none, none, np.zeros(0, np.float32))))
    return _by_entity(pairs, owner[starts])


def _pays(rows: csr_array, index: Index, k: int, first: int) -> bool:
    """Whether a first look is enough for most rows, told from some of them."""
    if rows.shape[0] < _MANY:
        return True
    tried = rows[:: rows.shape[0] // _TRIED]
    a, _, score, rest = _look(tried, index, k, first)
    return bool(_open_after(a, score, rest).mean() < 0.5)


def _open_after(a: Ids, score: Floats, rest: Doubles) -> Flags:
    """(rows,) for which something that was not seen may be nearer than all that was found.

    :param a: ascending.
    """
    best = np.zeros(len(rest))
    starts = np.flatnonzero(run_starts(a))
    if len(starts):
        best[a[starts]] = np.maximum.reduceat(score, starts)
    found: Flags = np.maximum(best, 0) < rest
    return found


def _by_entity(pairs: tuple[scratch.Array, ...], entity: Ids) -> Pairs:
    """Pairs in the order of the left entities, by whose places they stand.

    :param entity: (places,) the left entity at each place.
    """
    place, other, score = pairs
    if (entity[1:] > entity[:-1]).all():
        return entity[place], other, score
    counts = np.bincount(place, minlength=len(entity))
    starts = np.cumsum(counts) - counts
    order = np.argsort(entity, kind="stable")

    def moved(part: slice) -> Pairs:
        some = order[part]
        number, rows = spread(starts[some], counts[some])
        return entity[some[number]], other[rows], score[rows]

    parts = slices(len(order), _MOVED) or [slice(0, 0)]
    left, right, near = scratch.gather_columns(in_order(moved, parts))
    return left, right, near


def nearest(part: Rows, index: Index, k: int, first: int) -> Pairs:
    """What :func:`top_rows` gives, for a part of the rows."""
    rows, owner = part
    a, b, score, rest = _look(rows, index, k, first)
    again = _open_after(a, score, rest)
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
    """The k rows of the index with the largest product for each row, by row: one shard after the other."""
    found = np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32)
    for lent, first in zip(index.shards, index.bounds.tolist(), strict=False):
        with lent.opened() as shard:
            a, b, score = largest(rows, shard.lists, k)
        b = b + np.int32(first)
        if first and len(found[0]):
            a, b, score = (np.concatenate(columns) for columns in zip(found, (a, b, score), strict=True))
            a, b, score = keep_best(a, b, score, k)
        found = a, b, score
    return found


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
