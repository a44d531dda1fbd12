"""Neighbours: entities whose neighbours match are likelier to match.

After PARIS (Suchanek, Abiteboul and Senellart, VLDB 2011, section 4): what a shared neighbour is worth
depends on how few entities have it by that relation. Here it is worth its surprise: the log of all
entities with the relation over those that have this neighbour. Which left relation corresponds to
which right one is learned from the matches so far, and probabilities weigh everything.
"""

from functools import partial
from itertools import pairwise

import numpy as np

from kgalign.arrays import Doubles, Positions, run_starts, spread
from kgalign.base.cores import in_order
from kgalign.judge.evidence.comparisons import Comparison, steps
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile

_PARTNERS = 2
_SURE = 0.1
_SURPRISE_STEPS = (0.0, 0.3, 0.7, 1.2, 2.0, 3.5, 6.0)
_SHARE_STEPS = (0.0, 0.1, 0.25, 0.4, 0.6, 0.8, 1.0)
_BATCH = 500_000
"""Edges that are looked at together."""


class _Side:
    """The edges of one side in both directions, by entity, with the surprise of each."""

    def __init__(self, profile: Profile) -> None:
        n, relations = len(profile), len(profile.relations)
        self.relations = 2 * relations
        node = np.concatenate([profile.edge_head, profile.edge_tail])
        other = np.concatenate([profile.edge_tail, profile.edge_head])
        relation = np.concatenate([profile.edge_relation, profile.edge_relation + relations])
        order = np.lexsort((other, relation, node))
        self.node, self.other, self.relation = node[order], other[order], relation[order]
        self.start = np.searchsorted(self.node, np.arange(n + 1))
        facts = np.bincount(self.relation, minlength=self.relations)
        same = self.relation.astype(np.int64) * n + self.other
        _, inverse, counts = np.unique(same, return_inverse=True, return_counts=True)
        # (edges,) log of how many have the relation over how many have it to this very neighbour.
        self.surprise = np.log((facts[self.relation] + 1) / counts[inverse]).astype(np.float32)
        key = self.node.astype(np.int64) * n + self.other
        self.by_pair = np.argsort(key, kind="stable")
        self.pair_key, self.pair_start, self.pair_count = np.unique(
            key[self.by_pair], return_index=True, return_counts=True
        )


class Neighbours:
    """Compares the neighbourhoods of pairs, given how probable all pairs are."""

    def __init__(self, left: Profile, right: Profile, a: Ids, b: Ids) -> None:
        self.a, self.b = a, b
        self.sizes = len(left), len(right)
        self.any = bool(len(left.edge_head) and len(right.edge_head))
        if self.any:
            self.left, self.right = _Side(left), _Side(right)
            self.agreement = np.full((self.left.relations, self.right.relations), -1.0, dtype=np.float32)

    def compare(self, probability: Doubles, rows: Positions | None = None) -> list[Comparison]:
        """How surprising the shared neighbours are, and which share of the comparable ones is shared.

        :param probability: (c,) of the pairs so far.
        :param rows: the pairs to compare, all if None.
        """
        a, b = (self.a, self.b) if rows is None else (self.a[rows], self.b[rows])
        partners, chance = _partners(self.a, self.b, probability, self.sizes[0])
        matched = np.zeros(self.sizes[1], dtype=np.float32)
        np.maximum.at(matched, self.b, probability.astype(np.float32))
        self._learn(partners, chance)
        shared = self._shared(a, b, partners, chance)
        # What could have been shared: neighbours that have a partner at all.
        possible_left = _possible(self.left, chance.max(axis=1))[a]
        possible_right = _possible(self.right, matched)[b]
        possible = np.minimum(possible_left, possible_right)
        logs = np.float32(np.log(2 + sum(self.sizes)))
        surprise = np.where(possible > 0, shared / logs, np.nan).astype(np.float32)
        share = np.divide(shared, possible, out=np.full_like(shared, np.nan), where=possible > 0)
        return [
            Comparison(
                "surprise of shared neighbours",
                "neighbours",
                _labels(_SURPRISE_STEPS),
                steps(surprise, _SURPRISE_STEPS),
            ),
            Comparison(
                "neighbours shared",
                "neighbours",
                _labels(_SHARE_STEPS),
                steps(np.minimum(share, 1), _SHARE_STEPS),
            ),
        ]

    def _learn(self, partners: Ids, chance: Floats) -> None:
        """How often a left relation between matches is mirrored by each right relation."""
        left, right = self.left, self.right
        agree = np.zeros(self.agreement.shape, dtype=np.float64)
        seen = np.zeros(left.relations, dtype=np.float64)
        head, tail = partners[left.node, 0], partners[left.other, 0]
        weight = np.minimum(chance[left.node, 0], chance[left.other, 0]) * ((head >= 0) & (tail >= 0))
        rows = np.flatnonzero(weight > 0.5)
        np.add.at(seen, left.relation[rows], weight[rows])
        low, count = self._find(head[rows], tail[rows])
        number, place = spread(low, count)
        which = rows[number]
        np.add.at(agree, (left.relation[which], right.relation[right.by_pair[place]]), weight[which])
        # A relation seen seldom keeps close to what relations do on the whole.
        overall = (agree.max(axis=1).sum() + 1) / (seen.sum() + 2)
        prior = 3.0
        self.agreement = ((agree + prior * overall * (agree > 0)) / (seen + prior)[:, None]).astype(
            np.float32
        )
        unseen = seen < 1
        self.agreement[unseen] = 0.2 * overall

    def _find(self, head: Ids, tail: Ids) -> tuple[Positions, Positions]:
        """Where the right edges between two entities stand in ``by_pair``, and how many there are."""
        right = self.right
        key = head.astype(np.int64) * self.sizes[1] + tail
        place = np.minimum(np.searchsorted(right.pair_key, key), len(right.pair_key) - 1)
        count = np.where(right.pair_key[place] == key, right.pair_count[place], 0)
        return right.pair_start[place], count

    def _shared(self, a: Ids, b: Ids, partners: Ids, chance: Floats) -> Floats:
        """(c,) surprise of the neighbours that a pair shares, each neighbour counted once."""
        left = self.left
        count = (left.start[a + 1] - left.start[a]).astype(np.int64)
        total = np.cumsum(count)
        bounds = np.unique(
            np.concatenate(
                [[0], np.searchsorted(total, np.arange(_BATCH, total[-1] + 1, _BATCH)), [len(count)]]
            )
        )

        parts = (slice(*ends) for ends in pairwise(bounds.tolist()))
        ends = ((a[part], b[part], count[part]) for part in parts)
        share = partial(self._shared_batch, partners, chance)
        return np.concatenate([np.zeros(0, np.float32), *in_order(share, ends, heavy=True)])

    def _shared_batch(self, partners: Ids, chance: Floats, ends: tuple[Ids, Ids, Positions]) -> Floats:
        """What the pairs of ``ends`` share, which have so many left edges each."""
        left, right = self.left, self.right
        a, b, count = ends
        result = np.zeros(len(a), dtype=np.float32)
        pair, edge = spread(left.start[a], count)
        best_pair: list[Positions] = []
        best_worth: list[Floats] = []
        best_other: list[Ids] = []
        for k in range(partners.shape[1]):
            other = left.other[edge]
            partner = partners[other, k]
            alive = np.flatnonzero(partner >= 0)
            low, found = self._find(b[pair[alive]], partner[alive])
            hit = np.flatnonzero(found > 0)
            number, place = spread(low[hit], found[hit])
            which = alive[hit][number]
            right_edge = right.by_pair[place]
            agree = self.agreement[left.relation[edge[which]], right.relation[right_edge]]
            surprise = np.minimum(left.surprise[edge[which]], right.surprise[right_edge])
            best_pair.append(pair[which])
            best_other.append(other[which])
            best_worth.append((agree * surprise * chance[other[which], k]).astype(np.float32))
        pairs, others, worth = (
            np.concatenate(best_pair),
            np.concatenate(best_other),
            np.concatenate(best_worth),
        )
        if not len(pairs):
            return result
        # Several relations to one neighbour say it once: the best of them counts.
        order = np.lexsort((-worth, others, pairs))
        pairs, others, worth = pairs[order], others[order], worth[order]
        first = run_starts(pairs, others)
        np.add.at(result, pairs[first], worth[first])
        return result


def _labels(knots: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(f"{knot:g}" for knot in knots)


def _partners(a: Ids, b: Ids, probability: Doubles, size: int) -> tuple[Ids, Floats]:
    """(n, 2) the likeliest right partners of each left entity (-1 for none), and how likely."""
    partners = np.full((size, _PARTNERS), -1, dtype=np.int32)
    chance = np.zeros((size, _PARTNERS), dtype=np.float32)
    rows = np.flatnonzero(probability >= _SURE)
    order = rows[np.lexsort((b[rows], -probability[rows], a[rows]))]
    place = np.arange(len(order)) - np.searchsorted(a[order], a[order], "left")
    keep = place < _PARTNERS
    partners[a[order[keep]], place[keep]] = b[order[keep]]
    chance[a[order[keep]], place[keep]] = probability[order[keep]]
    return partners, chance


def _possible(side: _Side, matched: Floats) -> Floats:
    """(n,) surprise of an entity's neighbours that have a partner, each neighbour counted once."""
    n = len(side.start) - 1
    key = side.node.astype(np.int64) * n + side.other
    order = np.lexsort((-side.surprise, key))
    rows = order[run_starts(key[order])]
    total: Floats = np.bincount(
        side.node[rows], weights=side.surprise[rows] * matched[side.other[rows]], minlength=n
    ).astype(np.float32)
    return total
