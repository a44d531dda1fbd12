"""Neighbours: entities whose neighbours match are likelier to match.

After PARIS (Suchanek, Abiteboul and Senellart, VLDB 2011, section 4): what a shared neighbour is worth
depends on how few entities have it by that relation. Here it is worth its surprise: the log of all
entities with the relation over those that have this neighbour. Which left relation corresponds to
which right one is learned from the matches so far, and probabilities weigh everything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Flags, Positions, run_starts, spread
from kgalign.base import scratch
from kgalign.judge.evidence import parts
from kgalign.judge.evidence.comparisons import Comparison, steps
from kgalign.judge.evidence.levels import Levels, in_parts
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile

_PARTNERS = 2
_SURE = 0.1
_SURPRISE_STEPS = (0.0, 0.3, 0.7, 1.2, 2.0, 3.5, 6.0)
_SHARE_STEPS = (0.0, 0.1, 0.25, 0.4, 0.6, 0.8, 1.0)
_BATCH = 200_000
"""Edges that are looked at together."""
_ROOM = 8
"""Marks for each key in a table of those that are there."""
_MOST_BITS = 26
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MARK, _ANY_MARK = np.uint64(20), np.uint8(0x80)
"""Where the bits of a mark stand in a hash, and the one that all marks have."""
_SEVERAL = np.uint8(1)
"""Instead of a mark, where keys have several."""


class _Side:
    """The edges of one side in both directions, by entity, with the surprise of each."""

    def __init__(self, profile: Profile) -> None:
        n, relations = len(profile), len(profile.relations)
        self.relations = 2 * relations
        node = np.concatenate([profile.edge_head, profile.edge_tail])
        other = np.concatenate([profile.edge_tail, profile.edge_head])
        relation = np.concatenate([profile.edge_relation, profile.edge_relation + relations])
        order = np.lexsort((relation, other, node))
        self.node, self.other, self.relation = node[order], other[order], relation[order]
        self.start = np.searchsorted(self.node, np.arange(n + 1))
        facts = np.bincount(self.relation, minlength=self.relations)
        # (edges,) log of how many have the relation over how many have it to this very neighbour.
        counts = _count_equal(self.relation.astype(np.int64) * n + self.other)
        self.surprise = np.log((facts[self.relation] + 1) / counts).astype(np.float32)
        # The edges between two entities stand together.
        self.pair_start = np.flatnonzero(run_starts(self.node, self.other))
        self.pair_count = np.diff(self.pair_start, append=len(self.node))
        first = self.pair_start
        self.pair_key = self.node[first].astype(np.int64) * n + self.other[first]


def _count_equal(values: Positions) -> Positions:
    """(n,) how often each value is there."""
    order = np.argsort(values, kind="stable")
    start = np.flatnonzero(run_starts(values[order]))
    counts = np.diff(start, append=len(values))
    found = np.empty(len(values), dtype=np.int64)
    found[order] = np.repeat(counts, counts)
    return found


class _Seen:
    """Whether a key may be among some: a table of marks, which says no for nearly all that are not."""

    def __init__(self, keys: Positions) -> None:
        bits = min(max(len(keys) * _ROOM, 2).bit_length(), _MOST_BITS)
        self._shift = np.uint64(64 - bits)
        self._marks = np.zeros(1 << bits, dtype=np.uint8)
        place, mark = self._place(keys)
        self._marks[place] = mark
        self._marks[place[self._marks[place] != mark]] = _SEVERAL

    def _place(self, keys: Positions) -> tuple[Positions, npt.NDArray[np.uint8]]:
        """Where the mark of each key is, and what it is."""
        # Multiplicative hashing (Knuth, volume 3, section 6.4).
        hashed = keys.view(np.uint64) * _GOLDEN
        return (hashed >> self._shift).view(np.int64), (hashed >> _MARK).astype(np.uint8) | _ANY_MARK

    def may_hold(self, keys: Positions) -> Flags:
        """(k,) false for those that are not among them."""
        place, mark = self._place(keys)
        held = self._marks.take(place)
        found: Flags = (held == mark) | (held == _SEVERAL)
        return found


@dataclass(frozen=True, slots=True)
class _Batch:
    """Edges that are looked at together."""

    pairs: slice
    """Pairs that have edges in it."""
    skipped: int
    """Edges of the first pair that are in a batch before."""
    edges: int


@dataclass(frozen=True, slots=True)
class _Matched:
    """The left edges to neighbours that have a partner, by entity and neighbour: once for each partner."""

    start: Positions
    """(n + 1,) where those of each left entity begin."""
    other: Ids
    """(e,) the neighbour; ``partner`` (e,) its partner on the right, ``chance`` (e,) how likely that is."""
    partner: Ids
    chance: Floats
    relation: Ids
    surprise: Floats

    @classmethod
    def of(cls, side: _Side, partners: Ids, chance: Floats) -> "_Matched":
        """Take the partners of all left entities.

        :param partners: (n, k) partners of each left entity, -1 for none; ``chance`` (n, k) how likely.
        """
        edges, places = np.nonzero(partners[side.other] >= 0)
        other = side.other[edges]
        return cls(
            start=np.searchsorted(edges, side.start),
            other=other,
            partner=partners[other, places],
            chance=chance[other, places],
            relation=side.relation[edges],
            surprise=side.surprise[edges],
        )


class Neighbours:
    """Compares the neighbourhoods of pairs, given how probable all pairs are."""

    def __init__(self, left: Profile, right: Profile, a: Ids, b: Ids) -> None:
        self.a, self.b = a, b
        self.sizes = len(left), len(right)
        self.any = bool(len(left.edge_head) and len(right.edge_head))
        if self.any:
            self.left, self.right = _Side(left), _Side(right)
            self._pairs = _Seen(self.right.pair_key)
            self.agreement = np.full((self.left.relations, self.right.relations), -1.0, dtype=np.float32)

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
        np.add.at(agree, (left.relation[which], right.relation[place]), weight[which])
        # A relation seen seldom keeps close to what relations do on the whole.
        overall = (agree.max(axis=1).sum() + 1) / (seen.sum() + 2)
        prior = 3.0
        self.agreement = ((agree + prior * overall * (agree > 0)) / (seen + prior)[:, None]).astype(
            np.float32
        )
        unseen = seen < 1
        self.agreement[unseen] = 0.2 * overall

    def _find(self, head: Ids, tail: Ids) -> tuple[Positions, Positions]:
        """Where the right edges between two entities begin, and how many there are."""
        return self._find_key(head.astype(np.int64) * self.sizes[1] + tail)

    def _find_key(self, key: Positions) -> tuple[Positions, Positions]:
        right = self.right
        place = np.minimum(np.searchsorted(right.pair_key, key), len(right.pair_key) - 1)
        count = np.where(right.pair_key[place] == key, right.pair_count[place], 0)
        return right.pair_start[place], count

    def _shared(self, a: Ids, b: Ids, partners: Ids, chance: Floats) -> Floats:
        """(c,) surprise of the neighbours that a pair shares, each neighbour counted once."""
        result = scratch.full(len(a), 0.0, np.float32)
        matched = _Matched.of(self.left, partners, chance)
        batches = _batches(matched, a)
        share = partial(self._shared_by, a, b, matched)
        found = parts.in_turn(share, batches, heavy=True)
        for batch, (pairs, worth) in zip(batches, found, strict=True):
            np.add.at(result[batch.pairs], pairs, worth)
        return result

    def _shared_by(self, a: Ids, b: Ids, matched: _Matched, batch: _Batch) -> tuple[Positions, Floats]:
        """Which pairs of a batch share a neighbour, and what each is worth."""
        right = self.right
        a, b = a[batch.pairs], b[batch.pairs]
        start = matched.start[a]
        count = matched.start[a + 1] - start
        start[0] += batch.skipped
        count[0] -= batch.skipped
        count[-1] -= int(count.sum()) - batch.edges
        ends = np.cumsum(count)
        edge = np.repeat(start - (ends - count), count)
        edge += np.arange(batch.edges)
        # A pair of right entities as one number.
        key = np.repeat(b.astype(np.int64) * self.sizes[1], count)
        key += matched.partner.take(edge)
        hit = np.flatnonzero(self._pairs.may_hold(key))
        number, right_edge = spread(*self._find_key(key[hit]))
        which = hit[number]
        pairs, edge = np.searchsorted(ends, which, "right"), edge[which]
        if not len(edge):
            return pairs, np.zeros(0, dtype=np.float32)
        agree = self.agreement[matched.relation[edge], right.relation[right_edge]]
        surprise = np.minimum(matched.surprise[edge], right.surprise[right_edge])
        worth = (agree * surprise * matched.chance[edge]).astype(np.float32)
        # Several relations to one neighbour say it once: the best of them counts.
        first = np.flatnonzero(run_starts(pairs, matched.other[edge]))
        return pairs[first], np.maximum.reduceat(worth, first)


def _batches(matched: _Matched, a: Ids) -> list[_Batch]:
    """The edges of all pairs in batches: of one neighbour of one pair all are in one, of a pair that has many
    not all need be.
    """
    total = scratch.full(len(a) + 1, 0, np.int64)
    np.cumsum(np.diff(matched.start).astype(np.int32)[a], out=total[1:])
    if not total[-1]:
        return []
    cuts = np.arange(_BATCH, total[-1], _BATCH)
    pair = np.searchsorted(total, cuts, "right") - 1
    edge = matched.start[a[pair]] + cuts - total[pair]
    node = np.repeat(np.arange(len(matched.start) - 1), np.diff(matched.start))
    first = np.flatnonzero(run_starts(node, matched.other))
    cuts -= edge - first[np.searchsorted(first, edge, "right") - 1]
    bounds = np.unique(np.concatenate([[0], cuts, [total[-1]]]))
    begins = np.searchsorted(total, bounds[:-1], "right") - 1
    last = np.searchsorted(total, bounds[1:], "left")
    skipped = (bounds[:-1] - total[begins]).tolist()
    counts = np.diff(bounds).tolist()
    rows = zip(begins.tolist(), last.tolist(), skipped, counts, strict=True)
    return [_Batch(slice(begin, end), skip, count) for begin, end, skip, count in rows]


def _comparison(name: str, value: Floats, knots: tuple[float, ...]) -> Comparison:
    return Comparison(name, "neighbours", _labels(knots), steps(value, knots))


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
    rows = side.pair_start
    best = np.maximum.reduceat(side.surprise, rows)
    total: Floats = np.bincount(
        side.node[rows], weights=best * matched[side.other[rows]], minlength=n
    ).astype(np.float32)
    return total
