"""Values that belong together."""

import numpy as np

from kgalign.fusion.paired_properties import find_joint, pair_rows
from kgalign.values import read_values
from tests.fusion.made_claims import E, cities, claims_from, sources_say


def names(rows: list[tuple[str, str, str, object]]) -> list[tuple[str, str, bool]]:
    claims = sources_say(rows)
    found = find_joint(claims, read_values(claims.terms, claims.value))
    return [
        (
            claims.text(joint.properties[0]).removeprefix(E),
            claims.text(joint.properties[1]).removeprefix(E),
            joint.geographic,
        )
        for joint in found
    ]


def test_latitude_and_longitude_belong_together() -> None:
    assert names(cities(20)) == [("lat", "long", True)]


def test_without_known_names_the_data_tells() -> None:
    rename = {"lat": "breite", "long": "laenge"}
    rows = [(source, subject, rename[property], value) for source, subject, property, value in cities(20)]
    assert names(rows) == [("breite", "laenge", False)]


def test_numbers_that_go_wrong_apart_are_apart() -> None:
    random = np.random.default_rng(1)
    rows: list[tuple[str, str, str, object]] = []
    for number in range(60):
        for source in ("x", "y"):
            for property in ("people", "area"):
                wrong = random.random() < 0.4
                rows.append((source, f"c{number}", property, number + 0.5 + wrong * random.random()))
    assert names(rows) == []


def test_what_is_not_said_together_is_apart() -> None:
    rows = [row for row in cities(20) if row[2] == "lat" or row[1] in ("c1", "c2")]
    assert names(rows) == []


def test_longitude_first_in_the_alphabet_makes_no_difference() -> None:
    rename = {"lat": "y_latitude", "long": "a_longitude"}
    rows = [(source, subject, rename[property], value) for source, subject, property, value in cities(20)]
    assert names(rows) == [("y_latitude", "a_longitude", True)]


def test_several_values_of_one_source_pair_up_by_their_graphs() -> None:
    claims = claims_from(
        "<http://h.org/a:lat:1> { :a :lat 1.5 } <http://h.org/a:long:1> { :a :long 9.5 }"
        "<http://h.org/a:lat:2> { :a :lat 2.5 } <http://h.org/a:long:2> { :a :long 8.5 }"
        "<http://h.org/a:lat:3> { :a :lat 3.5 } <http://h.org/b:lat:1> { :b :lat 7.5 }",
        sources={"http://h.org/": "h"},
    )
    lat, long = (
        next(each for each in claims.property.tolist() if claims.text(each) == E + name)
        for name in ("lat", "long")
    )
    pairs = pair_rows(claims, lat, long)
    found = {
        (claims.text(claims.value[a]), claims.text(claims.value[b]))
        for a, b in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    }
    assert found == {("1.5", "9.5"), ("2.5", "8.5")}
