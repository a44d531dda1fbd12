"""What names say against two properties being one."""

import pytest

from kgalign.fusion.vocabulary.names import name_doubts

E = "http://example.org/"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("population2020", "population2015"),
        ("population2020", "population"),
        ("population_total", "populationCensus1999"),
        ("title0", "title1"),
        ("item2", "item3"),
        ("minTemperature", "temp_max"),
        ("birthDate", "death-date"),
        ("lieuDeNaissance", "deathPlace"),
        ("lieuDeDécès", "birthPlace"),
        ("startYear", "year_end"),
        ("edgeSource", "edgeTarget"),
        ("nordEst", "southwest"),
        ("nordEst", "north-west"),
        ("firstName", "lastName"),
        ("previous", "suivant"),
        ("père", "mother"),
    ],
)
def test_other_numbers_and_opposites_are_doubts_from_either_side(left: str, right: str) -> None:
    (doubt,) = name_doubts(E + left, E + right, inverse=False)
    (back,) = name_doubts(E + right, E + left, inverse=False)
    assert doubt.split(":")[0] == back.split(":")[0]
    assert doubt.endswith("right")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("population2020", "census_2020"),
        ("areaKm2", "area"),
        ("areaKm2", "superficieMillesCarres"),
        ("area_m2", "surfaceM3"),
        ("director", "P57"),
        ("P57", "Q2391"),
        ("runtime", "P2047"),
        ("title", "title0"),
        ("line01", "line1"),
        ("birthAndDeath", "deathPlace"),
        ("prénom", "name"),
        ("est", "east"),
        ("minister", "minimum"),
        ("endurance", "started"),
        ("co2Emission", "CO2"),
        ("", "x"),
    ],
)
def test_what_says_nothing_against_them(left: str, right: str) -> None:
    assert name_doubts(E + left, E + right, inverse=False) == ()


def test_an_inverse_is_called_by_the_opposite() -> None:
    assert name_doubts(E + "previous", E + "next", inverse=True) == ()
    assert name_doubts(E + "parentOf1901", E + "child1902", inverse=True) != ()


def test_a_doubt_says_what_is_seen() -> None:
    assert name_doubts(E + "population2020", E + "population2015", inverse=False) == (
        "other numbers in the names: 2020 left, 2015 right",
    )
    assert name_doubts(E + "population2020", E + "population", inverse=False) == (
        "other numbers in the names: 2020 left, none right",
    )
    assert name_doubts(E + "birthPlace", E + "lieuDeDécès", inverse=False) == (
        "opposites in the names: birth left, deces right",
    )


def test_a_number_of_a_thousand_digits_is_no_trouble() -> None:
    assert name_doubts(E + "line" + "9" * 5000, E + "word1", inverse=False) != ()
