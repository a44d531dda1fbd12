"""Nearest vectors against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.records import Floats
from kgalign.retrieve.vectors import _SHARD, nearest, recall_of


def random_rows(rows: int, width: int, seed: int) -> Floats:
    """Unit rows, every fifth of them zero."""
    drawn = np.random.default_rng(seed).normal(size=(rows, width))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    drawn[4::5] = 0
    return drawn.astype(np.float32)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 8), st.integers(0, 99))
def test_the_nearest_rows_are_those_of_brute_force(n: int, m: int, k: int, seed: int) -> None:
    left, right = random_rows(n, 6, seed), random_rows(m, 6, seed + 100)
    a, b, score = nearest(left, right, k, seed=0)
    products = left @ right.T
    described = [j for j in range(m) if right[j].any()]
    for row in range(n):
        mine = score[a == row]
        if not left[row].any():
            assert not len(mine)
            continue
        best = np.sort(products[row, described])[::-1][:k]
        assert np.allclose(mine, best, atol=1e-5)
    assert set(b.tolist()) <= set(described)
    assert np.allclose(products[a, b], score, atol=1e-5)
    assert (np.diff(a) >= 0).all()


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0)])
def test_a_side_without_vectors_gives_nothing(n: int, m: int) -> None:
    left, right = np.zeros((n or 3, 4), np.float32)[:n], np.ones((m, 4), np.float32)
    assert [len(column) for column in nearest(left, right, 2, seed=0)] == [0, 0, 0]
    assert [len(column) for column in nearest(np.zeros((2, 4), np.float32), right, 2, seed=0)] == [0, 0, 0]


def test_a_large_side_is_searched_in_part_with_little_loss_and_the_same_each_time() -> None:
    """Above the size where search is exact: rows in clumps, as embeddings lie, each asked for with noise."""
    random = np.random.default_rng(0)
    clumps = random.normal(size=(400, 16))
    rows = clumps[random.integers(0, 400, 41_000)] + 0.4 * random.normal(size=(41_000, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    asked = rows[:300] + (0.02 * random.normal(size=(300, 16))).astype(np.float32)
    found = [nearest(asked, rows, 5, seed=1) for _ in range(2)]
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)
    a, b, _ = found[0]
    hits = len({(i, j) for i, j in zip(a.tolist(), b.tolist(), strict=True) if i == j})
    assert hits >= 0.97 * 300


def test_more_rows_than_one_index_holds_are_searched_in_all_and_what_is_missed_is_told() -> None:
    random = np.random.default_rng(1)
    rows = random.normal(size=(_SHARD + 41_000, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    asked = np.linspace(0, len(rows) - 1, 60).astype(np.int64)
    found = nearest(rows[asked], rows, 5, seed=1)
    first = np.flatnonzero(np.append(True, found[0][1:] != found[0][:-1]))
    assert (found[1][first] == asked).mean() >= 0.97
    assert (found[1] >= _SHARD).any()
    assert (found[1] < _SHARD).any()
    assert all((np.diff(found[2][found[0] == row]) <= 0).all() for row in range(60))
    share = recall_of(rows[asked], rows, found, 5)
    exact = np.sort(rows[asked] @ rows.T, axis=1)[:, -5]
    assert share is not None
    assert share == pytest.approx(np.mean(found[2] >= exact[found[0]] - 1e-5), abs=0.01)


def test_an_exact_search_misses_nothing_and_says_so() -> None:
    rows = random_rows(30, 6, 0)
    assert recall_of(rows, rows, nearest(rows, rows, 3, seed=0), 3) is None


def test_recall_counts_what_is_missing() -> None:
    rows = np.eye(8, dtype=np.float32)[np.arange(41_000) % 8] * (
        1 - np.arange(41_000, dtype=np.float32)[:, None] / 1e5
    )
    a, b, score = nearest(rows[:4], rows, 4, seed=0)
    less = a >= 2
    share = recall_of(rows[:4], rows, (a, b, np.where(less, score - 0.5, score).astype(np.float32)), 4)
    assert share is not None
    assert share <= 0.5
