"""Known links: from files and from the graphs, in either order, and never more than was said."""

import gzip
import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from kgalign.config import SelectConfig
from kgalign.errors import InputError
from kgalign.links.gold import read_pairs
from kgalign.links.known import known_links, with_known
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Graph
from kgalign.records import Candidates, Profile
from kgalign.select import select
from tests.conftest import Pair

IRON = ("http://elements.example/Iron", "http://chemie.example/26")
ZINC = ("http://elements.example/Carbon", "http://chemie.example/6")
SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"


class Sides:
    """Both sides of a pair, read and selected."""

    def __init__(self, left: Path, right: Path) -> None:
        self.graphs: tuple[Graph, Graph] = (
            read_graph([left], side="left"),
            read_graph([right], side="right"),
        )
        first, second = (
            select(graph, SelectConfig(), types=(), side=side)
            for graph, side in zip(self.graphs, ("left", "right"), strict=True)
        )
        self.profiles: tuple[Profile, Profile] = (first, second)

    def known(self, *files: Path) -> set[tuple[str, str]]:
        left, right = known_links([(file, read_pairs(file)) for file in files], self.graphs, self.profiles)
        iris = tuple(profile.entity_iri.to_pylist() for profile in self.profiles)
        return {(iris[0][a], iris[1][b]) for a, b in zip(left.tolist(), right.tolist(), strict=True)}


def _add(path: Path, *statements: str) -> None:
    path.write_text(path.read_text(encoding="utf8") + "\n".join(statements) + "\n", encoding="utf8")


def test_two_graphs_without_links_know_none(elements: Pair) -> None:
    assert Sides(elements.left, elements.right).known() == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("k.tsv", "{0}\t{1}\n"),
        ("k.tsv", "<{1}>\t<{0}>\n"),
        ("k.nt", "<{0}> <" + SAME_AS + "> <{1}> .\n"),
        ("k.ttl", "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n<{1}> owl:sameAs <{0}> .\n"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_files_of_links_are_read(elements: Pair, tmp_path: Path, name: str, text: str, packed: bool) -> None:
    path = tmp_path / (f"{name}.gz" if packed else name)
    content = text.format(*IRON).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    assert Sides(elements.left, elements.right).known(path) == {IRON}


def test_links_in_the_graphs_count_in_either_order(elements: Pair) -> None:
    _add(elements.left, f"<{IRON[0]}> <{SAME_AS}> <{IRON[1]}> .")
    _add(elements.right, f"<{ZINC[1]}> <http://www.w3.org/2004/02/skos/core#exactMatch> <{ZINC[0]}> .")
    assert Sides(elements.left, elements.right).known() == {IRON, ZINC}


def test_links_to_things_outside_do_not_count(elements: Pair) -> None:
    _add(elements.left, f"<{IRON[0]}> <{SAME_AS}> <http://elsewhere.example/Fe> .")
    _add(elements.right, f"<{IRON[1]}> <{SAME_AS}> <http://elsewhere.example/Fe> .")
    assert Sides(elements.left, elements.right).known() == set()


def test_an_iri_on_both_sides_is_known_only_when_the_user_says_so(elements: Pair, tmp_path: Path) -> None:
    _add(elements.left, f"<{IRON[0]}> <{SAME_AS}> <{IRON[0]}> .")
    sides = Sides(elements.left, elements.left)
    assert sides.known() == set()
    path = tmp_path / "known.tsv"
    path.write_text(f"{IRON[0]}\t{IRON[0]}\n", encoding="utf8")
    assert sides.known(path) == {(IRON[0], IRON[0])}


def test_a_link_that_fits_nowhere_is_warned_about(
    elements: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "known.tsv"
    path.write_text(f"{IRON[0]}\t{IRON[1]}\nhttp://a.example/x\thttp://a.example/y\n", encoding="utf8")
    with caplog.at_level(logging.WARNING, "kgalign"):
        assert Sides(elements.left, elements.right).known(path) == {IRON}
    assert "1 of 2 links name no entity of each graph; the first is http://a.example/x and" in caplog.text


def test_known_pairs_that_were_not_retrieved_stand_below_the_candidates() -> None:
    def ids(*values: int) -> npt.NDArray[np.int32]:
        return np.array(values, dtype=np.int32)

    candidates = Candidates(
        left=ids(0, 0, 2),
        right=ids(1, 0, 2),
        rank=ids(1, 2, 1),
        score=np.array([0.5, 0.25, 0.5], dtype=np.float32),
        channels=("names",),
        channel_rank=np.array([[1], [2], [1]], dtype=np.int16),
        channel_score=np.array([[0.9], [0.8], [0.7]], dtype=np.float32),
    )
    assert with_known(candidates, (ids(0), ids(0))) is candidates
    more = with_known(candidates, (ids(0, 0, 1), ids(0, 3, 1)))
    assert list(zip(more.left.tolist(), more.right.tolist(), more.rank.tolist(), strict=True)) == [
        (0, 1, 1),
        (0, 0, 2),
        (0, 3, 3),
        (1, 1, 1),
        (2, 2, 1),
    ]
    assert more.score.tolist() == [0.5, 0.25, 0, 0, 0.5]
    assert more.channel_rank[:, 0].tolist() == [1, 2, 0, 0, 1]
    assert str(more.left.dtype) == str(more.rank.dtype) == "int32"


def test_links_that_all_fit_nowhere_are_an_error(elements: Pair, tmp_path: Path) -> None:
    path = tmp_path / "known.tsv"
    path.write_text("http://a.example/x\thttp://a.example/y\n", encoding="utf8")
    with pytest.raises(
        InputError, match=r"None of the 1 links in .* http://a\.example/x and http://a\.example/y"
    ):
        Sides(elements.left, elements.right).known(path)
