import numpy as np
from click.testing import CliRunner

from bench.baseline import main, match, texts, vectors
from kgalign.evaluate import score
from tests.conftest import Pair
from tests.evaluate.small import profile


def test_all_values_and_the_local_name_make_one_text() -> None:
    side = profile(["http://l/The_Town"], values={0: {"http://l/a": ["B", "A"], "http://l/c": ["D"]}})
    assert texts(side) == ["a b d the town"]


def test_everything_of_the_smaller_side_gets_a_partner() -> None:
    left = ["anna berg", "carl dorn", "emil falk"]
    right = ["carl dorn jr", "anna berg sr", "zz top", "emil falk", "quite another"]
    pairs = match(*vectors(left, right))
    assert sorted(pairs) == [(0, 1), (1, 0), (2, 3)]
    turned = match(*vectors(right, left))
    assert sorted((b, a) for a, b in turned) == sorted(pairs)


def test_the_assignment_is_global_and_one_to_one() -> None:
    left = ["alpha beta", "alpha beta gamma"]
    right = ["alpha beta gamma", "alpha beta delta"]
    pairs = match(*vectors(left, right))
    assert sorted(pairs) == [(0, 1), (1, 0)]
    assert len(np.unique([b for _, b in pairs])) == len(pairs)


def test_the_command_writes_links(elements: Pair) -> None:
    links = elements.left.parent / "links.nt"
    result = CliRunner().invoke(main, [str(elements.left), str(elements.right), str(links)])
    assert result.exit_code == 0, result.output
    found = {
        tuple(part.strip("<>") for part in line.split()[:3:2]) for line in links.read_text().splitlines()
    }
    assert score([(a, b) for a, b in found], elements.links).recall > 0.8
