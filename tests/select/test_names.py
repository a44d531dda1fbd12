"""Names that stand in IRIs."""

import doctest
from hashlib import sha1
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.select import names
from kgalign.select.names import are_names, spell, spell_all
from kgalign.select.namespaces import split_namespaces
from tests.select.turtle import X, attributes, profile, values


@pytest.mark.parametrize(
    ("local", "text"),
    [
        ("S%C3%A3o_Paulo", "São Paulo"),
        ("McDonald's_Corporation", "McDonald's Corporation"),
        ("birthPlace", "birth Place"),
        ("Two_wordsHere", "Two wordsHere"),
        ("AC/DC", "AC/DC"),
        ("%E6%9D%B1%E4%BA%AC", "東京"),
        ("東京", "東京"),
        ("%FF", "\ufffd"),
        ("a%0A%1B%5B2Jb", "a [2Jb"),
        ("__", ""),
        ("", ""),
    ],
)
def test_local_names_are_spelt_out(local: str, text: str) -> None:
    assert spell(local) == text


PIECES = st.sampled_from([*"abAB_'1", "%41", "%", "é", " ", "\n"])
LOCALS = st.text() | st.text("aB_") | st.lists(PIECES, max_size=6).map("".join)


@given(st.lists(LOCALS))
def test_many_are_spelt_as_each_by_itself(locals_: list[str]) -> None:
    found = spell_all(pa.array(["before", *locals_], pa.large_string())[1:])
    assert found.to_pylist() == [spell(local) for local in locals_]


def split(iris: list[str]) -> tuple[list[str], list[str]]:
    found = split_namespaces(pa.array(["before", *iris], pa.large_string())[1:])
    assert list(found.spaces) == sorted(set(found.spaces))
    return [found.spaces[each] for each in found.space.tolist()], found.local.to_pylist()


@given(st.text())
def test_what_is_spelt_out_has_no_breaks(local: str) -> None:
    assert spell(local) == " ".join(spell(local).split())


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(names).failed == 0


@pytest.mark.parametrize(
    ("iri", "space"),
    [
        ("http://a.example/v#name", "http://a.example/v#"),
        ("http://a.example/v/name", "http://a.example/v/"),
        ("http://a.example/v/name/", "http://a.example/v/"),
        ("http://a.example/v/name#", "http://a.example/v/"),
        ("http://a.example/v/name#this", "http://a.example/v/"),
        ("http://a.example/v/name#id", "http://a.example/v/"),
        ("urn:isbn:0451450523", "urn:isbn:"),
        ("nothing", ""),
        ("", ""),
    ],
)
def test_namespaces_end_at_the_last_break(iri: str, space: str) -> None:
    assert split([iri]) == ([space], [iri[len(space) :]])


def test_a_local_name_may_hold_a_slash() -> None:
    many = [f"{X}resource/Name_{n}" for n in range(60)]
    spaces, locals_ = split([*many, f"{X}resource/AC/DC", f"{X}resource/A/B/C"])
    assert set(spaces) == {f"{X}resource/"}
    assert locals_[-2:] == ["AC/DC", "A/B/C"]


def test_a_namespace_of_its_own_stays_one() -> None:
    many = [f"{X}resource/Name_{n}" for n in range(60)]
    some = [f"{X}resource/person/{n}" for n in range(9)]
    assert set(split(many + some)[0]) == {f"{X}resource/", f"{X}resource/person/"}


def test_hosts_are_not_parts_of_a_namespace() -> None:
    hosts = [f"http://host{n}.example" for n in range(60)]
    spaces, _ = split([*hosts, "http://other.example/about/us"])
    assert spaces[-1] == "http://other.example/about/"


@given(st.lists(st.from_regex(r"(http://a/|urn:)?([ab#/:]|id){0,6}", fullmatch=True), max_size=60))
def test_a_namespace_and_a_local_name_make_the_iri(iris: list[str]) -> None:
    spaces, locals_ = split(iris)
    assert [space + local for space, local in zip(spaces, locals_, strict=True)] == iris


WORDS = "Paris Berlin Rome Madrid Lisbon Vienna Prague Warsaw Athens Dublin".split()
NAMES = {
    "words": WORDS,
    "spaces and numbers": [f"{word} {1900 + n}" for n, word in enumerate(WORDS)],
    "Chinese": ["東京", "北京", "上海", "大阪", "广州", "深圳"],
    "Arabic": ["القاهرة", "بغداد", "دمشق", "عمان", "الرياض"],
    "Cyrillic": ["Москва", "Киев", "Минск", "Рига", "София"],
    "a few of one name": ["record one", "record two"],
}
OPAQUE = {
    "numbers": [str(n * 7919) for n in range(20)],
    "hashes": [sha1(str(n).encode()).hexdigest() for n in range(20)],
    "uuids": [str(UUID(int=n * 10**30 + 7)) for n in range(1, 20)],
    "serials": [f"record {n}" for n in range(20)],
    "joined serials": [f"person{n}" for n in range(20)],
    "wikidata": [f"Q{n * 911}" for n in range(1, 20)],
    "imdb": [f"tt{n:07}" for n in range(20)],
    "freebase": "m.02mjmr m.09c7w0 m.0d05w3 m.03rk0x m.0jgd7 m.02j71z m.0k6nt".split(),
    "mixed letters and digits": "dQw4w9WgXcQ kJQP7kiw5Fk JGwWNGJdvx8 9bZkp7q19f0 RgKAFK5djSk".split(),
    "marks": ["-", "...", "()", "😀", "!"],
}


@pytest.mark.parametrize("texts", NAMES.values(), ids=NAMES)
def test_names_are_names(texts: list[str]) -> None:
    assert are_names(texts)


@pytest.mark.parametrize("texts", OPAQUE.values(), ids=OPAQUE)
def test_hashes_and_serials_are_no_names(texts: list[str]) -> None:
    assert not are_names(texts)


def test_the_name_in_an_iri_stands_in_where_there_is_no_label() -> None:
    text = "".join(f"x:{word} v:size {n} .\n" for n, word in enumerate(WORDS)) + 'x:Rome v:label "Roma" .\n'
    found = profile(text)
    named = {entity: value for entity, path, value in values(found) if path == "@iri"}
    assert named == {f"x:{word}": word for word in WORDS if word != "Rome"}
    assert attributes(found)["@iri"].is_name
    assert dict(zip(sorted(WORDS), found.entity_name.to_pylist(), strict=True))["Rome"] == "Roma"


def test_names_in_iris_can_be_ignored() -> None:
    text = "".join(f"x:{word} v:size {n} .\n" for n, word in enumerate(WORDS))
    found = profile(text, ignore_iri_names=True)
    assert set(attributes(found)) == {"v:size"}
    assert len(found) == len(WORDS)


def test_opaque_iris_are_no_values() -> None:
    found = profile("".join(f"x:q{n * 911} v:size {n} .\n" for n in range(1, 20)))
    assert set(attributes(found)) == {"v:size"}
    assert found.entity_name.to_pylist()[0].startswith("q")


@pytest.mark.parametrize("name", ["القاهرة", "😀_smile", "東京都", "\u202egnol"])
def test_names_of_any_script_are_kept(name: str) -> None:
    found = profile(f"<{X}{name}> v:size 1 . <{X}Paris> v:size 2 .")
    assert spell(name) in found.entity_name.to_pylist()


def test_iris_of_ten_thousand_characters() -> None:
    long = "".join(f"<{X}{n}/{'y/' * 5000}> v:size {n} .\n" for n in range(20))
    assert len(profile(long)) == 20
    assert len(profile(f"<{X}{'y' * 10_000}> v:size 1 .")) == 1
