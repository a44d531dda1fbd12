"""Which entities hang together by links."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config import as_config
from kgalign.decisions import FILE, Relation, Verdict, read_all
from kgalign.records import Alignment, Outcome
from kgalign.review import Review
from kgalign.review.groups import MOST, group_of
from kgalign.review.told import group_told
from kgalign.run import start


def alignment(links: set[tuple[int, int]]) -> Alignment:
    """An alignment that holds these links, and one pair that is left to people."""
    rows = np.array([*sorted(links), (0, 7)], dtype=np.int32)
    outcome = np.full(len(rows), Outcome.MATCH, dtype=np.uint8)
    outcome[-1] = Outcome.UNDECIDED
    return Alignment(
        left=rows[:, 0],
        right=rows[:, 1],
        probability=np.ones(len(rows), dtype=np.float32),
        outcome=outcome,
        verdict=np.arange(len(rows), dtype=np.int32),
        cardinality="many-to-many",
        reason="",
    )


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14), st.integers(0, 6))
def test_it_is_what_hangs_together(links: set[tuple[int, int]], left: int) -> None:
    graph = nx.Graph([((0, one), (1, other)) for one, other in links])
    graph.add_node((0, left))
    members = nx.node_connected_component(graph, (0, left))
    found = group_of(alignment(links), left)
    if len(members) < 3:
        assert found is None
        return
    assert found is not None
    assert found.left[0] == left
    assert {(0, each) for each in found.left} | {(1, each) for each in found.right} == members
    told = {(found.left[one], found.right[other]) for one, other in found.links}
    assert told == {(one, other) for one, other in links if (0, one) in members}
    assert found.more == 0


def test_of_a_large_one_the_nearest_are_shown() -> None:
    links = {(at, at) for at in range(40)} | {(at, at + 1) for at in range(39)}
    found = group_of(alignment(links), 20)
    assert found is not None
    assert len(found.left) + len(found.right) == MOST
    assert found.more == 80 - MOST
    assert all(abs(each - 20) <= MOST // 2 for each in (*found.left, *found.right))


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """A run in which each left thing is there twice on the right."""
    for side, copies in (("left", 1), ("right", 2)):
        rows = [
            f'<http://{side}.example/{n}-{copy}> <http://{side}.example/name> "Box {n * 7919} of {n * n}" .\n'
            for n in range(30)
            for copy in range(copies)
        ]
        (tmp_path / f"{side}.nt").write_text("".join(rows), encoding="utf8")
    config = as_config({"assign": {"cardinality": "many-to-many"}})
    start.run(tmp_path / "left.nt", tmp_path / "right.nt", tmp_path / "run", config)
    return tmp_path / "run"


def test_a_link_that_is_cut_is_different_and_drawn_so(shops: Path) -> None:
    review = Review(shops)
    lefts = range(len(review.left.profile))
    left = next(each for each in lefts if group_of(review.opened.run.alignment, each))
    iri = review.left.iri(left)
    group = review.see_group("Ada", iri)
    assert group is not None
    told = group_told(review, "Ada", group)
    links = told["links"]
    assert isinstance(links, list)
    assert len(links) == len(group.links) == 2
    assert all(0 < share < 1 for each in links for share in each["place"])
    assert not any(each["cut"] for each in links)
    first = links[0]
    review.answer(
        "Ada", iri, first["right"]["iri"], Verdict.DIFFERENT, relation=Relation.EXACT, why="another"
    )
    [made] = read_all(shops / FILE)
    assert (made.right, made.blind, made.source) == (
        first["right"]["iri"], False, "kgalign review, group seen",
    )  # fmt: skip
    again = group_told(review, "Ada", group)["links"]
    assert isinstance(again, list)
    assert [each["cut"] for each in again] == [True, False]
    review.undo("Ada")
    assert group_told(review, "Ada", group) == told
