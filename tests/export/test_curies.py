import string

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.export.curies import Prefixes
from kgalign.rdf.uris import as_uri, as_uris
from tests.export.worlds import IRIS, fit


def expand(prefixes: Prefixes, curie: str) -> str:
    spaces = {name: space for space, name in prefixes.names.items()}
    prefix, mark, rest = curie.partition(":")
    return spaces[prefix] + rest if mark and prefix in spaces and not rest.startswith("//") else curie


@pytest.mark.parametrize(
    ("iri", "uri"),
    [
        ("http://x/Émile", "http://x/%C3%89mile"),
        ("http://x/%C3%89mile", "http://x/%C3%89mile"),
        ("http://x/100%_sure", "http://x/100%25_sure"),
        ("http://x/a#b#c", "http://x/a#b%23c"),
        ("http://x/it's(fine);a=b", "http://x/it's(fine);a=b"),
        ("http://x/[1]", "http://x/%5B1%5D"),
    ],
)
def test_the_uri_of_an_iri(iri: str, uri: str) -> None:
    assert as_uri(iri) == uri
    assert as_uri(uri) == uri


def test_usual_prefixes_those_after_a_word_and_whole_uris() -> None:
    expected = {
        "http://www.wikidata.org/entity/Q42": "wd:Q42",
        "http://x.example/a/b": "a2:b",
        "http://x.example/a/": "x:a/",
        "http://x.example/o#b": "o:b",
        "urn:isbn:12": "ns:12",
        "http://x.example": "http://x.example",
    }
    prefixes = Prefixes.for_iris(expected)
    assert {iri: prefixes.curie(iri) for iri in expected} == expected


@given(st.lists(st.sampled_from(IRIS), max_size=9), st.lists(st.sampled_from(IRIS), max_size=9))
def test_further_prefixes_leave_all_others_as_they_were(first: list[str], more: list[str]) -> None:
    before = Prefixes.for_iris(first)
    after = before.extended(more)
    assert before.names.items() <= after.names.items()
    assert len(set(after.names.values())) == len(after.names)
    assert [after.curie(iri) for iri in first] == [before.curie(iri) for iri in first]
    used = after.used_by(more)
    assert [used.curie(iri) for iri in more] == [after.curie(iri) for iri in more]
    assert used.names.items() <= after.names.items()


def test_prefixes_do_not_depend_on_the_order() -> None:
    assert Prefixes.for_iris(IRIS) == Prefixes.for_iris(IRIS[::-1])
    assert list(Prefixes.for_iris(IRIS).names) == list(Prefixes.for_iris(IRIS[::-1]).names)


def test_many_hosts_do_not_make_many_prefixes() -> None:
    iris = [f"http://host{number}.example/a/b/{number}" for number in range(2000)]
    prefixes = Prefixes.for_iris(iris)
    assert len(prefixes.names) <= 400
    assert [expand(prefixes, prefixes.curie(iri)) for iri in iris] == iris


schemes = st.text(string.ascii_lowercase, min_size=1, max_size=4)
opaque = st.tuples(schemes, st.text(string.ascii_letters + ":/#_-", min_size=1)).map(
    lambda parts: f"{parts[0]}:{parts[1].lstrip('/') or 'a'}"
)


@given(iris=st.lists(fit | opaque, max_size=8))
def test_every_curie_expands_to_the_uri(iris: list[str]) -> None:
    prefixes = Prefixes.for_iris(iris)
    for iri in iris:
        assert expand(prefixes, prefixes.curie(iri)) == as_uri(iri)


@given(iris=st.lists(fit, max_size=8))
def test_different_iris_keep_different_curies(iris: list[str]) -> None:
    prefixes = Prefixes.for_iris(iris)
    assert len({prefixes.curie(iri) for iri in iris}) == len({as_uri(iri) for iri in iris})


@given(st.lists(st.sampled_from(IRIS) | fit | opaque | st.text(string.ascii_letters + "#%/é ", max_size=9)))
def test_a_column_of_uris_is_that_of_each_iri(iris: list[str]) -> None:
    assert as_uris(pa.array(iris, pa.large_string())).to_pylist() == [as_uri(iri) for iri in iris]


@pytest.mark.parametrize(
    ("iri", "space"),
    [
        ("http://x.example/a//b", "http://x.example/a//"),
        ("http://x.example///", "http://x.example/"),
        ("http://x.example/#a/", "http://x.example/"),
        ("http://x.example#a", "http://x.example#"),
        ("http://x.example/", None),
        ("urn:a:b:", "urn:"),
        ("urn:a/b", "urn:a/"),
        ("urn:/a", "urn:/"),
        ("urn:/", "urn:"),
        ("urn://", None),
        ("urn:", None),
    ],
)
def test_what_an_iri_is_shortened_by(iri: str, space: str | None) -> None:
    assert list(Prefixes.for_iris([iri]).names) == ([] if space is None else [space])
