"""Which neighbours of two entities meet: a left one has a partner that is a neighbour of the right one.

Of the two lists of a pair the shorter one is written out and looked up in the other, so that a pair costs
about as much as the one of the two with fewer neighbours. A table of marks tells of nearly all that is not
there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Flags, Positions, in_order_of, run_starts, spread
from kgalign.base.cores import slices
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile

_AT_ONCE = 400_000
"""Neighbours that are written out together."""
_NEAR = 3
"""Times as long as looking up among the neighbours of a few left entities takes it among all right ones."""
_ROOM = 8
"""Marks for each key in a table of those that are there."""
_MOST_BITS = 26
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MARK, _ANY_MARK = np.uint64(20), np.uint8(0x80)
"""Where the bits of a mark stand in a hash, and the one that all marks have."""
_SEVERAL = np.uint8(1)
"""Instead of a mark, where keys have several."""
_Hits = tuple[Positions, Positions, Positions]
"""What meets: pair, left edge, and neighbour of the right entity."""


class Side:
    """The edges of one side in both directions, by entity, with the surprise of each."""

    def __init__(self, profile: Profile) -> None:
        n, relations = len(profile), len(profile.relations)
        self.relations = 2 * relations
        node = np.concatenate([profile.edge_head, profile.edge_tail])
        other = np.concatenate([profile.edge_tail, profile.edge_head])
        relation = np.concatenate([profile.edge_relation, profile.edge_relation + relations])
        order = in_order_of(node, other, relation)
        self.node, self.other, self.relation = node[order], other[order], relation[order]
        self.start = np.searchsorted(self.node, np.arange(n + 1))
        facts = np.bincount(self.relation, minlength=self.relations)
        # (edges,) log of how many have the relation over how many have it to this very neighbour.
        counts = _count_equal(self.relation.astype(np.int64) * n + self.other)
        self.surprise = np.log((facts[self.relation] + 1) / counts).astype(np.float32)
        # The edges between two entities stand together.
        self.pair_start = np.flatnonzero(run_starts(self.node, self.other))
        self.pair_count = np.diff(self.pair_start, append=len(self.node))
        self.pair_node, self.pair_other = self.node[self.pair_start], self.other[self.pair_start]
        self.pair_key = self.pair_node.astype(np.int64) * n + self.pair_other
        self.first = np.searchsorted(self.pair_node, np.arange(n + 1)).astype(np.int32)
        """(n + 1,) where the neighbours of each entity begin."""


def _count_equal(values: Positions) -> Positions:
    """(n,) how often each value is there."""
    order = np.argsort(values, kind="stable")
    start = np.flatnonzero(run_starts(values[order]))
    counts = np.diff(start, append=len(values))
    found = np.empty(len(values), dtype=np.int64)
    found[order] = np.repeat(counts, counts)
    return found


class Seen:
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


class Keys:
    """Sorted distinct keys in which others are looked up."""

    def __init__(self, keys: Positions) -> None:
        self.keys, self._seen = keys, Seen(keys)

    def find(self, keys: Positions) -> tuple[Positions, Positions]:
        """Which of some keys are among them, and where each of these stands."""
        if not len(self.keys):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        hit = np.flatnonzero(self._seen.may_hold(keys))
        looked_for = keys[hit]
        place = np.minimum(np.searchsorted(self.keys, looked_for), len(self.keys) - 1)
        held = self.keys[place] == looked_for
        return hit[held], place[held]


@dataclass(frozen=True, slots=True)
class Matched:
    """The left edges to neighbours that have a partner, by entity and neighbour: once for each partner."""

    start: Ids
    """(n + 1,) where those of each left entity begin."""
    other: Ids
    """(e,) the neighbour; ``partner`` (e,) its partner on the right, ``chance`` (e,) how likely that is."""
    partner: Ids
    chance: Floats
    relation: Ids
    surprise: Floats

    @classmethod
    def of(cls, side: Side, partners: Ids, chance: Floats) -> "Matched":
        """Take the partners of all left entities.

        :param partners: (n, k) partners of each left entity, -1 for none; ``chance`` (n, k) how likely.
        """
        edges, places = np.nonzero(partners[side.other] >= 0)
        other = side.other[edges]
        return cls(
            start=np.searchsorted(edges, side.start).astype(np.int32),
            other=other,
            partner=partners[other, places],
            chance=chance[other, places],
            relation=side.relation[edges],
            surprise=side.surprise[edges],
        )


def meetings(matched: Matched, right: Side, keys: Keys, a: Ids, b: Ids) -> tuple[_Hits, Positions]:
    """Edges of pairs that meet: (m,) the pair, the left edge among the matched ones, and the right edge, in
    the order of the first two; and (h,) where edges of a further left neighbour begin.

    :param keys: of the right side's neighbours, as ``right.pair_key`` has them.
    :param a: (c,) left entities, equal ones best together; ``b`` (c,) right ones.
    """
    lefts = matched.start[a + 1] - matched.start[a]
    rights = np.where(lefts > 0, right.first[b + 1] - right.first[b], 0)
    by_left = np.flatnonzero((rights > 0) & (_NEAR * lefts <= rights))
    by_right = np.flatnonzero((rights > 0) & (_NEAR * lefts > rights))
    found = [
        _by_left(matched, len(right.start) - 1, keys, a[by_left], b[by_left]),
        _by_right(matched, right, a[by_right], b[by_right]),
    ]
    pair = np.concatenate([rows[pair] for rows, (pair, _, _) in zip((by_left, by_right), found, strict=True)])
    edge, neighbour = (np.concatenate([each[place] for each in found]) for place in (1, 2))
    order = np.argsort(pair * len(matched.other) + edge, kind="stable")
    pair, edge, neighbour = pair[order], edge[order], neighbour[order]
    which, right_edge = spread(right.pair_start[neighbour], right.pair_count[neighbour])
    pair, edge = pair[which], edge[which]
    return (pair, edge, right_edge), np.flatnonzero(run_starts(pair, matched.other[edge]))


def _by_left(matched: Matched, width: int, keys: Keys, a: Ids, b: Ids) -> _Hits:
    """What meets where the matched neighbours of the left entities are written out."""
    start = matched.start[a]
    found = []
    for pair, edge in _written_out(start, matched.start[a + 1] - start):
        hit, place = keys.find(b.astype(np.int64)[pair] * width + matched.partner[edge])
        found.append((pair[hit], edge[hit], place))
    return _joined(found)


def _by_right(matched: Matched, right: Side, a: Ids, b: Ids) -> _Hits:
    """What meets where the neighbours of the right entities are written out."""
    width = len(right.start) - 1
    begins = run_starts(a)
    node, run = a[begins], np.cumsum(begins) - 1
    number, edges = spread(matched.start[node], matched.start[node + 1] - matched.start[node])
    key = number * width + matched.partner[edges]
    order = np.argsort(key, kind="stable")
    key, edges = key[order], edges[order]
    first = np.flatnonzero(run_starts(key))
    count = np.diff(first, append=len(key))
    keys = Keys(key[first])
    start = right.first[b]
    found = []
    for pair, neighbour in _written_out(start, right.first[b + 1] - start):
        hit, place = keys.find(run[pair] * width + right.pair_other[neighbour])
        which, edge = spread(first[place], count[place])
        found.append((pair[hit][which], edges[edge], neighbour[hit][which]))
    return _joined(found)


def _joined(found: list[_Hits]) -> _Hits:
    none = np.zeros(0, dtype=np.int64)
    pair, edge, neighbour = (
        (np.concatenate([none, *column]) for column in zip(*found, strict=True))
        if found
        else (none, none, none)
    )
    return pair, edge, neighbour


def _written_out(start: Ids, count: Ids) -> Iterator[tuple[Positions, Positions]]:
    """Ranges written out, so many members at once: the number of its range and each member."""
    ends = np.cumsum(count, dtype=np.int64)
    begins = ends - count
    for part in slices(int(ends[-1]) if len(ends) else 0, _AT_ONCE):
        low = int(np.searchsorted(ends, part.start, "right"))
        high = int(np.searchsorted(begins, part.stop, "left"))
        inside = np.minimum(ends[low:high], part.stop) - np.maximum(begins[low:high], part.start)
        number = np.repeat(np.arange(low, high), inside)
        member = np.arange(part.start, part.stop)
        member += np.repeat(start[low:high] - begins[low:high], inside)
        yield number, member
