"""Clusters: what was judged different and became one is told; what a graph says of itself is honoured."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import networkx as nx
import numpy as np
import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kgalign.cli.run import summary

from kgalign.config import as_config
from kgalign.config.fusion import FuseConfig
from kgalign.fusion import cluster_warnings, fuse, has_clusters, minted_members
from kgalign.fusion.clusters import Apart, joined
from kgalign.fusion.groups import NOTHING_WITHIN, Within, mint
from kgalign.links.known import same_within
from kgalign.rdf import read_graph
from kgalign.rdf.columns import NO_IDS
from kgalign.rdf.graph import Graph, Ids
from kgalign.records.fused import Fusion
from kgalign.run import start
from tests.rdf.rows import texts

A, B = "http://a.example/", "http://b.example/"
SAME_AS, EXACT_MATCH = (
    "http://www.w3.org/2002/07/owl#sameAs",
    "http://www.w3.org/2004/02/skos/core#exactMatch",
)
NAMES = (
    *("ruby sunset vase", "ruby copper kettle", "walnut copper chair"),
    *("walnut linen towel", "brass linen lamp", "brass oak table"),
)
"""Neighbours share a word, so that pairs of them are judged too, and found to be different."""


def _things(path: Path, base: str, *more: str) -> Path:
    lines = [
        f'<{base}{n}> <{base}name> "{name}" ; <{base}code> "{n * 7919}" .' for n, name in enumerate(NAMES)
    ]
    path.write_text("\n".join([*lines, *more]) + "\n", encoding="utf8")
    return path


class Aligned:
    """Six things of each side, aligned with some known links; the evidence links each with its like."""

    def __init__(
        self,
        folder: Path,
        *known: tuple[int, int],
        left: Sequence[str] = (),
        right: Sequence[str] = (),
        **fuse: bool,
    ) -> None:
        file = folder / "known.tsv"
        file.write_text("".join(f"{A}{a}\t{B}{b}\n" for a, b in known), encoding="utf8")
        sides = _things(folder / "left.ttl", A, *left), _things(folder / "right.ttl", B, *right)
        config = {
            "judge": {"known": [str(file)] if known else []},
            "assign": {"cardinality": "one-to-one"},
            "fuse": fuse,
        }
        self.folder = folder / "run"
        self.record = start.run(*sides, self.folder, as_config(config)).record

    @property
    def warnings(self) -> list[str]:
        """What is told after the run, and stands in ``run.json``."""
        return [line for line in summary(self.record) if line.startswith("Warning: ")]

    def statements(self) -> set[str]:
        return {str(quad) for quad in ox.parse(path=str(self.folder / "fused.ttl"))}

    def subjects(self) -> set[str]:
        found = ox.parse(path=str(self.folder / "fused.ttl"))
        return {quad.subject.value for quad in found if isinstance(quad.subject, ox.NamedNode)}


def test_pairs_need_no_warning(tmp_path: Path) -> None:
    aligned = Aligned(tmp_path)
    assert aligned.record.steps["fuse"].counts["groups"] == 6
    assert not aligned.warnings


def test_what_was_judged_different_and_became_one_is_named(tmp_path: Path) -> None:
    warnings = Aligned(tmp_path, (0, 0), (1, 0), (1, 1)).warnings
    (judged,) = [each for each in warnings if "judged different" in each]
    assert "1 pair of nodes that were judged different became one through other links, in 1 thing: " in judged
    assert f"{A}0 and {B}1" in judged
    assert "kgalign unmerge" in judged
    (left,) = [each for each in warnings if "several left entities" in each]
    assert (
        f"1 thing holds several left entities, which the cardinality takes for different: {A}0 and {A}1;"
        in left
    )
    (right,) = [each for each in warnings if "several right entities" in each]
    assert f"{B}0 and {B}1" in right


def test_only_the_first_few_are_named(tmp_path: Path) -> None:
    warnings = Aligned(tmp_path, *((n, 0) for n in range(6)), *((0, n) for n in range(1, 6))).warnings
    (judged,) = [each for each in warnings if "judged different" in each]
    assert "pairs of nodes" in judged
    assert judged.count(" and ") == 3 + 2
    assert " more; see" in judged
    (left,) = [each for each in warnings if "several left entities" in each]
    assert "; and 2 more; see" in left


def test_two_nodes_that_their_graph_says_are_one_are_one(tmp_path: Path) -> None:
    aligned = Aligned(tmp_path, left=[f'<{A}0> <{SAME_AS}> <{A}second> . <{A}second> <{A}colour> "red" .'])
    assert f"{A}second" not in aligned.subjects()
    assert f'<{A}0> <{A}colour> "red"' in aligned.statements()
    assert f"<{A}0> <{SAME_AS}> <{A}second>" in aligned.statements()
    # Two entities of one side, but the input says so, and nothing was judged otherwise.
    assert not aligned.warnings


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    said = f"<{A}0> <{SAME_AS}> <{A}1> ."
    assert f"{A}1" in Aligned(tmp_path, left=[said], same_as_within=False).subjects()


def test_same_as_within_a_graph_against_the_evidence_is_told(tmp_path: Path) -> None:
    aligned = Aligned(tmp_path, right=[f"<{B}2> <{SAME_AS}> <{B}3> ."])
    assert aligned.record.steps["fuse"].counts["groups"] == 5
    (left,) = [each for each in aligned.warnings if "several left entities" in each]
    assert f"{A}2 and {A}3" in left
    assert not [each for each in aligned.warnings if "several right entities" in each]
    assert [each for each in aligned.warnings if "judged different" in each]


def _graph(text: str, path: Path) -> Graph:
    path.write_text(
        f"@prefix : <{A}> . @prefix s: <{SAME_AS.removesuffix('sameAs')}> .\n{text}", encoding="utf8"
    )
    return read_graph(path)


def _said(graph: Graph, apart: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    names = texts(graph)
    return [(names[a], names[b]) for a, b in zip(*same_within(graph, set(apart)), strict=True)]


def test_what_a_graph_says_of_its_own_nodes(tmp_path: Path) -> None:
    told = (
        ":a s:sameAs :b, :c, :a, :nowhere, _:x . :b s:sameAs :a ; :p 1 . :a :p 1 . _:x :p 1 .\n"
        ":d s:sameAs :a ."
        f":a <{EXACT_MATCH}> :e . :e :p 1 . :c s:sameAs :z . :g {{ :f s:sameAs :e }} :f :q 1 ."
    )
    graph = _graph(told, tmp_path / "g.trig")
    assert _said(graph) == [(f"<{A}a>", f"<{A}b>"), (f"<{A}a>", "_:x"), (f"<{A}e>", f"<{A}f>")]
    assert _said(graph, [(f"{A}b", f"{A}a"), (f"{A}a", "_:x")]) == [(f"<{A}e>", f"<{A}f>")]
    assert _said(_graph(":a :p 1 .", tmp_path / "h.trig")) == []


links = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=7)


class World:
    """Six nodes of each side, the last of them of one IRI; links, and links within each side."""

    def __init__(
        self, folder: Path, across: list[tuple[int, int]], within: list[list[tuple[int, int]]]
    ) -> None:
        self.graphs = tuple(
            _graph(
                "\n".join(f"<{base}{n}> :p {n} ." for n in range(5)) + " :both :p 9 .", folder / f"{side}.ttl"
            )
            for side, base in enumerate((A, B))
        )
        names = [texts(graph) for graph in self.graphs]
        iris = [[f"<{base}{n}>" for n in range(5)] + [f"<{A}both>"] for base in (A, B)]
        self.iris = [[iri[1:-1] for iri in side] for side in iris]
        self.at = [[names[side].index(iri) for iri in iris[side]] for side in (0, 1)]
        self.links = self._ids(across, 0, 1)
        self.within: Within = self._ids(within[0], 0, 0), self._ids(within[1], 1, 1)
        self.known = nx.Graph()
        self.known.add_nodes_from(iri for side in self.iris for iri in side)
        for pairs, a, b in ((across, 0, 1), (within[0], 0, 0), (within[1], 1, 1)):
            self.known.add_edges_from((self.iris[a][i], self.iris[b][j]) for i, j in pairs)

    def _ids(self, pairs: list[tuple[int, int]], a: int, b: int) -> tuple[Ids, Ids]:
        ends = [(self.at[a][i], self.at[b][j]) for i, j in pairs]
        columns = np.array(ends, np.int32).reshape(-1, 2)
        return columns[:, 0].copy(), columns[:, 1].copy()

    def fuse(self, canonical: str = "left") -> Fusion:
        config = FuseConfig.model_validate({"canonical": canonical})
        return fuse(self.graphs[0], self.graphs[1], *self.links, config, within=self.within)


@given(across=links, left=links, right=links, pairs=links)
def test_what_becomes_one_is_what_links_hold_together(
    across: list[tuple[int, int]],
    left: list[tuple[int, int]],
    right: list[tuple[int, int]],
    pairs: list[tuple[int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name), across, [left, right])
    fusion = world.fuse()
    groups = [group for group in nx.connected_components(world.known) if len(group) > 1]
    assert fusion.counts.groups == len(groups)
    assert fusion.counts.merged == sum(map(len, groups))
    assert has_clusters(fusion) == any(len(group) > 2 for group in groups)
    asked = world._ids(pairs, 0, 1)
    found = joined(fusion, (world.graphs[0], world.graphs[1]), asked)
    expected = [
        (world.at[0][i], world.at[1][j])
        for i, j in pairs
        if world.iris[0][i] != world.iris[1][j]
        and nx.has_path(world.known, world.iris[0][i], world.iris[1][j])
    ]
    assert list(zip(found[0].tolist(), found[1].tolist(), strict=True)) == expected


@given(across=links, left=links, right=links)
def test_a_minted_iri_leads_back_to_its_members(
    across: list[tuple[int, int]], left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name), across, [left, right])
    graphs = world.graphs[0], world.graphs[1]
    fusion = world.fuse("mint")
    for group in nx.connected_components(world.known):
        found = minted_members(mint(list(group)), graphs, world.links, world.within)
        if len(group) == 1:
            assert found is None
            continue
        assert found is not None
        names = {
            graph.terms.value[int(term)].as_py()
            for graph, terms in zip(graphs, found, strict=True)
            for term in terms
        }
        assert names == group
        assert {fusion.text(fusion.left_term[term]) for term in found[0]} <= {mint(list(group))}


@pytest.mark.parametrize("canonical", ["left", "right"])
def test_the_node_that_stays_is_of_the_preferred_side_also_where_it_alone_is_linked(
    tmp_path: Path, canonical: str
) -> None:
    # The only left node of its group is linked with the second of two right ones.
    world = World(tmp_path, [(2, 4)], [[], [(3, 4)]])
    fusion = world.fuse(canonical)
    stays = {fusion.text(fusion.right_term[world.at[1][n]]) for n in (3, 4)}
    assert stays == ({f"{A}2"} if canonical == "left" else {f"{B}3"})


def test_a_group_within_one_side_alone(tmp_path: Path) -> None:
    fusion = World(tmp_path, [], [[(0, 1), (1, 2)], []]).fuse()
    assert (fusion.counts.groups, fusion.counts.merged) == (1, 3)


def test_rejected_pairs_are_told_apart_from_judged_ones(tmp_path: Path) -> None:
    world = World(tmp_path, [(0, 0), (1, 0), (1, 1)], [[], []])
    graphs = world.graphs[0], world.graphs[1]
    pair = world._ids([(0, 1), (2, 2)], 0, 1)
    none = NO_IDS, NO_IDS
    fusion = world.fuse()
    (rejected,) = cluster_warnings(fusion, graphs, Apart(none, pair, (None, None)), NOTHING_WITHIN)
    assert rejected.startswith(
        "1 pair of nodes that a person took apart became one through other links, in 1 thing"
    )
    assert f"{A}0 and {B}1; see" in rejected
    entities = np.array(world.at[0], np.int32)
    (several,) = cluster_warnings(fusion, graphs, Apart(none, none, (entities, None)), NOTHING_WITHIN)
    assert f"{A}0 and {A}1" in several
    said = (world._ids([(1, 0)], 0, 0), none)
    assert not cluster_warnings(fusion, graphs, Apart(none, none, (entities, None)), said)
