"""Write the two graphs and the gold links of this folder from its tables of facts.

``python examples/countries/make.py`` writes left.ttl, right.jsonld and gold.tsv beside itself; the
same tables give the same bytes. The left graph is an English gazetteer, the right one a French atlas:
other words, other units, other years, other properties, and IRIs that say nothing.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
KM2_PER_SQUARE_MILE = Decimal("2.589988")

LEFT = "https://example.org/atlas/"
RIGHT = "https://example.net/atlas-du-monde/"

CONTINENTS = {
    "Africa": "Afrique",
    "Asia": "Asie",
    "Europe": "Europe",
    "North America": "Amérique du Nord",
    "Oceania": "Océanie",
    "South America": "Amérique du Sud",
}

PREFIXES = {
    "atlas": f"{LEFT}terms#",
    "city": f"{LEFT}city/",
    "country": f"{LEFT}country/",
    "geo": "http://www.w3.org/2003/01/geo/wgs84_pos#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

LINKS = ("capitale", "frontalierDe", "rattacheA", "siegeDesPouvoirs")
CONTEXT: dict[str, object] = {
    "@vocab": f"{RIGHT}termes#",
    "pays": f"{RIGHT}pays/",
    "ville": f"{RIGHT}ville/",
    "xsd": PREFIXES["xsd"],
    **{name: {"@language": "fr"} for name in ("continent", "monnaie", "nom", "nomOfficiel")},
    **{name: {"@type": "@id"} for name in LINKS},
    **{name: {"@type": "xsd:decimal"} for name in ("latitude", "longitude", "superficieMillesCarres")},
    "anneeFondation": {"@type": "xsd:gYear"},
    "population2015": {"@type": "xsd:integer"},
}

Row = Mapping[str, str]
Node = dict[str, object]


@dataclass(frozen=True, slots=True)
class Facts:
    """The tables, each in the order of its file."""

    countries: tuple[Row, ...]
    """Countries and territories."""
    cities: tuple[Row, ...]
    """Their capitals, and other cities where a branch of government sits."""
    currencies: Mapping[str, str]
    """ISO 4217 code → French name."""

    def on(self, side: str) -> tuple[list[Row], list[Row]]:
        """Countries and cities that the graph of ``side`` (left or right) holds."""
        kept = ("both", side)
        return [c for c in self.countries if c["side"] in kept], [c for c in self.cities if c["side"] in kept]


def read_facts(folder: Path = HERE) -> Facts:
    currencies = {row["code"]: row["name_fr"] for row in _table(folder / "currencies.tsv")}
    return Facts(_table(folder / "countries.tsv"), _table(folder / "capitals.tsv"), currencies)


def _table(path: Path) -> tuple[Row, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))


def several(cell: str) -> list[str]:
    """The values of a cell that may hold several, separated by ``|``."""
    return [value.strip() for value in cell.split("|") if value.strip()]


# The English gazetteer, in Turtle.


def left_graph(facts: Facts) -> str:
    countries, cities = facts.on("left")
    held = {country["key"] for country in countries}
    lines = [f"@prefix {name}: <{iri}> ." for name, iri in PREFIXES.items()]
    for country in countries:
        kind = "atlas:Country" if country["kind"] == "country" else "atlas:Territory"
        lines += _block(f"country:{country['key']}", kind, _left_country(country, cities, held))
    for city in cities:
        lines += _block(f"city:{city['key']}", "atlas:City", _left_city(city))
    return "\n".join(lines) + "\n"


def _block(subject: str, kind: str, statements: Iterable[tuple[str, list[str]]]) -> list[str]:
    told = [("a", [kind]), *((name, values) for name, values in statements if values)]
    body = " ;\n".join(f"    {name} {', '.join(values)}" for name, values in told)
    return ["", f"{subject}\n{body} ."]


def _left_country(country: Row, cities: Sequence[Row], held: set[str]) -> Iterator[tuple[str, list[str]]]:
    seats = [city for city in cities if city["country"] == country["key"]]
    yield "rdfs:label", _quoted([country["name_en"]], "@en")
    yield "atlas:officialName", _quoted([country["official_en"]], "@en")
    yield "skos:altLabel", _quoted(several(country["other_en"]))
    for code in ("alpha2", "alpha3", "numeric"):
        yield f"atlas:iso{code.title()}", _quoted([country[f"iso_{code}"]])
    yield "atlas:capital", [f"city:{city['key']}" for city in seats if city["role"] == "capital"]
    yield "atlas:governmentSeat", [f"city:{city['key']}" for city in seats if city["role"] == "seat"]
    yield "atlas:continent", _quoted([country["continent"]], "@en")
    yield "atlas:areaKm2", _quoted([country["area_km2"]], "^^xsd:decimal")
    yield "atlas:population2020", _quoted([country["population_2020"]], "^^xsd:integer")
    yield "atlas:currency", _quoted(country["currency"].split())
    yield "atlas:callingCode", _quoted([f"+{code}" for code in country["calling_code"].split()])
    yield "atlas:internetDomain", _quoted([f".{tld}" for tld in country["tld"].split()])
    yield "atlas:borders", [f"country:{key}" for key in country["borders"].split() if key in held]
    yield "atlas:founded", _quoted([country["founded"]], "^^xsd:date")
    yield "atlas:associatedWith", [f"country:{key}" for key in country["associated_with"].split()]


def _left_city(city: Row) -> Iterator[tuple[str, list[str]]]:
    yield "rdfs:label", _quoted([city["name_en"]], "@en")
    yield "skos:altLabel", _quoted(several(city["other_en"]))
    if city["coordinates"] in ("both", "left"):
        yield "geo:lat", _quoted([city["latitude"]], "^^xsd:decimal")
        yield "geo:long", _quoted([city["longitude"]], "^^xsd:decimal")
    yield "atlas:inhabitants", _quoted([city["population"]], "^^xsd:integer")
    yield "atlas:inhabitantsIn", _quoted([city["population_year"]], "^^xsd:gYear")


def _quoted(values: Iterable[str], suffix: str = "") -> list[str]:
    """Turtle literals; JSON's escapes are Turtle's too. Empty values are left out."""
    return [json.dumps(value, ensure_ascii=False) + suffix for value in values if value]


# The French atlas, in JSON-LD.


def right_graph(facts: Facts) -> str:
    countries, cities = facts.on("right")
    ids = {country["key"]: f"pays:{country['right_id']}" for country in countries}
    nodes = [_right_country(country, cities, ids, facts.currencies) for country in countries]
    nodes += [_right_city(city) for city in cities]
    nodes.sort(key=lambda node: str(node["@id"]))
    document = {"@context": CONTEXT, "@graph": nodes}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _right_country(
    country: Row, cities: Sequence[Row], ids: Mapping[str, str], currencies: Mapping[str, str]
) -> Node:
    seats = [city for city in cities if city["country"] == country["key"]]
    population = country["population_2015"]
    return _told(
        {
            "@id": ids[country["key"]],
            "@type": "Pays" if country["kind"] == "country" else "Territoire",
            "nom": country["name_fr"],
            "nomOfficiel": country["official_fr"],
            "autreNom": several(country["other_fr"]),
            "capitale": [f"ville:{city['right_id']}" for city in seats if city["role"] == "capital"],
            "siegeDesPouvoirs": [f"ville:{city['right_id']}" for city in seats if city["role"] == "seat"],
            "continent": CONTINENTS[country["continent"]],
            "superficieMillesCarres": square_miles(country["area_km2"]),
            "population2015": int(population) if population else "",
            "monnaie": [currencies[code] for code in country["currency"].split()],
            "indicatif": [f"+{code.replace('-', ' ')}" for code in country["calling_code"].split()],
            "frontalierDe": sorted(ids[key] for key in country["borders"].split() if key in ids),
            "anneeFondation": country["founded"][:4],
            "rattacheA": [ids[key] for key in country["associated_with"].split()],
        }
    )


def _right_city(city: Row) -> Node:
    placed = city["coordinates"] in ("both", "right")
    return _told(
        {
            "@id": f"ville:{city['right_id']}",
            "@type": "Ville",
            "nom": city["name_fr"],
            "autreNom": several(city["other_fr"]),
            "latitude": _tenths(city["latitude"]) if placed else "",
            "longitude": _tenths(city["longitude"]) if placed else "",
        }
    )


def _told(node: Node) -> Node:
    """Without what is not known; a list of one is written as its value."""
    known = {name: value for name, value in node.items() if value not in ("", [])}
    return {n: v[0] if isinstance(v, list) and len(v) == 1 else v for n, v in known.items()}


def square_miles(km2: str) -> str:
    """Square kilometres as square miles: whole from 100 on, one digit from 1 on, two below; '' stays ''."""
    if not km2:
        return ""
    miles = Decimal(km2) / KM2_PER_SQUARE_MILE
    step = "1" if miles >= 100 else "0.1" if miles >= 1 else "0.01"
    return str(miles.quantize(Decimal(step)))


def _tenths(degrees: str) -> str:
    return str(Decimal(degrees).quantize(Decimal("0.1")) + 0)  # + 0 makes -0.0 plain


# The links, and everything together.


def gold(facts: Facts) -> str:
    """Left IRI, tab, right IRI of each country and city that both graphs hold."""
    kinds = (("country", "pays", facts.countries), ("city", "ville", facts.cities))
    pairs = [
        f"{LEFT}{english}/{row['key']}\t{RIGHT}{french}/{row['right_id']}\n"
        for english, french, rows in kinds
        for row in rows
        if row["side"] == "both"
    ]
    return "".join(sorted(pairs))


def build(facts: Facts) -> dict[str, str]:
    """File name → text of everything that is made from the tables."""
    return {"left.ttl": left_graph(facts), "right.jsonld": right_graph(facts), "gold.tsv": gold(facts)}


def main() -> None:
    for name, text in build(read_facts()).items():
        part = HERE / f".{name}.part"
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(HERE / name)
        print(f"{name}: {len(text.splitlines()):,} lines")


if __name__ == "__main__":
    main()
