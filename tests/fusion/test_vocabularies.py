"""Correspondences of properties and classes, case by case; laws are in tests/laws."""

from pathlib import Path

import pytest

from kgalign.fusion.vocabulary import align_vocabularies
from kgalign.rdf import read_graph
from kgalign.records.vocabularies import PropertyMatch, Vocabularies, objection
from kgalign.values import ValueKind
from tests.fusion.linked_graphs import CITIES, A, B, E, Pair, ids

EXAMPLES = Path(__file__).parents[2] / "examples" / "countries"


def chosen(found: Vocabularies) -> dict[str, PropertyMatch]:
    """The one-to-one part, by the local name of the left property."""
    return {m.left.removeprefix(A): m for m in found.properties if m.chosen}


def named(match: PropertyMatch) -> tuple[str, str, bool]:
    return match.relation, match.right.removeprefix(B), match.inverse


def test_equal_values_in_different_clothes(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path,
        (f':l{i} a:name "{c.upper()}"@en ; a:size "{i}.0" ; a:at :x{i} .' for i, c in enumerate(CITIES)),
        (f':r{i} b:title "{c}"@de ; b:count {i} ; b:place :x{i} .' for i, c in enumerate(CITIES)),
    )
    found = chosen(pair.align())
    assert {name: named(m) for name, m in found.items()} == {
        "name": ("exact", "title", False),
        "size": ("exact", "count", False),
        "at": ("exact", "place", False),
    }
    assert found["name"].notes == ("languages: en left, de right",)
    assert found["name"].kinds == (ValueKind.TEXT, ValueKind.TEXT)
    assert found["at"].kinds == (ValueKind.NODE, ValueKind.NODE)
    assert found["name"].support == 12
    assert len(found["name"].examples) == 3
    assert all(a == b.upper() for a, b in found["name"].examples)


def test_what_all_have_in_common_is_no_correspondence(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path,
        (f':l{i} a:in "Europe" ; a:as :n{i % 2} .' for i in range(12)),
        (f':r{i} b:region "Europe" ; b:to :n{(i * 7 + i // 3) % 2} .' for i in range(12)),
    )
    assert pair.align().properties == ()


def test_objects_that_are_linked_and_inverse_properties(tmp_path: Path) -> None:
    step = [(i, (i * 5 + 1) % 12) for i in range(12)]
    pair = Pair(
        tmp_path,
        (f":l{i} a:next :l{j} ; a:knows :l{(i + 3) % 12} ." for i, j in step),
        (f":r{j} b:previous :r{i} . :r{i} b:friend :r{(i + 3) % 12} ." for i, j in step),
    )
    found = chosen(pair.align())
    assert named(found["next"]) == ("exact", "previous", True)
    assert named(found["knows"]) == ("exact", "friend", False)
    assert found["next"].examples[0][0].startswith(E + "l")


def test_a_property_that_contains_the_other(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path,
        (f':l{i} a:capital "{c}" .' for i, c in enumerate(CITIES)),
        (f':r{i} b:city "{c}", "{CITIES[i - 3]} {i}", "{i}", "x{7 * i}" .' for i, c in enumerate(CITIES)),
    )
    (match,) = pair.align().properties
    assert match.relation == "narrower"
    assert (match.left_agreement, match.right_agreement) == pytest.approx((1.0, 0.25))
    back = align_vocabularies(pair.right, pair.left, *reversed(pair.links))
    assert [m.relation for m in back.properties] == ["broader"]


def test_units_dates_and_their_words(tmp_path: Path) -> None:
    km = [round(7.3**k * 11, 1) for k in range(1, 13)]
    pair = Pair(
        tmp_path,
        (f':l{i} a:area {x} ; a:born "19{i + 40}-0{i % 9 + 1}-17" .' for i, x in enumerate(km)),
        (f':r{i} b:area {x * 0.386102:.3f} ; b:year "19{i + 40}" .' for i, x in enumerate(km)),
    )
    found = chosen(pair.align())
    assert found["area"].unit_note == "right = left × 0.3861: square kilometres → square miles"
    assert found["area"].factor == pytest.approx(0.386102, rel=1e-5)
    assert found["area"].score > 0.9
    assert named(found["born"]) == ("exact", "year", False)
    assert found["born"].notes == ("dates to the day left, to the year right",)


def test_degrees_with_an_offset(tmp_path: Path) -> None:
    celsius = [-12.5, 3.1, 30.4, 21.7, 8.8, -1.3, 15.0, 27.6, 36.9, 11.2, -20.4, 5.5]
    pair = Pair(
        tmp_path,
        (f":l{i} a:t {c} ." for i, c in enumerate(celsius)),
        (f":r{i} b:t {c * 1.8 + 32:.1f} ." for i, c in enumerate(celsius)),
    )
    (match,) = pair.align().properties
    assert (match.factor, match.offset) == (1.8, 32.0)
    assert match.relation == "exact"


def test_one_iri_on_both_sides_is_itself_whatever_the_data_say(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path,
        (f':l{i} :code "{i}" ; a:key "{c}" .' for i, c in enumerate(CITIES)),
        (f':r{i} :code "{c}" ; b:key "{i}" .' for i, c in enumerate(CITIES)),
    )
    found = pair.align()
    (same,) = (m for m in found.properties if m.left == m.right)
    assert (same.relation, same.chosen, same.score) == ("exact", True, 0.0)
    others = {(m.left, m.right): m.chosen for m in found.properties if m.left != m.right}
    assert others == {(E + "code", B + "key"): False, (A + "key", E + "code"): False}


def test_classes(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path,
        (f":l{i} a a:{'Town' if i % 2 else 'River'}, a:Thing ." for i in range(24)),
        (f":r{i} a b:{('City' if i % 4 == 1 else 'Village') if i % 2 else 'Stream'} ." for i in range(24)),
        links=24,
    )
    found = {(m.left.removeprefix(A), m.right.removeprefix(B)): m for m in pair.align().classes}
    assert found["River", "Stream"].relation == "exact"
    assert found["River", "Stream"].chosen
    assert found["Town", "City"].relation == found["Town", "Village"].relation == "broader"
    assert not found["Town", "City"].chosen
    assert ("River", "City") not in found


def test_agreement_that_chance_explains_counts_for_nothing(tmp_path: Path) -> None:
    lefts = (["Europe"] * 9 + ["Asia", "Asia", "Africa"]) * 5
    rights = (["Europe"] * 8 + ["Asia", "Asia", "Asia", "Africa"]) * 5
    pair = Pair(
        tmp_path,
        (f':l{i} a:continent "{value}" ; a:id {i} .' for i, value in enumerate(lefts)),
        (f':r{i} b:region "{value}" ; b:number {i} .' for i, value in enumerate(rights)),
        links=60,
    )
    found = pair.align()
    (match,) = (m for m in found.properties if m.right == B + "region")
    others = [(i, j) for i in range(60) for j in range(60) if i != j]
    chance = sum(lefts[i] == rights[j] for i, j in others) / len(others)
    agreement = sum(map(str.__eq__, lefts, rights)) / 60
    assert (match.agreement, match.chance) == pytest.approx((agreement, chance))
    kappa = (agreement - chance) / (1 - chance)
    assert match.score == pytest.approx(kappa * 60 / 61)
    assert agreement > 0.9
    assert match.score < 0.85
    assert chosen(found)["id"].score == pytest.approx(60 / 61)


def test_agreement_that_is_mostly_chance_is_not_exact(tmp_path: Path) -> None:
    lefts = ["yes"] * 78 + ["no"] * 22
    rights = ["yes"] * 69 + ["no"] * 9 + ["yes"] * 9 + ["no"] * 13
    pair = Pair(
        tmp_path,
        (f':l{i} a:open "{value}" .' for i, value in enumerate(lefts)),
        (f':r{i} b:accessible "{value}" .' for i, value in enumerate(rights)),
        links=100,
    )
    (match,) = pair.align().properties
    assert match.agreement == pytest.approx(0.82)
    assert match.score < 0.5
    assert match.relation == "close"


def test_censuses_of_other_years_are_not_one_property(tmp_path: Path) -> None:
    people = [int(1.9**i * 700) for i in range(1, 25)]
    pair = Pair(
        tmp_path,
        (f":l{i} a:population2020 {x} ; a:size {7 * i} ." for i, x in enumerate(people)),
        (f":r{i} b:population2015 {round(x * 0.995)} ; b:number {7 * i} ." for i, x in enumerate(people)),
        links=24,
    )
    match = chosen(pair.align())["population2020"]
    assert match.score > 0.9
    assert match.relation == "close"
    assert objection(match, "left") == "other numbers in the names: 2020 left, 2015 right"
    given = chosen(pair.align([(A + "population2020", B + "population2015")]))["population2020"]
    assert (given.relation, objection(given, "left")) == ("exact", "")
    assert objection(chosen(pair.align())["size"], "left") == ""


def test_what_is_not_doubted_comes_first(tmp_path: Path) -> None:
    people = [int(1.9**i * 700) for i in range(1, 25)]
    pair = Pair(
        tmp_path,
        (f":l{i} a:population2020 {x} ." for i, x in enumerate(people)),
        (
            f":r{i} b:population2015 {x} ; b:inhabitants2020 {x + (i % 4 == 0) * x} ."
            for i, x in enumerate(people)
        ),
        links=24,
    )
    assert chosen(pair.align())["population2020"].right == B + "inhabitants2020"


def test_numbers_that_are_merely_near_are_close(tmp_path: Path) -> None:
    people = [int(1.9**i * 700) for i in range(1, 25)]
    pair = Pair(
        tmp_path,
        (f":l{i} a:population {x} ." for i, x in enumerate(people)),
        (f":r{i} b:inhabitants {round(x * (1.03 if i % 2 else 0.97))} ." for i, x in enumerate(people)),
        links=24,
    )
    match = chosen(pair.align())["population"]
    assert (match.relation, match.notes) == ("close", ("numbers that agree to within 5%",))
    assert objection(match, "left") == ""


def test_nodes_are_no_texts_and_days_no_other_days(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path,
        (f':l{i} a:in :{c} ; a:opened "19{50 + i}-03-14" .' for i, c in enumerate(CITIES)),
        (f':r{i} b:city "{c}" ; b:refitted "19{50 + i}-11-02" .' for i, c in enumerate(CITIES)),
    )
    found = chosen(pair.align())
    assert (found["in"].relation, objection(found["in"], "left")) == ("close", "nodes left, texts right")
    assert found["opened"].score > 0.8
    assert objection(found["opened"], "right") == "dates of one year, that differ in month or day"


def test_an_inverse_must_be_right_from_both_ends(tmp_path: Path) -> None:
    # Each country has one capital that lies in it; but many other cities lie in it too.
    pair = Pair(
        tmp_path,
        [
            *(f":l{i} a:capital :l{i + 12} ." for i in range(12)),
            *(f":l{i} a:note {i} ." for i in range(24, 60)),
        ],
        [
            *(f":r{i + 12} b:country :r{i} ." for i in range(12)),
            *(f":r{i} b:country :r{i % 12} ." for i in range(24, 60)),
        ],
        links=60,
    )
    (match,) = pair.align().properties
    assert match.inverse
    assert (match.relation, match.left_agreement, match.right_agreement) == ("narrower", 1.0, 0.25)
    assert objection(match, "left") == "the left one says only part of the other"


def test_what_comes_close_and_has_a_better_partner_is_not_renamed(tmp_path: Path) -> None:
    def some(i: int, every: int) -> str:
        return CITIES[(i + 5) % 12] if i % every == 0 else CITIES[i % 12]

    pair = Pair(
        tmp_path,
        (f':l{i} a:birthPlace "{CITIES[i % 12]}" ; a:home "{some(i, 3)}" .' for i in range(60)),
        (f':r{i} b:born "{CITIES[i % 12]}" ; b:other "x{i}" .' for i in range(60)),
        links=60,
    )
    found = {m.left.removeprefix(A): m for m in pair.align().properties}
    assert objection(found["birthPlace"], "left") == ""
    assert found["home"].relation == "close"
    assert objection(found["home"], "left") == "born corresponds better to birthPlace"


def test_blank_nodes_named_graphs_and_odd_values_do_no_harm(tmp_path: Path) -> None:
    lines = [f':l{i} a:p [ a:q "" ], "", "+++", "1e999"^^<urn:t>, <<( :s :p :o )>> .' for i in range(12)]
    pair = Pair(
        tmp_path,
        [*lines, ":g { :l0 a:p 1 . :l0 a:p 2 }"],
        (f':r{i} b:p _:x, "NaN"^^<urn:double>, "{i}" . _:x b:r :r{i} .' for i in range(12)),
    )
    assert all(0 <= m.score <= 1 for m in pair.align().properties)


def test_the_countries_of_the_examples() -> None:
    left, right = read_graph(EXAMPLES / "left.ttl"), read_graph(EXAMPLES / "right.jsonld")
    gold = [line.split("\t")[:2] for line in (EXAMPLES / "gold.tsv").read_text().splitlines()]
    found = align_vocabularies(left, right, ids(left, (a for a, _ in gold)), ids(right, (b for _, b in gold)))
    names = {
        m.left.replace("#", "/").rsplit("/", 1)[-1]: m.right.rsplit("#", 1)[-1]
        for m in found.properties
        if m.chosen
    }
    assert {key: names[key] for key in ("areaKm2", "capital", "population2020", "founded", "borders")} == {
        "areaKm2": "superficieMillesCarres",
        "capital": "capitale",
        "population2020": "population2015",
        "founded": "anneeFondation",
        "borders": "frontalierDe",
    }
    units = {m.unit_note for m in found.properties}
    assert units == {"", "right = left × 0.3861: square kilometres → square miles"}
    assert [(m.left[-7:], m.right[-5:], m.relation) for m in found.classes if m.chosen] == [
        ("Country", "#Pays", "exact"),
        ("ms#City", "Ville", "exact"),
    ]
