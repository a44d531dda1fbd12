"""Writing: what is written is read back as it was, by us, by pyoxigraph and by rdflib."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.base import scratch
from kgalign.errors import RunError
from kgalign.rdf import Graph, graph_from_rdflib, prefixes, read_graph, write
from kgalign.rdf.write import write_nquads, write_ntriples, write_trig, write_turtle
from tests.rdf.rows import canonical_quads, rows
from tests.rdf.strategies import quads, triples

Writer = Callable[[Graph, Path], int]
WRITERS: dict[str, Writer] = {
    "nt": write_ntriples,
    "ttl": write_turtle,
    "nq": write_nquads,
    "trig": write_trig,
}
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.fixture
def lexical_forms_kept() -> Iterator[None]:
    rdflib.NORMALIZE_LITERALS = False
    yield
    rdflib.NORMALIZE_LITERALS = True


def graph_of(statements: list[ox.Quad], folder: Path, name: str = "in.nq") -> Graph:
    ox.serialize(statements, folder / name, ox.RdfFormat.N_QUADS)
    return read_graph(folder / name)


@pytest.mark.parametrize("ending", ["nq", "trig"])
@given(statements=quads)
def test_datasets_come_back_as_they_were(ending: str, statements: list[ox.Quad]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        graph = graph_of(statements, folder)
        assert WRITERS[ending](graph, folder / f"out.{ending}") == len(set(statements))
        assert set(ox.parse(path=str(folder / f"out.{ending}"))) == set(statements)
        assert rows(read_graph(folder / f"out.{ending}")) == rows(graph)


@pytest.mark.parametrize("ending", ["nt", "ttl"])
@given(statements=quads)
def test_graphs_come_back_without_the_names_of_graphs(ending: str, statements: list[ox.Quad]) -> None:
    expected = {ox.Quad(quad.subject, quad.predicate, quad.object) for quad in statements}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / f"out.{ending}"
        assert WRITERS[ending](graph_of(statements, folder), file) == len(expected)
        assert set(ox.parse(path=str(file))) == expected


@given(statements=quads, rows_each=st.integers(1, 5), most=st.integers(1, 60))
def test_the_bytes_are_the_same_however_the_work_is_cut(
    statements: list[ox.Quad], rows_each: int, most: int
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        graph = graph_of(statements, Path(name))

        def written(ending: str) -> bytes:
            WRITERS[ending](graph, Path(name) / "out")
            return (Path(name) / "out").read_bytes()

        whole = {ending: written(ending) for ending in WRITERS}
        patch.setattr(write, "_ROWS", rows_each)
        patch.setattr(write, "_BATCH_BYTES", most)
        patch.setattr(prefixes, "_ROWS", rows_each)
        patch.setattr(scratch, "SMALL", 8)
        assert {ending: written(ending) for ending in WRITERS} == whole


@pytest.mark.usefixtures("lexical_forms_kept")
@pytest.mark.parametrize("ending", ["nt", "ttl"])
@given(statements=triples)
def test_rdflib_reads_what_is_written(ending: str, statements: list[ox.Quad]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / f"out.{ending}"
        graph = graph_of(statements, folder)
        WRITERS[ending](graph, file)
        other = graph_from_rdflib(rdflib.Graph().parse(file, format={"nt": "nt", "ttl": "turtle"}[ending]))
        write_ntriples(other, folder / "other.nt")
        assert canonical_quads(ox.parse(path=str(folder / "other.nt"))) == canonical_quads(statements)


@settings(max_examples=30)
@given(statements=quads, seed=st.integers(0, 5))
def test_the_order_of_statements_does_not_change_a_byte(statements: list[ox.Quad], seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shuffled = [*statements, statements[0]]
        Random(seed).shuffle(shuffled)
        for ending, writer in WRITERS.items():
            writer(graph_of(statements, folder, "a.nq"), folder / f"a.{ending}")
            writer(graph_of(shuffled, folder, "b.nq"), folder / f"b.{ending}")
            assert (folder / f"a.{ending}").read_bytes() == (folder / f"b.{ending}").read_bytes()


def test_turtle_is_made_for_people(tmp_path: Path) -> None:
    source = tmp_path / "a.nt"
    source.write_text(
        '<http://example.org/place/Q1> <http://www.w3.org/2000/01/rdf-schema#label> "Rome"@en-GB .\n'
        '<http://example.org/place/Q1> <http://www.w3.org/2000/01/rdf-schema#label> "Roma"@it .\n'
        "<http://example.org/place/Q1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> "
        "<http://example.org/place/City> .\n"
        f'<http://example.org/place/Q1> <http://example.org/year> "-0753"^^<{XSD}gYear> .\n'
        f'<http://example.org/place/Q2> <http://example.org/year> "1"^^<{XSD}gYear> .\n'
        '<http://example.org/place/São_Paulo> <http://example.org/year> "x" .\n',
        encoding="utf-8",
    )
    write_turtle(read_graph(source), tmp_path / "a.ttl")
    assert (tmp_path / "a.ttl").read_text(encoding="utf-8") == (
        "@prefix example: <http://example.org/> .\n"
        "@prefix place: <http://example.org/place/> .\n"
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        f"@prefix xsd: <{XSD}> .\n"
        "\n"
        'place:Q1 example:year "-0753"^^xsd:gYear ;\n'
        "    a place:City ;\n"
        '    rdfs:label "Roma"@it , "Rome"@en-GB .\n'
        'place:Q2 example:year "1"^^xsd:gYear .\n'
        '<http://example.org/place/São_Paulo> example:year "x" .\n'
    )


def test_prefixes_never_have_one_name(tmp_path: Path) -> None:
    spaces = [
        f"http://{host}.org/{path}" for host in ("a", "b") for path in ("data/", "rdf/", "base#", "9/", "")
    ]
    lines = [f"<{space}s> <{space}p> <{space}{n}> ." for space in spaces for n in range(3)]
    (tmp_path / "a.nt").write_text("\n".join(lines))
    graph = read_graph(tmp_path / "a.nt")
    write_turtle(graph, tmp_path / "a.ttl")
    text = (tmp_path / "a.ttl").read_text()
    assert text.count("@prefix") == len(spaces)
    assert rows(read_graph(tmp_path / "a.ttl")) == rows(graph)


def test_the_spelling_of_language_tags_survives(tmp_path: Path) -> None:
    text = '<http://e/s> <http://e/p> "a"@zh-Hans-CN, "b"@ar-EG--rtl, "c"@PT .'
    (tmp_path / "a.ttl").write_text(text)
    for ending, writer in WRITERS.items():
        writer(read_graph(tmp_path / "a.ttl"), tmp_path / f"out.{ending}")
        written = (tmp_path / f"out.{ending}").read_text()
        assert all(tag in written for tag in ('"a"@zh-Hans-CN', '"b"@ar-EG--rtl', '"c"@PT'))


def test_a_long_value_of_many_statements_is_written_in_pieces(tmp_path: Path) -> None:
    value = "x" * 3_000_000
    lines = [f'<http://e/{n}> <http://e/p> "{value}" .\n' for n in range(20)]
    (tmp_path / "a.nt").write_text("".join(lines))
    write_ntriples(read_graph(tmp_path / "a.nt"), tmp_path / "b.nt")
    assert sorted((tmp_path / "b.nt").read_text().splitlines(keepends=True)) == sorted(lines)


def test_no_permission_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.nt").write_text("<http://e/s> <http://e/p> <http://e/o> .\n")
    graph = read_graph(tmp_path / "a.nt")
    with pytest.raises(RunError, match=r"a\.nt/out\.ttl can't be written: not a directory"):
        write_turtle(graph, tmp_path / "a.nt" / "out.ttl")
    with pytest.raises(RunError, match=r"none/out\.ttl can't be written: no such file"):
        write_turtle(graph, tmp_path / "none" / "out.ttl")


FULL = """
import resource, sys
from pathlib import Path
from kgalign.rdf import read_graph
from kgalign.rdf.write import write_ntriples
graph = read_graph(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_ntriples(graph, Path(sys.argv[2]))
"""
"""Writes in a process whose files may not become longer than a kilobyte."""


def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "a.nt").write_text(
        "".join(f"<http://e/s> <http://e/p> <http://e/{n}> .\n" for n in range(99))
    )
    command = [sys.executable, "-c", FULL, str(tmp_path / "a.nt"), str(tmp_path / "out.nt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "kgalign.errors.RunError: There is no room to write" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.nt"]
