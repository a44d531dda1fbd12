"""Laws of the plain fusion: nothing lost, nothing invented, against a plain Python fusion."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.config import FuseConfig
from kgalign.fuse import fuse, write_fused
from kgalign.fuse.groups import mint
from kgalign.rdf import Graph, TermKind, graph_from_rdflib, read_graph
from kgalign.rdf.write import write_ntriples
from kgalign.records import FusedGraph
from tests.rdf.rows import canonical, canonical_quads
from tests.rdf.strategies import SAME_AS, quads, triples

Canonical = Literal["left", "right", "mint"]
Node = ox.NamedNode | ox.BlankNode
canonicals = st.sampled_from(("left", "right", "mint"))
picks = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5)
"""Links, as positions among the nodes of each side, counted round."""


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def graph_of(statements: list[ox.Quad], path: Path) -> Graph:
    ox.serialize(statements, path, ox.RdfFormat.N_QUADS)
    return read_graph(path)


def nodes(graph: Graph) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.flatnonzero(graph.terms.kind <= TermKind.BLANK)


def fused_by(left: Graph, right: Graph, links: list[tuple[int, int]], how: Canonical) -> FusedGraph:
    a, b = nodes(left), nodes(right)
    return fuse(
        left,
        right,
        [a[i % len(a)] for i, _ in links],
        [b[j % len(b)] for _, j in links],
        FuseConfig(canonical=how),
    )


def apart(statements: list[ox.Quad], side: str) -> list[ox.Quad]:
    """The statements with the blank nodes of each side named apart."""

    def term(value: object) -> object:
        if isinstance(value, ox.BlankNode):
            return ox.BlankNode(f"{side}{value.value}")
        if isinstance(value, ox.Triple):
            return ox.Triple(term(value.subject), value.predicate, term(value.object))  # type: ignore[arg-type]
        return value

    return [ox.Quad(term(q.subject), q.predicate, term(q.object), term(q.graph_name)) for q in statements]  # type: ignore[arg-type]


class Plain:
    """The fusion in plain Python: slow, and written another way."""

    def __init__(self, links: list[tuple[Node, Node]], how: Canonical) -> None:
        groups: list[set[Node]] = []
        for a, b in links:
            touched = [group for group in groups if group & {a, b}]
            groups = [group for group in groups if group not in touched] + [{a, b}.union(*touched)]
        preferred = {b if how == "right" else a for a, b in links}
        self.stays: dict[Node, Node] = {}
        self.added: set[ox.Quad] = set()
        for group in groups:
            iris = sorted(node.value for node in group if isinstance(node, ox.NamedNode))
            stays: Node
            if how == "mint" and len(iris) > 1:
                stays = ox.NamedNode(mint(iris))
            else:
                stays = min(group, key=lambda n: (isinstance(n, ox.BlankNode), n not in preferred, n.value))
            self.stays |= dict.fromkeys(group, stays)
            for iri in iris:
                if ox.NamedNode(iri) != stays:
                    self.added.add(ox.Quad(stays, ox.NamedNode(SAME_AS), ox.NamedNode(iri)))

    def term(self, value: object) -> object:
        if isinstance(value, ox.Triple):
            parts = (self.term(part) for part in (value.subject, value.predicate, value.object))
            return ox.Triple(*parts)  # type: ignore[arg-type]
        return self.stays.get(value, value)  # type: ignore[call-overload]

    def quad(self, q: ox.Quad) -> ox.Quad:
        s, p, o, g = (self.term(part) for part in (q.subject, q.predicate, q.object, q.graph_name))
        same = q.predicate.value == SAME_AS and q.subject in self.stays and s == o and q.subject != q.object
        if same:
            away = q.subject if q.object == s else q.object
            o = away if isinstance(away, ox.NamedNode) else s
        return ox.Quad(s, p, o, g)  # type: ignore[arg-type]


def links_as_nodes(left: Graph, right: Graph, links: list[tuple[int, int]]) -> list[tuple[Node, Node]]:
    def node(graph: Graph, side: str, pick: int) -> Node:
        ids = nodes(graph)
        row = int(ids[pick % len(ids)])
        value = graph.terms.value[row].as_py()
        return ox.NamedNode(value) if graph.terms.kind[row] == TermKind.IRI else ox.BlankNode(side + value)

    return [(node(left, "l_", i), node(right, "r_", j)) for i, j in links]


@given(a=quads, b=quads, links=picks, how=canonicals)
def test_nothing_is_lost_and_nothing_invented(
    a: list[ox.Quad], b: list[ox.Quad], links: list[tuple[int, int]], how: Canonical
) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        fused = fused_by(left, right, links, how)
        plain = Plain(links_as_nodes(left, right, links), how)
        said = {plain.quad(quad) for quad in apart(a, "l_") + apart(b, "r_")}
        assert canonical(fused.graph, here) == canonical_quads(said | plain.added)
        counts = fused.counts
        assert (counts.left, counts.right) == (len(set(a)), len(set(b)))
        assert counts.left + counts.right - counts.duplicates == len(said)
        assert counts.same_as == len(plain.added - said)
        assert counts.left + counts.right - counts.duplicates + counts.same_as == counts.statements
        assert counts.statements == len(fused.graph)
        assert counts.merged == len(plain.stays) - sum(
            1 for node in plain.stays if list(plain.stays.values()).count(plain.stays[node]) == 1
        )


@given(a=quads, b=quads)
def test_without_links_it_is_the_union(a: list[ox.Quad], b: list[ox.Quad]) -> None:
    with folder() as here:
        fused = fused_by(graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq"), [], "left")
        assert canonical(fused.graph, here) == canonical_quads(apart(a, "1") + apart(b, "2"))
        assert (fused.counts.same_as, fused.counts.groups) == (0, 0)


@given(a=quads, how=canonicals)
def test_a_graph_fused_with_itself_is_itself(a: list[ox.Quad], how: Canonical) -> None:
    # Blank nodes that stand in triple terms alone can't be linked, and are kept apart.
    a = [quad for quad in a if not isinstance(quad.object, ox.Triple)] or a[:0]
    if not a:
        return
    with folder() as here:
        graph = graph_of(a, here / "a.nq")
        everything = [(i, i) for i in range(len(nodes(graph)))]
        fused = fused_by(graph, graph, everything, how)
        assert canonical(fused.graph, here) == canonical_quads(a)
        assert fused.counts.duplicates == len(graph)
        assert fused.counts.same_as == 0


@settings(max_examples=40)
@given(a=quads, b=quads, links=picks, how=canonicals, seed=st.integers(0, 9))
def test_order_of_statements_files_and_links_does_not_change_a_byte(
    a: list[ox.Quad], b: list[ox.Quad], links: list[tuple[int, int]], how: Canonical, seed: int
) -> None:
    with folder() as here:
        random = Random(seed)
        files = [here / "a1.nq", here / "a2.nq"]
        right = graph_of(b, here / "b.nq")
        written = []
        for _ in range(2):
            cut = len(a) // 2
            for file, part in zip(files, (a[:cut], a[cut:]), strict=True):
                ox.serialize(random.sample(part, len(part)), file, ox.RdfFormat.N_QUADS)
            left = read_graph(random.sample(files, 2))
            fused = fused_by(left, right, random.sample(links, len(links)), how)
            write_fused(fused, here / "fused.ttl")
            written.append((here / "fused.ttl").read_bytes())
        assert written[0] == written[1]


@pytest.fixture
def lexical_forms_kept() -> Iterator[None]:
    rdflib.NORMALIZE_LITERALS = False
    yield
    rdflib.NORMALIZE_LITERALS = True


@pytest.mark.usefixtures("lexical_forms_kept")
@settings(max_examples=60)
@given(a=triples, b=triples, links=picks, how=canonicals)
def test_the_written_file_is_read_back_as_the_same_graph(
    a: list[ox.Quad], b: list[ox.Quad], links: list[tuple[int, int]], how: Canonical
) -> None:
    with folder() as here:
        fused = fused_by(graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq"), links, how)
        expected = canonical(fused.graph, here)
        assert write_fused(fused, here / "fused.ttl") == fused.counts.statements
        assert canonical_quads(ox.parse(path=str(here / "fused.ttl"))) == expected
        assert canonical(read_graph(here / "fused.ttl"), here) == expected
        other = graph_from_rdflib(rdflib.Graph().parse(here / "fused.ttl", format="turtle"))
        write_ntriples(other, here / "other.nt")
        assert canonical_quads(ox.parse(path=str(here / "other.nt"))) == expected


@settings(max_examples=30)
@given(a=triples, b=triples, links=picks)
def test_left_and_right_change_places(
    a: list[ox.Quad], b: list[ox.Quad], links: list[tuple[int, int]]
) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        one = fused_by(left, right, links, "left")
        other = fused_by(right, left, [(j, i) for i, j in links], "right")
        assert canonical(one.graph, here) == canonical(other.graph, here)
        minted = fused_by(left, right, links, "mint")
        swapped = fused_by(right, left, [(j, i) for i, j in links], "mint")
        assert canonical(minted.graph, here) == canonical(swapped.graph, here)
