"""The fused graph in several files: nothing lost, nothing torn apart, the same bytes."""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.export.in_parts import MANIFEST, parts_of, write_parts
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Graph, TermKind
from tests.export.finished_runs import hostile_run

NODES = [*(f"<http://n.example/{name}>" for name in "abcdef"), "_:x", "_:y", "_:z"]
nodes = st.sampled_from(NODES)
statements = st.lists(
    st.tuples(nodes, nodes, st.sampled_from(["", "<http://g.example/1>", "_:y"])), min_size=1, max_size=30
)


def graph_of(folder: Path, rows: list[tuple[str, str, str]]) -> Graph:
    path = folder / "some.nq"
    lines = (f"{s} <http://n.example/p> {o} {g} .\n" for s, o, g in rows)
    path.write_text("".join(lines), encoding="utf8")
    return read_graph([path])


@given(statements, st.integers(1, 5))
def test_each_statement_lies_in_one_part_with_all_of_its_subject_and_of_its_blank_nodes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], count: int
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    graph = graph_of(folder, rows)
    parts = parts_of(graph, count)
    assert 1 <= len(parts) <= count
    assert all(len(part) for part in parts)
    assert sorted(row for part in parts for row in part.tolist()) == list(range(len(graph)))
    places: dict[int, set[int]] = {}
    for number, part in enumerate(parts):
        for column in (graph.subject, graph.object, graph.graph):
            for term in column[part].tolist():
                if column is graph.subject or (term >= 0 and graph.terms.kind[term] == TermKind.BLANK):
                    places.setdefault(term, set()).add(number)
    assert all(len(where) == 1 for where in places.values())


def test_subjects_that_stand_alone_are_shared_out_evenly(tmp_path: Path) -> None:
    rows = [(f"<http://n.example/{n:04d}>", f"<http://n.example/{n % 7}>", "") for n in range(1000)]
    graph = graph_of(tmp_path, rows)
    assert [len(part) for part in parts_of(graph, 4)] == [250] * 4


def test_all_parts_together_say_what_one_file_says(tmp_path: Path) -> None:
    graph = read_graph([hostile_run(tmp_path) / "fused.trig"])
    for named, form in ((True, ox.RdfFormat.N_QUADS), (False, ox.RdfFormat.N_TRIPLES)):
        folder = tmp_path / f"parts {named}"
        parts = write_parts(graph, folder, 3, named=named)
        told = json.loads((folder / MANIFEST).read_text(encoding="utf8"))
        assert {path.name for path in folder.iterdir()} == {MANIFEST, *(each.file for each in parts)}
        assert len(parts) == len(told["parts"]) == 3
        found: list[ox.Quad] = []
        subjects: Counter[str] = Counter()
        for each in told["parts"]:
            packed = (folder / each["file"]).read_bytes()
            assert len(packed) == each["bytes"]
            assert hashlib.sha256(packed).hexdigest() == each["sha256"]
            quads = list(ox.parse(gzip.decompress(packed), form))
            assert len(quads) == each["statements"]
            found += quads
            subjects.update({str(quad.subject) for quad in quads})
        assert max(subjects.values()) == 1
        assert told["statements"] == len(found) == len(set(found))
        whole = {
            quad if named else ox.Quad(quad.subject, quad.predicate, quad.object)
            for quad in ox.parse(path=str(tmp_path / "run/fused.trig"))
        }
        assert canonical(whole) == canonical(found)
        again = tmp_path / "again"
        write_parts(graph, again, 3, named=named)
        assert all((again / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())


def canonical(quads: Iterable[ox.Quad]) -> ox.Dataset:
    """Statements whose blank nodes have labels by what is said of them."""
    found = ox.Dataset(quads)
    found.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return found
