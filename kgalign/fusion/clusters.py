"""Clusters of more than two nodes: where links join what was judged different, and who is in a minted IRI's.

Links are transitive once nodes are one: ``a`` with ``b`` and ``b`` with ``c`` makes one thing of ``a`` and
``c`` as well, whatever was thought of that pair. Nothing is taken apart here: people are told, with names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import connected, unique
from kgalign.fusion.groups import NOTHING_WITHIN, Canonical, Within, group_nodes
from kgalign.fusion.keeping import keep_names
from kgalign.fusion.merge import LEFT_LABEL, RIGHT_LABEL
from kgalign.rdf.blank_nodes import prefixed
from kgalign.rdf.columns import canonical
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.records import Alignment, Outcome, Profile, Verdicts
from kgalign.records.fused import SIDES, Fusion
from kgalign.records.names import Names

_SHOWN = 3
"""Pairs that a warning names."""
_SINGLE = {"one-to-one": (True, True), "one-to-many": (True, False), "many-to-one": (False, True)}
"""Cardinality → whether no two entities of the left side are one thing, and none of the right side."""

Pairs = tuple[Ids, Ids]
"""(p,) and (p,) term ids of the left and of the right graph."""


@dataclass(frozen=True, slots=True)
class Apart:
    """What is held to be different things."""

    judged: Pairs
    """By the evidence, or by the votes."""
    rejected: Pairs
    """By a person."""
    single: tuple[Ids | None, Ids | None]
    """(e,) entities of each side, as term ids, if by the cardinality no two of them are one thing."""


def held_apart(
    alignment: Alignment, verdicts: Verdicts, left: Profile, right: Profile, match_probability: float
) -> Apart:
    """What a run holds to be different things, as term ids.

    :param verdicts: all that was judged, with the votes in it.
    :param match_probability: from here on a pair is taken for a match.
    """
    different = (verdicts.probability < match_probability) | (verdicts.voted == Outcome.NO_MATCH)
    different[alignment.verdict[alignment.verdict >= 0]] = False
    no = alignment.outcome == Outcome.REJECTED
    single = _SINGLE.get(alignment.cardinality, (False, False))
    return Apart(
        judged=(left.entity_term[verdicts.left[different]], right.entity_term[verdicts.right[different]]),
        rejected=(left.entity_term[alignment.left[no]], right.entity_term[alignment.right[no]]),
        single=(left.entity_term if single[0] else None, right.entity_term if single[1] else None),
    )


def has_clusters(fusion: Fusion) -> bool:
    """Whether more than two nodes became one anywhere."""
    return fusion.counts.merged > 2 * fusion.counts.groups


def cluster_warnings(
    fusion: Fusion, graphs: tuple[Graph, Graph], apart: Apart, within: Within = NOTHING_WITHIN
) -> tuple[str, ...]:
    """What became one although it was held to be different, in sentences for people.

    :param fusion: where the nodes went.
    :param within: what the graphs themselves say is one; this much is no surprise.
    """
    advice = "see `kgalign explain`, and take a wrong link back with `kgalign unmerge`"
    found = []
    for pairs, who in ((apart.rejected, "a person took apart"), (apart.judged, "were judged different")):
        left, right = joined(fusion, graphs, pairs)
        if len(left):
            things = len(unique(fusion.left_term[left]))
            first = np.lexsort((right, left))[:_SHOWN]
            ends = zip(left[first], right[first], strict=True)
            shown = [(_text(graphs[0], a), _text(graphs[1], b)) for a, b in ends]
            found.append(
                f"{_count(len(left), 'pair')} of nodes that {who} became one through other links, in "
                f"{_count(things, 'thing')}: {_listed(shown, len(left))}; {advice}"
            )
    for side, ids in enumerate(apart.single):
        if ids is not None:
            found += _several(fusion, graphs[side], side, ids, within[side], advice)
    return tuple(found)


def joined(fusion: Fusion, graphs: tuple[Graph, Graph], pairs: Pairs) -> Pairs:
    """Those of some pairs that became one node through links: not those that are one name on both sides."""
    rows = np.flatnonzero(fusion.left_term[pairs[0]] == fusion.right_term[pairs[1]])
    left, right = pairs[0][rows], pairs[1][rows]
    names = [graph.terms.value.take(pa.array(ids)) for graph, ids in zip(graphs, (left, right), strict=True)]
    different = pc.not_equal(*names).to_numpy(zero_copy_only=False)
    different = different | (graphs[0].terms.kind[left] == TermKind.BLANK)
    return left[different], right[different]


def _several(
    fusion: Fusion, graph: Graph, side: int, entities: Ids, within: Pairs, advice: str
) -> Iterator[str]:
    """Things that hold several entities of a side which its graph does not call one."""
    place = (fusion.left_term, fusion.right_term)[side]
    thing, count = np.unique(place[entities], return_counts=True)
    rows = np.flatnonzero(np.isin(place[entities], thing[count > 1]))
    members = entities[rows]
    kind = _components(members, within)
    # One member of each component of each thing.
    firsts = np.unique(np.stack([place[members], kind], axis=1), axis=0, return_index=True)[1]
    members = members[np.sort(firsts)]
    order = np.lexsort((members, place[members]))
    members = members[order]
    again = place[members][1:] == place[members][:-1]
    if not again.any():
        return
    things = len(unique(place[members][1:][again]))
    rows = np.flatnonzero(again)[:_SHOWN]
    shown = [(_text(graph, members[row]), _text(graph, members[row + 1])) for row in rows]
    verb = "holds" if things == 1 else "hold"
    yield (
        f"{_count(things, 'thing')} {verb} several {SIDES[side]} entities, which the cardinality takes for "
        f"different: {_listed(shown, int(again.sum()))}; {advice}"
    )


def _components(members: Ids, within: Pairs) -> Ids:
    """(members,) the same number for members that the pairs hold together."""
    nodes, places = np.unique(np.concatenate([members, *within]), return_inverse=True)
    a, b = np.split(places[len(members) :], 2)
    return connected(a, b, len(nodes))[places[: len(members)]].astype(np.int32)


def minted_members(
    iri: str,
    graphs: tuple[Graph, Graph],
    links: Pairs,
    within: Within = NOTHING_WITHIN,
    *,
    names: Names | None = None,
    canonical_side: Canonical = "mint",
) -> Pairs | None:
    """Term ids, of the left and of the right graph, of what is one under an IRI that is minted, or kept from
    an earlier run; None where nothing is.

    :param iri: as the fused graph has it.
    :param within: what the graphs themselves say is one.
    :param names: what the earlier run called things.
    :param canonical_side: how the fused graph is named.
    """
    sides = [
        prefixed(graph.terms, label) for graph, label in zip(graphs, (LEFT_LABEL, RIGHT_LABEL), strict=True)
    ]
    terms, position = canonical(sides)
    at = position[: len(sides[0])], position[len(sides[0]) :]
    inside = tuple((at[side][a], at[side][b]) for side, (a, b) in enumerate(within))
    groups = group_nodes(terms, at[0][links[0]], at[1][links[1]], canonical_side, (inside[0], inside[1]))
    if names is not None:
        groups = keep_names(terms, groups, names, canonical_side)
    for group, minted in groups.minted.items():
        if minted == iri:
            members = groups.member[groups.group == group]
            found = (np.flatnonzero(np.isin(each, members)).astype(np.int32) for each in at)
            return next(found), next(found)
    return None


def _text(graph: Graph, term: int | np.int32) -> str:
    value = str(graph.terms.value[int(term)].as_py())
    return f"_:{value}" if graph.terms.kind[term] == TermKind.BLANK else value


def _listed(shown: Sequence[tuple[str, str]], all_of_them: int) -> str:
    more = all_of_them - len(shown)
    return "; ".join(f"{a} and {b}" for a, b in shown) + (f"; and {more:,} more" if more else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
