"""Quality of claims from what is said about their graphs: Sieve's scoring functions, and their age.

Each function maps an indicator (a date, a name, a number) to a score from 0 to 1. Names and meanings are
those of Sieve (Mendes, Mühleisen and Bizer, LWDM 2012).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles
from kgalign.fuse.claims import Claims, about_graphs
from kgalign.fuse.joint import local_name
from kgalign.fuse.values import Kind, read_values
from kgalign.rdf.graph import Graph, Ids

_EDITED = re.compile(r"modif|updat|edit|changed|generated|issued|date$|time$", re.IGNORECASE)
"""What the names of properties hold that say when something was written down."""


def time_closeness(days: float, now: float, span: float) -> float:
    """1 for what is as new as ``now``, falling to 0 for what is ``span`` days older; 0 for no date."""
    if not np.isfinite(days):
        return 0.0
    return float(np.clip(1.0 - (now - days) / span, 0.0, 1.0))


def scored_list(name: str, preferred: Sequence[str]) -> float:
    """1 for the first of the preferred names, less for each after it, 0 for all others."""
    return 1.0 - preferred.index(name) / len(preferred) if name in preferred else 0.0


def scored_prefix_list(name: str, preferred: Sequence[str]) -> float:
    """As :func:`scored_list`, by what a name starts with; the first start that fits counts."""
    place = next((place for place, start in enumerate(preferred) if name.startswith(start)), None)
    return 0.0 if place is None else 1.0 - place / len(preferred)


def set_membership(name: str, members: Collection[str]) -> float:
    """1 for a member, 0 for others."""
    return float(name in members)


def threshold(number: float, least: float) -> float:
    """1 from ``least`` on, 0 below it and for no number."""
    return float(number >= least)


def interval_membership(number: float, low: float, high: float) -> float:
    """1 from ``low`` to ``high``, both included, 0 elsewhere and for no number."""
    return float(low <= number <= high)


def normalized_count(number: float, most: float) -> float:
    """A count as a share of ``most``, 1 at the most; 0 for no number."""
    return float(np.clip(number / most, 0.0, 1.0)) if np.isfinite(number) and most > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Indicators:
    """What is said about named graphs, in columns."""

    graph: Ids
    """(m,) term id of the named graph."""
    property: Ids
    value: Ids
    """(m,) term ids."""


def indicators_of(graph: Graph) -> Indicators:
    """The statements about named graphs; term ids are those of the graph."""
    rows = np.flatnonzero(about_graphs(graph))
    return Indicators(graph.subject[rows], graph.predicate[rows], graph.object[rows])


def ages(claims: Claims, indicators: Indicators, property: str | None = None) -> Doubles:
    """(n,) when each claim was last written, in days since 0001-01-01; NaN where nothing says so.

    Args:
        claims: the claims, with the terms that the indicators point to.
        indicators: what is said about the graphs.
        property: IRI of the property that holds the date; found by itself where none is given: of the
            properties of dates the one whose name speaks of editing, then the one that most graphs have.
    """
    values = read_values(claims.terms, indicators.value)
    dated = values.kind == Kind.DATE
    choices: Mapping[int, int] = dict(
        zip(
            *(column.tolist() for column in np.unique(indicators.property[dated], return_counts=True)),
            strict=True,
        )
    )
    names = {each: claims.text(each) for each in choices}
    if property is not None:
        chosen = next((each for each, name in names.items() if name == property), None)
    else:
        chosen = min(
            choices,
            key=lambda each: (not _EDITED.search(local_name(names[each])), -choices[each], names[each]),
            default=None,
        )
    found = np.full(len(claims), np.nan)
    if chosen is None:
        return found
    rows = dated & (indicators.property == chosen)
    days = np.full(len(claims.terms), np.nan)
    order = np.argsort(values.number[rows], kind="stable")
    days[indicators.graph[rows][order]] = values.number[rows][order]
    named = claims.graph >= 0
    found[named] = days[claims.graph[named]]
    return found
