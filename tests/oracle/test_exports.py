"""What other programs read of an exported run, hostile texts and named graphs included."""

import logging
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
import rdflib

from kgalign.arrays import Flags
from kgalign.base import store
from kgalign.export.formats import Choices, export
from kgalign.records import Alignment, Floats, Hearing, Outcome
from kgalign.run.finished import Finished
from kgalign.run.folder import RunFolder
from tests.export.finished_runs import hostile_run
from tests.rdf.rows import canonical_quads

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sssom.constants import SchemaValidationType
    from sssom.parsers import parse_sssom_table, to_mapping_set_document
    from sssom.validators import validate

QUADS = {
    "nquads": (ox.RdfFormat.N_QUADS, "nquads"),
    "trig": (ox.RdfFormat.TRIG, "trig"),
    "jsonld": (ox.RdfFormat.JSON_LD, "json-ld"),
}
TRIPLES = {"ntriples": (ox.RdfFormat.N_TRIPLES, "nt"), "turtle": (ox.RdfFormat.TURTLE, "turtle")}

Written = Callable[[str], Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_run(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def written(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Exports the run, each format once."""
    folder = tmp_path_factory.mktemp("exports")

    def write(name: str) -> Path:
        path = folder / name
        if not path.exists():
            export(Finished(run), name, path)
        return path

    return write


@pytest.fixture
def lexical_forms_kept() -> Iterator[None]:
    rdflib.NORMALIZE_LITERALS = False
    yield
    rdflib.NORMALIZE_LITERALS = True


def read(path: Path, form: ox.RdfFormat) -> set[ox.Quad]:
    return canonical_quads(ox.parse(path=str(path), format=form))


def test_every_format_of_the_dataset_holds_the_same(written: Written) -> None:
    expected = read(written("nquads"), QUADS["nquads"][0])
    assert any(not isinstance(quad.graph_name, ox.DefaultGraph) for quad in expected)
    for name, (form, _) in QUADS.items():
        assert read(written(name), form) == expected, name


def test_triples_hold_the_same_without_the_names_of_graphs(written: Written) -> None:
    quads = ox.parse(path=str(written("nquads")), format=ox.RdfFormat.N_QUADS)
    expected = canonical_quads({ox.Quad(each.subject, each.predicate, each.object) for each in quads})
    for name, (form, _) in TRIPLES.items():
        assert read(written(name), form) == expected, name


@pytest.mark.usefixtures("lexical_forms_kept")
@pytest.mark.parametrize("name", [*QUADS, *TRIPLES])
def test_rdflib_reads_the_same(written: Written, name: str) -> None:
    form, rdflib_name = (QUADS | TRIPLES)[name]
    data = rdflib.Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of dates that are none, and of its own old classes
        data.parse(written(name), format=rdflib_name)
        text = data.serialize(format="nquads")
    found = canonical_quads(ox.parse(text.replace(" <urn:x-rdflib:default> .", " ."), ox.RdfFormat.N_QUADS))
    assert found == read(written(name), form)


@pytest.mark.parametrize(
    ("name", "predicate"), [("same-as", "owl:sameAs"), ("exact-match", "skos:exactMatch")]
)
def test_links_are_one_statement_each(written: Written, name: str, predicate: str) -> None:
    graph = rdflib.Graph().parse(written(name), format="nt")
    (iri,) = set(graph.predicates())
    assert graph.namespace_manager.qname(str(iri)) == predicate
    assert len(graph) == len(pq.read_table(written("parquet")))


def test_all_formats_of_links_hold_the_same_links(written: Written) -> None:
    table = pq.read_table(written("parquet"))
    pairs = set(zip(table["left"].to_pylist(), table["right"].to_pylist(), strict=True))
    same = rdflib.Graph().parse(written("same-as"), format="nt")
    assert {(str(a), str(b)) for a, b in same.subject_objects()} == pairs
    align = rdflib.Namespace("http://knowledgeweb.semanticweb.org/heterogeneity/alignment#")
    oaei = rdflib.Graph().parse(written("oaei"), format="xml")
    cells = list(oaei.subjects(rdflib.RDF.type, align.Cell))
    assert {
        (str(oaei.value(each, align.entity1)), str(oaei.value(each, align.entity2))) for each in cells
    } == pairs
    picture = nx.read_graphml(written("graphml"))
    drawn = {
        (picture.nodes[a]["iri"], picture.nodes[b]["iri"])
        for a, b, data in picture.edges(data=True)
        if data["kind"] == "link"
    }
    assert drawn == pairs


@pytest.mark.filterwarnings("ignore")
def test_sssom_of_a_run_with_votes_against_the_evidence_is_valid(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    finished = Finished(run)
    refused, doubtful, turned_down = (int(each) for each in finished.alignment.verdict[:3])
    hearing = hearing_on([refused], finished.evidence.probability)
    keep = finished.alignment.verdict != refused
    outcome = finished.alignment.outcome.copy()
    outcome[finished.alignment.verdict == doubtful] = Outcome.UNDECIDED
    outcome[finished.alignment.verdict == turned_down] = Outcome.REJECTED
    decided = only(finished.alignment, keep, outcome)
    shutil.copytree(run, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    store.save(folder.stage("ask"), hearing)
    store.save(folder.stage("assign"), decided)
    record = folder.read()
    changed = {name: replace(record.steps[name], digests={}) for name in ("ask", "assign")}
    folder.write(replace(record, steps=record.steps | changed))
    path = tmp_path / "mappings.sssom.tsv"
    with caplog.at_level(logging.WARNING):
        export(Finished(tmp_path / "run"), "sssom", path, Choices(undecided=True))
        table = parse_sssom_table(path)
        checks = (
            SchemaValidationType.JsonSchema,
            SchemaValidationType.PrefixMapCompleteness,
            SchemaValidationType.StrictCurieFormat,
        )
        validate(table, list(checks), fail_on_error=True)
    assert [record.message for record in caplog.records] == []
    everything = to_mapping_set_document(table).mapping_set.mappings
    mappings = [each for each in everything if each.subject_type is None]
    assert {str(each.subject_type) for each in everything} == {"None", "rdf property", "rdfs class"}
    negated = [each for each in mappings if str(each.predicate_modifier) == "Not"]
    assert len(mappings) == len(finished.alignment)
    assert sorted((each.confidence, each.mapping_justification) for each in negated) == [
        (pytest.approx(0.99), "semapv:CompositeMatching"),
        (1.0, "semapv:ManualMappingCuration"),
    ]
    assert [each.predicate_id for each in mappings].count("skos:closeMatch") == 1


def hearing_on(rows: list[int], probability: Floats) -> Hearing:
    """Votes that said no to these rows of the verdicts."""
    return Hearing(
        judging="made up",
        row=np.array(rows, dtype=np.int32),
        prior=probability[rows],
        probability=np.full(len(rows), 0.01, dtype=np.float32),
        outcome=np.full(len(rows), Outcome.NO_MATCH, dtype=np.uint8),
        case=pa.array(["case"] * len(rows), pa.large_string()),
        vote_row=np.zeros(0, dtype=np.int32),
        vote_number=np.zeros(0, dtype=np.int32),
        vote_log_odds=np.zeros(0, dtype=np.float32),
    )


def only(alignment: Alignment, keep: Flags, outcome: npt.NDArray[np.uint8]) -> Alignment:
    """Some rows of an alignment, with other outcomes."""
    return replace(
        alignment,
        left=alignment.left[keep],
        right=alignment.right[keep],
        probability=alignment.probability[keep],
        outcome=outcome[keep],
        verdict=alignment.verdict[keep],
    )
