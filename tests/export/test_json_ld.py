"""JSON-LD: what is written is read back as it was, by pyoxigraph and by rdflib."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given

from kgalign.errors import InputError
from kgalign.export.json_ld import write_json_ld
from kgalign.rdf import Graph, read_graph
from kgalign.rdf.columns import assemble
from tests.rdf.rows import canonical_quads
from tests.rdf.strategies import quads, triples


def graph_of(statements: list[ox.Quad], folder: Path) -> Graph:
    ox.serialize(statements, folder / "in.nq", ox.RdfFormat.N_QUADS)
    return read_graph(folder / "in.nq")


@pytest.fixture
def lexical_forms_kept() -> Iterator[None]:
    rdflib.NORMALIZE_LITERALS = False
    yield
    rdflib.NORMALIZE_LITERALS = True


rdf_1_1 = quads.map(lambda found: [each for each in found if not isinstance(each.object, ox.Triple)]).filter(
    bool
)


@given(statements=rdf_1_1)
def test_datasets_come_back_as_they_were(statements: list[ox.Quad]) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "out.jsonld"
        assert write_json_ld(graph_of(statements, Path(name)), file) == len(set(statements))
        assert canonical_quads(ox.parse(path=str(file))) == canonical_quads(statements)


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")  # rdflib's own reader uses it
@pytest.mark.usefixtures("lexical_forms_kept")
@given(statements=triples)
def test_rdflib_reads_what_is_written(statements: list[ox.Quad]) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "out.jsonld"
        write_json_ld(graph_of(statements, Path(name)), file)
        text = rdflib.Graph().parse(file, format="json-ld").serialize(format="nt")
        assert canonical_quads(ox.parse(text, ox.RdfFormat.N_TRIPLES)) == canonical_quads(statements)


def test_a_node_is_a_line_and_a_named_graph_holds_its_nodes(tmp_path: Path) -> None:
    source = tmp_path / "a.trig"
    source.write_text(
        "<http://e/s> a <http://e/T>, 'odd' ; <http://e/p> '01'^^<http://e/d>, 'x'@ar--rtl, _:b .\n"
        "<http://e/g> { <http://e/s> <http://e/p> 1 . <http://e/t> <http://e/p> 'y' }",
        encoding="utf8",
    )
    write_json_ld(read_graph(source), tmp_path / "a.jsonld")
    whole, named = json.loads((tmp_path / "a.jsonld").read_text(encoding="utf8"))
    label = whole["http://e/p"][0]["@id"]
    assert label.startswith("_:")
    assert whole == {
        "@id": "http://e/s",
        "http://e/p": [
            {"@id": label},
            {"@value": "01", "@type": "http://e/d"},
            {"@value": "x", "@language": "ar", "@direction": "rtl"},
        ],
        "@type": ["http://e/T"],
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#type": [{"@value": "odd"}],
    }
    assert named["@id"] == "http://e/g"
    assert [node["@id"] for node in named["@graph"]] == ["http://e/s", "http://e/t"]


def test_a_node_of_more_statements_than_a_batch_stays_one(tmp_path: Path) -> None:
    lines = [f'<http://e/s> <http://e/p> "{number}" .\n' for number in range(40_000)]
    (tmp_path / "a.nt").write_text("".join(lines))
    assert write_json_ld(read_graph(tmp_path / "a.nt"), tmp_path / "a.jsonld") == 40_000
    (node,) = json.loads((tmp_path / "a.jsonld").read_text())
    assert len(node["http://e/p"]) == 40_000


def test_an_empty_graph_is_an_empty_list(tmp_path: Path) -> None:
    assert write_json_ld(assemble([]), tmp_path / "a.jsonld") == 0
    assert json.loads((tmp_path / "a.jsonld").read_text()) == []


def test_triple_terms_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text("<http://e/s> <http://e/p> <<( <http://e/a> <http://e/b> 1 )>> .")
    with pytest.raises(InputError, match="no triple terms"):
        write_json_ld(read_graph(tmp_path / "a.ttl"), tmp_path / "a.jsonld")
    assert [each.name for each in tmp_path.iterdir()] == ["a.ttl"]
