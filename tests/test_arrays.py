"""Columns: what is found among sorted values, and sparse rows."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgalign.arrays import (
    among,
    distinct,
    drawn,
    find,
    first_of_best,
    in_order_of,
    numbered,
    rotations,
    sparse_rows,
)

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


@given(st.lists(st.integers(0, 50)))
def test_places_among_the_distinct_are_those_that_numpy_finds(held: list[int]) -> None:
    numbers = np.array(held, np.int32)
    used, place = among(numbers, 51)
    wanted = np.unique(numbers, return_inverse=True)
    assert used.tolist() == wanted[0].tolist()
    assert place.tolist() == wanted[1].tolist()


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


tables = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(-1, 2**31 - 1) | st.integers(0, 2), st.integers(0, 3))
)


@given(tables, st.sampled_from([np.int32, np.int64]))
def test_rows_are_ordered_and_numbered_as_by_lexsort(
    rows: list[tuple[int, int, int]], kind: type[np.integer]
) -> None:
    columns = [
        *np.array(rows, np.int64).reshape(-1, 3)[:, :2].T.astype(kind),
        np.array([row[2] for row in rows], np.uint8),
    ]
    assert in_order_of(*columns).tolist() == np.lexsort(columns[::-1]).tolist()
    places = {row: place for place, row in enumerate(sorted(set(rows)))}
    assert numbered(*columns).tolist() == [places[row] for row in rows]
    found = distinct(*(column.astype(np.int32) for column in columns))
    assert list(zip(*(column.tolist() for column in found), strict=True)) == sorted(set(rows))


def test_rows_are_ordered_alike_where_only_places_in_a_table_fit() -> None:
    random = np.random.default_rng(1)
    size = 70_000
    apart = random.integers(0, 1 << 22, 50)
    columns = [
        random.integers(-1, 1 << 22, size).astype(np.int32),
        apart[random.integers(0, len(apart), size)].astype(np.int32),
        random.integers(0, 1 << 22, size).astype(np.int32) // 4096 * 4096,
    ]
    order = np.lexsort(columns[::-1])
    assert (in_order_of(*columns) == order).all()
    assert sum(int(column.max() - column.min()).bit_length() for column in columns) > 63
    for column, expected in zip(distinct(*columns), columns, strict=True):
        assert (column == expected[order]).all()


@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 2**31 - 1)), min_size=1),
    st.integers(1, 9),
    st.randoms(),
)
def test_the_same_rows_are_drawn_in_whatever_order_they_stand(
    rows: set[tuple[int, int]], most: int, chance: random.Random
) -> None:
    shuffled = sorted(rows)
    chance.shuffle(shuffled)
    each = [np.array(order, dtype=np.int32).reshape(-1, 2) for order in (sorted(rows), shuffled)]
    one, other = (columns[drawn(most, *columns.T)].tolist() for columns in each)
    assert one == other
    assert len(one) == min(most, len(rows))
    # Without a row that was not drawn the same ones are.
    rest = np.array([row for row in sorted(rows) if list(row) in one], dtype=np.int32)
    assert rest[drawn(most, *rest.T)].tolist() == one


def test_what_is_drawn_is_spread_over_all_rows() -> None:
    columns = np.repeat(np.arange(1000, dtype=np.int32), 5), np.tile(np.arange(5, dtype=np.int32), 1000)
    rows = drawn(500, *columns)
    counts = np.bincount(rows // 500, minlength=10)
    assert len(set(rows.tolist())) == 500
    assert counts.min() > 25
    assert counts.max() < 75


@given(st.integers(2, 40), st.integers(1, 9))
def test_no_row_keeps_its_own_value_when_a_column_is_moved_on(size: int, count: int) -> None:
    column = np.arange(size, dtype=np.int32)
    moved = rotations(count, column)
    assert len(moved) == count
    for each in moved:
        assert sorted(each.tolist()) == column.tolist()
        assert (each != column).all()
    if count < size:
        assert len({int(each[0]) for each in moved}) == count
