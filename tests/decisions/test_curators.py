"""Files of sssom-curator: what people curated or reviewed counts, what its tools predicted does not."""

from pathlib import Path

import pytest

from kgalign.decisions import Decision, Relation, Verdict, read_decisions
from kgalign.errors import InputError

_HEAD = """#curie_map:
#  chebi: http://purl.obolibrary.org/obo/CHEBI_
#  mesh: http://id.nlm.nih.gov/mesh/
#  orcid: https://orcid.org/
#  semapv: https://w3id.org/semapv/vocab/
#  skos: http://www.w3.org/2004/02/skos/core#
#mapping_set_id: https://w3id.org/example/sssom
"""
_CURATED = (
    "subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label\tmapping_justification\tauthor_id"
    "\tmapping_tool\tpredicate_modifier\tmapping_date\n"
)
_REVIEWED = (
    "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification\tauthor_id\treviewer_id"
    "\tmapping_tool\tmapping_date\treview_date\tconfidence\treviewer_agreement\n"
)
_MANUAL = "ManualMappingCuration"
ADA, BOB = "https://orcid.org/0000-0001", "https://orcid.org/0000-0002"


def _read(path: Path, text: str) -> tuple[Decision, ...]:
    path.write_text(text, encoding="utf8")
    return read_decisions(path).decisions


def _row(number: int, relation: str = "exact", modifier: str = "") -> str:
    return (
        f"chebi:{number}\tname\tskos:{relation}Match\tmesh:{number}\tname\tsemapv:ManualMappingCuration"
        f"\torcid:0000-0001\tlexical\t{modifier}\t2026-01-02\n"
    )


def test_positives_and_negatives_are_decisions(tmp_path: Path) -> None:
    positives = _read(tmp_path / "positive.sssom.tsv", _HEAD + _CURATED + _row(1) + _row(2, "broad"))
    [negative] = _read(tmp_path / "negative.sssom.tsv", _HEAD + _CURATED + _row(3, modifier="Not"))
    told = [(each.verdict, each.relation, each.by, each.at) for each in (*positives, negative)]
    assert told == [
        (Verdict.SAME, Relation.EXACT, ADA, "2026-01-02"),
        (Verdict.SAME, Relation.BROAD, ADA, "2026-01-02"),
        (Verdict.DIFFERENT, Relation.EXACT, ADA, "2026-01-02"),
    ]
    assert negative.pair == ("http://purl.obolibrary.org/obo/CHEBI_3", "http://id.nlm.nih.gov/mesh/3")


def _reviewed(justification: str, agreement: str, *, modifier: str = "", author: str = "") -> str:
    return (
        f"chebi:1\tskos:exactMatch\t{modifier}\tmesh:1\tsemapv:{justification}\t{author}\torcid:0000-0002"
        f"\tsssom-curator\t2026-01-02\t2026-03-04\t0.7\t{agreement}\n"
    )


@pytest.mark.parametrize(
    ("row", "verdict", "by", "at"),
    [
        (_reviewed("LexicalMatching", "0.0"), Verdict.UNSURE, BOB, "2026-03-04"),
        (_reviewed("LexicalMatching", "1.0"), Verdict.SAME, BOB, "2026-03-04"),
        (_reviewed("LexicalMatching", ""), Verdict.SAME, BOB, "2026-03-04"),
        (_reviewed("LexicalMatching", "-1.0"), Verdict.DIFFERENT, BOB, "2026-03-04"),
        (_reviewed("LexicalMatching", "-1.0", modifier="Not"), Verdict.SAME, BOB, "2026-03-04"),
        (
            _reviewed(_MANUAL, "1.0", author="orcid:0000-0001"),
            Verdict.SAME,
            ADA,
            "2026-01-02",
        ),
        (
            _reviewed(_MANUAL, "0", author="orcid:0000-0001"),
            Verdict.UNSURE,
            BOB,
            "2026-03-04",
        ),
        (_reviewed(_MANUAL, "-1", author="orcid:0000-0001"), None, "", ""),
    ],
)
def test_what_was_reviewed_is_what_the_reviewer_says(
    tmp_path: Path, row: str, verdict: Verdict | None, by: str, at: str
) -> None:
    found = _read(tmp_path / "reviewed.sssom.tsv", _HEAD + _REVIEWED + row)
    assert [(each.verdict, each.by, each.at) for each in found] == ([(verdict, by, at)] if verdict else [])


def test_the_file_of_what_cannot_be_told_is_no_file_of_links(tmp_path: Path) -> None:
    """Before there was ``reviewer_agreement`` nothing but its name said so."""
    [found] = _read(tmp_path / "unsure.sssom.tsv", _HEAD + _CURATED + _row(1))
    assert (found.verdict, found.by) == (Verdict.UNSURE, ADA)


def test_predictions_are_no_decisions(tmp_path: Path) -> None:
    prediction = "unknown:1\tname\tskos:exactMatch\tmesh:1\tname\tsemapv:LexicalMatching\t\tlexical\t\t\n"
    path = tmp_path / "predictions.sssom.tsv"
    path.write_text(_HEAD + _CURATED + prediction * 3, encoding="utf8")
    with pytest.raises(InputError, match=r"holds no decisions: its 3 mappings are predictions of tools"):
        read_decisions(path)
    path.write_text(_HEAD + _CURATED + prediction * 3 + _row(1), encoding="utf8")
    read = read_decisions(path)
    assert (len(read.decisions), read.predictions) == (1, 3)


@pytest.mark.parametrize("agreement", ["much", "2", "nan"])
def test_an_agreement_is_a_number(tmp_path: Path, agreement: str) -> None:
    with pytest.raises(InputError, match=rf"line 9: '{agreement}' is no agreement between -1 and 1"):
        _read(tmp_path / "a.sssom.tsv", _HEAD + _REVIEWED + _reviewed("LexicalMatching", agreement))


@pytest.mark.parametrize("row", [_row(1, modifier="Not"), _row(1, "broad")])
def test_that_nothing_is_there_is_said_by_the_exact_relation_alone(tmp_path: Path, row: str) -> None:
    rows = _row(2).replace("mesh:2", "sssom:NoTermFound") + row.replace("mesh:1", "sssom:NoTermFound")
    [found] = _read(tmp_path / "a.sssom.tsv", _HEAD + _CURATED + rows)
    assert (found.pair, found.verdict) == (("http://purl.obolibrary.org/obo/CHEBI_2", ""), Verdict.NOTHING)
