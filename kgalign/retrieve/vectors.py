"""Dense vectors: nearest neighbours by FAISS, and structure vectors from propagated features."""

import faiss
import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array

from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile

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
    if len(rows) <= _EXACT:
        index = faiss.IndexFlatIP(width)
    else:
        lists = int(4 * np.sqrt(len(rows)))
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT)
        index.cp.seed = seed + 1
        index.cp.niter = 8
        index.nprobe = _PROBES
        index.train(rows)
    index.add(rows)
    return index


def project(rows: csr_array, used: Ids, width: int, seed: int) -> Floats:
    """Project sparse rows to ``width`` dimensions by random signs, keeping cosines (Johnson–Lindenstrauss).

    :param used: the columns to keep, the same for both sides.
    """
    random = np.random.default_rng(seed)
    signs = random.integers(0, 2, size=(len(used), width), dtype=np.int8).astype(np.float32) * 2 - 1
    place = np.full(rows.shape[1], -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    kept = place[rows.indices] >= 0
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[kept]
    small = coo_array((rows.data[kept], (row, place[rows.indices[kept]])), shape=(rows.shape[0], len(used))).tocsr()
    return np.asarray(small @ signs, dtype=np.float32) / np.float32(np.sqrt(width))


def unit(rows: Floats) -> Floats:
    """Rows of unit length; zero rows stay zero."""
    norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


def propagate(profile: Profile, features: Floats, hops: int = 2) -> list[Floats]:
    """Features of the neighbours, one and two hops away; rarer relations weigh more (SEU, 2109.02363).

    :param features: (n, d) features of the entities themselves.
    :returns: ``hops`` arrays (n, d) of unit rows.
    """
    n = len(profile)
    counts = np.array([max(r.facts, 1) for r in profile.relations], dtype=np.float64)
    rarity = np.log((1 + counts.sum()) / counts)
    weight = rarity[profile.edge_relation]
    head, tail = profile.edge_head, profile.edge_tail
    forward = coo_array((weight, (head, tail)), shape=(n, n))
    matrix = (forward + forward.T).tocsr()
    # A hub says little of its neighbours: damp by the root of its degree, as a graph convolution does.
    degree = np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1e-9)
    matrix = (matrix @ diags_array(1 / np.sqrt(degree))).astype(np.float32).tocsr()
    layers, current = [], features
    for _ in range(hops):
        current = unit(np.asarray(matrix @ current, dtype=np.float32))
        layers.append(current)
    return layers
