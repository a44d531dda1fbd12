"""Sparse tables, against scipy's and dense ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array

from kgalign.judge.evidence.cells import Cells

SMALL, LARGE = (7, 5), (700, 600)
entries = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.floats(0.0, 9.0, width=16)), max_size=30
)


@pytest.mark.parametrize("shape", [SMALL, LARGE])
@given(entries, st.integers(1, 80))
def test_sums_and_lookups_are_those_of_a_table(
    shape: tuple[int, int], found: list[tuple[int, int, float]], stride: int
) -> None:
    row, column = (np.array([each[k] * stride % shape[k] for each in found], dtype=np.int32) for k in (0, 1))
    weight = np.array([each[2] for each in found])
    cells = Cells.summed(shape, row, column, weight)
    table = coo_array((weight, (row, column)), shape=shape).toarray()
    assert (np.diff(cells.cell) > 0).all()
    assert np.array_equal(table[cells.row, cells.column], cells.value)
    assert np.allclose(cells.sums()[0], table.sum(axis=1))
    assert np.allclose(cells.sums()[1], table.sum(axis=0))
    rows, columns = (np.arange(60) * step % size for step, size in zip((stride, 7), shape, strict=True))
    rows, columns = np.concatenate([rows, row]), np.concatenate([columns, column])
    assert np.array_equal(cells.at(rows, columns), table[rows, columns])


def test_single_precision_stays_what_it_is() -> None:
    for shape in (SMALL, LARGE):
        cells = Cells(shape, np.array([3]), np.array([0.5], dtype=np.float32))
        assert cells.at(np.array([0, 1]), np.array([3, 1])).dtype == np.float32
