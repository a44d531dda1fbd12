"""The default policy on two plain graphs, as a curator would sign it: kinds of values, ties, and reasons."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest

from kgalign.config.fusion import FuseConfig
from kgalign.fusion.claims import Claims
from kgalign.fusion.fusion import fuse
from kgalign.fusion.reasons import Reason, Rule
from kgalign.fusion.resolve import Resolution, resolve_default
from kgalign.records.fused import Role, fused_graph
from tests.fusion.made_claims import E, claims_from, faults_of, graph_of

LABELS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
LEFT, RIGHT = 0, 1
Said = tuple[str, str, str, Role, str]
"""Subject, value, source, role and reason."""


def two(left: str, right: str) -> Claims:
    """What two graphs say, one source each."""
    head = f"@prefix rdfs: <{LABELS}> . @prefix skos: <{SKOS}> . "
    return claims_from(
        f"{head} <{E}left> {{ {left} }} <{E}right> {{ {right} }}",
        sources={E + "left": "left", E + "right": "right"},
    )


def tell(claims: Claims, found: Resolution, property: str) -> list[Said]:
    rows = [row for row in range(len(claims)) if claims.text(claims.property[row]).endswith(property)]
    return [
        (
            claims.text(claims.subject[row]).removeprefix(E),
            claims.text(claims.value[row]).removeprefix(E),
            claims.sources[claims.source[row]],
            Role(int(found.role[row])),
            Reason(found.reason[row]).words,
        )
        for row in rows
    ]


def kept(claims: Claims, property: str, prefer: int | None = LEFT) -> dict[str, list[str]]:
    """Subject → the values that are written."""
    found: dict[str, list[str]] = {}
    for subject, value, _, role, _ in tell(claims, resolve_default(claims, prefer=prefer), property):
        if role == Role.WRITTEN:
            found.setdefault(subject, []).append(value)
    return found


def lost(claims: Claims, property: str, prefer: int | None = LEFT) -> list[tuple[str, str, str]]:
    """Subject, value and reason of what lost."""
    said = tell(claims, resolve_default(claims, prefer=prefer), property)
    return [(subject, value, why) for subject, value, _, role, why in said if role == Role.LOST]


def many(property: str, values: Sequence[str]) -> str:
    return " ".join(f":c{number} {property} {value} ." for number, value in enumerate(values))


def test_every_reason_has_words_of_its_own() -> None:
    assert len({each.words for each in Reason}) == len(Reason) == 16


@pytest.mark.parametrize(("prefer", "stays"), [(LEFT, "left"), (RIGHT, "right")])
def test_in_a_tie_the_preferred_source_stays_and_it_is_called_a_tie(prefer: int, stays: str) -> None:
    people = [100 * each + 13 for each in range(1, 31)]
    claims = two(
        many(":people", [str(each) for each in people]),
        many(":people", [str(each if number % 3 else each + 40) for number, each in enumerate(people)]),
    )
    said = tell(claims, resolve_default(claims, prefer=prefer), "people")
    losers = {(source, why) for _, _, source, role, why in said if role == Role.LOST}
    other = "right" if stays == "left" else "left"
    assert losers == {(other, "neither source is known to be better: the value of the canonical side stays")}
    assert sum(role == Role.LOST for _, _, _, role, _ in said) == 10


def test_without_a_preference_a_tie_is_called_one_too() -> None:
    claims = two(
        ":a :capital :x . :b :capital :y . :c :capital :z .",
        ":a :capital :x . :b :capital :q . :c :capital :z .",
    )
    ((_, _, why),) = lost(claims, "capital", None)
    assert why == "neither source is known to be better: one value had to stay"


def test_a_strange_value_loses_though_its_source_is_preferred() -> None:
    people = [1000 + 37 * each for each in range(40)]
    strange = [str(each) for each in people]
    strange[7] = "900000000"
    claims = two(many(":people", strange), many(":people", [str(each) for each in people]))
    assert kept(claims, "people")["c7"] == [str(people[7])]
    ((_, value, why),) = lost(claims, "people")
    assert (value, why) == ("900000000", "another value is likelier by the trust learned in the sources")


@pytest.mark.parametrize("prefer", [LEFT, RIGHT, None])
def test_tenths_rounded_either_way_from_a_half_are_no_conflict(prefer: int | None) -> None:
    """50.85 is 50.8 to half-even and 50.9 to most people; as floats 43.15 / 0.1 falls short of the half."""
    lat = [50.85, 11.59, 18.02, -0.25, 33.35, 48.86, 52.23, 41.15, 60.17, 59.33]
    long = [4.35, 43.15, -63.05, 36.82, -6.25, 2.35, 21.01, -8.61, 24.94, 18.06]
    down = ["50.8", "11.6", "18.0", "-0.2", "33.3", "48.9", "52.2", "41.1", "60.2", "59.3"]
    up = ["4.4", "43.2", "-63.1", "36.8", "-6.3", "2.4", "21.0", "-8.6", "24.9", "18.1"]
    claims = two(
        many(":lat", [str(each) for each in lat]) + many(":long", [str(each) for each in long]),
        many(":lat", down) + many(":long", up),
    )
    for property, exact in (("lat", lat), ("long", long)):
        assert lost(claims, property, prefer) == []
        assert kept(claims, property, prefer) == {f"c{n}": [str(each)] for n, each in enumerate(exact)}


def test_a_rival_that_is_less_exact_loses_a_tie_to_the_finer_value_whoever_is_preferred() -> None:
    lat, long = (np.round(np.random.default_rng(3).uniform(-60, 60, 20), 2) for _ in range(2))
    fine = many(":lat", [str(each) for each in lat]) + many(":long", [str(each) for each in long * 1.01])
    tenths = [f"{each:.1f}" for each in lat]
    tenths[4] = f"{lat[4] + 0.3:.1f}"
    coarse = many(":lat", tenths) + many(":long", [f"{each:.1f}" for each in long * 1.01])
    claims = two(coarse, fine)
    assert kept(claims, "lat", LEFT)["c4"] == [str(lat[4])]
    ((subject, _, why),) = lost(claims, "lat", LEFT)
    assert (subject, why) == ("c4", "neither source is known to be better: the more exact value stays")


def test_a_day_wins_a_tie_against_another_year() -> None:
    claims = two(
        ':a :born "1912"^^xsd:gYear . :b :born "1950-01-02"^^xsd:date . :c :born "1960-01-02"^^xsd:date .',
        ':a :born "1913-05-01"^^xsd:date . :b :born "1950-01-02"^^xsd:date .'
        ' :c :born "1960-01-02"^^xsd:date .',
    )
    assert kept(claims, "born")["a"] == ["1913-05-01"]
    ((_, value, why),) = lost(claims, "born")
    assert value == "1912"
    assert why == "neither source is known to be better: the more exact value stays"


def named_by_two(property: str, agreeing: int, things: int = 30) -> Claims:
    """Things that two graphs name, so many of them alike."""
    left = [f"Abbey {number} {'north' * (number + 1)}" for number in range(things)]
    right = [f"Pump {number} {'south' * (number + 1)}" for number in range(things)]
    right[:agreeing] = left[:agreeing]
    texts = ([f'"{each}"' for each in side] for side in (left, right))
    return two(*(many(property, side) for side in texts))


def test_names_on_which_two_sources_hardly_ever_agree_all_stay() -> None:
    claims = named_by_two("rdfs:label", agreeing=3)
    assert lost(claims, "#label") == []
    assert sorted(map(len, kept(claims, "#label").values())) == [1] * 3 + [2] * 27
    rules = {Rule(each).words for each in resolve_default(claims, prefer=LEFT).rule.tolist()}
    assert rules == {Rule.UNION.words}


@pytest.mark.parametrize(
    ("property", "agreeing", "things"),
    [("rdfs:label", 24, 30), ("skos:prefLabel", 3, 30), ("rdfs:label", 1, 9)],
)
def test_one_name_stays_where_sources_agree_where_skos_wants_it_and_where_few_are_named(
    property: str, agreeing: int, things: int
) -> None:
    claims = named_by_two(property, agreeing, things)
    name = property.partition(":")[2]
    assert len(lost(claims, name)) == things - agreeing
    assert {len(names) for names in kept(claims, name).values()} == {1}


def test_further_names_are_many_and_labels_one_per_language() -> None:
    left, right = [f"Alpha {n}" for n in range(9)], [f"Omega {n}" for n in range(9)]
    claims = two(
        many("skos:altLabel", [f'"{each}"' for each in left])
        + many("rdfs:label", [f'"{each}"@en' for each in left]),
        many("skos:altLabel", [f'"{each}"' for each in right])
        + many("rdfs:label", [f'"{each}"@en, "{each}"@de' for each in right]),
    )
    assert kept(claims, "altLabel")["c3"] == ["Alpha 3", "Omega 3"]
    assert lost(claims, "altLabel") == []
    assert kept(claims, "#label")["c3"] == ["Alpha 3", "Omega 3"]
    losers = lost(claims, "#label")
    assert [value for _, value, _ in losers] == right
    assert {why for _, _, why in losers} == {
        "neither source is known to be better: the value of the canonical side stays"
    }


def test_other_texts_are_one_only_where_sources_agree() -> None:
    agreed = ['"red"', '"green"', '"blue"', '"red"', '"green"', '"blue"', '"red"', '"green"']
    claims = two(
        many(":colour", agreed) + many(":remark", [f'"yes {chr(97 + n)}"' for n in range(8)]),
        many(":colour", [*agreed[:7], '"yellow"'])
        + many(":remark", [f'"no {chr(107 + n)}"' for n in range(8)]),
    )
    assert kept(claims, "colour")["c7"] == ["green"]
    assert sorted(kept(claims, "remark")["c0"]) == ["no k", "yes a"]


def test_descriptions_are_one_per_language_and_nothing_is_said_of_their_truth() -> None:
    words = "a town by the river with a market a church and a long history of boats and mills"
    claims = two(
        many(":about", [f'"{words} {n}"@en' for n in range(4)]),
        many(
            ":about", [f'"{words} since {n}"@en, "une ville au bord de la rivière {n}"@fr' for n in range(4)]
        ),
    )
    found = resolve_default(claims, prefer=LEFT)
    assert kept(claims, "about")["c2"] == [f"{words} 2", "une ville au bord de la rivière 2"]
    assert {why for _, _, why in lost(claims, "about")} == {"one text of this kind stays in each language"}
    assert np.isnan(found.confidence).all()
    assert set(found.rule.tolist()) == {Rule.ONE_TEXT, Rule.ONLY}
    longest = kept(claims, "about", None)
    assert longest["c2"] == [f"{words} since 2", "une ville au bord de la rivière 2"]


def test_codes_are_kept_but_for_their_breaks() -> None:
    claims = two(
        ':a :callingCode "+1-268" . :b :callingCode "+93" . :c :callingCode "+1-721" .'
        ':d :callingCode "+44" .'
        ':a :sort "978-3-16-148410-0" . :b :sort "X-17" . :c :sort "X-18" . :d :sort "X-19" .',
        ':a :callingCode "+1 268" . :b :callingCode "+93" . :c :callingCode "+590" . :d :callingCode "+44" .'
        ':a :sort "9783161484100" . :b :sort "X-17" . :c :sort "X-18" . :d :sort "X-191" .',
    )
    assert kept(claims, "callingCode") == {
        "a": ["+1-268"],
        "b": ["+93"],
        "c": ["+1-721", "+590"],
        "d": ["+44"],
    }
    assert kept(claims, "callingCode", RIGHT)["a"] == ["+1 268"]
    assert kept(claims, "sort")["a"] == ["978-3-16-148410-0"]
    assert kept(claims, "sort")["d"] == ["X-19", "X-191"]
    whys = {
        (value, why)
        for _, value, _, role, why in tell(claims, resolve_default(claims, prefer=LEFT), "sort")
        if role == Role.AGREES
    }
    assert ("9783161484100", "it is the same code, broken up in other places") in whys


def test_plain_numbers_with_leading_zeros_are_codes() -> None:
    codes = [f"{each:03}" for each in (4, 8, 12, 248, 660, 826, 840)]
    other = [*codes[:6], "841"]
    claims = two(*(many(":numeric", [f'"{each}"' for each in said]) for said in (codes, other)))
    assert kept(claims, "numeric")["c6"] == ["840", "841"]
    assert lost(claims, "numeric") == []


def test_measures_in_text_are_no_codes() -> None:
    lengths = [f"{each} km" for each in (12, 31, 44, 58, 63, 77)]
    claims = two(
        many(":length", [f'"{each}"' for each in lengths]),
        many(":length", [f'"{each}"' for each in [*lengths[:5], "78 km"]]),
    )
    assert kept(claims, "length")["c5"] == ["77 km"]


def test_a_text_without_a_language_says_the_same_as_one_with_it() -> None:
    claims = two(
        ':a rdfs:label "Germany" . :b rdfs:label "Spain" . :c rdfs:label "Chile", "Chile"@es .',
        ':a rdfs:label "Germany"@en, "Deutschland"@de . :b rdfs:label "España"@es .'
        ' :c rdfs:label "Chili"@fr .',
    )
    assert {name: sorted(values) for name, values in kept(claims, "label").items()} == {
        "a": ["Deutschland", "Germany"],
        "b": ["España", "Spain"],
        "c": ["Chile", "Chile", "Chili"],
    }
    said = tell(claims, resolve_default(claims, prefer=LEFT), "label")
    assert ("a", "Germany", "left", Role.AGREES, "it says the same without naming the language") in said


def test_language_tags_differ_by_more_than_case() -> None:
    claims = two(':a rdfs:label "Rome"@en .', ':a rdfs:label "Roma"@EN, "Rome"@en-GB .')
    assert sorted(kept(claims, "label")["a"]) == ["Rome", "Rome"]


def test_truth_values_are_one_and_nodes_that_never_agree_are_many() -> None:
    claims = two(
        ":a :open true ; :in :l1 ; :land :x . :b :open false ; :in :l2 ; :land :y ."
        ":c :open true ; :in :l3 ; :land :z .",
        ":a :open true ; :in :r1 ; :land :x . :b :open true ; :in :r2 ; :land :y ."
        ":c :open true ; :in :r3 ; :land :q .",
    )
    assert kept(claims, "open")["b"] == ["false"]
    assert kept(claims, "in")["a"] == ["l1", "r1"]
    assert kept(claims, "land")["c"] == ["z"]


def test_rivals_of_two_sources_share_one_whole() -> None:
    people = [str(1000 + 37 * each) for each in range(30)]
    rivals = [*people[:20], *(str(int(each) + 9) for each in people[20:])]
    claims = two(many(":people", people), many(":people", rivals))
    found = resolve_default(claims, prefer=LEFT)
    for name in ("c25", "c29"):
        rows = [row for row in range(len(claims)) if claims.text(claims.subject[row]) == E + name]
        assert found.confidence[rows] == pytest.approx([0.5, 0.5], abs=0.1)
        assert found.confidence[rows].sum() <= 1 + 1e-9
    (agreed,) = {
        round(float(found.confidence[row]), 2)
        for row in range(len(claims))
        if claims.text(claims.subject[row]) == E + "c3"
    }
    assert agreed > 0.95


def test_of_two_mirrored_sides_the_impossible_latitudes_are_to_blame() -> None:
    random = np.random.default_rng(4)
    lat, long = random.uniform(-60, 60, 30).round(3), random.uniform(-170, 170, 30).round(3)
    straight = many(":lat", [str(each) for each in lat]) + many(":long", [str(each) for each in long])
    turned = many(":lat", [str(each) for each in long]) + many(":long", [str(each) for each in lat])
    claims = two(turned, straight)
    (fault,) = faults_of(claims, LEFT)
    assert (claims.sources[fault.source], fault.kind) == ("left", "swapped")
    assert kept(claims, "lat")["c5"] == [str(lat[5])]


@pytest.mark.parametrize(("prefer", "blamed"), [(LEFT, "right"), (RIGHT, "left")])
def test_of_two_units_the_canonical_side_s_is_kept(prefer: int, blamed: str) -> None:
    areas = np.exp(np.random.default_rng(5).normal(3, 1, 30))
    claims = two(
        many(":area", [f"{each:.3f}" for each in areas]),
        many(":area", [f"{each / 2.589988:.3f}" for each in areas]),
    )
    (fault,) = faults_of(claims, prefer)
    assert (claims.sources[fault.source], fault.kind) == (blamed, "factor")


def test_properties_that_never_agree_do_not_belong_together() -> None:
    """Two sides of different years differ in everything: what one of them alone says is not lost for that."""
    left = many(":people", [str(1000 + n) for n in range(20)]) + many(
        ":homes", [str(400 + n) for n in range(19)]
    )
    right = many(":people", [str(3000 + n) for n in range(20)]) + many(
        ":homes", [str(700 + n) for n in range(19)]
    )
    claims = two(left, right)
    assert all(each.joint is None for each in resolve_default(claims).learned)


CANONICAL: tuple[tuple[Literal["left", "right"], str], ...] = (("left", "Sucre"), ("right", "La Paz"))


@pytest.mark.parametrize(("canonical", "stays"), CANONICAL)
def test_fusion_prefers_the_canonical_side(canonical: Literal["left", "right"], stays: str) -> None:
    rest = "".join(f' :c{n} :capital "Town {chr(97 + n)}" .' for n in range(6))
    left = graph_of(f':a :capital "Sucre" .{rest}', ".trig")
    right = graph_of(f':a :capital "La Paz" .{rest}', ".trig")
    names = [f"{E}a", *(f"{E}c{n}" for n in range(6))]
    ours, theirs = ([graph.terms.value.to_pylist().index(name) for name in names] for graph in (left, right))
    fused = fused_graph(fuse(left, right, ours, theirs, FuseConfig(canonical=canonical)))
    texts = fused.terms.value.to_pylist()
    capitals = [
        texts[o]
        for s, o in zip(fused.subject.tolist(), fused.object.tolist(), strict=True)
        if texts[s] == f"{E}a"
    ]
    assert capitals == [stays]


def test_nodes_stay_where_one_source_by_itself_names_several() -> None:
    agreed = " ".join(f":s{number} :artist :a{number} ." for number in range(20))
    claims = two(
        f"{agreed} :x :artist :band . :y :artist :one .",
        f"{agreed} :x :artist :band, :cover . :y :artist :two .",
    )
    found = resolve_default(claims, prefer=LEFT)
    told = tell(claims, found, "artist")
    assert {value for subject, value, _, role, _ in told if subject == "x" and role == Role.WRITTEN} == {
        "band",
        "cover",
    }
    assert [value for subject, value, _, role, _ in told if subject == "y" and role == Role.LOST] == ["two"]
