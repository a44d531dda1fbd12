"""The vocabulary and its shapes: all terms can be read and say what the code says; broken data is refused."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyshacl
import pytest
import rdflib
from rdflib import OWL, RDF, RDFS, SH, SKOS, XSD
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.processor import SPARQLProcessor
from rdflib.plugins.sparql.sparql import Query

from kgalign.export.provenance import write_provenance
from kgalign.ledger import FILE, Ledger
from kgalign.ledger.export import export
from kgalign.ledger.turtle import STATUS
from kgalign.records import Outcome
from kgalign.records.votes import Direction, Status, View
from tests.export.small_fusion import small_fusion
from tests.ledger.small_ledger import write

KG = rdflib.Namespace("https://w3id.org/kgalign#")
PROV = rdflib.Namespace("http://www.w3.org/ns/prov#")
VALUE = rdflib.Literal("something else")


@pytest.fixture(scope="module", autouse=True)
def _each_query_is_prepared_once() -> Iterator[None]:
    """For each node pyshacl hands rdflib the text of a query anew, and parsing it took most of the time."""

    @cache
    def prepared(text: str, names: tuple[tuple[str, object], ...], base: str | None) -> Query:
        return prepareQuery(text, dict(names), base)

    query = SPARQLProcessor.query

    def prepare_and_query(
        self: SPARQLProcessor,
        text: str,
        bindings: Mapping[str, Any] | None = None,
        names: Mapping[str, Any] | None = None,
        base: str | None = None,
        debug: bool = False,
    ) -> Mapping[str, Any]:
        return query(self, prepared(text, tuple((names or {}).items()), base), bindings, names, base, debug)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SPARQLProcessor, "query", prepare_and_query)
        yield


@cache
def _read(name: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=(files("kgalign.ontologies") / name).read_text(encoding="utf8"))


def _vocabulary() -> rdflib.Graph:
    return _read("kgalign.ttl")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("votes"))
    with Ledger.open(folder / FILE, write=False) as ledger:
        export(ledger, folder / "votes.ttl", "ttl")
    return folder / "votes.ttl"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a small fusion in which everything happens, as N-Triples."""
    folder = tmp_path_factory.mktemp("fusion")
    write_provenance(small_fusion(folder), folder / "fused.trig")
    data = rdflib.Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own old classes
        data.parse(folder / "fused.trig", format="trig")
    (found,) = (graph for graph in data.graphs() if (graph.identifier, RDF.type, PROV.Bundle) in graph)
    return found.serialize(format="nt")


@pytest.fixture(scope="module")
def whole(exported: Path, bundle: str) -> rdflib.Graph:
    """A ledger with every status and every outcome, and a fusion, as RDF."""
    return rdflib.Graph().parse(exported).parse(data=bundle, format="nt")


@pytest.fixture
def votes(whole: rdflib.Graph) -> rdflib.Graph:
    """A copy of it, to be changed."""
    return rdflib.Graph() + whole


def test_every_term_has_a_label_and_a_comment() -> None:
    graph = _vocabulary()
    terms = {term for term in graph.subjects(RDF.type) if isinstance(term, rdflib.URIRef)}
    assert len(terms) > 10
    for term in terms:
        for predicate in (RDFS.label, RDFS.comment):
            (text,) = graph.objects(term, predicate)
            assert isinstance(text, rdflib.Literal)
            assert text.language == "en"


def _used(graph: rdflib.Graph) -> set[rdflib.URIRef]:
    return {term for triple in graph for term in triple if isinstance(term, rdflib.URIRef) and term in KG}


def test_nothing_is_used_that_is_not_defined(votes: rdflib.Graph) -> None:
    graph = _vocabulary()
    defined = {term for term in graph.subjects(RDF.type) if isinstance(term, rdflib.URIRef)}
    for each in (graph, _read("shapes.ttl"), votes):
        assert _used(each) <= defined


def test_every_term_of_votes_and_fusions_is_in_use(votes: rdflib.Graph) -> None:
    """What the files never say is no part of their vocabulary."""
    graph = _vocabulary()
    runs = {
        "Run",
        "Link",
        "Feature",
        "Evidence",
        "left",
        "right",
        "logOdds",
        "evidence",
        "feature",
        "cardinality",
    }
    outcomes = set(graph.subjects(RDF.type, KG.Outcome)) | {KG.Outcome, KG.Status}
    assert set(map(str, _used(graph) - _used(votes) - outcomes)) == {str(KG[name]) for name in runs}


def test_the_outcomes_are_those_of_the_code() -> None:
    graph = _vocabulary()
    names = {str(each).removeprefix(str(KG)) for each in graph.subjects(RDF.type, KG.Outcome)}
    assert names == {outcome.name.title().replace("_", "") for outcome in Outcome}
    (listed,) = graph.objects(KG.Outcome, OWL.oneOf)
    assert {str(each) for each in graph.items(listed)} == {f"{KG}{name}" for name in names}


def test_the_statuses_are_those_of_the_code() -> None:
    graph = _vocabulary()
    words = {each: str(graph.value(each, SKOS.notation)) for each in graph.subjects(RDF.type, KG.Status)}
    assert words == {KG[STATUS[status]]: status.value for status in Status}
    (listed,) = graph.objects(KG.Status, OWL.oneOf)
    assert set(graph.items(listed)) == set(words)


@pytest.mark.parametrize(
    ("path", "words"), [(KG.direction, [*Direction]), (KG.view, [*View]), (KG.status, [*Status])]
)
def test_the_shapes_allow_the_words_of_the_code(path: rdflib.URIRef, words: list[str]) -> None:
    shapes = _read("shapes.ttl")
    (allowed,) = {shapes.value(shape, SH["in"]) for shape in shapes.subjects(SH.path, path)}
    assert allowed is not None
    assert len(list(shapes.items(allowed))) == len(words)


def test_the_shapes_are_shapes(votes: rdflib.Graph) -> None:
    conforms, _, text = pyshacl.validate(votes, shacl_graph=_read("shapes.ttl"), meta_shacl=True)
    assert conforms, text


def test_the_ledger_to_validate_has_every_status_and_outcome(votes: rdflib.Graph) -> None:
    assert set(votes.objects(None, KG.status)) == {KG[name] for name in STATUS.values()}
    assert len(set(votes.objects(None, KG.outcome))) == 5


def test_each_required_property_is_missed(votes: rdflib.Graph) -> None:
    """All of them are dropped at once, and each is found missing where it was."""
    shapes = _read("shapes.ttl")
    required = set()
    for shape, kind in shapes.subject_objects(SH.targetClass):
        for constraint in shapes.objects(shape, SH.property):
            path = shapes.value(constraint, SH.path)
            if (constraint, SH.minCount, None) in shapes and isinstance(path, rdflib.URIRef):
                required.add((kind, path))
    assert len(required) > 50
    kinds = {kind: set(votes.subjects(RDF.type, kind)) for kind, _ in required}
    for _, path in required:
        votes.remove((None, path, None))
    _, report, _ = pyshacl.validate(votes, shacl_graph=_read("shapes.ttl"))
    assert isinstance(report, rdflib.Graph)
    missed = {
        (report.value(result, SH.focusNode), report.value(result, SH.resultPath))
        for result in report.subjects(SH.sourceConstraintComponent, SH.MinCountConstraintComponent)
    }
    for kind, path in required:
        assert kinds[kind]
        assert {(node, path) for node in kinds[kind]} <= missed, (kind, path)


def _some(graph: rdflib.Graph, predicate: rdflib.URIRef, value: rdflib.term.Node) -> rdflib.term.Node:
    return min(graph.subjects(predicate, value), key=str)


def _second_status(graph: rdflib.Graph) -> None:
    graph.add((_some(graph, KG.status, KG.Ok), KG.status, KG.Invented))


def _unknown_status(graph: rdflib.Graph) -> None:
    graph.set((_some(graph, KG.status, KG.CutOff), KG.status, KG.Failed))


def _counted_choice_not_offered(graph: rdflib.Graph) -> None:
    graph.set((_some(graph, KG.status, KG.Ok), KG.choice, rdflib.URIRef("http://r/never-offered")))


def _counted_choice_elsewhere(graph: rdflib.Graph) -> None:
    graph.set((_some(graph, KG.status, KG.Ok), KG.place, rdflib.Literal(17)))


def _counted_without_choice(graph: rdflib.Graph) -> None:
    graph.remove((_some(graph, KG.status, KG.Ok), KG.choice, None))


def _failed_but_speaks(graph: rdflib.Graph) -> None:
    graph.add((_some(graph, KG.status, KG.Unanswered), KG.speaksFor, rdflib.URIRef("http://r/1")))


def _invented_but_found(graph: rdflib.Graph) -> None:
    for citation in graph.objects(_some(graph, KG.status, KG.Invented), KG.citation):
        graph.set((citation, KG.found, rdflib.Literal(True)))


def _counted_but_not_found(graph: rdflib.Graph) -> None:
    (citation, *_) = graph.objects(_some(graph, KG.status, KG.Ok), KG.citation)
    graph.set((citation, KG.found, rdflib.Literal(False)))


def _another_case(graph: rdflib.Graph) -> None:
    graph.set((_some(graph, KG.status, KG.Ok), KG.case, rdflib.URIRef("http://l/another")))


def _derived_from_a_failure(graph: rdflib.Graph) -> None:
    decision = _some(graph, KG.outcome, KG.Failed)
    graph.add((decision, PROV.wasDerivedFrom, _some(graph, KG.status, KG.Unanswered)))


def _votes_lost(graph: rdflib.Graph) -> None:
    graph.remove((_some(graph, KG.outcome, KG.Undecided), PROV.wasDerivedFrom, None))


def _another_probability(graph: rdflib.Graph) -> None:
    graph.set((_some(graph, KG.outcome, KG.Match), KG.probability, rdflib.Literal(0.123)))


def _above_one(graph: rdflib.Graph) -> None:
    estimate = _some(graph, RDF.type, KG.Estimate)
    graph.set((estimate, KG.probability, rdflib.Literal(1.5)))


def _person_decided(graph: rdflib.Graph) -> None:
    graph.set((_some(graph, KG.outcome, KG.Match), KG.outcome, KG.Confirmed))


def _literal_entity(graph: rdflib.Graph) -> None:
    graph.set((_some(graph, RDF.type, KG.Option), KG.entity, VALUE))


def _two_forms(graph: rdflib.Graph) -> None:
    graph.add((_some(graph, RDF.type, KG.SelectQuestion), RDF.type, KG.VerifyQuestion))


def _no_way_out(graph: rdflib.Graph) -> None:
    for option in list(graph.subjects(KG.entity, KG.NoneOfThem)):
        graph.remove((None, KG.option, option))


def _no_source(graph: rdflib.Graph) -> None:
    graph.remove((_some(graph, KG.rule, rdflib.Literal("KeepFirst")), PROV.wasDerivedFrom, None))


def _derived_from_a_graph_alone(graph: rdflib.Graph) -> None:
    source = _some(graph, KG.graph, rdflib.URIRef("http://e.example/almanac"))
    graph.remove((None, PROV.wasDerivedFrom, source))


def _sure_beyond_doubt(graph: rdflib.Graph) -> None:
    graph.set(
        (
            _some(graph, RDF.type, KG.LostStatement),
            KG.confidence,
            rdflib.Literal("1.01", datatype=XSD.decimal),
        )
    )


def _lost_and_counted(graph: rdflib.Graph) -> None:
    graph.add((_some(graph, RDF.type, KG.LostStatement), RDF.type, KG.CountedStatement))


def _two_values(graph: rdflib.Graph) -> None:
    graph.add((_some(graph, RDF.type, KG.LostStatement), RDF.object, VALUE))


def _lost_against_itself(graph: rdflib.Graph) -> None:
    node = _some(graph, RDF.type, KG.LostStatement)
    for value in graph.objects(node, RDF.object):
        graph.set((node, KG.kept, value))


def _a_loser_missing(graph: rdflib.Graph) -> None:
    graph.remove((_some(graph, RDF.type, KG.AgreeingStatement), None, None))


def _a_third_side(graph: rdflib.Graph) -> None:
    graph.set((_some(graph, KG.side, rdflib.Literal("left")), KG.side, rdflib.Literal("middle")))


def _no_version(graph: rdflib.Graph) -> None:
    graph.remove((None, OWL.versionInfo, None))


DAMAGES = (
    _second_status, _unknown_status, _counted_choice_not_offered, _counted_choice_elsewhere,
    _counted_without_choice, _failed_but_speaks, _invented_but_found, _counted_but_not_found, _another_case,
    _derived_from_a_failure, _votes_lost, _another_probability, _above_one, _person_decided, _literal_entity,
    _two_forms, _no_way_out, _no_source, _derived_from_a_graph_alone, _sure_beyond_doubt, _lost_and_counted,
    _two_values, _lost_against_itself, _a_loser_missing, _a_third_side, _no_version,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_broken_data_does_not_conform(votes: rdflib.Graph, damage: Callable[[rdflib.Graph], None]) -> None:
    damage(votes)
    conforms, *_ = pyshacl.validate(votes, shacl_graph=_read("shapes.ttl"), abort_on_first=True)
    assert not conforms
