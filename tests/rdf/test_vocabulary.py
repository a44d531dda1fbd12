"""Well-known IRIs."""

from kgalign.rdf.vocabulary import NAME_PREDICATES, PREFIXES


def test_prefixes_repeat_nothing() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)


def test_every_known_iri_is_absolute() -> None:
    assert all(iri.startswith(("http://", "https://")) for iri in [*NAME_PREDICATES, *PREFIXES.values()])
