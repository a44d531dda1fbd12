"""Who says what: sources told by where statements stand."""

import pytest

from bench.fuse import claims_of
from kgalign.fusion.claims import about_graphs, authority_of
from tests.fusion.made_claims import claims_from, graph_of, said

RECORDS = """
<http://en.example.com/wiki/a:p:1> { :a :p 1 }   <http://en.example.com/wiki/a:q:1> { :a :q 1 }
<http://en.example.com/wiki/b:p:1> { :b :p 2 }   <http://de.example.com/wiki/a:p:1> { :a :p 3 }
<http://de.example.com/wiki/b:p:1> { :b :p 4 }   <http://de.example.com/wiki/b:p:2> { :b :p 5 }
"""


def test_the_default_graph_is_said_by_the_side() -> None:
    assert said(claims_from(":a :p 1 .", "left")) == [("a", "p", "1", "left")]


def test_graphs_that_number_records_are_one_source() -> None:
    claims = claims_from(RECORDS)
    assert claims.sources == ("de.example.com", "en.example.com")
    assert said(claims) == [
        ("a", "p", "3", "de.example.com"),
        ("a", "p", "1", "en.example.com"),
        ("a", "q", "1", "en.example.com"),
        ("b", "p", "4", "de.example.com"),
        ("b", "p", "5", "de.example.com"),
        ("b", "p", "2", "en.example.com"),
    ]


def test_graphs_that_speak_of_many_things_are_sources() -> None:
    claims = claims_from(":one { :a :p 1 . :b :p 2 } :two { :c :p 1 . :d :p 2 } :a :p 3 .")
    assert claims.sources == ("http://example.org/one", "http://example.org/two", "left")


def test_graphs_that_rival_are_sources_though_they_speak_of_one_thing_each() -> None:
    claims = claims_from(":one { :a :p 1 } :two { :a :p 2 } :three { :a :p 3 } :four { :b :p 3 }")
    assert len(claims.sources) == 4


def test_a_large_graph_beside_records_is_a_source_of_its_own() -> None:
    claims = claims_from(RECORDS + "<http://en.example.com/all> { :a :r 1 . :b :r 2 . :c :r 3 }")
    assert "http://en.example.com/all" in claims.sources
    assert "en.example.com" in claims.sources


def test_sources_may_be_given_by_the_start_of_their_graphs() -> None:
    names = {"http://en.": "English", "http://": "others", "http://en.example.com/wiki/b": "B"}
    claims = claims_from(RECORDS, sources=names)
    assert claims.sources == ("B", "English", "others")


def test_statements_about_graphs_are_no_claims() -> None:
    graph = graph_of(":g { :a :p 1 } :meta { :g :edited 2 . :a :q 3 } :g :license 4 . :h { :h :p 1 }")
    assert about_graphs(graph).sum() == 2
    assert {row[:3] for row in said(claims_of(graph, "left"))} == {
        ("a", "p", "1"),
        ("a", "q", "3"),
        ("h", "p", "1"),
    }


def test_claims_of_nothing_but_metadata() -> None:
    graph = graph_of(":g { :h :p 1 } :h { :g :p 1 }")
    assert len(claims_of(graph)) == 0


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        ("http://EN.example.com:80/x", "en.example.com"),
        ("http://user:word@example.com/", "example.com"),
        ("urn:isbn:1:2", "urn:isbn"),
        ("tag:x", "tag:x"),
        ("http://[x/", "http://[x/"),
    ],
)
def test_authority(iri: str, name: str) -> None:
    assert authority_of(iri) == name
