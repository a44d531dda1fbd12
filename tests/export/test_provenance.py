"""``fused.trig``: what is said of each value and of each statement that was dropped, in both forms."""

import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyoxigraph as ox
import pytest
import rdflib

import kgalign
from kgalign.export.formats import export
from kgalign.export.provenance import write_provenance
from kgalign.rdf.graph import Terms
from kgalign.rdf.vocabulary import RDF_TYPE
from kgalign.records.fused import Fusion, Role
from kgalign.records.vocabularies import ClassMatch, Vocabularies
from kgalign.run.finished import Finished
from tests.export.finished_runs import hostile_run
from tests.export.fused_trig import KG, PROV, Provenance, Term, bundle_of, read
from tests.export.small_fusion import LEFT, RIGHT, E, fused, small_fusion
from tests.rdf.rows import canonical_quads

FORMS = ("prov", "rdf12")
BERLIN = ox.NamedNode(E + "berlin")


@pytest.fixture(scope="module")
def fusion(tmp_path_factory: pytest.TempPathFactory) -> Fusion:
    return small_fusion(tmp_path_factory.mktemp("small"))


@pytest.fixture(params=FORMS)
def small(fusion: Fusion, tmp_path: Path, request: pytest.FixtureRequest) -> Provenance:
    write_provenance(fusion, tmp_path / "fused.trig", form=request.param)
    return read(tmp_path / "fused.trig")


@pytest.fixture
def lexical_forms_kept() -> Iterator[None]:
    rdflib.NORMALIZE_LITERALS = False
    yield
    rdflib.NORMALIZE_LITERALS = True


def origin(found: Provenance, name: str, value: str) -> Term:
    """The origin of what is said of Berlin."""
    (node,) = {
        node
        for triple, node in found.fused.items()
        if triple.predicate.value == E + name and getattr(triple.object, "value", "") == value
    }
    return node


def lost(found: Provenance, name: str, value: str) -> Term:
    (node,) = {
        node
        for node, triple in found.dropped()
        if triple.predicate.value == E + name and getattr(triple.object, "value", "") == value
    }
    return node


def sources(found: Provenance, node: Term) -> set[tuple[str | None, str | None]]:
    """Side and named graph of what a node is derived from."""
    return {
        (found.text(each, "side"), found.text(each, "graph"))
        for each in found.about[node].get("wasDerivedFrom", [])
        if "side" in found.about[each]
    }


def test_a_fused_value_has_its_sources_its_rule_and_its_confidence(small: Provenance) -> None:
    people = origin(small, "people", "3500000")
    assert sources(small, people) == {("left", None)}
    assert small.text(people, "rule") == "KeepFirst"
    assert small.text(people, "confidence") == "0.5"
    assert small.one(people, "wasGeneratedBy") == small.of("Fusion")[0]


def test_what_has_one_origin_stands_together(small: Provenance) -> None:
    name = small.fused[ox.Triple(BERLIN, ox.NamedNode(E + "name"), ox.Literal("Berlin", language="en"))]
    assert origin(small, "people", "3500000") == name
    assert origin(small, "people", "3500000") != origin(small, "founded", "1237")


def test_what_lost_has_the_value_that_was_kept_and_why(small: Provenance) -> None:
    people = lost(small, "people", "3600000")
    assert people in small.of("LostStatement")
    assert sources(small, people) == {("right", None)}
    assert small.text(people, "kept") == "3500000"
    assert small.text(people, "reason") == "another source comes first"
    assert small.text(people, "rule") == "KeepFirst"
    assert small.text(people, "saidProperty") == E + "inhabitants"


def test_a_label_lost_against_the_one_of_its_language(small: Provenance) -> None:
    kept = small.one(lost(small, "name", "Berlino"), "kept")
    assert kept == ox.Literal("Berlin", language="en")


def test_the_same_in_other_clothes_is_no_loss(small: Provenance) -> None:
    founded = lost(small, "founded", "1237.0")
    assert founded in small.of("AgreeingStatement")
    assert small.text(founded, "kept") == "1237"


def test_a_computed_value_comes_from_what_was_counted_in(small: Provenance) -> None:
    area = origin(small, "area", "892")
    assert area in small.of("ComputedStatements")
    assert sources(small, area) == {("left", None), ("right", None)}
    for value in ("891", "893"):
        assert lost(small, "area", value) in small.of("CountedStatement")


def test_a_source_that_says_it_otherwise_is_told_so(small: Provenance) -> None:
    mayor = origin(small, "mayor", E + "kai")
    assert sources(small, mayor) == {("left", None), ("right", None)}
    (derivation,) = small.about[mayor]["qualifiedDerivation"]
    assert small.text(derivation, "saidInverse") == E + "governs"
    assert small.text(small.about[derivation]["entity"][0], "side") == "right"


def test_a_named_graph_is_a_source_on_the_side_that_holds_it(small: Provenance) -> None:
    note, code = origin(small, "note", "right note"), origin(small, "code", "B")
    assert sources(small, note) == {("right", E + "almanac")}
    assert ox.NamedNode(E + "almanac") in small.about[note]["wasDerivedFrom"]
    assert sources(small, code) == {("left", E + "shared"), ("right", E + "shared")}


def test_identity_comes_from_no_source(small: Provenance) -> None:
    (node,) = {node for triple, node in small.fused.items() if triple.predicate.value.endswith("sameAs")}
    assert node in small.of("IdentityStatements")
    assert sources(small, node) == set()


def test_the_fusion_is_counted_and_names_the_tool(small: Provenance, fusion: Fusion) -> None:
    (node,) = small.of("Fusion")
    counts = fusion.counts
    assert small.text(node, "statementsRead") == str(counts.left + counts.right)
    assert small.text(node, "statementsFused") == str(len(small.fused))
    assert small.text(node, "statementsDropped") == str(len(small.of("DroppedStatement")))
    assert set(small.about[node]["used"]) == set(small.of("Source"))
    (tool,) = small.about[node]["wasAssociatedWith"]
    assert small.about[tool]["http://www.w3.org/2002/07/owl#versionInfo"] == [ox.Literal(kgalign.__version__)]


def test_every_name_is_of_this_fusion(small: Provenance) -> None:
    stem = small.bundle.value.removesuffix("provenance")
    blank = {node for node in small.about if isinstance(node, ox.BlankNode)}
    assert all(
        node.value.startswith(stem) for node in set(small.about) - blank if isinstance(node, ox.NamedNode)
    )
    assert blank == {node for each in small.about.values() for node in each.get("qualifiedDerivation", [])}


def test_without_provenance_it_is_the_fused_graph_with_its_named_graphs(
    fusion: Fusion, tmp_path: Path
) -> None:
    write_provenance(fusion, tmp_path / "fused.trig", form="none")
    quads = set(ox.parse(path=str(tmp_path / "fused.trig")))
    assert ox.NamedNode(E + "almanac") in {quad.graph_name for quad in quads}
    write_provenance(fusion, tmp_path / "prov.trig")
    assert {ox.Triple(q.subject, q.predicate, q.object) for q in quads} == set(
        read(tmp_path / "prov.trig").fused
    )


def test_annotations_can_be_asked_for(fusion: Fusion, tmp_path: Path) -> None:
    write_provenance(fusion, tmp_path / "fused.trig", form="rdf12")
    store = ox.Store()
    store.bulk_load(path=str(tmp_path / "fused.trig"), format=ox.RdfFormat.TRIG)
    query = f"""PREFIX kg: <{KG}> PREFIX prov: <{PROV}>
        SELECT ?value ?rule WHERE {{
            <{E}berlin> <{E}people> ?value ~ ?origin .
            GRAPH ?bundle {{ ?bundle a prov:Bundle . ?origin kg:rule ?rule }}
        }}"""
    found = store.query(query)
    assert isinstance(found, ox.QuerySolutions)
    assert [(row["value"].value, row["rule"].value) for row in found] == [("3500000", "KeepFirst")]


@pytest.mark.usefixtures("lexical_forms_kept")
def test_rdflib_reads_the_same(fusion: Fusion, tmp_path: Path) -> None:
    path = tmp_path / "fused.trig"
    write_provenance(fusion, path)
    assert by_rdflib(path) == canonical_quads(ox.parse(path=str(path)))


def by_rdflib(path: Path) -> set[ox.Quad]:
    data = rdflib.Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of dates that are none, and of its own old classes
        data.parse(path, format="trig")
        text = data.serialize(format="nquads")
    return canonical_quads(ox.parse(text, ox.RdfFormat.N_QUADS))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_run(tmp_path_factory.mktemp("hostile"))


@pytest.mark.usefixtures("lexical_forms_kept")
def test_hostile_texts_and_iris_come_through(hostile: Path, tmp_path: Path) -> None:
    finished = Finished(hostile)
    for name in ("provenance", "provenance-rdf12", "nquads"):
        export(finished, name, tmp_path / name)
    assert (tmp_path / "provenance").read_bytes() == (hostile / "fused.trig").read_bytes()
    one, other = read(tmp_path / "provenance"), read(tmp_path / "provenance-rdf12")
    assert set(one.inputs()) == set(other.inputs())
    quads = ox.parse(path=str(tmp_path / "nquads"), format=ox.RdfFormat.N_QUADS)
    plain = {ox.Triple(q.subject, q.predicate, q.object) for q in quads}
    assert set(one.fused) == set(other.fused) == plain
    expected = canonical_quads(ox.parse(path=str(tmp_path / "provenance"), format=ox.RdfFormat.TRIG))
    assert by_rdflib(tmp_path / "provenance") == expected


def test_what_was_fused_before_is_data_and_not_provenance(tmp_path: Path) -> None:
    """An older file as input: its bundle, its sources and its origins are what is told of, not what tells."""
    write_provenance(small_fusion(tmp_path), tmp_path / "older.trig")
    older = (tmp_path / "older.trig").read_text(encoding="utf8")
    for form in FORMS:
        write_provenance(fused(tmp_path, older, RIGHT), tmp_path / "newer.trig", form=form)
        newer, before = read(tmp_path / "newer.trig"), read(tmp_path / "older.trig")
        assert newer.bundle != before.bundle
        assert not set(newer.about) & set(before.about)
        said = {quad for side, quad in newer.inputs() if side == "left"}
        assert canonical_quads(said) == canonical_quads(ox.parse(path=str(tmp_path / "left.trig")))


@pytest.mark.parametrize("form", FORMS)
def test_data_in_our_vocabulary_forges_nothing(tmp_path: Path, form: str) -> None:
    """All words of ours, and the names of the fusion without the forgery: with it they are of no fusion."""
    clean = fused(tmp_path, LEFT, RIGHT)
    write_provenance(clean, tmp_path / "clean.trig", form=form)
    stem = read(tmp_path / "clean.trig").bundle.value.removesuffix("provenance")
    forged = f"""
    <{stem}provenance> {{
        <{stem}provenance> a <{PROV}Bundle> .
        <{stem}lie> a <{KG}FusedStatements> ; <{KG}rule> "Voting" ; <{PROV}wasDerivedFrom> <{stem}left> .
        <{stem}left> a <{KG}Source> ; <{KG}side> "left" .
    }}
    <{stem}lie> {{ :berlin :forged "lie" . }}
    <{stem}lie> <http://www.w3.org/1999/02/22-rdf-syntax-ns#reifies> <<( :berlin :forged "lie" )>> .
    """
    write_provenance(fused(tmp_path, LEFT, RIGHT + forged), tmp_path / "forged.trig", form=form)
    quads = list(ox.parse(path=str(tmp_path / "forged.trig")))
    bundle = bundle_of(quads)
    assert not bundle.value.startswith(stem)
    found = read(tmp_path / "forged.trig")
    assert ox.NamedNode(f"{stem}lie") not in found.about
    lie = origin(found, "forged", "lie")
    assert sources(found, lie) == {("right", f"{stem}lie")}


def test_prefixes_of_the_data_leave_ours_alone(tmp_path: Path) -> None:
    spaces = ["http://x.example/run/", "http://x.example/kg/", "http://y.example/kg2#", KG]
    lines = [f"<{space}s{n}> <{space}p> <{space}o> ." for space in spaces for n in range(3)]
    for form in FORMS:
        write_provenance(fused(tmp_path, "\n".join(lines), LEFT), tmp_path / "out.trig", form=form)
        text = (tmp_path / "out.trig").read_text(encoding="utf8")
        head = [line.split()[1] for line in text.splitlines() if line.startswith("@prefix")]
        assert len(head) == len(set(head))
        assert f"@prefix kg: <{KG}> ." in text
        said = {quad for side, quad in read(tmp_path / "out.trig").inputs() if side == "left"}
        assert said == set(ox.parse("\n".join(lines), ox.RdfFormat.N_TRIPLES))


def test_one_source_that_says_it_in_two_ways_is_told_both(tmp_path: Path) -> None:
    from tests.export.small_fusion import VOCABULARIES

    made = fused(tmp_path, ":a :people 1 .", ":a :people 1 ; :inhabitants 1 .", (), {}, VOCABULARIES)
    write_provenance(made, tmp_path / "fused.trig")
    said = [(side, quad.predicate.value) for side, quad in read(tmp_path / "fused.trig").inputs()]
    assert sorted(said) == [("left", E + "people"), ("right", E + "inhabitants"), ("right", E + "people")]


def test_a_statement_that_loses_twice_is_one(tmp_path: Path) -> None:
    """Two nodes of one side become one: what both said, and lost, is one statement now."""
    links = (("a", "x"), ("a", "y"))
    made = fused(tmp_path, ":a :p 1 .", ":x :p 2 . :y :p 2 .", links, {"policy": "KeepFirst"})
    assert made.counts.lost == 2
    write_provenance(made, tmp_path / "fused.trig")
    found = read(tmp_path / "fused.trig")
    assert len(found.of("DroppedStatement")) == 1
    assert found.text(found.of("Fusion")[0], "statementsDropped") == "1"


def test_an_empty_end_of_the_file(tmp_path: Path) -> None:
    """Nothing was dropped, nothing was merged."""
    made = fused(tmp_path, ":a :p 1 .", ":b :p 1 .")
    for form in FORMS:
        assert write_provenance(made, tmp_path / "fused.trig", form=form) == 2
        assert len(read(tmp_path / "fused.trig").fused) == 2


def many(rivals: int) -> Fusion:
    """One property of one thing: two thousand values that were kept, and as many that lost."""
    texts = ["http://e.example/p", "http://e.example/s", *(f"{number:06}" for number in range(2 * rivals))]
    kind = np.array([0, 0, *[2] * (2 * rivals)], np.uint8)
    none = np.full(len(texts), -1, np.int32)
    terms = Terms(kind, pa.array(texts, pa.large_string()), none, none, (), ())
    size, empty = 2 * rivals, np.empty(0, np.int32)
    side = (np.arange(size) % 2).astype(np.uint8)
    from kgalign.records.fused import FusionCounts

    return Fusion(
        terms=terms,
        subject=np.ones(size, np.int32),
        property=np.zeros(size, np.int32),
        value=np.arange(2, size + 2, dtype=np.int32),
        graph=np.full(size, -1, np.int32),
        said=np.zeros(size, np.int32),
        turned=np.zeros(size, bool),
        said_class=np.full(size, -1, np.int32),
        side=side,
        source=side.astype(np.int32),
        conflict=np.zeros(size, np.int32),
        role=np.where(side == 1, Role.LOST, Role.WRITTEN).astype(np.uint8),
        reason=np.zeros(size, np.uint8),
        rule=np.zeros(size, np.uint8),
        confidence=np.linspace(0, 1, size, dtype=np.float32),
        computed_subject=empty,
        computed_property=empty,
        computed_value=empty,
        computed_rule=empty,
        computed_conflict=empty,
        same_subject=empty,
        same_object=empty,
        retired=empty,
        replaced_by=empty,
        identity="",
        left_term=empty,
        right_term=empty,
        sources=("left", "right"),
        reasons=('it "lost"\n',),
        rules=("a rule",),
        counts=FusionCounts(rivals, rivals, 0, 0, rivals, 0, 0, 0, rivals, 0, 0, 1),
    )


def test_many_rivals_do_not_multiply(tmp_path: Path) -> None:
    write_provenance(many(2000), tmp_path / "fused.trig")
    found = read(tmp_path / "fused.trig")
    assert len(found.of("LostStatement")) == 2000
    assert {len(found.about[node]["kept"]) for node in found.of("LostStatement")} == {8}
    assert {found.text(node, "reason") for node in found.of("LostStatement")} == {'it "lost"\n'}
    assert (tmp_path / "fused.trig").stat().st_size < 2_000_000


def test_confidence_is_told_in_hundredths(tmp_path: Path) -> None:
    write_provenance(many(2000), tmp_path / "fused.trig")
    found = read(tmp_path / "fused.trig")
    told = {found.text(node, "confidence") for node in found.of("FusedStatements")}
    assert {Decimal(text or "") for text in told} == {Decimal(step) / 100 for step in range(101)}
    assert len(found.of("FusedStatements")) == 101


@pytest.mark.parametrize("form", FORMS)
def test_a_renamed_class_is_told_as_its_source_has_it(tmp_path: Path, form: str) -> None:
    classes = (ClassMatch(E + "City", E + "Ville", "exact", 1.0, 9, 1.0, 1.0, chosen=True, given=True),)
    left, right = ":berlin a :City ; :p 1 .", ":b1 a :Ville , :Lieu ."
    one = fused(tmp_path, left, right, (("berlin", "b1"),), {}, Vocabularies(classes=classes))
    write_provenance(one, tmp_path / "fused.trig", form=form)
    found = read(tmp_path / "fused.trig")
    types = {triple.object.value for triple in found.fused if triple.predicate.value == RDF_TYPE}  # type: ignore[union-attr]
    assert types == {E + "City", E + "Lieu"}
    said = {
        (side, quad.object.value)  # type: ignore[union-attr]
        for side, quad in found.inputs()
        if quad.predicate.value == RDF_TYPE
    }
    assert said == {("left", E + "City"), ("right", E + "Ville"), ("right", E + "Lieu")}
