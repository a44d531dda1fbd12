"""Decisions in the formats of others: kgalign's own files, hand-made ones, broken ones."""

import gzip
import json
import logging
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.decisions import Decision, Relation, Standing, Verdict, read_decisions, standing
from kgalign.decisions.decision import UNMERGE
from kgalign.errors import InputError
from kgalign.export.decided import write_decisions
from kgalign.export.rows import Written

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sssom.constants import SchemaValidationType
    from sssom.parsers import parse_sssom_table
    from sssom.validators import validate

_HEAD = """#curie_map:
#  l: http://left.example/
#  r: http://right.example/
#mapping_set_id: https://example.org/set
"""
_COLUMNS = "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\tauthor_id\tmapping_date\tcomment\n"


def _told(decision: Decision) -> tuple[object, ...]:
    return (*decision.pair, decision.verdict, decision.relation, decision.by, decision.at, decision.why)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf8")
    return path


def test_sssom_with_its_prefixes_is_read(tmp_path: Path) -> None:
    rows = (
        "l:1\tskos:exactMatch\t\tr:1\torcid:0000-0001\t2026-01-02\tsame name\n"
        "l:2\tskos:exactMatch\tNot\tr:2\t\t\t\n"
        "l:3\tskos:broadMatch\t\thttp://right.example/3\tAda\t\t\n"
        "l:4\tskos:exactMatch\t\tsssom:NoTermFound\t\t\t\n"
        "l:5\towl:differentFrom\t\tr:5\t\t\t\n"
        "l:6\tskos:closeMatch\t\tr:6\t\t\tundecided: left to people\n"
        "l:7\tskos:closeMatch\tNot\tr:7\t\t\t\n"
    )
    head = _HEAD.replace("#mapping_set_id", "#  orcid: https://orcid.org/\n#mapping_set_id")
    found = read_decisions(_written(tmp_path / "people.sssom.tsv", head + _COLUMNS + rows)).decisions
    left, right = "http://left.example/", "http://right.example/"
    assert [_told(each) for each in found] == [
        (left + "1", right + "1", Verdict.SAME, Relation.EXACT, "https://orcid.org/0000-0001", "2026-01-02", "same name"),  # noqa: E501
        (left + "2", right + "2", Verdict.DIFFERENT, Relation.EXACT, "", "", ""),
        (left + "3", right + "3", Verdict.SAME, Relation.BROAD, "Ada", "", ""),
        (left + "4", "", Verdict.NOTHING, Relation.EXACT, "", "", ""),
        (left + "5", right + "5", Verdict.DIFFERENT, Relation.EXACT, "", "", ""),
    ]  # fmt: skip
    assert {each.source for each in found} == {"people.sssom.tsv"}


def test_sssom_in_json_is_read(tmp_path: Path) -> None:
    document = {
        "@context": {"l": "http://left.example/", "r": {"@id": "http://right.example/"}},
        "mapping_set_id": "https://example.org/set",
        "mappings": [
            {"subject_id": "l:1", "predicate_id": "owl:sameAs", "object_id": "r:1", "author_label": ["Ada", "Bob"]},  # noqa: E501
            {"subject_id": "l:2", "predicate_id": "skos:exactMatch", "predicate_modifier": "Not", "object_id": "r:2"},  # noqa: E501
        ],
    }  # fmt: skip
    path = _written(tmp_path / "people.sssom.json", json.dumps(document))
    assert [_told(each)[:5] for each in read_decisions(path).decisions] == [
        ("http://left.example/1", "http://right.example/1", Verdict.SAME, Relation.EXACT, "Ada|Bob"),
        ("http://left.example/2", "http://right.example/2", Verdict.DIFFERENT, Relation.EXACT, ""),
    ]


def test_columns_rdf_and_csv_are_read(tmp_path: Path) -> None:
    same, other = ("http://l/1", "http://r/1"), ("http://l/2", "http://r/2")
    columns = _written(tmp_path / "links.tsv", "# mine\nhttp://l/1\t<http://r/1>\tnote\n\n")
    rdf = _written(
        tmp_path / "links.ttl",
        "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
        "<http://l/1> owl:sameAs <http://r/1> . <http://l/2> owl:differentFrom <http://r/2> .\n",
    )
    table = _written(
        tmp_path / "links.csv",
        "left,right,left_name,right_name,probability,outcome\r\n"
        'http://l/1,http://r/1,"a, b",c,0.97,confirmed\r\n'
        "http://l/2,http://r/2,a,c,0.5,rejected\r\nhttp://l/3,http://r/3,a,c,0.5,undecided\r\n",
    )
    packed = tmp_path / "links.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    assert [(each.pair, each.verdict) for each in read_decisions(columns).decisions] == [(same, Verdict.SAME)]
    expected = [(same, Verdict.SAME), (other, Verdict.DIFFERENT)]
    for path in (rdf, table, packed):
        assert [(each.pair, each.verdict) for each in read_decisions(path).decisions] == expected, path


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.sssom.tsv", _HEAD + _COLUMNS + "x:1\tskos:exactMatch\t\tr:1\t\t\t\n", "line 6: nothing says what the prefix 'x'"),  # noqa: E501
        ("a.sssom.tsv", _HEAD + _COLUMNS + "l:1\tskos:prefLabel\t\tr:1\t\t\t\n", "line 6: .* is no predicate"),  # noqa: E501
        ("a.sssom.tsv", _HEAD + _COLUMNS + "l:1\tskos:exactMatch\tNo\tr:1\t\t\t\n", "line 6: 'No' is no predicate mod"),  # noqa: E501
        ("a.sssom.tsv", _HEAD + _COLUMNS + "l:1\t" * 9 + "\n", "line 6 has 10 columns, its heading 7"),
        ("a.sssom.tsv", _HEAD + "subject_id\tobject_id\nl:1\tr:1\n", "line 5 has no column predicate_id"),
        ("a.sssom.tsv", "#curie_map: [\n" + _COLUMNS, "are no YAML"),
        ("a.sssom.tsv", "#curie_map:\n#  owl: http://x/\n" + _COLUMNS, "owl another meaning"),
        ("a.sssom.tsv", "#a: !!python/object/apply:os.system [ls]\n" + _COLUMNS, "are no YAML"),
        ("a.json", "[" * 100_000, "is no JSON"),
        ("a.json", "[]", "holds no mappings"),
        ("a.json", '{"mappings": [1]}', "mapping 1 is no object"),
        ("a.json", '{"mappings": [{"subject_id": "l:1"}]}', "mapping 1 has no object_id"),
        ("a.csv", "left,right\nhttp://l,http://r\n", "line 1 has no column outcome"),
        ("a.csv", 'left,right,outcome\n"http://l,x\n', "can't be read"),
        ("a.tsv", "http://l/1\n", "line 1 has no tab"),
        ("a.ttl", "<http://l/1> <http://www.w3.org/2002/07/owl#sameAs> 'x' .", "does not link two IRIs"),
        ("a.ttl", "<http://l/1", "a.ttl: "),
    ],
)  # fmt: skip
def test_what_is_broken_is_told_with_its_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_decisions(_written(tmp_path / name, text))


def test_a_file_of_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"http://l/1\thttp://r/1\n\xff\n")
    with pytest.raises(InputError, match="line 2 is not UTF-8"):
        read_decisions(path)


def test_metadata_that_grow_by_aliases_are_read_in_no_time(tmp_path: Path) -> None:
    bomb = "#a0: &a0 [x]\n" + "".join(
        f"#a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 12)
    )
    head = bomb + "#author_id: *a11\n" + _HEAD
    path = _written(tmp_path / "a.sssom.tsv", head + _COLUMNS + "l:1\tskos:exactMatch\t\tr:1\t\t\t\n")
    assert [each.by for each in read_decisions(path).decisions] == [""]


_IRIS = st.from_regex(r"http://[a-z]{1,4}\.example/[A-Za-z0-9._~/-]{1,8}(#[A-Za-z0-9]{1,3})?", fullmatch=True)
_TEXTS = st.text(st.characters(codec="utf8", exclude_categories=("C", "Z")), max_size=12)
_DECISIONS = st.lists(
    st.one_of(
        st.builds(
            Decision,
            _IRIS,
            _IRIS,
            st.just(Verdict.SAME),
            st.sampled_from(Relation),
            by=st.one_of(_TEXTS, _IRIS),
            at=st.dates().map(str),
            why=st.one_of(_TEXTS, st.just("undecided: no"), st.just("\u0022quoted\u0022")),
        ),
        st.builds(Decision, _IRIS, _IRIS, st.sampled_from([Verdict.DIFFERENT, Verdict.UNSURE]), by=_TEXTS),
        st.builds(Decision, _IRIS, st.just(""), st.just(Verdict.NOTHING)),
        st.builds(Decision, st.just(""), _IRIS, st.just(Verdict.NOTHING)),
    ),
    min_size=1,
    max_size=6,
)


@given(_DECISIONS)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, decisions: list[Decision]
) -> None:
    path = tmp_path_factory.mktemp("decided") / "decided.sssom.tsv"
    assert write_decisions(path, decisions).links == len(decisions)
    assert [_told(each) for each in read_decisions(path).decisions] == [_told(each) for each in decisions]


_PEOPLE = st.sampled_from(
    ["", "Ada", "https://orcid.org/0000-0001", "Bob | Eve", "owl: Ada", "owl:Ada", '"A"']
)
_FEW = st.builds(
    Decision,
    st.sampled_from(["http://l.example/1", "http://l.example/a%20b#2", "urn:isbn:3"]),
    st.sampled_from(["http://r.example/1", "http://r.example/ns/2", "http://l.example/1"]),
    st.sampled_from([Verdict.SAME, Verdict.DIFFERENT, Verdict.UNSURE]),
    st.sampled_from(Relation),
    by=_PEOPLE,
    at=st.sampled_from(["", "2026-01-02T03:04:05.678Z"]),
    why=st.sampled_from(["", "undecided: no", "a\ttab", '"quoted"', "other birth date"]),
    probability=st.sampled_from([None, 0.5]),
    source=st.sampled_from(["", "before.tsv"]),
)
_SOME = st.lists(
    st.one_of(_FEW, _FEW.map(lambda each: replace(each, right="", verdict=Verdict.NOTHING))), max_size=8
)


def _standing(found: Standing) -> tuple[object, ...]:
    disagreements = {each.pair for own in found.disagreements for each in own}
    contradictions = {each.different.pair for each in found.contradictions}
    return found.same, found.apart, found.unsure, found.alone, disagreements, contradictions


@given(_SOME, st.lists(st.integers(0, 30), max_size=4))
def test_what_goes_out_and_comes_in_again_stands_as_it_did(
    tmp_path_factory: pytest.TempPathFactory, decisions: list[Decision], undone: list[int]
) -> None:
    made = list(decisions)
    for number in undone if made else ():
        made.append(made[number % len(made)].undone("Eve"))
    before = standing(made)
    path = tmp_path_factory.mktemp("decided") / "decided.sssom.tsv"
    written = write_decisions(path, before.said)
    assert written == Written(len(before.said), 0)
    assert _standing(standing(read_decisions(path).decisions)) == _standing(before)


def test_a_merge_taken_back_goes_out_as_a_refusal(tmp_path: Path) -> None:
    back = Decision("http://l/1", "http://r/1", Verdict.DIFFERENT, by="Ada", why="soot", source=UNMERGE)
    found = standing([back])
    assert (found.apart, [each.pair for each in found.taken]) == ([], [back.pair])
    write_decisions(tmp_path / "a.sssom.tsv", found.said)
    [read] = read_decisions(tmp_path / "a.sssom.tsv").decisions
    assert (_told(read), read.takes_back) == (_told(back), False)
    assert standing([read]).apart == [back.pair]


@pytest.mark.filterwarnings("ignore")
def test_the_sssom_package_finds_it_valid(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "decided.sssom.tsv"
    decisions = [
        Decision("http://l.example/1", "http://r.example/1", Verdict.SAME, by="Ada", at="2026-01-02T03:04:05Z", why="name"),  # noqa: E501
        Decision("http://l.example/2", "http://r.example/2", Verdict.DIFFERENT, by="https://orcid.org/0000-0001-2345-6789"),
        Decision("http://l.example/3", "http://r.example/3", Verdict.SAME, Relation.NARROW),
        Decision("http://l.example/4", "", Verdict.NOTHING),
        Decision("http://l.example/5", "http://r.example/5", Verdict.UNSURE),
        Decision("_:b", "http://r.example/6", Verdict.SAME),
    ]  # fmt: skip
    written = write_decisions(path, decisions)
    assert (written.links, written.left_out) == (5, 1)
    checks = [
        SchemaValidationType.JsonSchema,
        SchemaValidationType.PrefixMapCompleteness,
        SchemaValidationType.StrictCurieFormat,
    ]
    with caplog.at_level(logging.WARNING):
        read = parse_sssom_table(path)
        validate(read, checks, fail_on_error=True)
    assert [record.message for record in caplog.records] == []
    assert len(read.df) == 5
    assert list(read.df["mapping_justification"]).count("semapv:ManualMappingCuration") == 4
    assert list(read.df["reviewer_agreement"].dropna().astype(float)) == [0.0]
