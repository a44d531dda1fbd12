"""Well-known IRIs, and names that stand in IRIs."""

import doctest

import pytest

from kgalign.rdf import vocabulary
from kgalign.rdf.vocabulary import NAME_PREDICATES, PREFIXES, local_name


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        ("http://dbpedia.org/resource/S%C3%A3o_Paulo", "São Paulo"),
        ("http://dbpedia.org/resource/McDonald's_Corporation", "McDonald's Corporation"),
        ("http://example.org/ontology#birthPlace", "birth Place"),
        ("http://example.org/ontology#HTTPServer", "HTTP Server"),
        ("http://example.org/thing/", "thing"),
        ("http://example.org/thing#", "thing"),
        ("urn:isbn:0451450523", "0451450523"),
        ("http://example.org/%FF", "\ufffd"),
        ("http://example.org/__", "http://example.org/__"),
        ("", ""),
    ],
)
def test_local_names(iri: str, name: str) -> None:
    assert local_name(iri) == name


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(vocabulary).failed == 0


def test_tables_repeat_nothing() -> None:
    assert len(set(NAME_PREDICATES)) == len(NAME_PREDICATES)
    assert len(set(PREFIXES.values())) == len(PREFIXES)
