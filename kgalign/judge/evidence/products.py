"""Products of rows of sparse matrices, pair by pair, that hang on nothing but the two rows."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from kgalign.arrays import Positions
from kgalign.base.cores import slices
from kgalign.rdf.graph import Ids
from kgalign.records import Floats

_AT_ONCE = 1 << 14
"""Pairs whose rows are put side by side at once."""


def sums(values: Floats, count: Positions) -> Floats:
    """(rows,) the sum of the values of each row, which stand together, ``count[i]`` of row i."""
    found = np.zeros(len(count), dtype=values.dtype)
    some = count > 0
    if len(values):
        found[some] = np.add.reduceat(values, (np.cumsum(count) - count)[some])
    return found


def dots(left: csr_array, right: csr_array, a: Ids, b: Ids) -> Floats:
    """(c,) dot product of row ``a[i]`` of left with row ``b[i]`` of right.

    Products are added up from the end of the left row on. That is how scipy puts them where one of some rows
    is in no order of columns; where all of them happen to be in order it puts them the other way round.
    """
    return np.concatenate([np.zeros(0, dtype=np.float32), *_dots(left, right, a, b)])


def _dots(left: csr_array, right: csr_array, a: Ids, b: Ids) -> Iterator[Floats]:
    for part in slices(len(a), _AT_ONCE):
        rows = left[a[part]], right[b[part]]
        product = rows[0].multiply(rows[1])
        count = np.diff(product.indptr)
        if all(each.has_canonical_format for each in rows):
            yield sums(product.data[::-1], count[::-1])[::-1]
        else:
            yield sums(product.data, count)
