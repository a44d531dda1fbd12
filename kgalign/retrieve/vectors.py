"""Dense vectors: nearest neighbours by FAISS."""

import faiss
import numpy as np

from kgalign.rdf.graph import Ids
from kgalign.records import Floats

_EXACT = 40_000
"""Rows up to which search is exact: beyond, an inverted file looks at a part of them."""
_PROBES = 24


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
    index = _index(np.ascontiguousarray(right[b]), seed)
    score, found = index.search(np.ascontiguousarray(left[a]), k)
    rows = np.repeat(a, k).astype(np.int32)
    keep = found.ravel() >= 0
    columns = b[np.maximum(found.ravel(), 0)].astype(np.int32)
    return rows[keep], columns[keep], score.ravel()[keep].astype(np.float32)


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
