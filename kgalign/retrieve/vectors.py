"""Dense vectors: nearest neighbours by FAISS, a shard of the rows at a time."""

import faiss
import numpy as np

from kgalign.arrays import unique
from kgalign.base import scratch
from kgalign.base.cores import slices
from kgalign.rdf.graph import Ids
from kgalign.records import Floats

_EXACT = 40_000
"""Rows up to which search is exact: beyond, an inverted file looks at a part of them."""
_PROBES = 24
_SHARD = 1 << 18
"""Most rows of which an index is held: with 768 dimensions 0.8 GB."""
_ASKED = 1 << 14
"""Rows that are asked for at once."""
_SAMPLE = 100
"""Rows that are searched for exactly as well, to tell what an inverted file misses."""


def nearest(left: Floats, right: Floats, k: int, seed: int) -> tuple[Ids, Ids, Floats]:
    """The k right rows nearest to each left row by inner product; zero rows get none.

    :param left: (n, d) rows.
    :param right: (m, d) rows.
    :returns: (left row, right row, score), sorted by left row and falling score.
    """
    a = np.flatnonzero(np.abs(left).sum(axis=1) > 0)
    b = np.flatnonzero(np.abs(right).sum(axis=1) > 0)
    if not len(a) or not len(b):
        return np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32)
    k = min(k, len(b))
    score = scratch.full((len(a), k), -np.inf, np.float32)
    found = scratch.full((len(a), k), -1, np.int32)
    for shard in slices(len(b), _SHARD):
        rows = b[shard]
        index = _index(np.ascontiguousarray(right[rows]), seed)
        for part in slices(len(a), _ASKED):
            values, places = index.search(np.ascontiguousarray(left[a[part]]), min(k, len(rows)))
            columns = np.where(places >= 0, rows[np.maximum(places, 0)], -1).astype(np.int32)
            score[part], found[part] = _merged(score[part], found[part], values, columns)
    keep = found.ravel() >= 0
    return np.repeat(a, k).astype(np.int32)[keep], found.ravel()[keep], score.ravel()[keep]


def _merged(score: Floats, found: Ids, values: Floats, columns: Ids) -> tuple[Floats, Ids]:
    """(n, k) each: the best of what earlier shards gave, best first, and of what one more gives."""
    k = score.shape[1]
    both, every = np.hstack([score, np.where(columns >= 0, values, -np.inf)]), np.hstack([found, columns])
    order = np.argsort(-both, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(both, order, 1), np.take_along_axis(every, order, 1)


def recall_of(left: Floats, right: Floats, found: tuple[Ids, Ids, Floats], k: int) -> float | None:
    """Of the k nearest of some rows, the share that :func:`nearest` found; None where its search is exact.

    The rows are spread evenly over the left side; one as near as the last of the nearest counts as well.
    """
    if np.count_nonzero(np.abs(right).sum(axis=1)) <= _EXACT or not len(found[0]):
        return None
    asking = unique(found[0])
    asking = asking[np.linspace(0, len(asking) - 1, min(_SAMPLE, len(asking))).astype(np.int64)]
    best = np.full((len(asking), 0), 0, dtype=np.float32)
    for part in slices(len(right), _ASKED):
        near = np.hstack([best, left[asking] @ right[part].T])
        near.partition(near.shape[1] - min(k, near.shape[1]), axis=1)
        best = near[:, -k:]
    hits = 0
    for row, nearest_ones in zip(asking.tolist(), best, strict=True):
        first, last = np.searchsorted(found[0], [row, row + 1])
        hits += int(np.count_nonzero(found[2][first:last] >= nearest_ones.min() - _NEAR))
    return min(1.0, hits / best.size)


_NEAR = 1e-5
"""What two ways to compute a cosine may differ by."""


def _index(rows: Floats, seed: int) -> faiss.Index:
    width = rows.shape[1]
    flat = faiss.IndexFlatIP(width)
    if len(rows) <= _EXACT:
        flat.add(rows)
        return flat
    lists = int(4 * np.sqrt(len(rows)))
    index = faiss.IndexIVFFlat(flat, width, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = seed + 1
    index.cp.niter = 8
    index.nprobe = _PROBES
    index.train(rows)
    index.add(rows)
    return index
