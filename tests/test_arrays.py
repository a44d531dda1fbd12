"""Columns: what is found among sorted values, and sparse rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgalign.arrays import find, first_of_best, sparse_rows

numbers = st.integers(-(2**40), 2**40)


@given(st.lists(numbers), st.lists(numbers, max_size=30))
def test_what_is_found_in_few_and_in_many_is_the_same(held: list[int], some: list[int]) -> None:
    ordered = np.array(sorted(held), dtype=np.int64)
    few = np.array(some, dtype=np.int64)
    # As often as it takes for the way of many.
    many = np.tile(few, 20_000 // max(len(few), 1) + 1) if len(few) else few
    expected = np.searchsorted(ordered, few)
    assert find(ordered, few).tolist() == expected.tolist()
    assert (find(ordered, many) == np.searchsorted(ordered, many)).all()


def test_columns_of_sparse_rows_take_32_bits() -> None:
    rows = sparse_rows(np.ones(3, dtype=np.float32), np.array([4, 0, 2]), np.array([0, 1, 1, 3]), 5)
    assert rows.shape == (3, 5)
    assert rows.indices.dtype == rows.indptr.dtype == np.int32
    assert rows.toarray().tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0], [1, 0, 1, 0, 0]]


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3)))
def test_the_first_of_the_best_of_each_group(rows: list[tuple[int, int, int]]) -> None:
    rows.sort(key=lambda row: row[0])
    group, first, second = np.array(rows, np.int64).reshape(-1, 3).T
    order = sorted(range(len(rows)), key=lambda row: (rows[row][0], -rows[row][1], -rows[row][2], row))
    expected = [
        row for place, row in enumerate(order) if not place or rows[order[place - 1]][0] != rows[row][0]
    ]
    assert first_of_best(group, first, second).tolist() == expected
