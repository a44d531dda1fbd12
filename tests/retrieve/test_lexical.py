"""The inverted index against brute force, and what its budget leaves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from kgalign.base.progress import NoProgress
from kgalign.records import Floats
from kgalign.retrieve.lexical import Rows, _largest, best_first, keep_best, top_rows

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
