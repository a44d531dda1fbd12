from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from bench import baseline
from bench.baseline import hun, main, mnn, texts, vectors
from bench.sets import read_links
from kgalign.evaluate import score
from tests.conftest import Pair
from tests.evaluate.small import profile


def made(left: int, right: int, seed: int) -> tuple[csr_array, csr_array]:
    """Rows of unit length over forty features, of which most are absent."""
    dice = np.random.default_rng(seed)
    rows = dice.random((left + right, 40)) * (dice.random((left + right, 40)) < 0.2)
    rows[:, 0] += 0.01  # none is empty
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return csr_array(rows[:left].astype(np.float32)), csr_array(rows[left:].astype(np.float32))


def test_all_values_and_the_local_name_make_one_text() -> None:
    side = profile(["http://l/The_Town"], values={0: {"http://l/a": ["B", "A"], "http://l/c": ["D"]}})
    assert texts(side) == ["a b d the town"]


def test_mutual_nearest_neighbours_leave_alone_what_nobody_wants() -> None:
    left = ["anna berg", "anna bergmann", "emil falk"]
    right = ["carl dorn jr", "anna berg sr", "emil falk"]
    assert mnn(*vectors(left, right)) == [(0, 1), (2, 2)]
    assert mnn(*vectors(right, left)) == [(1, 0), (2, 2)]


def test_of_equals_the_first_is_the_neighbour() -> None:
    assert mnn(*vectors(["anna berg", "anna berg"], ["anna berg", "anna berg"])) == [(0, 0)]


def test_what_has_nothing_in_common_are_no_neighbours() -> None:
    assert mnn(*vectors(["abcd"], ["wxyz"])) == []


@pytest.mark.parametrize("batch", [7, 500])
def test_neighbours_are_those_of_the_whole_matrix(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "_BATCH", batch)
    left, right = made(60, 45, seed=1)
    cosines = (left @ right.T).toarray()
    right_of, left_of = cosines.argmax(axis=1), cosines.argmax(axis=0)
    expected = [(a, int(b)) for a, b in enumerate(right_of) if left_of[b] == a]
    assert len(expected) > 10
    assert mnn(left, right) == expected


def test_everything_of_the_smaller_side_gets_a_partner() -> None:
    left = ["anna berg", "carl dorn", "emil falk"]
    right = ["carl dorn jr", "anna berg sr", "zz top", "emil falk", "quite another"]
    assert sorted(hun(*vectors(left, right))) == [(0, 1), (1, 0), (2, 3)]
    assert sorted(hun(*vectors(right, left))) == [(0, 1), (1, 0), (3, 2)]


def test_the_assignment_is_global() -> None:
    left, right = ["alpha beta", "alpha beta gamma"], ["alpha beta gamma", "zeta"]
    assert mnn(*vectors(left, right)) == [(1, 0)]
    assert sorted(hun(*vectors(left, right))) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("size", [(40, 40), (30, 45), (45, 30), (1, 5)])
def test_the_assignment_is_that_of_the_dense_method(size: tuple[int, int]) -> None:
    left, right = made(*size, seed=2)
    chosen = zip(*linear_sum_assignment((left @ right.T).toarray(), maximize=True), strict=True)
    assert sorted(hun(left, right)) == sorted((int(a), int(b)) for a, b in chosen)


def test_few_candidates_cost_little_of_the_assignment() -> None:
    left, right = made(300, 260, seed=3)
    cosines = (left @ right.T).toarray()
    pairs = hun(left, right)
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 260
    best = cosines[linear_sum_assignment(cosines, maximize=True)].sum()
    assert sum(cosines[a, b] for a, b in pairs) > 0.999 * best


@pytest.mark.parametrize("system", ["mnn", "hun"])
def test_the_command_writes_links(system: str, elements: Pair) -> None:
    links = elements.left.parent / "links.nt"
    result = CliRunner().invoke(main, [system, str(elements.left), str(elements.right), str(links)])
    assert result.exit_code == 0, result.output
    assert score(read_links(links), elements.links).recall > 0.8
    assert int(Path(f"{links}.triples").read_text()) > 0
