import pytest

from kgalign.rdf.names import local_name


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        ("http://example.org/a#birthDate", "birthDate"),
        ("http://example.org/a/birthDate", "birthDate"),
        ("http://example.org/a/birthDate/", "birthDate"),
        ("http://example.org/a#", "a"),
        ("http://example.org/Alien:_Covenant", "Alien:_Covenant"),
        ("http://fr.example.org/d%C3%A9c%C3%A8s", "décès"),
        ("http://example.org", "example.org"),
        ("urn:vocabulary:lat", "lat"),
        ("urn:vocabulary:a/lat", "lat"),
        ("tag:x,2020:lat", "lat"),
        ("lat", "lat"),
        ("", ""),
    ],
)
def test_what_stands_last_is_the_name(iri: str, name: str) -> None:
    assert local_name(iri) == name
