"""Uniting columns of statements: equal terms become one, in canonical order.

What reads statements hands over a :class:`Part`, whose terms may stand in any order and may
repeat; :func:`assemble` makes the :class:`~kgalign.rdf.graph.Graph` of them.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, Positions, distinct
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms

NO_IDS: Ids = np.empty(0, np.int32)
_ROWS = 1 << 18
"""Ids that are replaced, and terms that are put in order, at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """Statements, and the terms that they point to; neither sorted nor distinct."""

    subject: Ids
    predicate: Ids
    object: Ids
    graph: Ids
    """(m,) positions in ``terms``; -1 in ``graph`` for the default graph."""
    terms: Terms
    """The terms, without the promise of a canonical order."""

    @classmethod
    def of(cls, graph: Graph) -> "Part":
        """The statements of a graph, to be united with others."""
        return cls(graph.subject, graph.predicate, graph.object, graph.graph, graph.terms)


@dataclass(frozen=True, slots=True)
class United:
    """The united graph, and where the terms of each part went."""

    graph: Graph
    positions: tuple[Ids, ...]
    """Per part, (terms of the part,) id of each term in the graph, -1 where no statement has it."""


def assemble(parts: Sequence[Part], *, sources: Sequence[str] = (), statements_read: int = 0) -> Graph:
    """Unite parts to one graph with canonical terms and distinct, sorted statements."""
    return unite(parts, sources=sources, statements_read=statements_read).graph


def unite(parts: Sequence[Part], *, sources: Sequence[str] = (), statements_read: int = 0) -> United:
    """Unite parts to one graph, and say where their terms went.

    A blank node's label counts as its identity: callers make labels apart beforehand. Language
    tags that differ in case alone are one tag in RDF: the spelling of the first part holds.
    """
    terms, position = canonical([part.terms for part in parts])
    starts = np.concatenate([[0], np.cumsum([len(part.terms) for part in parts])]).astype(np.int64)

    def column(name: str) -> Ids:
        mapped = [
            remap(getattr(part, name), position[start : start + len(part.terms)])
            for part, start in zip(parts, starts, strict=False)
        ]
        return np.concatenate(mapped) if mapped else NO_IDS

    columns = (column("graph"), column("subject"), column("predicate"), column("object"))
    graph = graph_of(columns, terms, sources=sources, statements_read=statements_read)
    if len(graph.terms) < len(terms):
        position = remap(position, _places(columns, len(terms)))
    return United(graph, tuple(position[a:b] for a, b in pairwise(starts)))


def graph_of(
    columns: Sequence[Ids], terms: Terms, *, sources: Sequence[str] = (), statements_read: int = 0
) -> Graph:
    """The distinct statements of columns (graph, subject, predicate, object), with the terms that they use.

    :param terms: distinct and in canonical order; some may be unused.
    """
    rows = distinct(*columns)
    places = _places(rows, len(terms))
    if len(terms) and int(places.min()) < 0:
        terms = take(terms, np.flatnonzero(places >= 0))
        rows = tuple(remap(ids, places) for ids in rows)
    return Graph(
        subject=rows[1],
        predicate=rows[2],
        object=rows[3],
        graph=rows[0],
        terms=_prune(terms),
        sources=tuple(sources),
        statements_read=statements_read,
    )


def _places(columns: Sequence[Ids], terms: int) -> Ids:
    """(terms,) the place of each term among those that are used, -1 for the others."""
    used = np.zeros(terms, bool)
    for ids in columns:
        used[ids[ids >= 0]] = True
    return np.where(used, np.cumsum(used) - 1, -1).astype(np.int32)


def ids_of(numbers: "array[int]") -> Ids:
    """A column of the numbers that were collected one by one."""
    return np.frombuffer(numbers, np.int32) if numbers else NO_IDS


def remap(ids: Ids, table: Ids) -> Ids:
    """Replace each id by its entry in ``table``; -1 stays -1."""
    if len(table) == 0:
        return ids
    found = scratch.empty(len(ids), np.int32)
    for rows in slices(len(ids), _ROWS):
        some = ids[rows]
        found[rows] = np.where(some >= 0, table[some], -1)
    return found


def canonical(tables: Sequence[Terms]) -> tuple[Terms, Ids]:
    """The distinct terms of several tables in canonical order, and each term's place in it."""
    datatypes = tuple(sorted({iri for terms in tables for iri in terms.datatypes}))
    spelling: dict[str, str] = {}
    for terms in tables:
        for tag in terms.languages:
            spelling.setdefault(tag.lower(), tag)
    languages = tuple(sorted(spelling.values()))
    if not tables:
        empty = Terms(np.empty(0, np.uint8), pa.array([], pa.large_string()), NO_IDS, NO_IDS, (), ())
        return empty, NO_IDS
    joined = Terms(
        kind=np.concatenate([terms.kind for terms in tables]),
        value=pa.concat_arrays([terms.value for terms in tables]),
        datatype=np.concatenate([_recode(t.datatype, t.datatypes, datatypes) for t in tables]),
        language=np.concatenate(
            [_recode(t.language, [spelling[tag.lower()] for tag in t.languages], languages) for t in tables]
        ),
        datatypes=datatypes,
        languages=languages,
    )
    rows = pa.table(
        {"kind": joined.kind, "value": joined.value, "type": joined.datatype, "tag": joined.language}
    )
    keys = [(name, "ascending") for name in rows.column_names]
    order = pc.sort_indices(rows, sort_keys=keys).to_numpy()
    news: list[Flags] = []

    def texts() -> Iterator[pa.LargeStringArray]:
        cut = slices(len(order), _ROWS)
        for some, new in in_order(lambda part: _distinct(joined, order, part), cut):
            news.append(new)
            yield some

    value = scratch.gather_texts(texts())
    new = np.concatenate(news) if news else np.zeros(0, bool)
    position = scratch.empty(len(order), np.int32)
    position[order] = np.cumsum(new, dtype=np.int32) - np.int32(1)
    first = order[new]
    kind, datatype, language = (
        scratch.pick(column, first) for column in (joined.kind, joined.datatype, joined.language)
    )
    return replace(joined, kind=kind, value=value, datatype=datatype, language=language), position


def _distinct(terms: Terms, order: Positions, part: slice) -> tuple[pa.LargeStringArray, Flags]:
    """The texts of a part of the terms in their order without those that repeat the one before, and which of
    the terms these are.
    """
    first = max(part.start - 1, 0)
    some = take(terms, order[first : part.stop])
    new = np.ones(len(some), bool)
    new[1:] = pc.not_equal(some.value[1:], some.value[:-1]).to_numpy(zero_copy_only=False)
    for ids in (some.kind, some.datatype, some.language):
        new[1:] |= ids[1:] != ids[:-1]
    cut = part.start - first
    return some.value[cut:].filter(pa.array(new[cut:])), new[cut:]


def _recode(codes: Ids, names: Sequence[str], target: Sequence[str]) -> Ids:
    places = {name: place for place, name in enumerate(target)}
    return remap(codes, np.array([places[name] for name in names], np.int32))


def take(terms: Terms, rows: npt.NDArray[np.int64] | npt.NDArray[np.uint64]) -> Terms:
    """The terms at some places, in the order of the places."""
    return Terms(
        kind=terms.kind[rows],
        value=terms.value.take(pa.array(rows)),
        datatype=terms.datatype[rows],
        language=terms.language[rows],
        datatypes=terms.datatypes,
        languages=terms.languages,
    )


def iri_terms(iris: Sequence[str]) -> Terms:
    """IRIs as terms, without the promise of a canonical order."""
    none = np.full(len(iris), -1, np.int32)
    kind = np.full(len(iris), TermKind.IRI, np.uint8)
    return Terms(kind, pa.array(iris, pa.large_string()), none, none, (), ())


def _prune(terms: Terms) -> Terms:
    """Drop datatypes and languages that no term has."""
    datatype, datatypes = _pruned(terms.datatype, terms.datatypes)
    language, languages = _pruned(terms.language, terms.languages)
    return Terms(terms.kind, terms.value, datatype, language, datatypes, languages)


def _pruned(codes: Ids, names: tuple[str, ...]) -> tuple[Ids, tuple[str, ...]]:
    used = np.zeros(len(names), bool)
    used[codes[codes >= 0]] = True
    kept = np.where(used, np.cumsum(used) - 1, -1).astype(np.int32)
    return remap(codes, kept), tuple(name for name, here in zip(names, used, strict=True) if here)
