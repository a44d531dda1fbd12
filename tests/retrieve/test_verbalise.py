import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgalign.records import Profile
from kgalign.retrieve.verbalise import BUDGET, verbalise
from tests.select.turtle import profile

FILMS = """
x:f1 a v:Film ; rdfs:label "Bunker, The" ; v:year 1981 ; v:director x:d1 ;
    v:homepage <http://bunker.example/> ; v:originalTitle "Der Bunker", "Bunker, The" ;
    v:basedOn [ v:author "O'Donnell, James" ] .
x:f2 a v:Film ; rdfs:label "Ran" ; v:year 1985 ; v:director x:d2 ; v:originalTitle "乱" .
x:f3 a v:Film ; rdfs:label "Kagemusha" ; v:year 1980 ; v:director x:d2 .
x:d1 a v:Person ; rdfs:label "Schaefer, George" .
x:d2 a v:Person ; rdfs:label "Kurosawa, Akira" .
x:s1 a v:Sequel .
"""


def _all(found: Profile, *, budget: int = BUDGET) -> dict[str, str]:
    """What is said of each entity, by the last part of its IRI."""
    texts = verbalise(found, np.arange(len(found), dtype=np.int32), budget=budget)
    names = [iri.rpartition("/")[2] for iri in found.entity_iri.to_pylist()]
    return dict(zip(names, texts, strict=True))


def test_the_name_comes_first_then_words_then_the_rest() -> None:
    said = _all(profile(FILMS))
    assert (
        said["f1"]
        == "Bunker, The — original title: Der Bunker; based on author: O'Donnell, James; year: 1981"
    )
    assert said["f2"] == "Ran — original title: 乱; year: 1985"
    assert said["d1"] == "Schaefer, George"


def test_an_entity_without_words_has_no_text() -> None:
    assert _all(profile(FILMS, ignore_iri_names=True))["s1"] == ""


def test_the_name_in_an_iri_is_read_only_where_it_is_used_as_a_name() -> None:
    graph = "".join(
        f"x:{name} a v:City ; v:size {size} .\n" for size, name in enumerate(("Nara", "Uji", "Otsu"))
    )
    assert _all(profile(graph))["Nara"] == "Nara — size: 0"
    assert _all(profile(graph, ignore_iri_names=True))["Nara"] == "size: 0"


def test_a_step_against_its_direction_is_said_as_one() -> None:
    graph = (
        'x:a a v:Work ; rdfs:label "Ran" . [] v:describes x:a ; v:comment "An old lord divides his lands." .'
    )
    assert _all(profile(graph))["a"] == "Ran — describes of comment: An old lord divides his lands."


def test_what_can_not_be_seen_is_left_out_and_what_joins_stays() -> None:
    hidden = "a\\u0000b\\u202Ec\\u2028 \\t d\\uFEFF"
    joined = "\N{WOMAN}\u200d\N{PERSONAL COMPUTER} \u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    said = _all(
        profile(f'x:a a v:Work ; rdfs:label "{hidden}" ; v:note {json.dumps(joined, ensure_ascii=False)} .')
    )
    assert said["a"] == f"a b c d — note: {joined}"


def test_long_and_many_values_are_cut() -> None:
    long, many = "word " * 100_000, ", ".join(f'"tag {number}"' for number in range(5_000))
    properties = " ; ".join(f'v:property{letter} "{letter} {long[:100]}"' for letter in "abcdefgh")
    graph = f'x:a a v:Work ; rdfs:label "a" ; v:note "{long}" ; v:tag {many} . x:b a v:Work ; {properties} .'
    found = profile(graph)
    said = _all(found, budget=10_000)
    assert said["a"] == f"a — note: {('word ' * 24).strip()}…; tag: tag 0, tag 1, tag 10"
    assert said["b"].count(": ") == 4
    assert all(len(text) <= 60 for text in _all(found, budget=60).values())


@given(st.lists(st.integers(min_value=0, max_value=5), max_size=12))
def test_a_text_does_not_depend_on_its_batch(batch: list[int]) -> None:
    single = [verbalise(_FOUND, np.array([entity], dtype=np.int32))[0] for entity in batch]
    assert verbalise(_FOUND, np.array(batch, dtype=np.int32)) == single


_FOUND = profile(FILMS)
