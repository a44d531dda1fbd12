"""Quality of claims from what is said about their graphs, their things and their sources, and their age.

Each scoring function maps an indicator (a date, a name, a number) to a score from 0 to 1, and what is no
indicator for it (a text where it wants a date) to 0. Names and meanings
are those of Sieve (Mendes, Mühleisen and Bizer, LWDM 2012); completeness looks at the claims themselves.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions, distinct, unique
from kgalign.config.fusion import QualityConfig
from kgalign.fusion.claims import Claims
from kgalign.rdf.graph import Ids
from kgalign.rdf.names import local_name
from kgalign.rdf.vocabulary import OWL, RDF_TYPE, SCHEMA, SCHEMA_HTTPS
from kgalign.records.fused import term_id
from kgalign.values import ValueKind, read_values

_EDITED = re.compile(r"modif|updat|edit|changed|generated|issued|date$|time$", re.IGNORECASE)
"""What the names of properties hold that say when something was written down."""
_CHANGED = re.compile(
    r"modified\Z|\A(?:date|last|time)_?(?:modif|updat|edit|chang)|\Aupdated|\Alast.?(?:edit|update|change)"
    r"|\Agenerated_?at|\Alast_?updated?_?on|modification_?(?:date|time)",
    re.IGNORECASE,
)
"""The same for properties of things, of which many have dates that say something else: birthDate, founded."""
_DATA_SETS = (
    "http://rdfs.org/ns/void#Dataset",
    "http://www.w3.org/ns/dcat#Dataset",
    "http://purl.org/dc/dcmitype/Dataset",
    SCHEMA + "Dataset",
    SCHEMA_HTTPS + "Dataset",
    OWL + "Ontology",
)
"""Classes of the nodes that stand for all that a source says."""


@dataclass(frozen=True, slots=True)
class Indicators:
    """What is said about named graphs, in columns."""

    graph: Ids
    """(m,) term id of the named graph."""
    property: Ids
    value: Ids
    """(m,) term ids."""


def ages(
    claims: Claims, indicators: Indicators, property: str | None = None, said: Ids | None = None
) -> Doubles:
    """(n,) when each claim was last written, in days since 0001-01-01; NaN where nothing says so.

    What is said of the named graph that a claim stands in counts first, then what the same source says of the
    same thing (``dcterms:modified``, say), then what it says of its one data set.

    :param property: IRI of the property that holds the date; found by itself where none is given: for graphs,
        of the properties of dates the one whose name speaks of editing, then the one that most graphs have;
        for things and data sets all whose names speak of changes.
    :param said: (n,) the properties as the sources have them, where statements were said in other words.
    """
    values = read_values(claims.terms, indicators.value)
    dated = values.kind == ValueKind.DATE.code
    if property is None:
        chosen = _editing(claims, indicators.property[dated])
        rows = _has(claims, _changing(claims, said), claims.property, said)
    else:
        chosen = property
        rows = _has(claims, {property}, claims.property, said)
    on_graphs = np.full(len(indicators.value), np.nan)
    fitting = dated & _has(claims, {chosen} if chosen else set(), indicators.property)
    on_graphs[fitting] = values.number[fitting]
    places = np.flatnonzero(rows)
    on_claims = np.full(len(claims), np.nan)
    found = read_values(claims.terms, claims.value[places])
    on_claims[places] = np.where(found.kind == ValueKind.DATE.code, found.number, np.nan)
    return _best(claims, indicators, on_graphs, on_claims)


def _editing(claims: Claims, properties: Ids) -> str | None:
    """Of properties of dates that graphs have, the one that says when they were edited."""
    ids, counts = np.unique(properties, return_counts=True)
    names = {claims.text(each): count for each, count in zip(ids.tolist(), counts.tolist(), strict=True)}
    return min(
        names, key=lambda name: (not _EDITED.search(local_name(name)), -names[name], name), default=None
    )


def _changing(claims: Claims, said: Ids | None) -> set[str]:
    """Properties of things whose names say that they hold when something was changed."""
    columns = [claims.property] if said is None else [claims.property, said]
    names = {claims.text(each) for column in columns for each in unique(column).tolist()}
    return {name for name in names if _CHANGED.search(local_name(name))}


def _has(claims: Claims, iris: Collection[str], *columns: Ids | None) -> Flags:
    """Rows in which one of the columns is one of the IRIs."""
    ids = [term_id(claims.terms, iri) for iri in iris]
    wanted = [each for each in ids if each >= 0]
    found = [np.isin(column, wanted) for column in columns if column is not None]
    return np.asarray(np.logical_or.reduce(found))


def scores(claims: Claims, indicators: Indicators, config: QualityConfig, said: Ids | None = None) -> Doubles:
    """(n,) the quality of each claim, from 0 to 1; NaN where nothing is said that could be scored.

    Where it is looked for: as in :func:`ages`. Of several values the one with the best score counts.

    :param config: the scoring function, and what it is a function of.
    :param said: (n,) the properties as the sources have them, where statements were said in other words.
    """
    if config.function == "Completeness":
        return completeness(claims)
    if config.property is None:
        return _of_names(claims, config)
    on = np.flatnonzero(_has(claims, {config.property}, claims.property, said))
    about = np.flatnonzero(_has(claims, {config.property}, indicators.property))
    values = np.concatenate([indicators.value[about], claims.value[on]])
    counts = config.function == "NormalizedCount"
    raw = _scored(claims, values, config)
    on_graphs, on_claims = np.full(len(indicators.value), np.nan), np.full(len(claims), np.nan)
    on_graphs[about], on_claims[on] = raw[: len(about)], raw[len(about) :]
    found = _best(claims, indicators, on_graphs, on_claims)
    if counts:
        most = config.high if config.high is not None else float(np.nanmax(found, initial=1.0))
        found = np.where(np.isnan(found), np.nan, np.clip(found / most, 0.0, 1.0))
    return found


def _scored(claims: Claims, ids: Ids, config: QualityConfig) -> Doubles:
    """(m,) the score of each value, of counts the number itself; 0 for what is no date and no number."""
    values = read_values(claims.terms, ids)
    dates = np.where(values.kind == ValueKind.DATE.code, values.number, np.nan)
    numbers = np.where(values.kind == ValueKind.NUMBER.code, values.number, np.nan)
    if config.function == "TimeCloseness":
        older = np.nanmax(dates, initial=-np.inf) - dates
        return np.where(np.isfinite(dates), np.clip(1.0 - older / config.days, 0.0, 1.0), 0.0)
    if config.function == "NormalizedCount":
        return np.nan_to_num(numbers)
    if config.function in ("Threshold", "IntervalMembership"):
        high = np.inf if config.function == "Threshold" else 1.0 if config.high is None else config.high
        return ((config.low <= numbers) & (numbers <= high)).astype(np.float64)
    terms, place = np.unique(ids, return_inverse=True)
    found: Doubles = np.array([_by_name(claims.text(each), config) for each in terms.tolist()])[place]
    return found


def _by_name(name: str, config: QualityConfig) -> float:
    """1 for the first name of a list (or start that fits), less for each after it; of a set 1 for any."""
    if config.function == "SetMembership":
        return float(name in config.names)
    fits = str.startswith if config.function == "ScoredPrefixList" else str.__eq__
    place = next((place for place, each in enumerate(config.names) if fits(name, each)), None)
    return 0.0 if place is None else 1.0 - place / len(config.names)


def _of_names(claims: Claims, config: QualityConfig) -> Doubles:
    """The score of the source's name, or of the named graph's where that is better."""
    by_source = np.array([_by_name(name, config) for name in claims.sources] or [0.0])
    found: Doubles = by_source[claims.source]
    graphs, place = np.unique(claims.graph, return_inverse=True)
    texts = [claims.text(each) if each >= 0 else "" for each in graphs.tolist()]
    by_graph = np.array([_by_name(text, config) if text else 0.0 for text in texts] or [0.0])
    return np.asarray(np.maximum(found, by_graph[place]))


def completeness(claims: Claims) -> Doubles:
    """(n,) share of the properties that anybody has for a claim's subject that its source has."""
    if not len(claims):
        return np.empty(0)
    _, subject = np.unique(claims.subject, return_inverse=True)
    things = int(subject.max()) + 1
    known = distinct(subject.astype(np.int32), claims.property)[0]
    filled = distinct(_pairs(claims, subject), claims.property)[0]
    of = np.bincount(known, minlength=things)[subject]
    return np.asarray(np.bincount(filled)[_pairs(claims, subject)] / of)


def _pairs(claims: Claims, subject: Ids | Positions) -> Ids:
    """(n,) a number for each subject and source that go together."""
    key = subject.astype(np.int64) * len(claims.sources) + claims.source
    return np.asarray(np.unique(key, return_inverse=True)[1], np.int32)


def _best(claims: Claims, indicators: Indicators, on_graphs: Doubles, on_claims: Doubles) -> Doubles:
    """(n,) the highest number said of each claim's graph, else of its thing, else of its source's data set.

    :param on_graphs: (m,) number of each indicator, NaN where it says none.
    :param on_claims: (n,) number that each claim holds, NaN where it holds none.
    """
    holding = np.flatnonzero(np.isfinite(on_claims))
    if not len(holding) and not np.isfinite(on_graphs).any():
        return np.broadcast_to(np.nan, len(claims))
    found = np.full(len(claims), np.nan)
    of_graph = np.full(len(claims.terms), np.nan)
    np.fmax.at(of_graph, indicators.graph, on_graphs)
    named = claims.graph >= 0
    found[named] = of_graph[claims.graph[named]]
    if not len(holding):
        return found
    pair = _pairs(claims, claims.subject)
    of_thing = np.full(int(pair.max()) + 1, np.nan)
    np.fmax.at(of_thing, pair[holding], on_claims[holding])
    found = np.where(np.isnan(found), of_thing[pair], found)
    of_source = np.full(len(claims.sources), np.nan)
    for source in range(len(claims.sources)):
        rows = holding[claims.source[holding] == source]
        rows = rows[np.isin(claims.subject[rows], _data_sets(claims, source))]
        if len(unique(claims.subject[rows])) == 1:
            of_source[source] = np.fmax.reduce(on_claims[rows])
    return np.where(np.isnan(found), of_source[claims.source], found)


def _data_sets(claims: Claims, source: int) -> Ids:
    """Nodes that a source says to be data sets, or ontologies."""
    typed = (claims.source == source) & _has(claims, {RDF_TYPE}, claims.property)
    rows = np.flatnonzero(typed)
    classes = [term_id(claims.terms, iri) for iri in _DATA_SETS]
    return claims.subject[rows[np.isin(claims.value[rows], [each for each in classes if each >= 0])]]
