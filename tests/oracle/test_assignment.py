"""One-to-one assignment against scipy's dense solver and networkx's matching of general graphs."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from kgalign.assign import assign
from kgalign.config import AssignConfig, JudgeConfig
from tests.evaluate.small import verdicts

ALL = JudgeConfig(undecided_probability=1e-6, match_probability=0.5)
"""Every pair that is matched is shown, however doubtful."""
Rows = list[tuple[int, int, float]]


def total(rows: Rows, n: int, m: int) -> float:
    """Sum of the probabilities of the pairs that are chosen."""
    return float(assign(verdicts(rows), n, m, AssignConfig(cardinality="one-to-one"), ALL).probability.sum())


@st.composite
def instances(draw: st.DrawFn) -> tuple[Rows, int, int]:
    """Sparse candidates between up to twelve and twelve entities; probabilities often equal each other."""
    n, m = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    chance = st.one_of(st.floats(2**-10, 1.0, width=32), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, m - 1))
    drawn = draw(st.dictionaries(pairs, chance, max_size=40))
    return [(a, b, p) for (a, b), p in sorted(drawn.items())], n, m


@given(instances())
def test_the_total_is_that_of_the_dense_solver(instance: tuple[Rows, int, int]) -> None:
    rows, n, m = instance
    weight = np.zeros((n, m))
    for a, b, p in rows:
        weight[a, b] = np.float32(p)
    # To be matched at weight 0 is to stay alone.
    best = weight[linear_sum_assignment(weight, maximize=True)].sum()
    assert total(rows, n, m) == pytest.approx(best, abs=1e-5)
    turned = sorted((b, a, p) for a, b, p in rows)
    assert total(turned, m, n) == pytest.approx(best, abs=1e-5)


@settings(max_examples=50)
@given(instances())
def test_the_total_is_that_of_networkx(instance: tuple[Rows, int, int]) -> None:
    rows, n, m = instance
    graph = nx.Graph()
    graph.add_weighted_edges_from((("l", a), ("r", b), float(np.float32(p))) for a, b, p in rows)
    best = sum(graph.edges[edge]["weight"] for edge in nx.max_weight_matching(graph))
    assert total(rows, n, m) == pytest.approx(best, abs=1e-5)


def test_a_larger_instance() -> None:
    random = np.random.default_rng(5)
    n = 300
    pairs = {(int(a), int(b)) for a, b in random.integers(0, n, (3000, 2))}
    rows = [(a, b, float(random.random())) for a, b in sorted(pairs)]
    weight = np.zeros((n, n))
    for a, b, p in rows:
        weight[a, b] = np.float32(p)
    best = weight[linear_sum_assignment(weight, maximize=True)].sum()
    assert total(rows, n, n) == pytest.approx(best, rel=1e-5)
