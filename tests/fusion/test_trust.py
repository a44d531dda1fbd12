"""Trust learned without gold, faults that are found, and the default policy that goes by them."""

import re

import numpy as np
import pytest

from kgalign.fusion.claims import Claims
from kgalign.fusion.reasons import Reason, Rule
from kgalign.fusion.resolve import Resolution, resolve_default
from kgalign.fusion.trust import learn
from kgalign.fusion.trust.contests import Scale, consensus, table_at
from kgalign.fusion.trust.faults import find_faults
from kgalign.records.fused import Role
from kgalign.values import read_values
from tests.fusion.made_claims import E, cities, claims_from, described, sources_say, written_values

Rows = list[tuple[str, str, str, object]]


def written(claims: Claims, resolution: Resolution, property: str) -> dict[str, list[str]]:
    return {
        claims.text(s).removeprefix(E): [claims.text(value) for value in values.tolist()]
        for (s, p), values in written_values(claims, resolution).items()
        if claims.text(p) == E + property
    }


def trust_of(claims: Claims, resolution: Resolution, property: str) -> dict[str, float]:
    for learned in resolution.learned:
        if claims.text(learned.properties[0]) == E + property and learned.trust is not None:
            return dict(zip(claims.sources, learned.trust.trust.tolist(), strict=True))
    raise AssertionError(property)


def reasons(claims: Claims, resolution: Resolution, subject: str) -> dict[str, str]:
    return {
        f"{claims.sources[claims.source[row]]} {claims.text(claims.value[row])}": Reason(
            resolution.reason[row]
        ).words
        for row in range(len(claims))
        if claims.text(claims.subject[row]) == E + subject
    }


def people(
    count: int, seed: int = 0, wrong: tuple[float, ...] = (0.05, 0.1, 0.15, 0.6)
) -> tuple[Rows, dict[str, int]]:
    """Sources s0, s1 … that are wrong that often, and the truth."""
    random = np.random.default_rng(seed)
    truth = {f"c{number}": int(np.exp(random.normal(9, 1.5))) + 100 for number in range(count)}
    rows: Rows = []
    for name, right in truth.items():
        for number, share in enumerate(wrong):
            value = right if random.random() > share else int(np.exp(random.normal(9, 1.5))) + 100
            rows.append((f"s{number}", name, "people", value))
    return rows, truth


def test_trust_ranks_sources_as_they_are_right() -> None:
    rows, truth = people(150)
    claims = sources_say(rows)
    resolution = resolve_default(claims)
    trust = trust_of(claims, resolution, "people")
    assert sorted(trust, key=trust.__getitem__, reverse=True)[:2] == ["s0", "s1"]
    assert trust["s3"] < 0.6 < trust["s2"]
    found = written(claims, resolution, "people")
    right = sum(found[name] == [str(value)] for name, value in truth.items())
    assert right >= 0.97 * len(truth)


def test_a_trusted_source_beats_a_majority_that_is_not() -> None:
    rows, _ = people(200, wrong=(0.02, 0.02, 0.75, 0.75))
    rows += [("s0", "x", "people", 5000), ("s2", "x", "people", 777), ("s3", "x", "people", 90000)]
    claims = sources_say(rows)
    assert written(claims, resolve_default(claims), "people")["x"] == ["5000"]


def test_a_source_is_not_judged_by_itself() -> None:
    """Many claims that nobody else makes tell nothing of a source."""
    rows, _ = people(40, wrong=(0.05, 0.05, 0.5))
    lonely: Rows = [("s2", f"only{number}", "people", 1000 + number) for number in range(500)]
    before, after = (sources_say(each) for each in (rows, rows + lonely))
    a = trust_of(before, resolve_default(before), "people")
    b = trust_of(after, resolve_default(after), "people")
    assert b["s2"] < 0.75
    assert abs(a["s2"] - b["s2"]) < 0.15


def test_two_sources_alone_cannot_be_told_apart_and_it_says_so() -> None:
    rows, _ = people(60, wrong=(0.0, 0.4))
    claims = sources_say(rows)
    values = read_values(claims.terms, claims.value)
    _, trust = learn(find_faults(table_at(claims, np.arange(len(claims)), values)))
    assert not trust.told_apart
    assert trust.trust[0] == pytest.approx(trust.trust[1], abs=0.05)


def test_of_two_sources_the_one_that_contradicts_itself_is_trusted_less() -> None:
    rows: Rows = []
    for number in range(60):
        rows.append(("one", f"c{number}", "people", 1000 + 37 * number))
        rows.append(("two", f"c{number}", "people", 1000 + 37 * number))
        if number % 9 == 0:
            rows.append(("two", f"c{number}", "people", 5 + number * 1001))
    claims = sources_say(rows)
    trust = trust_of(claims, resolve_default(claims), "people")
    assert trust["two"] < trust["one"]


def test_faults_are_found_and_named() -> None:
    claims = sources_say(cities(60))
    lines = described(claims)
    assert len(lines) == 2
    assert "turned" in lines[0]
    assert "swapped (60 of 60)" in lines[0]
    assert "whole numbers only (60 of 60): cut off, not rounded" in lines[1]


def test_places_come_from_one_source_as_one() -> None:
    rows = cities(60)
    claims = sources_say(rows)
    resolution = resolve_default(claims)
    lat, long = written(claims, resolution, "lat"), written(claims, resolution, "long")
    told = {(subject, property, str(value)): source for source, subject, property, value in reversed(rows)}
    for name in lat:
        sources = {told[name, "lat", lat[name][0]], told[name, "long", long[name][0]]}
        assert len(sources) == 1
        assert sources <= {"good", "also", "careless"}
    good = sum(told[name, "lat", lat[name][0]] in ("good", "also") for name in lat)
    assert good >= 0.9 * len(lat)


def test_a_turned_pair_supports_what_it_means_but_is_not_written() -> None:
    rows = cities(30)
    rows += [("good", "x", "lat", 50.1), ("good", "x", "long", 8.6)]
    rows += [("turned", "x", "lat", 9.6), ("turned", "x", "long", 51.1)]
    rows += [("also", "x", "lat", 51.1), ("also", "x", "long", 9.6)]
    claims = sources_say(rows)
    resolution = resolve_default(claims)
    assert written(claims, resolution, "lat")["x"] == ["51.1"]
    why = reasons(claims, resolution, "x")
    assert why["turned 51.1"] == why["turned 9.6"] == "the two values of this source are swapped here"


def test_a_source_in_another_unit_is_named() -> None:
    random = np.random.default_rng(3)
    rows: Rows = []
    for number in range(40):
        area = float(np.exp(random.normal(3, 1)))
        rows.append(("metric", f"c{number}", "area", round(area, 3)))
        rows.append(("also", f"c{number}", "area", round(area * random.normal(1, 0.003), 3)))
        rows.append(("miles", f"c{number}", "area", round(area / 2.589988, 3)))
    claims = sources_say(rows)
    (line,) = described(claims)
    assert line.startswith("miles")
    assert "square miles against square kilometres" in line
    kept = written(claims, resolve_default(claims), "area")
    inches = {str(value) for source, _, _, value in rows if source == "miles"}
    assert not any(value in inches for values in kept.values() for value in values)


def test_numbers_cut_at_their_thousands_are_named() -> None:
    rows, truth = people(60, wrong=(0.0, 0.05, 0.05))
    rows = [
        (source, name, property, truth[name] // 1000 if source == "s2" and truth[name] > 20_000 else value)
        for source, name, property, value in rows
    ]
    claims = sources_say(rows)
    (line,) = described(claims)
    assert line.startswith("s2")
    found = re.search(r"cut off at the mark of the thousands \((\d+) of 60\)", line)
    assert found is not None
    assert 0 <= sum(value > 20_000 for value in truth.values()) - int(found[1]) <= 2


def test_dates_that_are_less_exact_are_no_conflict() -> None:
    claims = claims_from(
        ':one { :a :born "1912-06-23"^^xsd:date . :b :born "1903"^^xsd:gYear }'
        ':two { :a :born "1912"^^xsd:gYear . :b :born "1903-12-28"^^xsd:date }'
        ':three { :a :born "1912-06"^^xsd:gYearMonth . :b :born 1903 . :c :born "1815-12-10"^^xsd:date }'
    )
    resolution = resolve_default(claims)
    assert written(claims, resolution, "born") == {
        "a": ["1912-06-23"],
        "b": ["1903-12-28"],
        "c": ["1815-12-10"],
    }
    assert (resolution.role != Role.LOST).all()


def test_what_has_many_values_keeps_them_without_near_duplicates() -> None:
    claims = claims_from(
        ':one { :a :topic "Botany", "Zoology of Africa" . :b :topic "Chemistry", "Physics" }'
        ':two { :a :topic "botany", "Zoology of Afrika", "Law" . :b :topic "Physics", "Law" }'
    )
    resolution = resolve_default(claims)
    assert written(claims, resolution, "topic")["b"] == sorted(written(claims, resolution, "topic")["b"])
    assert len(written(claims, resolution, "topic")["a"]) == 3
    assert len(written(claims, resolution, "topic")["b"]) == 3
    assert set(resolution.rule.tolist()) == {Rule.UNION}


def test_one_label_per_language() -> None:
    claims = claims_from(
        ':one { :a :label "Roma"@it, "Rome"@en . :b :label "Milano"@it } '
        ':two { :a :label "Roma"@it, "ROME"@en . :b :label "Mailand"@de } '
        ':three { :a :label "Rom"@it, "Rome"@en . :b :label "Milano"@it }'
    )
    assert written(claims, resolve_default(claims), "label") == {
        "a": ["Roma", "Rome"],
        "b": ["Mailand", "Milano"],
    }


def test_types_of_two_vocabularies_are_no_conflict() -> None:
    rows = "".join(f":a{n} a :City ; :in :land . " for n in range(6))
    other = "".join(f":a{n} a :Town ; :in :land . " for n in range(6))
    claims = claims_from(f":one {{ {rows} }} :two {{ {other} }}")
    resolution = resolve_default(claims)
    assert resolution.role.tolist().count(Role.LOST) == 0


def test_nodes_of_which_sources_never_share_one_are_kept() -> None:
    rows = "".join(f":a{n} :partOf :l{n} . " for n in range(8))
    other = "".join(f":a{n} :partOf :r{n} . " for n in range(8))
    claims = claims_from(f":one {{ {rows} }} :two {{ {other} }}")
    assert (resolve_default(claims).role == Role.WRITTEN).all()


def test_a_text_among_numbers_loses_and_is_named() -> None:
    rows, _ = people(30, wrong=(0.05, 0.05))
    rows = [row for row in rows if row[1] != "c0"] + [
        ("s0", "c0", "people", 1234),
        ("s1", "c0", "people", "many"),
    ]
    claims = sources_say(rows)
    resolution = resolve_default(claims)
    assert written(claims, resolution, "people")["c0"] == ["1234"]
    assert any("no number (1 of 30)" in line for line in described(claims))


def test_of_two_mirrored_sources_only_one_is_turned() -> None:
    rows = [row for row in cities(30) if row[0] in ("good", "turned")]
    claims = sources_say([*rows, ("good", "x", "lat", 41.0), ("good", "x", "long", 8.5)])
    (line,) = described(claims)
    assert line.startswith("turned")


def test_a_few_swapped_pairs_do_not_turn_the_others() -> None:
    rows: Rows = []
    random = np.random.default_rng(2)
    for number in range(60):
        a, b = float(random.uniform(-60, 60)), float(random.uniform(-170, 170))
        swap = number in (3, 14, 25, 36)
        pairs = {"one": (b, a) if swap else (a, b)} | (
            {"two": (a, b), "three": (a, b)} if number < 40 else {}
        )
        for source, (lat, long) in pairs.items():
            rows += [(source, f"c{number}", "lat", lat), (source, f"c{number}", "long", long)]
    claims = sources_say(rows)
    (line,) = described(claims)
    assert line.startswith("one")
    assert "swapped (4 of 60)" in line


def test_values_that_never_have_a_partner_are_resolved_alone() -> None:
    rows = [*cities(20), ("good", "x", "lat", 1.5), ("also", "x", "lat", 1.5), ("careless", "x", "lat", 9.5)]
    claims = sources_say(rows)
    assert written(claims, resolve_default(claims), "lat")["x"] == ["1.5"]


def test_a_value_without_its_partner_loses() -> None:
    rows = [*cities(20), ("good", "x", "lat", 1.5), ("good", "x", "long", 2.5), ("also", "x", "lat", 7.5)]
    claims = sources_say(rows)
    resolution = resolve_default(claims)
    assert reasons(claims, resolution, "x")["also 7.5"].startswith("it has no partner")
    assert written(claims, resolution, "lat")["x"] == ["1.5"]


def test_newer_values_count_where_they_turn_out_better() -> None:
    """The old half of each source's claims is wrong, and source and age say different things."""
    random = np.random.default_rng(5)
    rows: Rows = []
    fresh: dict[tuple[str, str], float] = {}
    for number in range(400):
        right = int(np.exp(random.normal(9, 1.5))) + 1000
        for source in ("s0", "s1", "s2"):
            new = random.random() < 0.6
            value = right if new else int(np.exp(random.normal(9, 1.5))) + 1000
            rows.append((source, f"c{number}", "people", value))
            fresh[source, f"c{number}"] = 100.0 * new + random.random()
    claims = sources_say(rows)
    age = np.array(
        [
            fresh[claims.sources[s], claims.text(subject).removeprefix(E)]
            for s, subject in zip(claims.source.tolist(), claims.subject.tolist(), strict=True)
        ]
    )
    assert resolve_default(claims, age).learned[0].trust is not None
    (learned,) = resolve_default(claims, age).learned
    (blind,) = resolve_default(claims, random.permutation(age)).learned
    assert learned.trust is not None
    assert blind.trust is not None
    assert learned.trust.newer > 1
    assert blind.trust.newer == 0


def test_a_strange_value_loses_to_a_likely_one() -> None:
    rows, _ = people(60, wrong=(0.05, 0.1, 0.15))
    rows += [("s0", "x", "people", 1), ("s2", "x", "people", 8000)]
    claims = sources_say(rows)
    assert written(claims, resolve_default(claims), "people")["x"] == ["8000"]


def test_confidence_is_that_of_the_value_itself_not_of_what_is_near() -> None:
    rows, _ = people(60, wrong=(0.05, 0.1, 0.6))
    rows += [("s0", "x", "people", 20_000), ("s1", "x", "people", 20_010)]
    rows += [("s0", "y", "people", 7000), ("s1", "y", "people", 7000)]
    claims = sources_say(rows)
    resolution = resolve_default(claims)
    sure = {
        name: [
            resolution.confidence[row]
            for row in range(len(claims))
            if claims.text(claims.subject[row]) == E + name
        ]
        for name in "xy"
    }
    assert sum(sure["x"]) <= 1
    assert max(sure["x"]) < 0.7
    assert min(sure["y"]) > 0.95


def test_many_claims_of_one_thing() -> None:
    rows: Rows = [(f"s{number % 7}", "x", "people", 1000 + number * 13 % 997) for number in range(5000)]
    claims = sources_say(rows)
    resolution = resolve_default(claims)
    assert len(resolution.role) == len(claims)
    values = read_values(claims.terms, claims.value)
    table = table_at(claims, np.arange(len(claims)), values)
    assert np.isfinite(consensus(table)).all()


def test_numbers_that_spread_are_compared_by_ratio() -> None:
    rows, _ = people(30)
    claims = sources_say(rows)
    values = read_values(claims.terms, claims.value)
    table = table_at(claims, np.arange(len(claims)), values)
    assert table.scale == Scale.LOG
    assert table.distance(np.array([0]), np.array([0])).tolist() == [0.0]


def test_claims_of_nothing() -> None:
    claims = claims_from(":a :p 1 .")
    empty = claims.take(np.zeros(1, bool))
    assert len(resolve_default(empty).role) == 0
