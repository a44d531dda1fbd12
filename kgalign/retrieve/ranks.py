"""Pairs by who asks and how near: what a channel finds, in order."""

import numpy as np
import numpy.typing as npt

from kgalign.arrays import place_in_run
from kgalign.rdf.graph import Ids
from kgalign.records import Floats

Pairs = tuple[Ids, Ids, Floats]
"""(n,) left entities, right entities, and how near the two are; greater is nearer."""


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
