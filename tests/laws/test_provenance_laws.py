"""Laws of ``fused.trig``: each statement of the inputs is in it, fused or dropped, and none that is not."""

import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pyoxigraph as ox
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from kgalign.config.fusion import FuseConfig
from kgalign.errors import InputError
from kgalign.export.provenance import write_provenance
from kgalign.fusion import fuse
from kgalign.rdf import Graph, TermKind, read_graph
from kgalign.rdf.columns import graph_of
from kgalign.rdf.graph import Ids
from kgalign.rdf.write import write_nquads
from kgalign.records.fused import Fusion, fused_graph
from kgalign.records.vocabularies import Vocabularies
from kgalign.values import ValueKind
from tests.export.fused_trig import Said, read
from tests.matched_properties import matched
from tests.rdf.strategies import SAME_AS, E, names, objects_1_2, predicates, quads

POLICIES = (
    "Auto",
    "PassItOn",
    "Voting",
    "KeepFirst",
    "KeepLast",
    "Longest",
    "Union",
    "MostTrusted",
    "Concatenate",
)
subjects = st.sampled_from([ox.NamedNode(E + local) for local in "abc"] + [ox.BlankNode("b0")])
crowded = st.lists(st.builds(ox.Quad, subjects, predicates, objects_1_2, names), min_size=1, max_size=20)
"""Few subjects, so that many statements are in conflict."""
graphs = st.one_of(quads, crowded)
picks = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5)
forms = st.sampled_from(("prov", "rdf12"))
options = st.builds(
    lambda policy, canonical, vocabulary, identity: {
        "policy": policy,
        "canonical": canonical,
        "vocabulary": vocabulary,
        "identity": identity,
    },
    st.sampled_from(POLICIES),
    st.sampled_from(("left", "right", "mint")),
    st.sampled_from(("left", "right", "both")),
    st.sampled_from(("same-as", "exact-match", "none")),
)


vocabularies = st.sampled_from(
    (
        Vocabularies(),
        Vocabularies((matched(E + "p", E + "ns#q", kind=ValueKind.NODE, given=True),)),
        Vocabularies((matched(E + "p", E + "ns#q", kind=ValueKind.NODE, given=True, inverse=True),)),
    )
)


def graph_in(folder: Path, name: str, statements: list[ox.Quad]) -> Graph:
    """Without owl:sameAs, which fusion rewrites between nodes that it merges."""
    kept = [replace_predicate(quad) if quad.predicate.value == SAME_AS else quad for quad in statements]
    ox.serialize(kept, folder / name, ox.RdfFormat.N_QUADS)
    return read_graph(folder / name)


def replace_predicate(quad: ox.Quad) -> ox.Quad:
    return ox.Quad(quad.subject, ox.NamedNode("urn:same"), quad.object, quad.graph_name)


def fused_by(
    left: Graph, right: Graph, links: list[tuple[int, int]], config: dict[str, str], found: Vocabularies
) -> Fusion:
    a, b = (np.flatnonzero(graph.terms.kind <= TermKind.BLANK) for graph in (left, right))
    ends = [a[i % len(a)] for i, _ in links], [b[j % len(b)] for _, j in links]
    try:
        return fuse(left, right, *ends, FuseConfig.model_validate(config), found)
    except InputError:  # a policy that fits none of the values
        reject()


def in_fused_names(graph: Graph, terms: Ids, fusion: Fusion, folder: Path) -> set[ox.Quad]:
    """The statements of an input with merged nodes in place of its own."""
    columns = [graph.graph, graph.subject, graph.predicate, graph.object]
    columns = [np.where(ids >= 0, terms[ids], -1).astype(np.int32) for ids in columns]
    write_nquads(graph_of(columns, fusion.terms), folder / "side.nq")
    return set(ox.parse(path=str(folder / "side.nq")))


@settings(max_examples=50)
@given(a=graphs, b=graphs, links=picks, config=options, found=vocabularies, form=forms)
def test_every_statement_of_the_inputs_is_there_and_none_that_is_not(
    a: list[ox.Quad],
    b: list[ox.Quad],
    links: list[tuple[int, int]],
    config: dict[str, str],
    found: Vocabularies,
    form: str,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        left, right = graph_in(here, "a.nq", a), graph_in(here, "b.nq", b)
        fusion = fused_by(left, right, links, config, found)
        written = write_provenance(fusion, here / "fused.trig", form=form)
        provenance = read(here / "fused.trig")
        expected: set[Said] = {("left", q) for q in in_fused_names(left, fusion.left_term, fusion, here)}
        expected |= {("right", q) for q in in_fused_names(right, fusion.right_term, fusion, here)}
        assert set(provenance.inputs()) == expected
        write_nquads(fused_graph(fusion), here / "fused.nq")
        fused = {ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(path=str(here / "fused.nq"))}
        assert set(provenance.fused) == fused
        assert written == len(fused)
        lost = {triple for _, triple in provenance.dropped()}
        assert not lost & fused
        kept = [provenance.about[node].get("kept", []) for node, _ in provenance.dropped()]
        assert all(1 <= len(values) <= 8 for values in kept)


@settings(max_examples=40)
@given(a=graphs, b=graphs, links=picks, config=options, form=forms, seed=st.integers(0, 9))
def test_the_order_of_statements_and_links_does_not_change_a_byte(
    a: list[ox.Quad],
    b: list[ox.Quad],
    links: list[tuple[int, int]],
    config: dict[str, str],
    form: str,
    seed: int,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        here, random = Path(name), Random(seed)
        written = []
        for _ in range(2):
            left = graph_in(here, "a.nq", random.sample(a, len(a)))
            right = graph_in(here, "b.nq", random.sample(b, len(b)))
            fusion = fused_by(left, right, random.sample(links, len(links)), config, Vocabularies())
            write_provenance(fusion, here / "fused.trig", form=form)
            written.append((here / "fused.trig").read_bytes())
        assert written[0] == written[1]


@settings(max_examples=40)
@given(a=graphs, b=graphs, links=picks)
def test_the_names_say_whose_fusion_it_is(
    a: list[ox.Quad], b: list[ox.Quad], links: list[tuple[int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        left, right = graph_in(here, "a.nq", a), graph_in(here, "b.nq", b)
        fusion = fused_by(left, right, links, {}, Vocabularies())
        other = replace(fusion, side=(1 - fusion.side).astype(np.uint8))
        write_provenance(fusion, here / "one.trig")
        write_provenance(other, here / "other.trig")
        assert read(here / "one.trig").bundle != read(here / "other.trig").bundle
