import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import rdflib
from hypothesis import given

from kgalign.export import Written, write_oaei
from kgalign.records import Outcome
from tests.evaluate.small import alignment, profile
from tests.export.worlds import UNFIT, World, nasty, world, worlds

ALIGN = "http://knowledgeweb.semanticweb.org/heterogeneity/alignment#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

Cell = tuple[str, str, float]


def cells(path: Path) -> list[Cell]:
    """A reader of its own: cells by XML alone."""
    found = []
    for cell in ET.parse(path).getroot().iter(f"{{{ALIGN}}}Cell"):
        first, second = (cell.find(f"{{{ALIGN}}}entity{number}") for number in (1, 2))
        measure, relation = cell.find(f"{{{ALIGN}}}measure"), cell.find(f"{{{ALIGN}}}relation")
        assert first is not None and second is not None and measure is not None and relation is not None
        assert relation.text == "="
        resource = f"{{{RDF}}}resource"
        found.append((first.attrib[resource], second.attrib[resource], float(measure.text or "")))
    return found


def expected(of: World) -> list[Cell]:
    left, right, linked, _ = of
    iris = left.entity_iri.to_pylist(), right.entity_iri.to_pylist()
    rows = zip(linked.left.tolist(), linked.right.tolist(), linked.probability.tolist(), strict=True)
    return [(iris[0][a], iris[1][b], round(probability, 6)) for a, b, probability in rows]


def test_both_readers_find_what_was_written(tmp_path: Path) -> None:
    of = nasty()
    path = tmp_path / "alignment.rdf"
    assert write_oaei(path, *of[:3]) == Written(len(of[2]), 0)
    assert cells(path) == expected(of)
    graph = rdflib.Graph().parse(path)
    name = rdflib.Namespace(ALIGN)
    read = {
        (str(graph.value(cell, name.entity1)), str(graph.value(cell, name.entity2)))
        for cell in graph.objects(None, name.map)
    }
    assert read == {(a, b) for a, b, _ in expected(of)}
    for measure in graph.objects(None, name.measure):
        assert isinstance(measure, rdflib.Literal)
        assert measure.datatype == rdflib.XSD.float


@given(of=worlds())
def test_any_link_comes_back(tmp_path_factory: pytest.TempPathFactory, of: World) -> None:
    path = tmp_path_factory.mktemp("oaei") / "alignment.rdf"
    write_oaei(path, *of[:3])
    assert cells(path) == expected(of)


def test_undecided_and_unwritable_links_are_not_in_it(tmp_path: Path) -> None:
    of = world(["http://l/1", *UNFIT], [f"http://r/{row}" for row in range(len(UNFIT) + 1)])
    path = tmp_path / "alignment.rdf"
    assert write_oaei(path, *of[:3]) == Written(1, len(UNFIT))
    undecided = alignment([(0, 0, 0.4, Outcome.UNDECIDED)])
    assert write_oaei(path, of[0], of[1], undecided) == Written(0, 0)
    assert cells(path) == []


@pytest.mark.parametrize(
    ("cardinality", "arity"),
    [("one-to-one", "??"), ("one-to-many", "?*"), ("many-to-one", "*?"), ("many-to-many", "**")],
)
def test_names_the_sides_and_the_arity(tmp_path: Path, cardinality: str, arity: str) -> None:
    path = tmp_path / "alignment.rdf"
    linked = alignment([(0, 0, 1.0, Outcome.CONFIRMED)], cardinality=cardinality)
    sides = profile(["http://l/1"]), profile(["http://r/1"])
    write_oaei(path, *sides, linked)
    graph = rdflib.Graph().parse(path)
    name = rdflib.Namespace(ALIGN)
    (whole,) = graph.subjects(rdflib.RDF.type, name.Alignment)
    assert graph.value(whole, name.type) == rdflib.Literal(arity)
    assert str(graph.value(whole, name.onto1)) == "urn:kgalign:left"
    assert str(graph.value(whole, name.onto2)) == "urn:kgalign:right"
