"""Entities with very many candidates or neighbours: named, and looked at in batches."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kgalign.judge.evidence import meeting
from kgalign.judge.evidence.crowds import CANDIDATES, NEIGHBOURS, crowded
from kgalign.judge.evidence.neighbours import Neighbours
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates
from tests.evaluate.small import profile


def pairs(left: Ids, right: Ids) -> Candidates:
    size = len(left)
    return Candidates(
        left=left,
        right=right,
        rank=np.ones(size, dtype=np.int32),
        score=np.ones(size, dtype=np.float32),
        channels=(),
        channel_rank=np.zeros((size, 0), dtype=np.int16),
        channel_score=np.zeros((size, 0), dtype=np.float32),
    )


def same(node: int, size: int) -> Ids:
    return np.full(size, node, dtype=np.int32)


def test_an_entity_with_very_many_candidates_is_named() -> None:
    left, right = profile([f"l:{n}" for n in range(CANDIDATES)]), profile(["r:0", "r:\x1b[31mhub"])
    every = np.arange(CANDIDATES, dtype=np.int32)
    (told,) = crowded(left, right, pairs(every, same(1, CANDIDATES)))
    assert told.startswith(f"r:\\x1b[31mhub of the right side has {CANDIDATES:,} candidates")
    assert not list(crowded(left, right, pairs(every[1:], same(1, CANDIDATES - 1))))


def test_an_entity_with_very_many_neighbours_is_named() -> None:
    left, right = profile([*(f"l:{n}" for n in range(9)), "l:hub"]), profile(["r:0"])
    none = np.zeros(0, dtype=np.int32)
    edges = same(9, NEIGHBOURS)
    tails = np.arange(NEIGHBOURS, dtype=np.int32) % 9
    hub = replace(left, edge_head=edges, edge_relation=edges * 0, edge_tail=tails)
    (told,) = crowded(hub, right, pairs(none, none))
    assert told.startswith(f"l:hub of the left side has {NEIGHBOURS:,} neighbours")
    assert not list(crowded(left, right, pairs(none, none)))


@pytest.fixture
def hubs() -> Callable[[], list[list[float]]]:
    """What neighbours say of a hub on each side, which share half of what they lead to."""
    size = 60
    edges = [(0, relation, n) for n in range(1, size) for relation in ("p", "q") if n % 3 or relation == "p"]
    left = profile([f"l{n}" for n in range(size)], edges=edges)
    right = profile([f"r{n}" for n in range(size)], edges=[each for each in edges if each[2] % 2])
    n = np.arange(size, dtype=np.int32)
    a, b = np.concatenate([n, n[:-1]]), np.concatenate([n, n[1:]])
    probability = np.concatenate([np.full(size, 0.9), np.full(size - 1, 0.2)])

    def compared() -> list[list[float]]:
        found = Neighbours(left, right, a, b).comparisons(probability)
        return [each(slice(None)).position.tolist() for each in found]

    return compared


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_a_pair_with_more_edges_than_a_batch_is_looked_at_in_several(
    hubs: Callable[[], list[list[float]]], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = hubs()
    monkeypatch.setattr(meeting, "_AT_ONCE", batch)
    assert str(hubs()) == str(whole)
    assert max(whole[0]) > 1
