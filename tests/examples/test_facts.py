"""The graphs in examples/countries are what their tables say, and the tables obey the laws of such facts."""

import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pyoxigraph as ox
import pytest
import rdflib

from kgalign.config import load_config
from kgalign.links.gold import read_pairs

FOLDER = Path(__file__).parents[2] / "examples" / "countries"
GRAPHS = ("left.ttl", "right.jsonld")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples_countries_make", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


make = _load(FOLDER / "make.py")
FACTS = make.read_facts()
LEFT, RIGHT, TERMS, TERMES = make.LEFT, make.RIGHT, f"{make.LEFT}terms#", f"{make.RIGHT}termes#"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"

Triple = tuple[str, str, str]


def _triples(name: str) -> list[Triple]:
    """Statements as strings; of a literal, its lexical form."""
    quads = ox.parse(path=str(FOLDER / name))
    return [(q.subject.value, q.predicate.value, q.object.value) for q in quads]


@pytest.fixture(scope="module")
def left() -> list[Triple]:
    return _triples("left.ttl")


@pytest.fixture(scope="module")
def right() -> list[Triple]:
    return _triples("right.jsonld")


@pytest.fixture(scope="module")
def gold() -> tuple[tuple[str, str], ...]:
    return read_pairs(FOLDER / "gold.tsv")


def _objects(triples: Iterable[Triple], predicate: str) -> dict[str, str]:
    """Subject → its only object."""
    found = [(s, o) for s, p, o in triples if p == predicate]
    assert len(dict(found)) == len(found)
    return dict(found)


def _of_type(triples: Iterable[Triple], *types: str) -> set[str]:
    return {s for s, p, o in triples if p == RDF_TYPE and o in types}


def _cells(column: str, rows: Iterable[dict[str, str]] = FACTS.countries) -> list[str]:
    return [row[column] for row in rows if row[column]]


@pytest.mark.parametrize("name", [*GRAPHS, "gold.tsv"])
def test_the_committed_files_are_what_the_script_writes(name: str) -> None:
    assert (FOLDER / name).read_bytes() == make.build(FACTS)[name].encode()


@pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated"
)  # by rdflib itself, in its JSON-LD parser
@pytest.mark.parametrize("name", GRAPHS)
def test_pyoxigraph_and_rdflib_read_the_same_statements(name: str) -> None:
    ours = {
        (q.subject.value, q.predicate.value, q.object.value, getattr(q.object, "language", None))
        for q in ox.parse(path=str(FOLDER / name))
    }
    graph = rdflib.Graph().parse(FOLDER / name)
    theirs = {(str(s), str(p), str(o), getattr(o, "language", None)) for s, p, o in graph}
    assert ours == theirs
    assert len(ours) == len(graph)


def test_the_config_is_valid() -> None:
    assert load_config(FOLDER / "config.toml").assign.cardinality == "one-to-one"


def test_each_side_is_big_enough_and_has_what_the_other_lacks(
    left: list[Triple], right: list[Triple]
) -> None:
    sides = (
        (_of_type(left, f"{TERMS}Country", f"{TERMS}Territory"), _of_type(left, f"{TERMS}City"), 0),
        (_of_type(right, f"{TERMES}Pays", f"{TERMES}Territoire"), _of_type(right, f"{TERMES}Ville"), 1),
    )
    pairs = read_pairs(FOLDER / "gold.tsv")
    for countries, cities, position in sides:
        linked = {pair[position] for pair in pairs}
        assert len(countries) >= 150
        assert len(cities) >= 150
        assert len(countries - linked) >= 10
        assert len(cities - linked) >= 10
        assert linked < countries | cities


def test_gold_is_one_to_one_and_links_like_with_like(
    left: list[Triple], right: list[Triple], gold: tuple[tuple[str, str], ...]
) -> None:
    assert len({a for a, _ in gold}) == len({b for _, b in gold}) == len(gold)
    same = {
        f"{TERMS}Country": f"{TERMES}Pays",
        f"{TERMS}Territory": f"{TERMES}Territoire",
        f"{TERMS}City": f"{TERMES}Ville",
    }
    left_type, right_type = _objects(left, RDF_TYPE), _objects(right, RDF_TYPE)
    assert all(same[left_type[a]] == right_type[b] for a, b in gold)


def test_the_right_side_holds_no_codes_and_its_iris_say_nothing(right: list[Triple]) -> None:
    codes = {*_cells("iso_alpha2"), *_cells("iso_alpha3"), *FACTS.currencies}
    assert not codes & {o for _, _, o in right}
    assert all(re.fullmatch(rf"{RIGHT}(pays|ville)/\d{{4}}", s) for s, _, _ in right)


def test_areas_agree_up_to_the_rounding_of_the_other_unit(
    left: list[Triple], right: list[Triple], gold: tuple[tuple[str, str], ...]
) -> None:
    km2, miles = _objects(left, f"{TERMS}areaKm2"), _objects(right, f"{TERMES}superficieMillesCarres")
    both = [(Decimal(km2[a]), Decimal(miles[b])) for a, b in gold if a in km2]
    assert len(both) == sum(row["side"] == "both" for row in FACTS.countries)
    for metric, imperial in both:
        step = Decimal(1).scaleb(int(imperial.as_tuple().exponent))
        assert abs(metric / Decimal("2.589988") - imperial) <= step / 2
        assert step <= imperial / 10  # at least two digits say something


@pytest.mark.parametrize(
    ("name", "relation"), [("left.ttl", f"{TERMS}borders"), ("right.jsonld", f"{TERMES}frontalierDe")]
)
def test_neighbours_are_symmetric(name: str, relation: str) -> None:
    pairs = {(s, o) for s, p, o in _triples(name) if p == relation}
    assert pairs == {(b, a) for a, b in pairs}
    assert all(a != b for a, b in pairs)
    assert len(pairs) > 500


def test_neighbours_of_the_whole_table_are_symmetric() -> None:
    borders = {row["key"]: set(row["borders"].split()) for row in FACTS.countries}
    assert all(key in borders[other] for key, others in borders.items() for other in others)


def test_keys_and_ids_name_one_thing() -> None:
    for rows in (FACTS.countries, FACTS.cities):
        assert max(Counter(_cells("key", rows)).values()) == 1
        assert max(Counter(_cells("right_id", rows)).values()) == 1
        for row in rows:
            assert row["side"] in {"both", "left", "right"}
            assert bool(row["right_id"]) == (row["side"] != "left")
            assert bool(row["name_en"]) == (row["side"] != "right")
            assert bool(row["name_fr"]) == (row["side"] != "left")
            assert all(value == value.strip() for value in row.values())


def test_iso_codes_are_unique_and_well_formed() -> None:
    for kind, shape in (("alpha2", "[A-Z]{2}"), ("alpha3", "[A-Z]{3}"), ("numeric", r"\d{3}")):
        codes = _cells(f"iso_{kind}")
        assert len(set(codes)) == len(codes) >= 190
        assert all(re.fullmatch(shape, code) for code in codes)
    without = [row["key"] for row in FACTS.countries if row["side"] != "right" and not row["iso_alpha3"]]
    assert without == ["kosovo"]  # ISO 3166-1 assigns it none


def test_internet_domains_are_the_iso_codes_but_for_one() -> None:
    other = {row["key"] for row in FACTS.countries if row["tld"] != row["iso_alpha2"].lower()}
    assert other == {"united-kingdom"}


def test_calling_codes_and_currencies_are_well_formed() -> None:
    for cell in _cells("calling_code"):
        assert all(re.fullmatch(r"[2-9]\d{1,2}|7|1(-\d{3})?", code) for code in cell.split())
    used = {code for cell in _cells("currency") for code in cell.split()}
    assert used == set(FACTS.currencies)
    assert all(re.fullmatch("[A-Z]{3}", code) for code in used)
    assert len(set(FACTS.currencies.values())) == len(FACTS.currencies)


def test_every_country_has_a_capital_or_a_reason() -> None:
    capitals = Counter(city["country"] for city in FACTS.cities if city["role"] == "capital")
    for row in FACTS.countries:
        assert bool(capitals[row["key"]]) != bool(row["no_capital"]), row["key"]
    assert {key for key, count in capitals.items() if count > 1} == {"south-africa"}
    sides = {row["key"]: row["side"] for row in FACTS.countries}
    for city in FACTS.cities:
        assert city["role"] in {"capital", "seat"}
        assert city["side"] == sides[city["country"]] or (city["role"], sides[city["country"]]) == (
            "seat",
            "both",
        )


def test_coordinates_are_in_range_and_missing_on_one_side_only() -> None:
    for city in FACTS.cities:
        assert abs(Decimal(city["latitude"])) <= 72
        assert abs(Decimal(city["longitude"])) <= 180
        assert city["coordinates"] in {"both", "left", "right"}
    shared = Counter(city["coordinates"] for city in FACTS.cities if city["side"] == "both")
    assert min(shared["left"], shared["right"]) >= 5
    places = [(city["latitude"], city["longitude"]) for city in FACTS.cities]
    assert len(set(places)) == len(places)


def test_populations_and_areas_are_plausible() -> None:
    for row in FACTS.countries:
        now, before, area = row["population_2020"], row["population_2015"], row["area_km2"]
        assert not area or Decimal("0.4") < Decimal(area) < 17_200_000
        for people in filter(None, (now, before)):
            assert 1_000 < int(people) < 1_450_000_000
            assert not area or Decimal("0.02") < int(people) / Decimal(area) < 25_000
        if now and before:
            assert Decimal("0.85") < Decimal(now) / Decimal(before) < Decimal("1.25"), row["key"]
    assert 7_000_000_000 < sum(map(int, _cells("population_2020"))) < 8_000_000_000
    assert 120_000_000 < sum(map(Decimal, _cells("area_km2"))) < 150_000_000


def test_no_city_has_more_people_than_its_country() -> None:
    people = {row["key"]: row["population_2020"] for row in FACTS.countries}
    for city in FACTS.cities:
        assert bool(city["population"]) == bool(city["population_year"])
        if city["population"]:
            assert 2000 <= int(city["population_year"]) <= 2024
            assert 5_000 < int(city["population"]) < int(people[city["country"]] or 10**9), city["key"]


def test_dates_are_dates_and_lie_in_the_past() -> None:
    days = [date.fromisoformat(day) for day in _cells("founded")]
    assert all(date(1700, 1, 1) < day < date(2025, 1, 1) for day in days)


def test_territories_name_the_state_they_belong_to() -> None:
    kind = {row["key"]: row["kind"] for row in FACTS.countries}
    assert set(kind.values()) == {"country", "territory"}
    for row in FACTS.countries:
        assert (row["kind"] == "territory") == (kind.get(row["associated_with"]) == "country")


def test_names_that_are_easily_confused_are_there(left: list[Triple]) -> None:
    names = Counter(o for _, p, o in left if p.endswith("#label"))
    for confusable in (
        ("Guinea", "Guinea-Bissau", "Equatorial Guinea", "Papua New Guinea"),
        ("Niger", "Nigeria", "Dominica", "Dominican Republic", "North Korea", "South Korea"),
        ("Republic of the Congo", "Democratic Republic of the Congo", "Georgia", "Georgetown", "George Town"),
    ):
        assert all(names[name] == 1 for name in confusable)
    assert names["Kingston"] == names["Luxembourg"] == names["Djibouti"] == names["San Marino"] == 2


def test_the_readme_counts_right() -> None:
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    counts = [tuple(map(len, FACTS.on(side))) for side in ("left", "right")]
    cells = " | ".join(
        f"{countries} countries and territories, {cities} cities" for countries, cities in counts
    )
    assert f"| entities | {cells} |" in readme
    shared = [sum(row["side"] == "both" for row in rows) for rows in (FACTS.countries, FACTS.cities)]
    assert f"{shared[0]} countries and {shared[1]} cities stand on both sides" in readme
    assert f"these {sum(shared)} links" in readme
