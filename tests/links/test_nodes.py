"""Which entities are one before any link, counted as fusion counts them."""

import tempfile
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config.fusion import FuseConfig
from kgalign.errors import InputError
from kgalign.fusion import NOTHING_WITHIN, fuse
from kgalign.links.nodes import nodes_before_links, one_within
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Graph
from kgalign.records import Profile
from tests.evaluate.small import profile

E = "http://example.org/"
SAME_AS = "<http://www.w3.org/2002/07/owl#sameAs>"
NAMES = (*(f"<{E}{name}>" for name in "abcdef"), "_:x", "_:y")
"""Both graphs may use the same ones; ``_:x`` of the one is not that of the other."""

names = st.sampled_from(NAMES)
sides = st.tuples(
    st.sets(names, min_size=1), st.sets(names, max_size=3), st.sets(st.tuples(names, names), max_size=4)
)
"""Entities, further nodes, and what is said to be one."""
Side = tuple[set[str], set[str], set[tuple[str, str]]]


def _graph(path: Path, side: Side) -> tuple[Graph, Profile]:
    entities, others, same = side
    lines = [f'{node} <{E}name> "a name" .' for node in sorted(entities | others)]
    lines += [f"{a} {SAME_AS} {b} ." for a, b in sorted(same)]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    graph = read_graph(path)
    number = {value: i for i, value in enumerate(graph.terms.value.to_pylist())}
    blanks = [i for i, kind in enumerate(graph.terms.kind.tolist()) if kind == 1]
    subjects = sorted({int(each) for each in graph.subject if int(each) in blanks})
    iris = sorted(number[node.strip("<>")] for node in entities if node.startswith("<"))
    terms = np.array([*iris, *subjects], dtype=np.int32)
    return graph, replace(profile([f"entity {each}" for each in terms]), entity_term=terms)


@given(sides, sides, st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=6), st.booleans())
def test_the_largest_thing_is_as_large_as_fusion_finds_it(
    left: Side, right: Side, drawn: list[tuple[int, int]], within: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = _graph(Path(folder, "l.nt"), left), _graph(Path(folder, "r.nt"), right)
    graphs, profiles = (one[0], other[0]), (one[1], other[1])
    if not min(map(len, profiles)):
        return
    links = [(a % len(profiles[0]), b % len(profiles[1])) for a, b in drawn]
    nodes = nodes_before_links(graphs, profiles, within=within)
    united = nx.Graph([(int(nodes.left[a]), int(nodes.right[b])) for a, b in links])
    united.add_nodes_from(range(len(nodes.size)))
    largest = max(int(nodes.size[list(part)].sum()) for part in nx.connected_components(united))

    def fused(most: int) -> None:
        first, second = (
            [int(each.entity_term[link[side]]) for link in links] for side, each in enumerate(profiles)
        )
        inside = one_within(graphs) if within else NOTHING_WITHIN
        fuse(*graphs, first, second, FuseConfig(max_cluster=most), within=inside)

    fused(max(largest, 2))
    if largest > 2:
        with pytest.raises(InputError, match=f"one thing of {largest} nodes"):
            fused(largest - 1)


def test_sides_that_share_nothing_and_say_nothing_are_nodes_of_their_own(tmp_path: Path) -> None:
    left = _graph(tmp_path / "l.nt", ({f"<{E}a>", "_:x"}, set(), set()))
    right = _graph(tmp_path / "r.nt", ({f"<{E}b>", "_:x"}, set(), set()))
    nodes = nodes_before_links((left[0], right[0]), (left[1], right[1]))
    assert len({*nodes.left.tolist(), *nodes.right.tolist()}) == 4
    assert nodes.size.tolist() == [1, 1, 1, 1]
