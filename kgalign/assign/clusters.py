"""Clusters that links make: they hold together, and none is too large. Where they do not, they are cut.

Where both sides may have several partners, pairs are decided one by one, and their links say more than any
of them: ``a1`` with ``b1``, ``b1`` with ``a2`` and ``a2`` with ``b2`` makes one thing of ``a1`` and ``b2``,
which nothing may speak for. A link that is cut is no match any more: it is left to people.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from kgalign.arrays import Doubles, Flags, Positions, connected, unique
from kgalign.assign.parts import Agreeing, Bounded
from kgalign.links.nodes import Nodes
from kgalign.links.pairs import is_link
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Outcome, Profile, Verdicts

_HALF = 0.5
"""Share of the pairs between two parts that must be expected to match where the two are one thing."""
_FLOOR = 0.02
"""Pairs less probable than this are expected not to match."""
_SHOWN = 3
"""Links that a warning names."""
LOOSE, OVERSIZE = "loose clusters", "oversize clusters"
"""Figures of an alignment: clusters that were cut, for either reason."""


def hold_together(alignment: Alignment, verdicts: Verdicts, match_probability: float, k: int) -> Alignment:
    """Cut clusters of which the left and the right members do not match each other.

    Links are taken best first, and one makes one part of two where at least half of the pairs between these
    are expected to match (:class:`~kgalign.assign.parts.Agreeing`). What was given and what votes decided
    joins its entities whatever the others say, and is never cut. A cluster in which every left member is
    linked with every right one holds together: so do all where an entity of a side has one partner at most.

    :param match_probability: from here on a pair is a match; where this is below half, it is enough between
        parts too.
    :param k: candidates that were looked for, for each entity.
    """
    links = np.flatnonzero(is_link(alignment))
    left, right = alignment.left[links], alignment.right[links]
    cluster = _clusters(left, right)
    loose = _incomplete(left, right, cluster)[cluster]
    if not loose.any():
        return alignment
    links, left, right, cluster = links[loose], left[loose], right[loose], cluster[loose]
    row = alignment.verdict[links]
    given = alignment.outcome[links] == Outcome.CONFIRMED
    firm = given | (verdicts.voted[row] == Outcome.MATCH)
    lefts, rights = unique(left), unique(right)
    # What votes refused does not match: no more than a pair that nobody thought of.
    refused = (verdicts.voted == Outcome.NO_MATCH) & (verdicts.probability < match_probability)
    standing = ~refused | verdicts.given
    parts = Agreeing(
        np.maximum(_counts(verdicts.left[standing], lefts), k),
        np.maximum(_counts(verdicts.right[standing], rights), k),
        _judged(verdicts, standing, (left, right, cluster), lefts, rights),
        share=float(np.float32(min(_HALF, match_probability))),
    )
    a, b = np.searchsorted(lefts, left), len(lefts) + np.searchsorted(rights, right)
    order = np.lexsort((right, left, -verdicts.log_odds[row], ~firm))
    part = parts.grow(a, b, firm, order)
    apart = (part[a] != part[b]) & ~firm
    figures = {LOOSE: float(len(unique(cluster[apart])))}
    return replace(_undecided(alignment, links[apart], figures), loose=row[apart])


def cut_to_size(alignment: Alignment, verdicts: Verdicts, nodes: Nodes, most: int) -> Alignment:
    """Cut clusters that would make one thing of more than ``most`` nodes, at their weakest links.

    Links are taken best first, those that votes decided before the others, and one that would make a part too
    large is cut (Kruskal's algorithm, 1956, with a bound). What was given is never cut: it may make a part
    that is too large, and then nothing joins that.

    :param nodes: what is one before any link.
    """
    links = np.flatnonzero(is_link(alignment))
    left, right = nodes.left[alignment.left[links]], nodes.right[alignment.right[links]]
    held, place = np.unique(np.concatenate([left, right]), return_inverse=True)
    a, b = place[: len(links)], place[len(links) :]
    cluster = connected(a, b, len(held))
    large = np.bincount(cluster, nodes.size[held])[cluster][a] > most if len(held) else np.zeros(0, bool)
    if not large.any():
        return alignment
    links, a, b = links[large], a[large], b[large]
    row = alignment.verdict[links]
    given = alignment.outcome[links] == Outcome.CONFIRMED
    voted = verdicts.voted[row] == Outcome.MATCH
    parts = Bounded(nodes.size[held], most)
    ends = alignment.left[links], alignment.right[links]
    order = np.lexsort((ends[1], ends[0], -verdicts.log_odds[row], ~voted, ~given))
    part = parts.grow(a, b, given, order)
    apart = part[a] != part[b]
    figures = {OVERSIZE: float(len(unique(cluster[a[apart]])))}
    return replace(_undecided(alignment, links[apart], figures), oversize=row[apart])


def cut_warnings(
    alignment: Alignment, verdicts: Verdicts, profiles: tuple[Profile, Profile], most: int
) -> tuple[str, ...]:
    """What was cut, in sentences for people that name the likeliest of the links.

    :param most: nodes that may become one.
    """
    found = []
    for rows, figure, why in (
        (alignment.loose, LOOSE, "of which the members do not match each other"),
        (alignment.oversize, OVERSIZE, f"of more than {most:,} nodes"),
    ):
        if len(rows):
            clusters = int(alignment.figures[figure])
            found.append(
                f"{_count(clusters, 'cluster')} {why} {'was' if clusters == 1 else 'were'} cut: "
                f"{_count(len(rows), 'link')} became undecided, {_named(rows, verdicts, profiles)}"
            )
    return tuple(found)


def _undecided(alignment: Alignment, rows: Positions, figures: dict[str, float]) -> Alignment:
    """The alignment with rows left to people."""
    outcome = alignment.outcome.copy()
    outcome[rows] = Outcome.UNDECIDED
    return replace(alignment, outcome=outcome, figures=alignment.figures | (figures if len(rows) else {}))


def _clusters(left: Ids, right: Ids) -> Positions:
    """(l,) number of the cluster that each link is part of, from 0."""
    lefts, a = np.unique(left, return_inverse=True)
    rights, b = np.unique(right, return_inverse=True)
    return connected(a, len(lefts) + b, len(lefts) + len(rights))[a]


def _incomplete(left: Ids, right: Ids, cluster: Positions) -> Flags:
    """(clusters,) whether a left member is not linked with a right one."""
    links = np.bincount(cluster)
    members = [np.bincount(cluster[np.unique(side, return_index=True)[1]]) for side in (left, right)]
    incomplete: Flags = links < members[0] * members[1]
    return incomplete


def _counts(ids: Ids, of: Ids) -> Positions:
    """How often each of some ids, sorted, is there."""
    return np.bincount(ids, minlength=int(of[-1]) + 1)[of]


def _judged(
    verdicts: Verdicts, standing: Flags, links: tuple[Ids, Ids, Positions], lefts: Ids, rights: Ids
) -> tuple[Positions, Positions, Doubles]:
    """The pairs within each cluster that may match: places among ``lefts`` and ``rights``, probabilities.

    :param standing: (c,) pairs that votes did not refuse.
    :param links: (l,) each: left entity, right entity, number of the cluster.
    """
    of_left = np.full(int(verdicts.left.max()) + 1, -1)
    of_right = np.full(int(verdicts.right.max()) + 1, -2)
    of_left[links[0]], of_right[links[1]] = links[2], links[2]
    inside = of_left[verdicts.left] == of_right[verdicts.right]
    rows = np.flatnonzero(inside & standing & (verdicts.probability >= _FLOOR))
    return (
        np.searchsorted(lefts, verdicts.left[rows]),
        np.searchsorted(rights, verdicts.right[rows]),
        verdicts.probability[rows].astype(np.float64),
    )


def _named(rows: Ids, verdicts: Verdicts, profiles: tuple[Profile, Profile]) -> str:
    """The likeliest of some pairs by their IRIs, and how many more there are."""
    left, right = verdicts.left[rows], verdicts.right[rows]
    best = np.lexsort((right, left, -verdicts.log_odds[rows]))[:_SHOWN]
    iris = [
        profile.entity_iri.take(pa.array(ids[best])).to_pylist()
        for profile, ids in zip(profiles, (left, right), strict=True)
    ]
    more = [f"and {len(rows) - _SHOWN:,} more"] if len(rows) > _SHOWN else []
    return "; ".join([*(f"{a} with {b}" for a, b in zip(*iris, strict=True)), *more])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
