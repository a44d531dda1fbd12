"""What predicates say by their names, and what attributes are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.rdf.vocabulary import NAME_PREDICATES
from kgalign.values.predicates import gives_codes, name_rank, names_once, path_names
from tests.select.turtle import attributes, profile

V = "http://v.example/"


@pytest.mark.parametrize(
    "local",
    """label name title prefLabel altLabel shortTitle given_name surname hasName officialName hasExactSynonym
    P102_has_title alternateName nickname titre Bezeichnung LABEL brand_name""".split(),
)
def test_names(local: str) -> None:
    assert name_rank(V + local) is not None


@pytest.mark.parametrize(
    "local",
    """director_name authorName cityName filename_extension birthPlace comment description unnamed namespace
    titleOfCourt 42 _""".split(),
)
def test_no_names(local: str) -> None:
    assert name_rank(V + local) is None


def test_names_of_others_are_no_names() -> None:
    assert name_rank(f"^{V}name") is None


@pytest.mark.parametrize("predicate", sorted(NAME_PREDICATES))
def test_known_predicates_name_things(predicate: str) -> None:
    assert name_rank(predicate) is not None


def test_main_names_come_before_other_ones() -> None:
    ranks = [name_rank(V + local) for local in ("prefLabel", "label", "name", "altLabel", "shortTitle")]
    assert ranks == sorted(ranks, key=lambda rank: -1 if rank is None else rank)
    assert len(set(ranks)) == len(ranks)


@pytest.mark.parametrize("ending", ["/", "#"])
def test_a_trailing_break_is_no_part_of_the_name(ending: str) -> None:
    assert name_rank(f"{V}name{ending}") == name_rank(f"{V}name")


def test_a_name_that_is_a_number_or_a_long_text_is_none() -> None:
    found = profile(
        "".join(
            f'x:e{n} v:title {n} ; v:name "Name {n}" ; v:label "{"word " * 20} {n}" .\n' for n in range(9)
        )
    )
    named = {path for path, each in attributes(found).items() if each.is_name}
    assert named == {"v:name"}
    assert found.entity_name.to_pylist()[3] == "Name 3"


@pytest.mark.parametrize(
    "predicate",
    [
        "http://www.w3.org/2000/01/rdf-schema#label",
        "http://xmlns.com/foaf/0.1/name",
        *(V + n for n in "title nom officialName given_name".split()),
    ],
)
def test_a_thing_has_one_name_of_these(predicate: str) -> None:
    assert names_once(predicate)


@pytest.mark.parametrize(
    "predicate",
    [
        "http://www.w3.org/2004/02/skos/core#altLabel",
        "http://xmlns.com/foaf/0.1/nick",
        "http://purl.org/dc/terms/alternative",
        *(V + n for n in "alternateName formerName hasExactSynonym alias director_name comment".split()),
    ],
)
def test_a_thing_may_have_many_of_these(predicate: str) -> None:
    assert not names_once(predicate)


def test_codes_say_so_in_their_names() -> None:
    assert all(gives_codes(V + n) for n in "isbn callingCode geonames_id zipCode ISSN iso-code".split())
    assert not any(gives_codes(V + n) for n in "population identity codex valid label".split())


def test_attributes_are_called_by_their_local_names() -> None:
    paths = [(V + "born", V + "at"), (V + "at",), ("@iri",), ("http://e.org/v#size",), ("^" + V + "child",)]
    assert path_names(paths) == ["born/at", "at", "@iri", "size", "child"]


def test_attributes_that_would_be_called_alike_are_called_by_their_iris() -> None:
    paths = [("http://xmlns.com/foaf/0.1/name",), (V + "name",), ("^" + V + "name",), (V + "other",)]
    assert path_names(paths) == ["foaf:name", f"<{V}name>", f"^<{V}name>", "other"]
    paths = [("urn:x/foaf:name",), ("http://xmlns.com/foaf/0.1/name",), (V + "name",)]
    assert len(set(path_names(paths))) == 3


steps = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "^"]),
    st.sampled_from(["http://a.example/", "http://b.example/v#", "http://xmlns.com/foaf/0.1/", "urn:x:"]),
    st.sampled_from(["name", "size", "foaf:name", "@iri", "a/name", "<name>", "name'", ""]),
)


@given(st.lists(st.lists(steps, min_size=1, max_size=3).map(tuple), unique=True, max_size=12))
def test_no_two_attributes_are_called_alike(paths: list[tuple[str, ...]]) -> None:
    names = path_names(paths)
    assert len(set(names)) == len(paths)
