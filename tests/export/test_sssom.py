import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from kgalign.export import Written, write_sssom
from kgalign.export.rows import linked
from kgalign.records import Outcome
from tests.evaluate.small import alignment, profile, verdicts
from tests.export.matched_vocabularies import vocabularies
from tests.export.worlds import NASTY, UNFIT, World, nasty, world

OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"


def rows(path: Path) -> list[dict[str, str]]:
    lines = [
        line for line in path.read_text(encoding="utf8").splitlines(keepends=True) if not line.startswith("#")
    ]
    return list(csv.DictReader(lines, delimiter="\t"))


def head(path: Path) -> str:
    return "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("#"))


def write(path: Path, of: World) -> Written:
    left, right, linked, judged = of
    return write_sssom(path, left, right, linked, judged, version="1.2.3")


def test_writes_one_mapping_per_link(tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    of = world(["http://l/1", "http://l/2"], ["http://r/1", "http://r/2"], ["One", "Two"])
    assert write(path, of) == Written(2, 0)
    assert rows(path)[0] == {
        "subject_id": "ns:1",
        "subject_label": "One",
        "predicate_id": "owl:sameAs",
        "object_id": "ns2:1",
        "object_label": "One",
        "mapping_justification": "semapv:CompositeMatching",
        "confidence": "0.5",
    }
    assert '# mapping_tool: "kgalign"\n# mapping_tool_version: "1.2.3"\n' in head(path)
    assert '#   ns: "http://l/"\n' in head(path)
    assert '# license: "https://w3id.org/sssom/license/unspecified"\n' in head(path)


def test_classes_and_concepts_have_predicates_of_their_own(tmp_path: Path) -> None:
    iris = [f"http://l/{row}" for row in range(5)]
    left = profile(iris, types=[f"{OWL}Class", f"{SKOS}Concept", None, f"{OWL}Class", None], edges=[])
    right = profile(
        [iri.replace("l/", "r/") for iri in iris],
        types=[None, f"{SKOS}Concept", None, None, f"{OWL}Class"],
        edges=[(0, "http://www.w3.org/2000/01/rdf-schema#subClassOf", 4)],
    )
    linked = alignment([(row, row, 1.0, Outcome.MATCH) for row in range(5)])
    path = tmp_path / "mappings.sssom.tsv"
    write(path, (left, right, linked, verdicts([(row, row, 1.0) for row in range(5)])))
    assert [row["predicate_id"] for row in rows(path)] == [
        "owl:equivalentClass",
        "skos:exactMatch",
        "owl:sameAs",
        "skos:exactMatch",
        "skos:exactMatch",
    ]


def test_known_and_confirmed_links_are_not_the_tools_work(tmp_path: Path) -> None:
    sides = (
        profile(["http://l/0", "http://l/1", "http://l/2"]),
        profile(["http://r/0", "http://r/1", "http://r/2"]),
    )
    linked = alignment(
        [(0, 0, 1.0, Outcome.CONFIRMED), (1, 1, 1.0, Outcome.CONFIRMED), (2, 2, 0.9, Outcome.MATCH)]
    )
    judged = verdicts([(0, 0, 1.0), (1, 1, 1.0), (2, 2, 0.9)], given=[0])
    path = tmp_path / "mappings.sssom.tsv"
    write(path, (*sides, linked, judged))
    told = [
        (row["mapping_justification"], row["mapping_tool"], row["mapping_tool_version"]) for row in rows(path)
    ]
    assert told == [
        ("semapv:UnspecifiedMatching", "", ""),
        ("semapv:ManualMappingCuration", "", ""),
        ("semapv:CompositeMatching", "kgalign", "1.2.3"),
    ]
    assert "mapping_tool" not in head(path)


def test_names_stay_on_one_line_and_in_their_column(tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    write(path, nasty())
    labels = [row["subject_label"] for row in rows(path)]
    assert labels[:3] == ['a "quoted" name', "tab here", "line break"]
    assert labels[3:7] == NASTY[3:7]
    assert labels[-1] == "nul byte [31m"


def test_a_name_of_megabytes_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    write(path, world(["http://l/1"], ["http://r/1"], ["a" * 5_000_000]))
    assert len(rows(path)[0]["subject_label"]) == 500


def test_undecided_and_unwritable_links_are_not_in_it(tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    of = world(["http://l/1", *UNFIT], [f"http://r/{row}" for row in range(len(UNFIT) + 1)])
    assert write(path, of) == Written(1, len(UNFIT))
    linked = alignment([(0, 0, 0.4, Outcome.UNDECIDED)])
    assert write(path, (of[0], of[1], linked, of[3])) == Written(0, 0)
    assert rows(path) == []


def test_same_links_same_bytes_and_other_links_another_id(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.sssom.tsv" for number in range(3)]
    for path in paths[:2]:
        write(path, nasty())
    write(paths[2], world(["http://l/1"], ["http://r/1"]))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert head(paths[0]).splitlines()[0] != head(paths[2]).splitlines()[0]


def test_what_was_refused_is_a_not_and_what_is_open_no_identity(tmp_path: Path) -> None:
    outcomes = (
        Outcome.MATCH,
        Outcome.REJECTED,
        Outcome.NO_MATCH,
        Outcome.UNDECIDED,
        Outcome.NOT_ASKED,
        Outcome.FAILED,
    )
    iris = [f"http://l/{row}" for row in range(len(outcomes))]
    sides = profile(iris), profile([iri.replace("l/", "r/") for iri in iris])
    decided = alignment([(row, row, 0.25, outcome) for row, outcome in enumerate(outcomes)])
    judged = verdicts([(row, row, 0.25) for row in range(len(outcomes))])
    everything = linked(replace(decided, outcome=np.full(6, Outcome.MATCH, dtype=np.uint8)))
    pairs = replace(everything, outcome=decided.outcome)
    path = tmp_path / "mappings.sssom.tsv"
    written = write_sssom(path, *sides, decided, judged, version="1.2.3", pairs=pairs)
    assert written == Written(6, 0)
    told = [
        (row["predicate_modifier"], row["predicate_id"], row["mapping_justification"], row["confidence"])
        for row in rows(path)
    ]
    assert told == [
        ("", "owl:sameAs", "semapv:CompositeMatching", "0.25"),
        ("Not", "owl:sameAs", "semapv:ManualMappingCuration", "1.0"),
        ("Not", "owl:sameAs", "semapv:CompositeMatching", "0.75"),
        *[("", "skos:closeMatch", "semapv:CompositeMatching", "0.25")] * 3,
    ]
    assert [row["mapping_tool"] for row in rows(path)] == ["kgalign", "", *["kgalign"] * 4]
    assert all(bool(row["comment"]) == (number > 2) for number, row in enumerate(rows(path)))


def test_columns_that_no_mapping_needs_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    write(path, world(["http://l/1"], ["http://r/1"]))
    assert not {"predicate_modifier", "comment", "mapping_tool"} & set(rows(path)[0])


def test_properties_and_classes_have_predicates_types_and_reasons(tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    of = world(["http://l/1"], ["http://r/1"])
    written = write_sssom(path, *of, version="1.2.3", vocabularies=vocabularies())
    assert written == Written(15, 1)
    entity, *told = rows(path)
    assert (entity["subject_type"], entity["comment"], entity["mapping_tool"]) == ("", "", "kgalign")
    assert {row["subject_type"] for row in told} == {"rdf property", "rdfs class"}
    assert all(row["subject_type"] == row["object_type"] for row in told)
    renamed = "in the fused graph: the left one's name for both"
    assert [(row["subject_id"].partition(":")[2], row["predicate_id"], row["comment"]) for row in told] == [
        ("p", "owl:equivalentProperty", renamed),
        ("km", "skos:closeMatch", "a b; not renamed: another unit: kilometres → miles"),
        ("narrow", "rdfs:subPropertyOf", "not renamed: another correspondence is surer"),
        ("wide", "skos:narrowMatch", "not renamed: the right one says only part of the other"),
        ("y2020", "skos:closeMatch", "not renamed: other numbers"),
        ("up", "owl:inverseOf", renamed),
        ("off", "skos:relatedMatch", "not renamed: an inverse, and not exact seen from both ends"),
        ("told", "owl:equivalentProperty", renamed),
        ("s", "owl:equivalentProperty", "in the fused graph: the second name"),
        ("A", "owl:equivalentClass", renamed),
        ("C", "rdfs:subClassOf", "not renamed: they do not have the same members"),
        ("D", "skos:narrowMatch", "not renamed: another correspondence is surer"),
        ("E", "skos:closeMatch", "not renamed: they do not have the same members"),
        ("S", "owl:equivalentClass", "in the fused graph: the second name"),
    ]
    by_people = [row["subject_id"] for row in told if not row["mapping_tool"]]
    assert [name.partition(":")[2] for name in by_people] == ["told", "s", "S"]
    justified = {(row["mapping_justification"], row["mapping_tool"]) for row in told}
    assert justified == {
        ("semapv:InstanceBasedMatching", "kgalign"),
        ("semapv:ManualMappingCuration", ""),
    }


def test_where_both_vocabularies_are_kept_nothing_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "mappings.sssom.tsv"
    of = world(["http://l/1"], ["http://r/1"])
    write_sssom(path, *of, version="1.2.3", vocabularies=vocabularies(), vocabulary="both")
    assert not any("in the fused graph" in row["comment"] for row in rows(path))
