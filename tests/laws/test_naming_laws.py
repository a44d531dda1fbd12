"""Laws of names that persist over three runs in a row, whatever comes, goes, is linked and taken apart."""

import tempfile
from itertools import pairwise
from pathlib import Path

import pyoxigraph as ox
from hypothesis import given
from hypothesis import strategies as st

from kgalign.rdf.write import write_turtle
from kgalign.records.fused import REPLACED_BY, Fusion, fused_graph
from kgalign.records.names import Names, no_names
from tests.laws.fusions import Canonical, canonicals
from tests.laws.naming import LEFT, RIGHT, SHARED, World, called, claims, fused, names_in, replaced, world

worlds = st.builds(
    world,
    st.frozensets(st.sampled_from(LEFT + SHARED), min_size=1),
    st.frozensets(st.sampled_from(RIGHT + SHARED), min_size=1),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=6),
)
histories = st.lists(worlds, min_size=3, max_size=3)


def _runs(folder: Path, history: list[World], how: Canonical) -> list[tuple[Fusion, Names]]:
    """One run after the other, each growing from the one before."""
    found: list[tuple[Fusion, Names]] = []
    for each in history:
        fusion = fused(folder, each, found[-1][1] if found else None, how)
        found.append((fusion, names_in(fusion, each)))
    return found


@given(history=histories, how=canonicals)
def test_what_is_one_has_one_name_and_nothing_else_has_it(history: list[World], how: Canonical) -> None:
    with tempfile.TemporaryDirectory() as name:
        runs = _runs(Path(name), history, how)
    for of, (_, names) in zip(history, runs, strict=True):
        clusters, by_node = of.clusters(), called(names)
        assert by_node.keys() == clusters.keys()
        assert {frozenset(n for n in by_node if by_node[n] == each) for each in by_node.values()} == {
            *clusters.values()
        }
        # An IRI that a graph has names what this graph says of it, or is not used.
        assert all(name in clusters[node] for node, name in by_node.items() if name in of.nodes)


@given(history=histories, how=canonicals)
def test_every_name_lives_or_is_told_to_be_replaced_or_gone(history: list[World], how: Canonical) -> None:
    with tempfile.TemporaryDirectory() as name:
        runs = _runs(Path(name), history, how)
    ever: set[str] = set()
    for of, (fusion, names) in zip(history, runs, strict=True):
        by_node, told = called(names), replaced(names)
        alive = set(by_node.values())
        ever |= alive
        assert ever == alive | told.keys()
        assert not alive & told.keys()
        assert all(by <= alive for by in told.values())
        assert all(by_node[old] in told[old] for old in told.keys() & of.nodes)
        said = {
            (str(quad.subject), str(quad.object))
            for quad in _quads(fusion)
            if quad.predicate.value == REPLACED_BY
        }
        assert said == {(f"<{old}>", f"<{new}>") for old, by in told.items() for new in by}


@given(history=histories, how=canonicals)
def test_what_stood_under_a_name_is_found_from_it(history: list[World], how: Canonical) -> None:
    with tempfile.TemporaryDirectory() as name:
        runs = _runs(Path(name), history, how)
    for (_, before), (_, after) in pairwise(runs):
        now, told = called(after), replaced(after)
        for node, old in called(before).items():
            if node in now and old not in now.values():
                assert now[node] in told[old]


@given(history=histories, how=canonicals)
def test_names_go_where_most_of_what_they_stood_for_is(history: list[World], how: Canonical) -> None:
    with tempfile.TemporaryDirectory() as name:
        runs = _runs(Path(name), history, how)
    for of, (_, before), (_, after) in zip(history[1:], runs[:-1], runs[1:], strict=True):
        found = claims(called(before), of, how)
        now = called(after)
        got = {cluster: now[node] for node, cluster in of.clusters().items()}
        holder = {name: cluster for cluster, name in got.items()}
        for (name, cluster), shared in found.items():
            mine = found.get((got[cluster], cluster), 0)
            theirs = found.get((name, holder[name]), 0) if name in holder else 0
            assert max(mine, theirs) >= shared


@given(history=histories, how=canonicals)
def test_where_nothing_changed_nothing_is_called_otherwise(history: list[World], how: Canonical) -> None:
    with tempfile.TemporaryDirectory() as name:
        runs = _runs(Path(name), history, how)
        for of, (fusion, names) in zip(history, runs, strict=True):
            again = fused(Path(name), of, names, how, turned=True)
            assert _bytes(Path(name), again) == _bytes(Path(name), fusion)
            assert again.counts == fusion.counts
            assert names_in(again, of) == names


@given(of=worlds, how=canonicals)
def test_a_first_run_is_called_as_without_names(of: World, how: Canonical) -> None:
    with tempfile.TemporaryDirectory() as name:
        plain, grown = (fused(Path(name), of, names, how) for names in (None, no_names()))
        assert _bytes(Path(name), plain) == _bytes(Path(name), grown)


def _quads(fusion: Fusion) -> list[ox.Quad]:
    with tempfile.TemporaryDirectory() as name:
        return list(ox.parse(_bytes(Path(name), fusion), format=ox.RdfFormat.TURTLE))


def _bytes(folder: Path, fusion: Fusion) -> bytes:
    write_turtle(fused_graph(fusion), folder / "fused.ttl")
    return (folder / "fused.ttl").read_bytes()
