"""What a file of known links says, whatever it is called; gold and known links are read by one reader."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.decisions.people import Said, said_in_file
from kgalign.errors import InputError
from kgalign.links.gold import read_pairs

ONE, OTHER = ("http://l.example/1", "http://r.example/1"), ("http://l.example/2", "http://r.example/2")
ALONE = ("http://l.example/3", "")
_SSSOM = (
    "#curie_map:\n#  l: http://l.example/\n#  r: http://r.example/\n"
    "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\n"
    "l:1\tskos:exactMatch\t\tr:1\nl:2\tskos:exactMatch\tNot\tr:2\nl:3\tskos:exactMatch\t\tsssom:NoTermFound\n"
)
_RDF = (
    "@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix l: <http://l.example/> .\n"
    "@prefix r: <http://r.example/> .\nl:1 owl:sameAs r:1 ; a l:Thing . l:2 owl:differentFrom r:2 .\n"
)


@pytest.mark.parametrize("name", ["known.tsv", "known.txt", "known", "known.sssom", "known.sssom.tsv"])
def test_sssom_is_known_by_its_columns_not_by_its_name(tmp_path: Path, name: str) -> None:
    path, packed = tmp_path / name, tmp_path / f"{name}.gz"
    path.write_text(_SSSOM, encoding="utf8")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for each in (path, packed):
        assert said_in_file(each) == Said((ONE,), (OTHER,), (ALONE,))


@pytest.mark.parametrize("name", ["known.ttl", "known.trig", "known.ttl.gz"])
def test_rdf_says_what_is_not_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(_RDF.encode()) if name.endswith(".gz") else _RDF.encode())
    assert said_in_file(path) == Said((ONE,), (OTHER,))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("known.tsv", "\n# nothing\n", "holds no links"),
        ("known.tsv", "http://l/1 http://r/1\n", "line 1 has no tab"),
        ("known.tsv", "left\tright\n", "line 1: 'left' is no IRI"),
        ("known.ttl", "<http://l/1> a <http://r/1> .", "holds no links"),
        ("known.csv", "left,right,outcome\nhttp://l/1,http://r/1,undecided\n", "holds no links"),
    ],
)
def test_what_says_nothing_is_told(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf8")
    with pytest.raises(InputError, match=said):
        said_in_file(tmp_path / name)


_IRIS = st.from_regex(r"[a-z]{1,3}:[^\t\r\n<>]{0,6}", fullmatch=True)
_ROWS = st.lists(
    st.tuples(_IRIS, _IRIS, st.sampled_from(["", "\t0.5", "\tnote\tmore"])), min_size=1, max_size=5
)


@given(_ROWS, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_columns_are_the_same_pairs_for_gold_and_for_people(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], end: str, bare: bool
) -> None:
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    form = "{}\t{}{}" if bare else "<{}>\t<{}>{}"
    path.write_text(end.join(["\ufeff# mine", *(form.format(*row) for row in rows)]), "utf8", newline="")
    assert read_pairs(path) == said_in_file(path).same == tuple(sorted({(a, b) for a, b, _ in rows}))
