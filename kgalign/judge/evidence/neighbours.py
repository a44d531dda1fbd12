"""Neighbours: entities whose neighbours match are likelier to match.

After PARIS (Suchanek, Abiteboul and Senellart, VLDB 2011, section 4): what a shared neighbour is worth
depends on how few entities have it by that relation. Here it is worth its surprise: the log of all
entities with the relation over those that have this neighbour. Which left relation corresponds to
which right one is learned from the matches so far, and probabilities weigh everything.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from kgalign.arrays import Doubles, Positions, place_in_run, spread
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.judge.evidence import parts
from kgalign.judge.evidence.cells import Cells
from kgalign.judge.evidence.comparisons import Comparison, steps
from kgalign.judge.evidence.levels import Levels, in_parts
from kgalign.judge.evidence.meeting import Keys, Matched, Side, meetings
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile

_PARTNERS = 2
_SURE = 0.1
_SURPRISE_STEPS = (0.0, 0.3, 0.7, 1.2, 2.0, 3.5, 6.0)
_SHARE_STEPS = (0.0, 0.1, 0.25, 0.4, 0.6, 0.8, 1.0)
_EDGES = 1 << 19
"""Edges that are looked at together."""


class Neighbours:
    """Compares the neighbourhoods of pairs, given how probable all pairs are."""

    def __init__(self, left: Profile, right: Profile, a: Ids, b: Ids) -> None:
        self.a, self.b = a, b
        self.sizes = len(left), len(right)
        self.any = bool(len(left.edge_head) and len(right.edge_head))
        if self.any:
            self.left, self.right = in_order(Side, (left, right))
            self._keys = Keys(self.right.pair_key)

    def compare(self, probability: Doubles, rows: Positions | None = None) -> list[Levels]:
        """The comparisons of :meth:`comparisons` as levels in steps."""
        size = len(self.a if rows is None else rows)
        return [in_parts(each, size) for each in self.comparisons(probability, rows)]

    def comparisons(
        self, probability: Doubles, rows: Positions | None = None
    ) -> list[Callable[[slice], Comparison]]:
        """How surprising the shared neighbours are, and which share of the comparable ones is shared: what
        compares a part of the pairs.

        :param probability: (c,) of the pairs so far.
        :param rows: the pairs to compare, all if None.
        """
        a, b = (self.a, self.b) if rows is None else (self.a[rows], self.b[rows])
        partners, chance = _partners(self.a, self.b, probability, self.sizes[0])
        matched = np.zeros(self.sizes[1], dtype=np.float32)
        likely = np.flatnonzero(probability)
        np.maximum.at(matched, self.b[likely], probability[likely].astype(np.float32))
        self._learn(partners, chance)
        shared = self._shared(a, b, partners, chance)
        # What could have been shared: neighbours that have a partner at all.
        possible_left = _possible(self.left, chance.max(axis=1))
        possible_right = _possible(self.right, matched)
        logs = np.float32(np.log(2 + sum(self.sizes)))

        def possible(part: slice) -> Floats:
            return np.minimum(possible_left[a[part]], possible_right[b[part]])

        def surprise(part: slice) -> Comparison:
            value = np.where(possible(part) > 0, shared[part] / logs, np.nan).astype(np.float32)
            return _comparison("surprise of shared neighbours", value, _SURPRISE_STEPS)

        def share(part: slice) -> Comparison:
            most, both = possible(part), shared[part]
            value = np.divide(both, most, out=np.full_like(both, np.nan), where=most > 0)
            return _comparison("neighbours shared", np.minimum(value, 1), _SHARE_STEPS)

        return [surprise, share]

    def _learn(self, partners: Ids, chance: Floats) -> None:
        """How often a left relation between matches is mirrored by each right relation."""
        left = self.left
        edges = parts.in_turn(
            partial(self._mirrored, partners, chance), slices(len(left.node), _EDGES), heavy=False
        )
        relation, weight, mirrored, mirror, of_both = (
            np.concatenate(each) for each in zip(*edges, strict=True)
        )
        seen = np.bincount(relation, weights=weight, minlength=left.relations)
        both = Cells.summed((left.relations, self.right.relations), mirrored, mirror, of_both)
        best = np.zeros(left.relations)
        np.maximum.at(best, both.row, both.value)
        # A relation seen seldom keeps close to what relations do on the whole.
        overall = (best.sum() + 1) / (seen.sum() + 2)
        prior = 3.0
        rate = (both.value + prior * overall * (both.value > 0)) / (seen[both.row] + prior)
        self._rate = replace(both, value=rate.astype(np.float32))
        self._unseen, self._of_unseen = seen < 1, np.float32(0.2 * overall)

    def _agreement(self, left: Ids, right: Ids) -> Floats:
        """(n,) how often a left relation between matches is mirrored by a right one."""
        return np.where(self._unseen[left], self._of_unseen, self._rate.at(left, right))

    def _mirrored(self, partners: Ids, chance: Floats, part: slice) -> tuple[Ids, Floats, Ids, Ids, Floats]:
        """Of some left edges between matches the relation and how likely both are; of the right edges that
        mirror them the two relations, and the same.
        """
        left, right = self.left, self.right
        node, other, relation = left.node[part], left.other[part], left.relation[part]
        head, tail = partners[node, 0], partners[other, 0]
        weight = np.minimum(chance[node, 0], chance[other, 0]) * ((head >= 0) & (tail >= 0))
        rows = np.flatnonzero(weight > 0.5)
        relation, weight = relation[rows], weight[rows]
        hit, pair = self._keys.find(head[rows].astype(np.int64) * self.sizes[1] + tail[rows])
        number, edge = spread(right.pair_start[pair], right.pair_count[pair])
        which = hit[number]
        return relation, weight, relation[which], right.relation[edge], weight[which]

    def _shared(self, a: Ids, b: Ids, partners: Ids, chance: Floats) -> Floats:
        """(c,) surprise of the neighbours that a pair shares, each neighbour counted once."""
        matched = Matched.of(self.left, partners, chance)
        ends = ((a[rows], b[rows]) for rows in parts.parts_of(len(a)))
        return scratch.gather(parts.in_turn(partial(self._shared_by, matched), ends, heavy=True))

    def _shared_by(self, matched: Matched, ends: tuple[Ids, Ids]) -> Floats:
        """As :meth:`_shared`, of some pairs."""
        found = np.zeros(len(ends[0]), dtype=np.float32)
        (pair, edge, right_edge), first = meetings(matched, self.right, self._keys, *ends)
        if len(pair):
            agree = self._agreement(matched.relation[edge], self.right.relation[right_edge])
            surprise = np.minimum(matched.surprise[edge], self.right.surprise[right_edge])
            worth = (agree * surprise * matched.chance[edge]).astype(np.float32)
            # Several relations to one neighbour say it once: the best of them counts.
            np.add.at(found, pair[first], np.maximum.reduceat(worth, first))
        return found


def _comparison(name: str, value: Floats, knots: tuple[float, ...]) -> Comparison:
    return Comparison(name, "neighbours", _labels(knots), steps(value, knots))


def _labels(knots: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(f"{knot:g}" for knot in knots)


def _partners(a: Ids, b: Ids, probability: Doubles, size: int) -> tuple[Ids, Floats]:
    """(n, 2) the likeliest right partners of each left entity (-1 for none), and how likely."""
    partners = np.full((size, _PARTNERS), -1, dtype=np.int32)
    chance = np.zeros((size, _PARTNERS), dtype=np.float32)
    order = np.flatnonzero(probability >= _SURE)
    if (a[order[1:]] <= a[order[:-1]]).any():
        order = order[np.lexsort((b[order], -probability[order], a[order]))]
    node = a[order]
    place = place_in_run(node)
    keep = place < _PARTNERS
    partners[node[keep], place[keep]] = b[order[keep]]
    chance[node[keep], place[keep]] = probability[order[keep]]
    return partners, chance


def _possible(side: Side, matched: Floats) -> Floats:
    """(n,) surprise of an entity's neighbours that have a partner, each neighbour counted once."""
    n = len(side.start) - 1
    best = np.maximum.reduceat(side.surprise, side.pair_start)
    total: Floats = np.bincount(side.pair_node, weights=best * matched[side.pair_other], minlength=n).astype(
        np.float32
    )
    return total
