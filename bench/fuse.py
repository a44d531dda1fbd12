"""Fusion against a truth: each policy, the default policy, each source by itself, and any source at all.

The folder holds ``data.nq.gz`` (named graphs), ``metadata.nq.gz`` (about those graphs) and ``gold.nt.gz``.
Only the scores below see the gold: whatever decides is done before it is read.
"""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyoxigraph as ox

from bench.geo import kilometres
from bench.results import table
from kgalign.arrays import Doubles, run_starts
from kgalign.errors import InputError
from kgalign.fusion import fusion, policies
from kgalign.fusion.claims import Claims, about_graphs, sources_of
from kgalign.fusion.paired_properties import pair_rows
from kgalign.fusion.policies import Claim, Contest, Value
from kgalign.fusion.quality import Indicators, ages
from kgalign.fusion.resolve import Resolution, resolve_default
from kgalign.rdf import Graph, read_graph
from kgalign.rdf.columns import NO_IDS
from kgalign.rdf.graph import TermKind, Terms
from kgalign.records.fused import Fusion

DATA, METADATA, GOLD = "data.nq.gz", "metadata.nq.gz", "gold.nt.gz"
COUNTRY = "http://dbpedia.org/ontology/country"
POPULATION = "http://dbpedia.org/ontology/populationTotal"
LATITUDE = "http://www.w3.org/2003/01/geo/wgs84_pos#lat"
LONGITUDE = "http://www.w3.org/2003/01/geo/wgs84_pos#long"
PROPERTIES = (COUNTRY, POPULATION, LATITUDE, LONGITUDE)

DEFAULT, ORACLE = "default policy", "oracle: any source"
SIMPLE = (
    "KeepFirst KeepLast Voting WeightedVoting MostTrusted MostRecent Longest Average Median Maximum Minimum"
).split()
HEAD = (
    "decided by",
    "country",
    "population exact",
    "within 1 %",
    "within 5 %",
    "pair within 1 km",
    "within 2 km",
    "within 5 km",
)
MEASURES = ("country", "population", "population_1", "population_5", "pair_1", "pair_2", "pair_5")

_NOTHING = Graph(
    *(NO_IDS,) * 4,
    Terms(np.empty(0, np.uint8), pa.array([], pa.large_string()), NO_IDS, NO_IDS, (), ()),
)
"""What a graph with many sources is fused with: they are all on one side."""

Values = dict[tuple[str, str], tuple[str, ...]]
"""(subject, property) → what is said of it, at most one value where something decided."""


@dataclass(frozen=True, slots=True)
class Row:
    """Shares of the cities that are right; None where a policy does not fit the values."""

    system: str
    country: float | None
    population: float | None
    population_1: float | None
    population_5: float | None
    pair_1: float | None
    pair_2: float | None
    pair_5: float | None

    def cells(self) -> tuple[str, ...]:
        """For a table."""
        shares = (getattr(self, name) for name in MEASURES)
        return (self.system, *("" if share is None else f"{share:.3f}" for share in shares))


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What was learned of a source for one property, or two that belong together."""

    property: str
    source: str
    claims: int
    right: float
    near: float
    compared: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is measured on one folder."""

    cities: Mapping[str, int]
    """Measure → cities with claims and a truth."""
    rows: tuple[Row, ...]
    faults: tuple[str, ...]
    sources: tuple[SourceRow, ...]


def measure(folder: Path, tell: Callable[[Row], object]) -> Figures:
    """Decide by every policy, then read the gold and score.

    Raises:
        InputError: where a file is missing or malformed, or data and gold share nothing.
    """
    for name in (DATA, METADATA, GOLD):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder} holds no {name}", "Give a folder with data, metadata and gold as --data"
            )
    graph = read_graph([folder / DATA, folder / METADATA])
    claims = claims_of(graph)
    age = ages(claims, indicators_of(graph))
    fused = fusion.fuse(graph, _NOTHING, [], [])
    decided = {DEFAULT: _written(fused)}
    contests = _contests(claims, age, resolve_default(claims, age), _places(folder / DATA))
    decided |= {name: _by_policy(name, contests) for name in SIMPLE}
    alone = {name: _by_source(claims, number) for number, name in enumerate(claims.sources)}
    judge = _Judge(claims, _truth(read_graph(folder / GOLD)))
    rows = [judge.row(name, values) for name, values in decided.items()]
    singles = [judge.row(name, values) for name, values in alone.items()]
    rows.append(_best(singles))
    rows.append(judge.oracle(alone))
    for row in rows:
        tell(row)
    faults = (f"{each.source}, {' and '.join(each.properties)}: {each.text}" for each in fused.faults)
    return Figures(judge.sizes(), tuple(rows), tuple(sorted(faults)), _learned(fused))


def claims_of(graph: Graph, side: str = "", sources: Mapping[str, str] | None = None) -> Claims:
    """The claims of one graph by itself; arguments as in :func:`kgalign.fusion.claims.sources_of`."""
    rows = np.flatnonzero(~about_graphs(graph))
    names, code = sources_of(graph, rows, side, sources)
    columns = graph.subject[rows], graph.predicate[rows], graph.object[rows], code, graph.graph[rows]
    claims = Claims(*columns, graph.terms, names)
    order = np.lexsort((claims.graph, claims.value, claims.source, claims.property, claims.subject))
    return claims.take(order)


def indicators_of(graph: Graph) -> Indicators:
    """The statements about named graphs; term ids are those of the graph."""
    rows = np.flatnonzero(about_graphs(graph))
    return Indicators(graph.subject[rows], graph.predicate[rows], graph.object[rows])


def _written(fused: Fusion) -> Values:
    """The values that a run writes, by the default policy, each once."""
    texts = fused.terms.value.to_pylist()
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in fused.written().tolist():
        if (property := texts[fused.property[row]]) in PROPERTIES:
            found.setdefault((texts[fused.subject[row]], property), {})[texts[fused.value[row]]] = None
    return {key: tuple(values) for key, values in found.items()}


def _places(path: Path) -> dict[str, int]:
    """Named graph → its place in the file: the order of the sources that KeepFirst goes by."""
    places: dict[str, int] = {}
    with gzip.open(path) as file:
        text = file.read()
    for quad in ox.parse(text, ox.RdfFormat.N_QUADS):
        if isinstance(quad.graph_name, ox.NamedNode):
            places.setdefault(quad.graph_name.value, len(places))
    return places


def _contests(
    claims: Claims, age: Doubles, resolution: Resolution, places: Mapping[str, int]
) -> list[Contest]:
    """The claims of each city and property, in the order of the file, with the learned trust."""
    trust: dict[int, Doubles] = {}
    for learned in resolution.learned:
        if learned.weight is not None:
            trust |= dict.fromkeys(learned.properties, learned.weight)
    wanted = [row for row in range(len(claims)) if claims.text(claims.property[row]) in PROPERTIES]
    rows = claims.take(np.array(wanted, np.int64))
    ages_of = age[np.array(wanted, np.int64)]
    starts = np.flatnonzero(run_starts(rows.subject, rows.property)).tolist()
    found = []
    for low, high in zip(starts, [*starts[1:], len(rows)], strict=True):
        order = sorted(range(low, high), key=lambda row: places.get(rows.text(int(rows.graph[row])), -1))
        said = tuple(
            Claim(
                _value(rows, row),
                rows.sources[rows.source[row]],
                trust=float(trust[int(rows.property[row])][rows.source[row]]),
                age=float(ages_of[row]),
            )
            for row in order
        )
        found.append(Contest(rows.text(rows.subject[low]), rows.text(rows.property[low]), said))
    return found


def _value(claims: Claims, row: int) -> Value:
    term = int(claims.value[row])
    datatype = int(claims.terms.datatype[term])
    return Value(
        claims.text(term),
        claims.terms.datatypes[datatype] if datatype >= 0 else "",
        what=TermKind(int(claims.terms.kind[term])),
    )


def _by_policy(name: str, contests: Sequence[Contest]) -> Values:
    """What a policy keeps; nothing where it does not fit."""
    found: Values = {}
    for contest in contests:
        kinds = {claim.value.reading().kind for claim in contest.claims}
        if kinds <= policies.policy_named(name).kinds:
            kept = policies.resolve(name, contest).kept
            found[contest.subject, contest.property] = tuple(each.value.text for each in kept)
    return found


def _by_source(claims: Claims, source: int) -> Values:
    """What one source says; the first in order where it says several things."""
    found: Values = {}
    pairs = pair_rows(claims, *(_term(claims, iri) for iri in (LATITUDE, LONGITUDE)))
    paired = set(pairs.first.tolist()) | set(pairs.second.tolist())
    for row in np.flatnonzero(claims.source == source).tolist():
        property = claims.text(claims.property[row])
        if property in PROPERTIES and (property not in (LATITUDE, LONGITUDE) or row in paired):
            key = claims.text(claims.subject[row]), property
            found[key] = (*found.get(key, ()), claims.text(claims.value[row]))
    return found


def _term(claims: Claims, iri: str) -> int:
    """The id of a property, -1 where there is none."""
    return next((each for each in np.unique(claims.property).tolist() if claims.text(each) == iri), -1)


def _truth(gold: Graph) -> dict[tuple[str, str], str]:
    texts = gold.terms.value.to_pylist()
    columns = zip(gold.subject.tolist(), gold.predicate.tolist(), gold.object.tolist(), strict=True)
    return {(texts[s], texts[p]): texts[o] for s, p, o in columns if texts[p] in PROPERTIES}


class _Judge:
    """Scores values on the cities that have both claims and a truth."""

    def __init__(self, claims: Claims, truth: Mapping[tuple[str, str], str]) -> None:
        said = {
            (claims.text(s), claims.text(p))
            for s, p in zip(claims.subject.tolist(), claims.property.tolist(), strict=True)
        }
        self._truth = truth
        self._cities = {
            property: sorted(subject for subject, each in said & truth.keys() if each == property)
            for property in PROPERTIES
        }
        if not all(self._cities.values()):
            raise InputError("Data and gold share no city with country, population and coordinates")

    def sizes(self) -> dict[str, int]:
        return {
            "country": len(self._cities[COUNTRY]),
            "population": len(self._cities[POPULATION]),
            "pair": len(self._cities[LATITUDE]),
        }

    def row(self, system: str, values: Values) -> Row:
        """Shares by the first value of each city."""
        right = {name: self._right(name, values) for name in MEASURES}
        return Row(system, **right)

    def oracle(self, alone: Mapping[str, Values]) -> Row:
        """Right where any source is right."""
        best = {}
        for name in MEASURES:
            cities = self._cities[_property(name)]
            hits = [self._hits(name, values, True) for values in alone.values()]
            best[name] = sum(any(hit[city] for hit in hits) for city in cities) / len(cities)
        return Row(ORACLE, **best)

    def _right(self, name: str, values: Values) -> float | None:
        if not any(property == _property(name) for _, property in values):
            return None
        hits = self._hits(name, values, False)
        return sum(hits.values()) / len(hits)

    def _hits(self, name: str, values: Values, alternatives: bool) -> dict[str, bool]:
        return {city: self._hit(name, city, values, alternatives) for city in self._cities[_property(name)]}

    def _hit(self, name: str, city: str, values: Values, alternatives: bool) -> bool:
        said = values.get((city, _property(name)), ())
        said = said if alternatives else said[:1]
        truth = self._truth[city, _property(name)]
        if name == "country":
            return truth in said
        if name.startswith("population"):
            share = {"population": 0.0, "population_1": 0.01, "population_5": 0.05}[name]
            return any(abs(float(each) - float(truth)) <= share * float(truth) for each in said)
        place = float(truth), float(self._truth[city, LONGITUDE])
        limit = float(name.removeprefix("pair_"))
        pairs = zip(said, values.get((city, LONGITUDE), ()), strict=False)
        return any(kilometres((float(a), float(b)), place) <= limit for a, b in pairs)


def _property(measure: str) -> str:
    return {"country": COUNTRY, "pair": LATITUDE}.get(measure.partition("_")[0], POPULATION)


def _best(singles: Sequence[Row]) -> Row:
    """The best source for each measure, which need not be the same; what it does not say is not right."""
    best: dict[str, float | None] = {}
    for name in MEASURES:
        best[name] = max(
            (share for row in singles if (share := getattr(row, name)) is not None), default=None
        )
    return Row("best single source", **best)


def _learned(fused: Fusion) -> tuple[SourceRow, ...]:
    return tuple(
        SourceRow(
            " + ".join(name.rpartition("/")[2] for name in each.properties),
            each.source,
            each.claims,
            each.right,
            each.near,
            each.compared,
        )
        for each in fused.trust
    )


def as_json(found: Figures) -> str:
    """All figures."""
    return json.dumps(asdict(found), indent=2) + "\n"


def as_markdown(found: Figures) -> str:
    """The tables, and the faults in words."""
    sizes = ", ".join(f"{name} {count}" for name, count in found.cities.items())
    shares = table(HEAD, [row.cells() for row in found.rows])
    faults = "\n".join(f"- {fault}" for fault in found.faults) or "- none"
    learned = table(
        ("property", "source", "claims", "right", "near", "compared"),
        [
            (
                row.property,
                row.source,
                str(row.claims),
                f"{row.right:.2f}",
                f"{row.near:.2f}",
                f"{row.compared:.0f}",
            )
            for row in found.sources
        ],
        words=2,
    )
    return (
        f"Share of the cities that are right ({sizes}). KeepFirst and KeepLast go by the order of the file; "
        "the policies decide latitude and longitude apart, the default policy as one, as in a run. "
        "WeightedVoting and MostTrusted use the trust that it learned. Nothing that decides sees gold.\n\n"
        f"{shares}\n\nFaults of sources that were found:\n\n{faults}\n\nTrust as it was learned:\n\n{learned}"
    )
