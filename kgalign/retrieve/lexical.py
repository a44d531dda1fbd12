"""Lexical channels: an inverted index over words or character n-grams, rarest first.

Exact cosine over the retrieved pairs; which pairs are looked at is bounded by a budget of postings
per row, spent on the row's rarest columns, so that the work grows with the number of entities and
not with its square.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from kgalign.arrays import place_in_run, sparse_rows
from kgalign.base.cores import in_order
from kgalign.base.progress import Progress
from kgalign.rdf.graph import Ids
from kgalign.records import Floats
from kgalign.values.text import row_dots, row_of

_BUDGET = 4_000
_CHUNK = 2_000_000
"""Postings that are looked at before the best of them are kept."""


def top_rows(
    left: csr_array, right: csr_array, k: int, *, progress: Progress, name: str
) -> tuple[Ids, Ids, Floats]:
    """The k right rows nearest to each left row by cosine.

    :param left: (n, columns) rows of unit length.
    :param right: (m, columns) rows of unit length.
    :returns: (left row, right row, cosine), sorted by left row and falling cosine.
    """
    frequency = np.bincount(right.indices, minlength=right.shape[1])
    pruned, cost = _prune(left, frequency)
    index = right.T.tocsr()
    bounds = _chunks(cost)
    rows: list[Ids] = []
    columns: list[Ids] = []

    def search(part: tuple[int, int]) -> tuple[Ids, Ids]:
        return _best(pruned[part[0] : part[1]] @ index, 2 * k)

    parts = list(pairwise(bounds))
    with progress.task(name, left.shape[0], "entities") as task:
        for (start, end), (row, column) in zip(parts, in_order(search, parts, heavy=True), strict=True):
            rows.append(row + np.int32(start))
            columns.append(column)
            task.advance(end - start)
    a = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    b = np.concatenate(columns) if columns else np.zeros(0, np.int32)
    return keep_best(a, b, row_dots(left, right, a, b), k)


def keep_best(a: Ids, b: Ids, score: Floats, k: int) -> tuple[Ids, Ids, Floats]:
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
    order: npt.NDArray[np.int64] = np.argsort(key, kind="stable")
    key = key[order]
    equal = key[1:] == key[:-1]
    later = b[order]
    if (equal & (later[1:] < later[:-1])).any():
        rows = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
        order[rows] = order[rows][np.lexsort((later[rows], key[rows]))]
    return order


def _prune(rows: csr_array, frequency: npt.NDArray[np.int64]) -> tuple[csr_array, npt.NDArray[np.int64]]:
    """Keep each row's rarest columns up to the budget (one at the least), and what each row costs."""
    row = row_of(rows)
    cost = frequency[rows.indices]
    order = np.lexsort((cost, row))
    spent = np.cumsum(cost[order])
    before = np.concatenate([[0], spent])[rows.indptr[:-1]]
    within = spent - np.repeat(before, np.diff(rows.indptr))
    place = np.arange(len(order)) - np.repeat(rows.indptr[:-1], np.diff(rows.indptr))
    kept = np.zeros(len(order), dtype=bool)
    kept[order] = (within <= _BUDGET) | (place < 1)
    kept &= cost > 0
    counts = np.bincount(row[kept], minlength=rows.shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    pruned = sparse_rows(rows.data[kept], rows.indices[kept], indptr, rows.shape[1])
    return pruned, np.bincount(row[kept], weights=cost[kept], minlength=rows.shape[0]).astype(np.int64)


def _chunks(cost: npt.NDArray[np.int64]) -> list[int]:
    """Row bounds that part the work into pieces of bounded size."""
    total = np.cumsum(cost)
    pieces = int(total[-1] // _CHUNK) + 1 if len(total) else 0
    bounds = np.searchsorted(total, np.arange(1, pieces) * _CHUNK)
    return [int(bound) for bound in np.unique(np.concatenate([[0], bounds, [len(cost)]]))]


def _best(product: csr_array, k: int) -> tuple[Ids, Ids]:
    """The k largest entries of each row; of those that equal the last one the first ones that stand there."""
    indptr, indices, data = product.indptr.tolist(), product.indices, product.data
    chosen: list[Ids] = []
    for start, end in pairwise(indptr):
        part = indices[start:end]
        if end - start > k:
            part = part[_largest(data[start:end], k)]
        chosen.append(part)
    counts = np.minimum(np.diff(product.indptr), k)
    rows = np.repeat(np.arange(product.shape[0], dtype=np.int32), counts)
    columns = np.concatenate(chosen) if chosen else np.zeros(0)
    return rows, columns.astype(np.int32)


def _largest(values: Floats, k: int) -> npt.NDArray[np.int64]:
    """Places of the k largest of more than k values: np.argpartition takes twice as long."""
    ordered = values.copy()
    ordered.partition(len(values) - k)
    least = ordered[len(values) - k]
    found: npt.NDArray[np.int64] = (values >= least).nonzero()[0]
    if len(found) > k:
        above, equal = found[values[found] > least], found[values[found] == least]
        found = np.concatenate([above, equal[: k - len(above)]])
    return found
