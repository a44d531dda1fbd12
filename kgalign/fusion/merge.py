"""One node per thing: the statements of both graphs, rewritten to the nodes that stay, none dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyoxigraph as ox

from kgalign.base import scratch
from kgalign.errors import InputError
from kgalign.fusion.groups import NOTHING_WITHIN, Canonical, Groups, Within, group_nodes
from kgalign.fusion.keeping import keep_names, successors
from kgalign.rdf.blank_nodes import map_triple, prefixed
from kgalign.rdf.columns import canonical, iri_terms, remap
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.rdf.terms import RdfTerm, parse_triple
from kgalign.rdf.vocabulary import OWL_SAME_AS, SKOS
from kgalign.records.fused import REPLACED_BY, SIDES, term_id, term_ids
from kgalign.records.names import Names

LEFT_LABEL, RIGHT_LABEL = "l_", "r_"
"""Set before the labels of each side's blank nodes, so that they never meet."""

IDENTITIES = (OWL_SAME_AS, SKOS + "exactMatch")
"""Properties that say that two nodes are one thing."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Merged:
    """All statements of the left graph, then all of the right one, with one node per thing."""

    subject: Ids
    predicate: Ids
    object: Ids
    graph: Ids
    """(n,) term ids, -1 in ``graph`` for the default graph."""
    named: Ids
    """(n,) term id of the graph as its source names it: merging names makes no two sources one."""
    terms: Terms
    """Distinct and in canonical order; some may be unused."""
    same_subject: Ids
    same_object: Ids
    """(i,) the node that stays, and each IRI that was merged into it."""
    retired: Ids
    replaced_by: Ids
    """(r,) as in :class:`~kgalign.records.fused.Fusion`."""
    left_term: Ids
    right_term: Ids
    """(terms of the side's graph,) what stands for each."""
    groups: int
    """Sets of two or more nodes that became one."""
    members: int
    """Nodes in them."""


def merge(
    left: Graph,
    right: Graph,
    left_terms: npt.ArrayLike,
    right_terms: npt.ArrayLike,
    *,
    within: Within = NOTHING_WITHIN,
    names: Names | None = None,
    canonical_side: Canonical = "left",
    identity: str = OWL_SAME_AS,
    most: int | None = None,
) -> Merged:
    """Give linked nodes one name, wherever they stand.

    Merged nodes are replaced as subject, predicate, object, name of a graph and inside triple terms; a
    datatype is no node and stays. An ``owl:sameAs`` or ``skos:exactMatch`` between two nodes of one group
    becomes one from the node that stays. IRIs that both graphs use are one node without a link; blank nodes
    are one only by links.

    :param left_terms: (l,) ids in the left graph's terms of linked nodes, each linked with ...
    :param right_terms: (l,) ... the node at the same place, an id in the right graph's terms.
    :param within: pairs of ids of the left graph's terms, and of the right one's, that are one as well.
    :param names: what an earlier run called things.
    :param identity: IRI of a property that is added to the terms; empty for none.
    :param most: nodes that may become one; None for any number.
    :raises ValueError: where the ids are not as many on both sides, or are not of IRIs or blank nodes.
    :raises InputError: where more than ``most`` nodes would become one.
    """
    links_left, links_right = _links(left.terms, right.terms, left_terms, right_terms)
    terms, at_left, at_right = _common(left.terms, right.terms, identity)
    inside = _inside(within, (left, at_left), (right, at_right))
    groups = group_nodes(terms, at_left[links_left], at_right[links_right], canonical_side, inside)
    _check_sizes(terms, groups, most)
    retired: list[tuple[str, str]] = []
    if names is not None:
        groups = keep_names(terms, groups, names, canonical_side)
        retired = successors(terms, groups, names)
    table, stays = _table(terms, groups)
    final, place = _final(terms, groups, table, retired)
    sizes = np.bincount(groups.group)
    subject, predicate, object, named = _columns((left, at_left), (right, at_right))
    said = _rewritten([subject, predicate, object, named], terms, groups, table)
    del subject, predicate, object
    kept, away = _renamed(terms, groups, stays)
    if final is not terms:
        said, named = [remap(ids, place) for ids in said], remap(named, place)
    return Merged(
        subject=said[0],
        predicate=said[1],
        object=said[2],
        graph=said[3],
        named=named,
        terms=final,
        same_subject=place[kept],
        same_object=place[away],
        retired=term_ids(final, [old for old, _ in retired]),
        replaced_by=term_ids(final, [new for _, new in retired]),
        left_term=place[table[at_left]],
        right_term=place[table[at_right]],
        groups=int((sizes > 1).sum()),
        members=int(sizes[sizes > 1].sum()),
    )


def _common(left: Terms, right: Terms, identity: str) -> tuple[Terms, Ids, Ids]:
    """The terms of both graphs and the property of identity, and where those of each graph are in them."""
    further = iri_terms([identity] if identity else [])
    terms, position = canonical([prefixed(left, LEFT_LABEL), prefixed(right, RIGHT_LABEL), further])
    at_left, at_right, _ = np.split(position, [len(left), len(left) + len(right)])
    return terms, at_left, at_right


def _inside(within: Within, *sides: tuple[Graph, Ids]) -> Within:
    """What each graph says is one within itself, as ids of the common terms."""
    left, right = (
        (at[_checked(a, graph.terms, side)], at[_checked(b, graph.terms, side)])
        for (a, b), (graph, at), side in zip(within, sides, SIDES, strict=True)
    )
    return left, right


def _columns(*sides: tuple[Graph, Ids]) -> list[Ids]:
    """Subjects, predicates, objects and graphs of all sides, as ids of the common terms."""
    return [
        scratch.gather(remap(getattr(graph, name), at) for graph, at in sides)
        for name in ("subject", "predicate", "object", "graph")
    ]


def _links(
    left: Terms, right: Terms, left_terms: npt.ArrayLike, right_terms: npt.ArrayLike
) -> tuple[Ids, Ids]:
    """Both ends of the links, as ids of each graph's own terms."""
    ends = _checked(left_terms, left, "left"), _checked(right_terms, right, "right")
    if len(ends[0]) != len(ends[1]):
        raise ValueError(f"{len(ends[0])} left and {len(ends[1])} right ends of links")
    return ends


def _checked(ids: npt.ArrayLike, terms: Terms, side: str) -> Ids:
    checked = np.asarray(ids, np.int32)
    if len(checked) and not (checked.min() >= 0 and checked.max() < len(terms)):
        raise ValueError(f"a link names a term that the {side} graph does not have")
    if (terms.kind[checked] > TermKind.BLANK).any():
        raise ValueError(f"a link names a {side} term that is neither an IRI nor a blank node")
    return checked


def _check_sizes(terms: Terms, groups: Groups, most: int | None) -> None:
    sizes = np.bincount(groups.group)
    if most is None or not len(sizes) or int(sizes.max()) <= most:
        return
    largest = int(sizes.argmax())
    members = groups.member[groups.group == largest][:_SHOWN]
    shown = ", ".join(terms.value.take(pa.array(members)).to_pylist())
    raise InputError(
        f"The links make one thing of {int(sizes[largest]):,} nodes, among them {shown}",
        f"At most {most:,} may become one: take links back with `kgalign unmerge`, set fuse.max_cluster, or "
        "leave the --cardinality to auto, which cuts links that were found, but none that were given",
    )


def _table(terms: Terms, groups: Groups) -> tuple[Ids, Ids]:
    """(terms,) what stands for each term; (groups,) the node that stays; minted IRIs are behind the terms."""
    stays = groups.member[groups.first]
    stays[list(groups.minted)] = len(terms) + np.arange(len(groups.minted))
    table = np.arange(len(terms), dtype=np.int32)
    table[groups.member] = stays[groups.group]
    return table, stays


def _renamed(terms: Terms, groups: Groups, stays: Ids) -> tuple[Ids, Ids]:
    """(i,) the node that stays, and (i,) the IRI that was merged into it."""
    kept = stays[groups.group]
    away = (terms.kind[groups.member] == TermKind.IRI) & (groups.member != kept)
    return kept[away], groups.member[away]


def _final(terms: Terms, groups: Groups, table: Ids, retired: Sequence[tuple[str, str]]) -> tuple[Terms, Ids]:
    """The terms with the minted IRIs, the triple terms of what stays and what is told of retired IRIs; the
    place of each in them.
    """
    further = [old for old, _ in retired] + [REPLACED_BY] * bool(retired)
    added = [*groups.minted.values(), *further]
    longer = _concatenated(terms, iri_terms(added)) if added else terms
    longer = _merged_triples(longer, groups.member, table)
    if longer is terms:
        return terms, np.arange(len(terms), dtype=np.int32)
    return canonical([longer])


def _rewritten(columns: Sequence[Ids], terms: Terms, groups: Groups, table: Ids) -> list[Ids]:
    """The statements with what stays in place of what was merged."""
    subject, predicate, object = columns[:3]
    said = [remap(ids, table) for ids in columns]
    group = np.full(len(terms), -1, np.int32)
    group[groups.member] = groups.group
    inside = np.isin(predicate, [term_id(terms, iri) for iri in IDENTITIES]) & (group[subject] >= 0)
    inside &= (group[subject] == group[object]) & (subject != object)
    rows = np.flatnonzero(inside)
    away = np.where(object[rows] == said[2][rows], subject[rows], object[rows])
    said[2][rows] = np.where(terms.kind[away] == TermKind.IRI, away, said[2][rows])
    return said


def _concatenated(terms: Terms, iris: Terms) -> Terms:
    """The terms, then the IRIs."""
    return replace(
        terms,
        kind=np.concatenate([terms.kind, iris.kind]),
        value=pa.concat_arrays([terms.value, iris.value]),
        datatype=np.concatenate([terms.datatype, iris.datatype]),
        language=np.concatenate([terms.language, iris.language]),
    )


def _merged_triples(terms: Terms, members: Ids, table: Ids) -> Terms:
    """The terms with merged nodes replaced in the text of the triple terms."""
    rows = np.flatnonzero(terms.kind == TermKind.TRIPLE)
    if not len(rows) or not len(members):
        return terms
    stays: Mapping[RdfTerm, RdfTerm] = dict(
        zip(_nodes(terms, members), _nodes(terms, table[members]), strict=True)
    )
    triples = [
        str(map_triple(parse_triple(text), lambda term: stays.get(term, term)))
        for text in terms.value.take(pa.array(rows)).to_pylist()
    ]
    mask = pa.array(terms.kind == TermKind.TRIPLE)
    return replace(terms, value=pc.replace_with_mask(terms.value, mask, pa.array(triples, pa.large_string())))


def _nodes(terms: Terms, ids: Ids) -> list[RdfTerm]:
    """IRIs and blank nodes as the parser has them."""
    return [
        ox.NamedNode(text) if kind == TermKind.IRI else ox.BlankNode(text)
        for kind, text in zip(terms.kind[ids], terms.value.take(pa.array(ids)).to_pylist(), strict=True)
    ]
