"""The plain fusion: one node per thing, all statements of both graphs, none twice, none invented."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyoxigraph as ox

from kgalign.config import FuseConfig
from kgalign.fuse.groups import Groups, group_nodes
from kgalign.rdf.blank_nodes import map_triple, prefixed
from kgalign.rdf.columns import Part, distinct, remap, unite
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.rdf.terms import RdfTerm, parse_triple
from kgalign.rdf.vocabulary import OWL_SAME_AS
from kgalign.rdf.write import write_turtle
from kgalign.records import FusedGraph, FusionCounts

LEFT_LABEL, RIGHT_LABEL = "l_", "r_"
"""Set before the labels of each side's blank nodes, so that they never meet."""

_Columns = tuple[Ids, Ids, Ids, Ids]


def fuse(
    left: Graph,
    right: Graph,
    left_terms: npt.ArrayLike,
    right_terms: npt.ArrayLike,
    config: FuseConfig | None = None,
) -> FusedGraph:
    """Fuse two graphs to one, with one node for all that links hold together.

    Merged nodes are replaced wherever they stand: as subject, predicate, object, name of a graph
    and inside triple terms; a datatype is no node and stays. The node that stays is linked by
    ``owl:sameAs``, in the default graph, with each IRI that was merged into it. Blank nodes that
    were merged away leave no trace but their statements. An ``owl:sameAs`` between two nodes of
    one group becomes one from the node that stays. IRIs that both graphs use are one node without
    a link; blank nodes are one only by links.

    :param left_terms: (l,) ids in the left graph's terms of linked nodes, each linked with ...
    :param right_terms: (l,) ... the node at the same place, an id in the right graph's terms.
    :param config: whose IRI stays; by default the left one's.
    :raises ValueError: where the ids are not as many on both sides, or are not of IRIs or blank nodes.
    """
    settings = config if config is not None else FuseConfig()
    links_left = _checked(left_terms, left.terms, "left")
    links_right = _checked(right_terms, right.terms, "right")
    if len(links_left) != len(links_right):
        raise ValueError(f"{len(links_left)} left and {len(links_right)} right ends of links")
    both = unite(
        [
            replace(Part.of(left), terms=prefixed(left.terms, LEFT_LABEL)),
            replace(Part.of(right), terms=prefixed(right.terms, RIGHT_LABEL)),
        ]
    )
    at_left, at_right = both.positions
    groups = group_nodes(both.graph.terms, at_left[links_left], at_right[links_right], settings.canonical)
    merge = _Merge.of(both.graph.terms, groups)
    said = merge.rewrite(both.graph)
    added = merge.same_as()
    subject, predicate, object, names = (
        np.concatenate([mine, new]) for mine, new in zip(said, added, strict=True)
    )
    fused = unite(
        [Part(subject, predicate, object, names, merge.terms)],
        sources=(*left.sources, *right.sources),
        statements_read=left.statements_read + right.statements_read,
    )
    (places,) = fused.positions
    kept = len(distinct([remap(ids, places) for ids in said])[0])
    counts = FusionCounts(
        left=len(left),
        right=len(right),
        duplicates=len(left) + len(right) - kept,
        same_as=len(fused.graph) - kept,
        statements=len(fused.graph),
        groups=len(groups),
        merged=len(groups.member),
    )
    return FusedGraph(
        graph=fused.graph,
        left_term=remap(remap(at_left, merge.table), places),
        right_term=remap(remap(at_right, merge.table), places),
        counts=counts,
    )


def write_fused(fused: FusedGraph, path: Path) -> int:
    """Write the fused graph as Turtle; the names of named graphs are left out, their statements are not.

    :returns: the number of statements written: one that several named graphs hold is one.
    :raises RunError: where there is no room or no permission.
    """
    return write_turtle(fused.graph, path)


def _checked(ids: npt.ArrayLike, terms: Terms, side: str) -> Ids:
    checked = np.asarray(ids, np.int32)
    if len(checked) and not (checked.min() >= 0 and checked.max() < len(terms)):
        raise ValueError(f"a link names a term that the {side} graph does not have")
    if (terms.kind[checked] > TermKind.BLANK).any():
        raise ValueError(f"a link names a {side} term that is neither an IRI nor a blank node")
    return checked


@dataclass(frozen=True, slots=True)
class _Merge:
    """Where each node of both graphs goes."""

    groups: Groups
    terms: Terms
    """The terms of both graphs with merged nodes replaced inside triple terms, then owl:sameAs and the
    minted IRIs; not in canonical order, and not distinct."""
    table: Ids
    """(terms of both graphs,) the term that stands for each."""
    stays: Ids
    """(groups,) the term that stands for each group."""

    @classmethod
    def of(cls, terms: Terms, groups: Groups) -> "_Merge":
        """Decide what stays of each group."""
        stays = groups.member[groups.first]
        stays[list(groups.minted)] = len(terms) + 1 + np.arange(len(groups.minted))
        table = np.arange(len(terms), dtype=np.int32)
        table[groups.member] = stays[groups.group]
        longer = _with_iris(terms, [OWL_SAME_AS, *groups.minted.values()])
        return cls(groups, _merged_triples(longer, groups.member, table), table, stays)

    def rewrite(self, graph: Graph) -> _Columns:
        """The statements of both graphs with what stays in place of what was merged."""
        subject, predicate, object, names = (
            remap(ids, self.table) for ids in (graph.subject, graph.predicate, graph.object, graph.graph)
        )
        group = np.full(len(graph.terms), -1, np.int32)
        group[self.groups.member] = self.groups.group
        same = self._same_as_of(graph.terms)
        inside = (graph.predicate == same) & (group[graph.subject] >= 0)
        inside &= (group[graph.subject] == group[graph.object]) & (graph.subject != graph.object)
        rows = np.flatnonzero(inside)
        away = np.where(graph.object[rows] == object[rows], graph.subject[rows], graph.object[rows])
        object[rows] = np.where(graph.terms.kind[away] == TermKind.IRI, away, object[rows])
        return subject, predicate, object, names

    def same_as(self) -> _Columns:
        """owl:sameAs from what stays to each IRI that was merged into it."""
        stays = self.stays[self.groups.group]
        away = (self.terms.kind[self.groups.member] == TermKind.IRI) & (self.groups.member != stays)
        same = np.full(int(away.sum()), len(self.table), np.int32)
        return stays[away], same, self.groups.member[away], np.full(len(same), -1, np.int32)

    @staticmethod
    def _same_as_of(terms: Terms) -> int:
        iris = terms.value[: int(np.searchsorted(terms.kind, TermKind.BLANK))]
        return int(pc.index(iris, pa.scalar(OWL_SAME_AS, pa.large_string())).as_py())


def _with_iris(terms: Terms, iris: list[str]) -> Terms:
    none = np.full(len(iris), -1, np.int32)
    return replace(
        terms,
        kind=np.concatenate([terms.kind, np.full(len(iris), TermKind.IRI, np.uint8)]),
        value=pa.concat_arrays([terms.value, pa.array(iris, pa.large_string())]),
        datatype=np.concatenate([terms.datatype, none]),
        language=np.concatenate([terms.language, none]),
    )


def _merged_triples(terms: Terms, members: Ids, table: Ids) -> Terms:
    """The terms with merged nodes replaced in the text of the triple terms."""
    rows = np.flatnonzero(terms.kind == TermKind.TRIPLE)
    if not len(rows) or not len(members):
        return terms
    values = terms.value.to_pylist()

    def node(row: int) -> RdfTerm:
        return ox.NamedNode(values[row]) if terms.kind[row] == TermKind.IRI else ox.BlankNode(values[row])

    stays: Mapping[RdfTerm, RdfTerm] = {node(member): node(table[member]) for member in members}
    for row in rows:
        values[row] = str(map_triple(parse_triple(values[row]), lambda term: stays.get(term, term)))
    return replace(terms, value=pa.array(values, pa.large_string()))
