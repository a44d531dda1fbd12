"""Which nodes are one: by links, and before any link is made, by what the graphs themselves say."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import connected
from kgalign.links.known import same_within
from kgalign.links.pairs import is_link
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.records import Alignment, Profile

_Graphs = tuple[Graph, Graph]
Within = tuple[tuple[Ids, Ids], tuple[Ids, Ids]]
"""What each graph says is one within itself: (w,) term ids, each one with the term at the same place."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The entities of both sides as nodes of the fused graph, before any link."""

    left: Ids
    right: Ids
    """(entities of the side,) number of the node that each entity is."""
    size: Ids
    """(nodes,) IRIs and blank nodes of the two graphs that each stands for."""


def linked_terms(alignment: Alignment, left: Profile, right: Profile) -> tuple[Ids, Ids]:
    """(l,) and (l,) the nodes that links hold together, as term ids of either graph."""
    rows = is_link(alignment)
    return left.entity_term[alignment.left[rows]], right.entity_term[alignment.right[rows]]


def one_within(graphs: _Graphs, apart: Collection[tuple[str, str]] = ()) -> Within:
    """What each graph says is one within itself (:func:`~kgalign.links.known.same_within`)."""
    return same_within(graphs[0], apart), same_within(graphs[1], apart)


def nodes_before_links(graphs: _Graphs, profiles: tuple[Profile, Profile], *, within: bool = True) -> Nodes:
    """Number the entities so that those which are one without a link have one number.

    An IRI that both graphs use is one node. Blank nodes of the two graphs never meet.

    :param within: whether two nodes are one where their graph says so; one that is no entity counts as well.
    """
    none: Ids = np.zeros(0, dtype=np.int32)
    pairs = one_within(graphs) if within else ((none, none), (none, none))
    texts: list[pa.LargeStringArray] = []
    ends = []
    for side, (graph, profile, pair) in enumerate(zip(graphs, profiles, pairs, strict=True)):
        others = np.setdiff1d(np.concatenate(pair), profile.entity_term)
        terms = np.concatenate([profile.entity_term, others]).astype(np.int32)
        order = np.argsort(terms)
        start = sum(len(each) for each in texts)
        ends.append([start + order[np.searchsorted(terms, each, sorter=order)] for each in pair])
        texts.append(_texts(graph, terms, side))
    named = pa.concat_arrays(texts).dictionary_encode()
    code = named.indices.to_numpy(zero_copy_only=False)
    first, second = (code[np.concatenate([each[end] for each in ends])] for end in (0, 1))
    node = connected(first, second, len(named.dictionary))
    at = np.split(node[code], [len(profiles[0]), len(texts[0]), len(texts[0]) + len(profiles[1])])
    return Nodes(at[0].astype(np.int32), at[2].astype(np.int32), np.bincount(node).astype(np.int32))


def _texts(graph: Graph, terms: Ids, side: int) -> pa.LargeStringArray:
    """(n,) IRIs, and for blank nodes a name that those of the other side don't have."""
    values = graph.terms.value.take(pa.array(terms))
    blank = pa.array(graph.terms.kind[terms] == TermKind.BLANK)
    mine, nothing = (pa.scalar(text, pa.large_string()) for text in (f"_:{side} ", ""))
    return pc.if_else(blank, pc.binary_join_element_wise(mine, values, nothing), values)
