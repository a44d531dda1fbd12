"""SHACL shapes of the user: what fusion caused is told from what was wrong before."""

import json
from pathlib import Path
from typing import Any

import pytest
import rdflib

from kgalign.config.fusion import FuseConfig
from kgalign.errors import InputError
from kgalign.fusion import fuse
from kgalign.fusion.shapes import Violations, check_shapes, read_shapes
from kgalign.rdf import Graph, read_graph
from kgalign.rdf.to_rdflib import graph_to_rdflib
from tests.commands import assert_one_line, call
from tests.conftest import Pair
from tests.rdf.rows import texts

HEAD = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix v: <http://elements.example/v/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> . @prefix : <http://example.org/> .
"""
ELEMENT = "<http://elements.example/v/ElementShape> a sh:NodeShape ; sh:targetClass v:Element ;\n"
ONE_NAME = HEAD + ELEMENT + "sh:property [ sh:path v:name ; sh:maxCount 1 ] ."
LONG_SYMBOL = HEAD + ELEMENT + "sh:property [ sh:path v:symbol ; sh:minLength 2 ] ."
MAX_COUNT = "http://www.w3.org/ns/shacl#MaxCountConstraintComponent"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def graph(path: Path, text: str) -> Graph:
    return read_graph(written(path, HEAD + text))


def violations(folder: Path, left: str, right: str, shapes: str, *links: tuple[str, str]) -> Violations:
    one, two = graph(folder / "l.ttl", left), graph(folder / "r.ttl", right)
    ends = [texts(one).index(f"<http://example.org/{a}>") for a, _ in links]
    others = [texts(two).index(f"<http://example.org/{b}>") for _, b in links]
    fused = fuse(one, two, ends, others, FuseConfig(policy="PassItOn"))
    return check_shapes(one, two, fused, read_shapes([written(folder / "shapes.ttl", HEAD + shapes)]))


MERGED_NAMES = """
[fuse]
policy = "PassItOn"
[fuse.mapping]
"http://elements.example/v/name" = "http://www.w3.org/2000/01/rdf-schema#label"
"""

TWO_BOSSES = ":S a sh:NodeShape ; sh:targetSubjectsOf :boss ; sh:property [ sh:path :boss ; sh:maxCount 1 ] ."


def test_what_fusion_caused_is_told_with_the_statements(tmp_path: Path) -> None:
    found = violations(tmp_path, ":a :boss :x .", ":b :boss :y . :y :boss :z .", TWO_BOSSES, ("a", "b"))
    assert found.before == (0, 0)
    (violation,) = found.caused
    assert violation.focus == "<http://example.org/a>"
    assert violation.path == "http://example.org/boss"
    assert violation.constraint == MAX_COUNT
    said = {(each.value, each.source) for each in violation.statements}
    assert said == {("http://example.org/x", "left"), ("http://example.org/y", "right")}


def test_what_was_wrong_before_is_not_blamed_on_fusion(tmp_path: Path) -> None:
    right = ":b :boss :x, :y ."
    found = violations(tmp_path, ":a :boss :x .", right, TWO_BOSSES, ("a", "b"))
    assert found.before == (0, 1)
    assert [each.caused for each in found.after] == [False]


def test_a_renamed_property_is_shown_as_its_source_has_it(elements: Pair, tmp_path: Path) -> None:
    shapes = written(tmp_path / "shapes.ttl", ONE_NAME)
    run, config = tmp_path / "run", written(tmp_path / "c.toml", MERGED_NAMES)
    result = call(["run", elements.left, elements.right, "-o", run, "--shapes", shapes, "--config", config])
    assert result.returncode == 0, result.stderr
    content = report(run)
    assert content["before"] == {"left": 0, "right": 0}
    assert content["caused_by_fusion"] == content["after"] > 20
    assert f"of which fusion caused {content['after']}" in result.stdout
    for violation in content["violations"]:
        assert {each["source"] for each in violation["statements"]} == {"left", "right"}
        assert "http://www.w3.org/2000/01/rdf-schema#label" in {
            each["said_property"] for each in violation["statements"]
        }


def report(run: Path) -> dict[str, Any]:
    content = json.loads((run / "violations.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_strict_runs_fail_where_fusion_broke_a_shape_and_only_there(elements: Pair, tmp_path: Path) -> None:
    run, graphs = tmp_path / "run", (elements.left, elements.right)
    before = written(tmp_path / "before.ttl", LONG_SYMBOL)
    kept = call(["run", *graphs, "-o", run, "--shapes", before, "--strict"])
    assert kept.returncode == 0, kept.stderr
    assert report(run)["after"] > 0
    assert report(run)["caused_by_fusion"] == 0
    config, one = written(tmp_path / "c.toml", MERGED_NAMES), written(tmp_path / "one.ttl", ONE_NAME)
    strictly = ("run", *graphs, "-o", run, "--config", config, "--shapes", one, "--strict")
    broken = call(strictly)
    assert broken.returncode == 1
    assert "Fusion broke the shapes" in broken.stderr
    again = call(strictly)
    assert again.returncode == 1, "a run that is up to date is no better"
    without = call(["run", *graphs, "-o", run])
    assert without.returncode == 0
    assert not (run / "violations.json").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("this is no Turtle", "shapes.ttl"),
        (HEAD + ":a :b :c .", "holds no shapes"),
        (HEAD + ":S a sh:NodeShape ; sh:targetNode :x ; sh:property [ sh:maxCount 1 ] .", "can't be used"),
    ],
)
def test_shapes_that_are_none_are_refused_before_anything_is_done(
    elements: Pair, tmp_path: Path, text: str, expected: str
) -> None:
    shapes, run = written(tmp_path / "shapes.ttl", text), tmp_path / "run"
    result = call(["run", elements.left, elements.right, "-o", run, "--shapes", shapes])
    assert_one_line(result, expected)
    assert not (run / "fused.ttl").exists()
    assert not (run / "stages" / "read-left").exists()


def test_a_query_that_does_not_parse_is_a_sentence(tmp_path: Path) -> None:
    query = '[ a sh:SPARQLConstraint ; sh:select "SELECT WHO" ]'
    shapes = f":S a sh:NodeShape ; sh:targetNode :a ; sh:sparql {query} ."
    with pytest.raises(InputError, match="can't be used"):
        violations(tmp_path, ":a :boss :x .", ":b :boss :y .", shapes, ("a", "b"))


def test_rdflib_gets_every_statement_as_it_is_written(tmp_path: Path) -> None:
    text = ':a :b "01"^^xsd:integer, "x"@en, "y", _:n . _:n :c <http://example.org/ü> .'
    mine = graph_to_rdflib(graph(tmp_path / "g.ttl", text))
    assert "01" in {str(each) for each in mine.objects()}
    theirs = rdflib.Graph().parse(data=HEAD + text, format="turtle")
    assert len(mine) == len(theirs) == 5
    assert {each.n3() for each in mine.objects() if isinstance(each, rdflib.URIRef)} == {
        "<http://example.org/ü>"
    }
