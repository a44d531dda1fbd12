"""The inverted index against brute force, and what its budget leaves."""

import itertools
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from kgalign.base.progress import NoProgress
from kgalign.records import Floats
from kgalign.retrieve.lexical import (
    BUDGET,
    HALF,
    Rows,
    _largest,
    common_only,
    index_of,
    nearest,
    top_rows,
)
from kgalign.retrieve.ordering import content_order
from kgalign.retrieve.products import largest, largest_by_scipy
from kgalign.retrieve.ranks import best_first, keep_best

COLUMNS = 8


def unit(rows: list[list[float]] | npt.NDArray[Any], width: int = COLUMNS) -> csr_array:
    """Sparse rows of unit length; zero rows stay zero."""
    dense = np.array(rows, dtype=np.float64).reshape(-1, width)
    norms = np.linalg.norm(dense, axis=1, keepdims=True)
    return csr_array(np.divide(dense, norms, out=np.zeros_like(dense), where=norms > 0).astype(np.float32))


weights = st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0, 1.7, 3.1])
matrices = st.lists(st.lists(weights, min_size=COLUMNS, max_size=COLUMNS), min_size=1, max_size=12).map(unit)


def owned(rows: csr_array) -> Rows:
    """Each row is of an entity of its own."""
    return rows, np.arange(rows.shape[0], dtype=np.int32)


def search(left: csr_array, right: csr_array, k: int) -> list[tuple[int, int, float]]:
    a, b, score = top_rows(owned(left), owned(right), k, progress=NoProgress(), name="test")
    return list(zip(a.tolist(), b.tolist(), score.tolist(), strict=True))


def brute_force(left: csr_array, right: csr_array, k: int) -> list[list[float]]:
    """The k best cosines of each left row, those of nothing shared left out."""
    cosines = (left @ right.T).toarray()
    return [sorted((value for value in row.tolist() if value > 0), reverse=True)[:k] for row in cosines]


@given(matrices, matrices, st.integers(1, 5))
def test_the_nearest_rows_are_those_of_brute_force(left: csr_array, right: csr_array, k: int) -> None:
    found = search(left, right, k)
    cosines = (left @ right.T).toarray()
    expected = brute_force(left, right, k)
    for row, best in enumerate(expected):
        mine = [score for a, _, score in found if a == row]
        assert np.allclose(mine, best, atol=1e-6)
    assert all(abs(cosines[a, b] - score) < 1e-6 for a, b, score in found)
    assert len({(a, b) for a, b, _ in found}) == len(found)
    assert found == sorted(found, key=lambda each: (each[0], -each[2], each[1]))


def test_a_side_without_rows_or_without_columns_in_common_gives_nothing() -> None:
    some, none = unit([[1.0] + [0.0] * 7]), csr_array((0, COLUMNS), dtype=np.float32)
    other = unit([[0.0] * 7 + [1.0]])
    for left, right in ((some, none), (none, some), (none, none), (some, other)):
        assert search(left, right, 3) == []


def test_a_common_column_does_not_hide_a_rare_one() -> None:
    """All right rows share a column; there are more of them than are looked at for one row."""
    right = np.zeros((30_000, 2))
    right[:, 0] = 1
    right[17, 1] = 2
    found = search(unit([[1.0, 1.0]], 2), unit(right, 2), 5)
    assert [b for _, b, _ in found] == [17]


def test_a_row_with_common_columns_only_still_finds_some() -> None:
    right = np.ones((30_000, 2))
    found = search(unit([[1.0, 0.0], [0.0, 0.0]], 2), unit(right, 2), 5)
    assert [a for a, _, _ in found] == [0] * 5


def test_progress_is_told_all_rows(watcher: Callable[[], Any]) -> None:
    watch = watcher()
    rows = unit(np.eye(COLUMNS))
    top_rows(owned(rows), owned(rows), 2, progress=watch, name="search")
    assert watch.names == [f"search {COLUMNS} entities"]
    assert watch.open == 0


pairs = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 9), st.sampled_from([0.0, 0.25, 0.5, 1.0])), max_size=20
)


def columns(
    rows: list[tuple[int, int, float]],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Floats]:
    ids = np.array([row[:2] for row in rows], dtype=np.int32).reshape(-1, 2)
    return ids[:, 0], ids[:, 1], np.array([row[2] for row in rows], dtype=np.float32)


@given(pairs, st.integers(1, 3))
def test_best_first_and_keep_best_sort_as_python_does(rows: list[tuple[int, int, float]], k: int) -> None:
    ranked = sorted(rows, key=lambda row: (row[0], -row[2], row[1]))
    order = best_first(*columns(rows))
    assert [rows[i] for i in order.tolist()] == ranked
    kept = keep_best(*columns(rows), k)
    expected = [row for i, row in enumerate(ranked) if sum(r[0] == row[0] for r in ranked[:i]) < k]
    assert list(zip(*(column.tolist() for column in kept), strict=True)) == expected


@given(st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0]), min_size=2, max_size=30), st.data())
def test_of_equals_the_first_are_among_the_largest(values: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(values) - 1))
    expected = sorted(range(len(values)), key=lambda place: (-values[place], place))[:k]
    assert sorted(_largest(np.array(values, dtype=np.float32), k).tolist()) == sorted(expected)


def test_of_a_column_that_too_many_have_those_are_found_in_which_it_weighs_most() -> None:
    right = np.ones((30_000, 2))
    right[:, 1] = np.arange(30_000) % 1000 + 1
    right[777, 1] = right[29_111, 1] = 0
    found = search(unit([[1.0, 0.0]], 2), unit(right, 2), 2)
    assert [b for _, b, _ in found] == [777, 29_111]


def test_lists_are_no_longer_than_the_budget() -> None:
    index = index_of(owned(unit(np.ones((3 * BUDGET, 2)), 2)), 5)
    (lent,) = index.shards
    with lent.opened() as shard:
        assert np.diff(shard.lists.indptr).tolist() == [BUDGET, BUDGET]
    assert index.frequency.tolist() == [3 * BUDGET, 3 * BUDGET]


few_weights = st.lists(
    st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0]), min_size=COLUMNS, max_size=COLUMNS),
    min_size=1,
    max_size=40,
).map(unit)


def _as_good_from_shards(left: csr_array, right: csr_array, k: int, first: int, shard: int) -> int:
    """As many are found for each row, and as near: of equal ones others may be."""
    whole, cut = index_of(owned(right), k), index_of(owned(right), k, shard)
    assert len(whole.shards) == 1
    one, other = (nearest(owned(left), each, k, first) for each in (whole, cut))
    assert one[0].tobytes() == other[0].tobytes()
    assert np.allclose(one[2], other[2], atol=1e-6)
    return len(cut.shards)


@given(few_weights, few_weights, st.integers(1, 4), st.sampled_from([100, 300, 1_000]))
def test_shards_find_what_the_whole_index_finds(
    left: csr_array, right: csr_array, k: int, shard: int
) -> None:
    assert _as_good_from_shards(left, right, k, BUDGET, shard) >= 1


@settings(max_examples=10)
@given(matrices, matrices)
def test_rows_that_nobody_may_write_to_give_the_same(rows: csr_array, others: csr_array) -> None:
    lists = others.T.tocsr()
    expected = largest(rows, lists, 3)
    for each in (rows.data, rows.indices, rows.indptr, lists.data, lists.indices, lists.indptr):
        each.flags.writeable = False
    for found, same in zip(largest(rows, lists, 3), expected, strict=True):
        np.testing.assert_array_equal(found, same)


@given(st.integers(0, 10_000))
def test_shards_find_as_near_ones_where_many_are_looked_at(seed: int) -> None:
    random = np.random.default_rng(seed)
    shares = np.concatenate([np.full(3, 0.7), np.full(12, 0.1), np.full(100, 0.004)])
    drawn = random.random((3_000, len(shares))) < shares
    rows = unit(drawn * random.choice([1.0, 2.0], drawn.shape), len(shares))
    # No list is cut, and no column of a row is left out: the products are the cosines.
    assert _as_good_from_shards(rows[:200], rows, 7, BUDGET**2, rows.nnz * 5) > 3


@given(few_weights, few_weights, st.integers(1, 50))
def test_the_largest_entries_of_a_product_are_those_of_scipy(
    left: csr_array, right: csr_array, k: int
) -> None:
    product = (left @ right.T).toarray()
    for pick in (largest, largest_by_scipy):
        row, column, value = pick(left, right.T.tocsr(), k)
        assert np.allclose(product[row, column], value, atol=1e-6)
        assert len({*zip(row.tolist(), column.tolist(), strict=True)}) == len(row)
        for number, entries in enumerate(product):
            best = np.sort(entries[entries > 0])[::-1][:k]
            assert np.allclose(value[row == number], best, atol=1e-6)
        assert best_first(row, column, value).tolist() == list(range(len(row)))


@given(st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 4))), max_size=30), st.data())
def test_rows_in_order_of_content_are_all_there_and_those_of_an_entity_together(
    drawn: list[tuple[int, set[int]]], data: st.DataObject
) -> None:
    drawn.sort(key=lambda each: each[0])
    owner = np.array([entity for entity, _ in drawn], dtype=np.int32)
    dense = np.array([[float(column in held) for column in range(5)] for _, held in drawn])
    rows = csr_array(dense.reshape(-1, 5).astype(np.float32))
    frequency = np.bincount(rows.indices, minlength=5).astype(np.int32)
    order = content_order(rows, owner, frequency, data.draw(st.integers(0, 30)))
    assert sorted(order.tolist()) == list(range(len(drawn)))
    runs = [entity for entity, _ in itertools.groupby(owner[order].tolist())]
    assert len(runs) == len(set(runs))


def test_rows_that_share_a_column_lie_together_in_order_of_content() -> None:
    rows = unit(np.eye(COLUMNS)[np.arange(40) % COLUMNS])
    order = content_order(rows, np.arange(40, dtype=np.int32), np.full(COLUMNS, 5, dtype=np.int32), 10)
    assert len(list(itertools.groupby(rows.indices[order].tolist()))) == COLUMNS


@given(few_weights, few_weights, st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing_that_is_found(
    left: csr_array, right: csr_array, k: int, random: Random
) -> None:
    """As near ones are found for each entity, which come in the order of the entities."""
    rows = np.array(random.sample(range(left.shape[0]), left.shape[0]), dtype=np.int32)
    found = [
        top_rows(each, owned(right), k, progress=NoProgress(), name="test")
        for each in (owned(left), (left[rows], rows))
    ]
    for one, other in zip(*found, strict=True):
        assert np.allclose(one, other, atol=1e-6)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_what_is_best_after_a_first_look_is_best(seed: int) -> None:
    """Some columns are in most rows: no first look reaches them all. All that is seen is kept."""
    random = np.random.default_rng(seed)
    shares = np.concatenate([np.full(6, 0.6), np.full(10, 0.15), np.full(200, 0.004)])
    drawn = random.random((2_000, len(shares))) < shares
    rows = unit(drawn * random.uniform(0.5, 3, len(shares)), len(shares))
    left = owned(rows[:40])
    quick, whole = (
        top_rows(left, owned(rows[40:]), 1_000, progress=NoProgress(), name="test", first=first)
        for first in (HALF, BUDGET)
    )
    best = [
        {int(a): float(s) for a, _, s in zip(*(c[::-1] for c in found), strict=True)}
        for found in (quick, whole)
    ]
    assert best[0].keys() == best[1].keys()
    assert all(best[0][row] >= best[1][row] - 1e-6 for row in best[1])


def test_the_best_of_several_rows_counts_wherever_the_rows_are_parted() -> None:
    random = np.random.default_rng(0)
    left = unit(random.random((2_500, COLUMNS)) * (random.random((2_500, COLUMNS)) < 0.4))
    right = unit(random.random((90, COLUMNS)) * (random.random((90, COLUMNS)) < 0.4))
    owners = np.sort(random.integers(0, 7, 2_500)).astype(np.int32), np.arange(90, dtype=np.int32) // 3
    a, b, score = top_rows((left, owners[0]), (right, owners[1]), 90, progress=NoProgress(), name="test")
    cosines = (left @ right.T).toarray()
    expected = np.zeros((7, 30))
    np.maximum.at(expected, (owners[0][:, None], owners[1][None, :]), cosines)
    found = np.zeros((7, 30))
    found[a, b] = score
    assert np.allclose(found, expected, atol=1e-6)
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(a)
    assert (np.diff(a) >= 0).all()


def test_rows_of_common_columns_alone_are_counted_and_the_column_is_named() -> None:
    others = unit([[1.0, 1.0, 0.0]] * (BUDGET + 5) + [[0.0, 1.0, 1.0]] * 3, 3)
    mine = unit([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 0.0, 0.0]], 3)
    common = common_only(mine, others, 5)
    assert common is not None
    assert (common.rows, common.column, common.most) == (3, 0, BUDGET)
    assert common_only(mine, others[: BUDGET - 1], 5) is None
