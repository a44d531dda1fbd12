"""Parts of clusters, which grow link by link: disjoint sets (Tarjan, 1975) that may refuse a link."""

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.rdf.graph import Ids

_BySide = tuple[list[int], list[int]]
"""A count of the left side and one of the right side, for each part."""


class _Parts:
    """Disjoint sets of ``size`` nodes, numbered from 0."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def grow(self, a: Positions, b: Positions, firm: Flags, order: Positions) -> Positions:
        """Make one part of those of the two ends of each link, unless that is refused.

        :param a: (l,) a node each, linked with ``b``.
        :param firm: (l,) links that are never refused.
        :param order: (l,) the order in which the links are taken.
        :returns: (size,) the same number for nodes of one part.
        """
        ends = a[order].tolist(), b[order].tolist()
        for one, other, sure in zip(*ends, firm[order].tolist(), strict=True):
            first, second = self._of(one), self._of(other)
            if first != second and (sure or self._fits(first, second)):
                self._join(first, second)
        return np.array([self._of(node) for node in range(len(self._parent))], dtype=np.int64)

    def _of(self, node: int) -> int:
        parent = self._parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def _fits(self, a: int, b: int) -> bool:
        raise NotImplementedError

    def _join(self, a: int, b: int) -> None:
        raise NotImplementedError


class Bounded(_Parts):
    """Parts of which none grows beyond a bound by links that can be refused."""

    def __init__(self, weight: Ids, most: int) -> None:
        """Begin with each node alone.

        :param weight: (n,) how much each node counts.
        :param most: what a part may count.
        """
        super().__init__(len(weight))
        self._weight, self._most = weight.tolist(), most

    def _fits(self, a: int, b: int) -> bool:
        return bool(self._weight[a] + self._weight[b] <= self._most)

    def _join(self, a: int, b: int) -> None:
        self._parent[b] = a
        self._weight[a] += self._weight[b]


class Agreeing(_Parts):
    """Parts that become one where enough of the pairs between them are expected to match.

    This is agglomeration by average agreement, as for correlation clustering (Bansal, Blum and Chawla, 2004),
    over the links best first instead of over all pairs of parts. A pair that was not judged counts as not
    matching, but of so many only as the candidate lists had room for: no more pairs are counted between
    two parts than either could have candidates outside of itself. Else no cluster could be larger than
    the lists are long.
    """

    def __init__(
        self,
        left_reach: Positions,
        right_reach: Positions,
        judged: tuple[Ids | Positions, Ids | Positions, Doubles],
        share: float,
    ) -> None:
        """Begin with each entity alone: first the left ones, then the right ones.

        :param left_reach: (l,) candidates that each left entity has room for.
        :param right_reach: (r,) candidates that each right one has room for.
        :param judged: (p,) each: left entity from 0, right entity from 0, probability that they match.
        :param share: of the pairs between two parts so many must be expected to match.
        """
        lefts, rights = len(left_reach), len(right_reach)
        super().__init__(lefts + rights)
        none_left, none_right = [0] * lefts, [0] * rights
        self._members: _BySide = [1] * lefts + none_right, none_left + [1] * rights
        # Candidates that a part's members of each side have room for outside of the part.
        self._outside: _BySide = left_reach.tolist() + none_right, none_left + right_reach.tolist()
        self._share = share
        # What lies between two parts: the matches to expect, and as imaginary part the pairs judged.
        self._between: list[dict[int, complex]] = [{} for _ in range(lefts + rights)]
        ends = judged[0].tolist(), (judged[1] + lefts).tolist()
        for a, b, chance in zip(*ends, judged[2].tolist(), strict=True):
            self._between[a][b] = self._between[b][a] = complex(chance, 1)

    def _fits(self, a: int, b: int) -> bool:
        expected = self._between[a].get(b, 0j).real
        return expected >= self._share * (self._pairs(a, b) + self._pairs(b, a))

    def _pairs(self, a: int, b: int) -> int:
        """Pairs of a left member of the one and a right member of the other that could have been judged."""
        (lefts, rights), (left_outside, right_outside) = self._members, self._outside
        return min(lefts[a] * rights[b], left_outside[a], right_outside[b])

    def _join(self, a: int, b: int) -> None:
        between = self._between
        if len(between[a]) < len(between[b]):
            a, b = b, a
        self._parent[b] = a
        judged = int(between[a].pop(b, 0j).imag)
        between[b].pop(a, None)
        for members, outside in zip(self._members, self._outside, strict=True):
            members[a] += members[b]
            outside[a] += outside[b] - judged
        for other, more in between[b].items():
            del between[other][b]
            between[a][other] = between[other][a] = between[a].get(other, 0j) + more
        between[b] = {}
