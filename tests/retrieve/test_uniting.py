"""The union of channels, part by part, against dictionaries of plain Python."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.retrieve.ranks import Pairs
from kgalign.retrieve.uniting import unite

SCORES = [0.125, 0.25, 0.5, 1.0]
Rows = list[tuple[int, int, float]]
ends = st.sampled_from([0, 1, 2, 4_095, 4_096, 9_000])
found_pairs = st.dictionaries(st.tuples(ends, ends), st.sampled_from(SCORES), max_size=12).map(
    lambda held: [(a, b, score) for (a, b), score in held.items()]
)
channels = st.lists(st.tuples(found_pairs, found_pairs), min_size=1, max_size=3)


def columns(rows: Rows) -> Pairs:
    ids = np.array([row[:2] for row in rows], dtype=np.int32).reshape(-1, 2)
    return ids[:, 0], ids[:, 1], np.array([row[2] for row in rows], dtype=np.float32)


def places(scores: dict[tuple[int, int], float], asking: int) -> dict[tuple[int, int], int]:
    """1-based place of each pair among those of the entity that asks."""
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair in sorted(scores, key=lambda pair: (-scores[pair], pair[1 - asking])):
        groups[pair[asking]].append(pair)
    return {pair: place for group in groups.values() for place, pair in enumerate(group, 1)}


def expected(found: list[tuple[Rows, Rows]], k: int) -> dict[tuple[int, int], list[float]]:
    """Pair → rank and score in each channel, of those that are kept."""
    fused: list[dict[tuple[int, int], float]] = [defaultdict(float), defaultdict(float)]
    best: list[dict[tuple[int, int], float]] = []
    for both in found:
        held: dict[tuple[int, int], float] = {}
        for direction, rows in enumerate(both):
            scores = {(a, b): score for a, b, score in rows}
            for pair, place in places(scores, direction).items():
                fused[direction][pair] += 1 / (60 + place)
                held[pair] = max(held.get(pair, 0), scores[pair])
        best.append(held)
    rounded = [{pair: float(np.float32(score)) for pair, score in each.items()} for each in fused]
    kept = {pair for side in (0, 1) for pair, place in places(rounded[side], side).items() if place <= k}
    ranks = [places(each, 0) for each in best]
    return {
        pair: [
            x for held, rank in zip(best, ranks, strict=True) for x in (rank.get(pair, 0), held.get(pair, 0))
        ]
        for pair in kept
    }


@given(channels, st.integers(1, 20))
def test_candidates_are_those_of_dictionaries(found: list[tuple[Rows, Rows]], k: int) -> None:
    united = unite({str(n): [columns(rows) for rows in both] for n, both in enumerate(found)}, k)
    mine = {
        pair: [x for both in zip(ranks, scores, strict=True) for x in both]
        for pair, ranks, scores in zip(
            zip(united.left.tolist(), united.right.tolist(), strict=True),
            united.channel_rank.tolist(),
            united.channel_score.tolist(),
            strict=True,
        )
    }
    # Sums of 32 bits may differ in the last one, which a place among equals may hang on.
    whole = expected(found, 1_000)
    assert all(whole[pair] == row for pair, row in mine.items())
    if k >= 12:
        assert mine.keys() == whole.keys()
    order = list(zip(united.left.tolist(), united.rank.tolist(), strict=True))
    assert order == sorted(set(order))


def test_one_channel_keeps_the_best_of_each_side() -> None:
    forth: Rows = [(0, 1, 0.5), (0, 4_096, 1.0), (4_096, 1, 0.25)]
    back: Rows = [(4_096, 1, 0.5), (0, 1, 0.25), (0, 4_096, 1.0)]
    united = unite({"names": [columns(forth), columns(back)]}, 1)
    assert list(zip(united.left.tolist(), united.right.tolist(), strict=True)) == [(0, 4_096), (4_096, 1)]
    assert united.channel_rank.tolist() == [[1], [1]]
    assert united.channel_score.tolist() == [[1.0], [0.5]]
    assert united.score.tolist() == pytest.approx([2 / 61, 2 / 61])


def test_where_nothing_was_found_there_are_no_candidates() -> None:
    assert len(unite({}, 3)) == 0
    assert len(unite({"names": [columns([]), columns([])]}, 3)) == 0
