"""What each source says of each thing: statements as claims, and what is said about the graphs themselves.

A source is told by where a statement stands. In the default graph it is the side. In a named graph it is the
graph, unless the names only number records of one publisher: the graphs of one authority (host) that mostly
speak of one subject each and rarely say the same property of it twice are one source, the authority. So
``http://en.wikipedia.org/wiki/Eindhoven:population:1`` is a record of ``en.wikipedia.org``, while two graphs
that rival over the same things are two sources, whoever published them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from kgalign.arrays import Flags, Positions, distinct
from kgalign.base import scratch
from kgalign.base.cores import in_order
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms

_PART = 1 << 17
"""Claims that are looked at together, and those of the last subject."""
_RIVALRY = 0.5
"""Share of repeated (subject, property) from which graphs of one authority are rivals, not records."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Statements with their sources, sorted by (subject, property, source, value, graph)."""

    subject: Ids
    property: Ids
    value: Ids
    """(n,) term ids each."""
    source: Ids
    """(n,) index into ``sources``."""
    graph: Ids
    """(n,) term id of the named graph that says so, -1 for the default graph."""
    terms: Terms
    sources: tuple[str, ...]
    """Names of the sources, sorted."""

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, rows: Positions | Flags | slice) -> "Claims":
        """Some of the claims; the rows must keep their order."""
        return replace(
            self,
            subject=self.subject[rows],
            property=self.property[rows],
            value=self.value[rows],
            source=self.source[rows],
            graph=self.graph[rows],
        )

    def text(self, term: int) -> str:
        """The IRI, label or lexical form of a term."""
        return str(self.terms.value[int(term)].as_py())

    def flagged(self, flags_of: Callable[[slice], Flags]) -> Flags:
        """(n,) what is true of which claim, where that hangs on the claims of its subject alone.

        :param flags_of: tells it of some rows: of all claims of some subjects.
        """
        last = np.arange(_PART, len(self), _PART) - 1
        ends = [*np.unique(np.searchsorted(self.subject, self.subject[last], "right")).tolist(), len(self)]
        parts = [slice(low, high) for low, high in pairwise([0, *ends]) if low < high]
        return scratch.gather(in_order(flags_of, parts)) if parts else np.zeros(0, bool)


def about_graphs(graph: Graph) -> Flags:
    """(m,) statements whose subject is the name of a graph that holds other statements."""
    named = np.zeros(len(graph.terms), bool)
    named[graph.graph[(graph.graph >= 0) & (graph.graph != graph.subject)]] = True
    about: Flags = named[graph.subject]
    return about


def sources_of(
    graph: Graph, rows: Positions, side: str, given: Mapping[str, str] | None = None
) -> tuple[tuple[str, ...], Ids]:
    """Names of the sources, sorted, and the source of each of the rows.

    :param side: the source of the default graph's statements.
    :param given: start of a graph's IRI → name of the source, the longest start that fits; where none fits
        the rule of this module decides.
    """
    given = given or {}
    names = graph.graph[rows]
    graphs, place = np.unique(names, return_inverse=True)
    called: list[str] = []
    loose: list[int] = []
    texts = graph.terms.value.take(pa.array(np.maximum(graphs, 0))) if len(graphs) else pa.array([])
    for number, (term, text) in enumerate(zip(graphs.tolist(), texts.to_pylist(), strict=True)):
        fitting = max(
            (start for start in given if term >= 0 and text.startswith(start)), key=len, default=None
        )
        called.append(side if term < 0 else text if fitting is None else given[fitting])
        if term >= 0 and fitting is None and graph.terms.kind[term] == TermKind.IRI:
            loose.append(number)
    authority = {number: authority_of(called[number]) for number in loose}
    for number in _records(graph.subject[rows], graph.predicate[rows], place, authority):
        called[number] = authority[number]
    found = tuple(sorted(set(called)))
    code = {name: number for number, name in enumerate(found)}
    return found, np.array([code[name] for name in called], np.int32)[place]


def authority_of(iri: str) -> str:
    """The host of an IRI; of a URN its namespace; else the IRI itself."""
    try:
        parts = urlsplit(iri)
    except ValueError:  # brackets that hold no address
        return iri
    if parts.hostname:
        return parts.hostname
    if parts.scheme == "urn":
        return ":".join(iri.split(":")[:2])
    return iri


def _records(subject: Ids, predicate: Ids, place: Positions, authority: Mapping[int, str]) -> list[int]:
    """The graphs (by number) that are only records of their authority."""
    if not authority:
        return []
    owner = np.full(int(place.max()) + 1, -1)
    hosts = {name: number for number, name in enumerate(sorted(set(authority.values())))}
    for number, name in authority.items():
        owner[number] = hosts[name]
    named = owner[place] >= 0
    graph = place[named].astype(np.int32)
    by_graph = distinct(graph, subject[named])
    single = np.bincount(by_graph[0], minlength=len(owner)) == 1
    said = distinct(owner[graph].astype(np.int32), subject[named], predicate[named], graph)
    once = distinct(*said[:3])
    alone = single[by_graph[0]]
    things = distinct(owner[by_graph[0][alone]].astype(np.int32), by_graph[1][alone])

    def count(column: Ids | Positions) -> Positions:
        return np.bincount(column, minlength=len(hosts))

    mostly = count(owner[single & (owner >= 0)]) * 2 > count(owner[owner >= 0])
    repeated = 1 - count(once[0]) / np.maximum(count(said[0]), 1)
    joined = mostly & (count(things[0]) > 1) & (repeated < _RIVALRY)
    return np.flatnonzero(single & (owner >= 0) & joined[owner]).tolist()
