"""Which properties correspond: all pairs of properties of linked nodes, compared."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kgalign.arrays import Doubles, Positions, join
from kgalign.fusion.vocabulary.evidence import LEAST_GAIN, Evidence
from kgalign.fusion.vocabulary.facts import Links, Side, value_keys
from kgalign.fusion.vocabulary.names import name_doubts
from kgalign.fusion.vocabulary.nearness import Nearness, shared_kind
from kgalign.fusion.vocabulary.words import examples_of, notes_on, value_doubts
from kgalign.records.vocabularies import INVERSE, Override, PropertyMatch
from kgalign.values import ValueKind
from kgalign.values.text import row_dots

INVERSE_WORTH = 0.8
"""An inverse counts less than a direct correspondence: where both fit, the direct one is meant."""
_NEARNESS_LEAD = 1.25
"""Equality says more than nearness, unless nearness finds so much more agreement."""


class Learning:
    """Compares the properties of both sides."""

    def __init__(self, left: Side, right: Side, links: Links, least: int) -> None:
        self.sides, self.links, self.least = (left, right), links, least
        *keys, self.keys = value_keys(left, right, links.groups)
        left.index(keys[0])
        right.index(keys[1])
        both = (left.by_pair(len(links)) @ right.by_pair(len(links)).T).tocoo()
        cell = both.row.astype(np.int64) * right.width + both.col
        order = np.argsort(cell)
        self.cells, self.both = cell[order], np.asarray(both.data[order], np.int64)
        self.evidence: dict[int, Evidence] = {}
        self.seen_at: dict[tuple[str, str, bool], int] = {}
        """The cell that tells each match: an inverse may be told from either end."""

    def cell(self, a: str, b: str) -> int:
        """The cell of two properties by name, -1 where no linked pair has both."""
        left, right = self.sides
        inverse, b = b.startswith(INVERSE), b.removeprefix(INVERSE)
        if a not in left.names or b not in right.names:
            return -1
        column = right.names.index(b) + inverse * len(right.properties)
        found = left.names.index(a) * right.width + column
        place = int(np.searchsorted(self.cells, found))
        return found if place < len(self.cells) and self.cells[place] == found else -1

    def support(self, cell: int) -> int:
        """Linked pairs that have both."""
        place = int(np.searchsorted(self.cells, cell))
        return int(self.both[place]) if place < len(self.cells) and self.cells[place] == cell else 0

    def matches(self, given: Sequence[Override]) -> list[PropertyMatch]:
        """All correspondences that hold, those of one IRI on both sides, and those given, in any order."""
        left, right = self.sides
        same = [self.cell(name, name) for name in sorted(set(left.names) & set(right.names))]
        forced = {self.cell(a, b) for a, b in given if a and b} | set(same)
        forced.discard(-1)
        self._compare_keys(forced)
        self._compare_nearness(forced)
        for cell in forced - self.evidence.keys():
            self.evidence[cell] = Evidence(self.support(cell), (0.0, 0.0), (0.0, 0.0))
        n, m = len(left.properties), len(right.properties)
        found, inverse = {}, set()
        for cell in sorted(self.evidence):
            p, q = divmod(cell, right.width)
            if p >= n or q >= m:
                inverse.add((p % n, q % m))
            elif self.evidence[cell].holds or cell in forced:
                found[p, q] = self.match(p, q, cell)
        turned = [self._inverse(p, q, found.get((p, q)), forced) for p, q in sorted(inverse)]
        return [*found.values(), *(match for match in turned if match is not None)]

    def _inverse(
        self, p: int, q: int, direct: PropertyMatch | None, forced: set[int]
    ) -> PropertyMatch | None:
        """The match of a property with the inverse of another, if it holds seen from either end.

        From the one end, a senator has a state; from the other, a state has more than senators. What is
        turned round must be right from both, so the worse end counts.
        """
        left, right = self.sides
        ends = p * right.width + q + len(right.properties), (p + len(left.properties)) * right.width + q
        nothing = Evidence(0, (0.0, 0.0), (0.0, 0.0))
        seen = [cell for cell in ends if self.support(cell) >= self.least or cell in forced]
        if not seen:
            return None
        names = {ends[0]: left.names[p], ends[1]: right.names[q]}

        def rank(cell: int) -> tuple[float, int, str]:
            return round(self.evidence.get(cell, nothing).score, 9), self.support(cell), names[cell]

        worse = min(seen, key=rank)
        wanted = bool(forced & set(ends))
        self.evidence.setdefault(worse, nothing)
        if not wanted and not self.evidence[worse].holds:
            return None
        match = self.match(*divmod(worse, right.width), worse)
        if len(seen) == 1:
            doubt = "an inverse that is seen from one end only"
            match = replace(match, relation="close", doubts=(*match.doubts, doubt))
        better = direct is not None and direct.score >= INVERSE_WORTH * match.score
        return None if better and not wanted else match

    def _compare_keys(self, forced: set[int]) -> None:
        left, right = self.sides
        rows_l, rows_r = join(left.pair * self.keys + left.key, right.pair * self.keys + right.key)
        cell = left.property[rows_l] * right.width + right.property[rows_r]
        direct = (left.property[rows_l] < len(left.properties)) | (
            right.property[rows_r] < len(right.properties)
        )
        cells, place = np.unique(cell[direct], return_inverse=True)
        sums: list[Doubles] = [
            np.bincount(place, weights=side.share[rows[direct]], minlength=len(cells)).astype(np.float64)
            for side, rows in ((left, rows_l), (right, rows_r))
        ]
        both = self.both[np.searchsorted(self.cells, cells)]
        keep = (both >= self.least) & (sums[0] + sums[1] >= 2 * LEAST_GAIN * both)
        keep |= np.isin(cells, list(forced))
        cells, both, sums = cells[keep], both[keep], [each[keep] for each in sums]
        if not len(cells):
            return
        chances = self._chances(cells, both, sums)
        for i, cell_ in enumerate(cells.tolist()):
            n = int(both[i])
            self.evidence[cell_] = Evidence(
                n,
                (float(sums[0][i]) / n, float(sums[1][i]) / n),
                (float(chances[0][i]), float(chances[1][i])),
            )

    def _chances(self, cells: Positions, both: Positions, sums: list[Doubles]) -> list[Doubles]:
        """The agreement of all pairs of nodes that are not linked, counted exactly."""
        left, right = self.sides
        p, q = (cells // right.width).astype(np.int32), (cells % right.width).astype(np.int32)
        ones = [np.ones(len(side.key)) for side in self.sides]
        others = left.pairs_with[p].astype(np.float64) * right.pairs_with[q] - both
        result = []
        for side, weights in enumerate(((left.share, ones[1]), (ones[0], right.share))):
            rows = left.by_key(self.keys, weights[0]), right.by_key(self.keys, weights[1])
            total = row_dots(rows[0], rows[1], p, q, 20_000).astype(np.float64) - sums[side]
            result.append(np.clip(np.divide(total, others, out=np.zeros_like(total), where=others > 0), 0, 1))
        return result

    def _compare_nearness(self, forced: set[int]) -> None:
        left, right = self.sides
        kinds: dict[int, ValueKind] = {}
        for cell, both in zip(self.cells.tolist(), self.both.tolist(), strict=True):
            p, q = divmod(cell, right.width)
            if p >= len(left.kinds) or q >= len(right.kinds) or (both < self.least and cell not in forced):
                continue
            kind = shared_kind(left.kinds[p], right.kinds[q])
            if kind is not None:
                kinds[cell] = kind
        for cell, near in Nearness(left, right, self.links).evidence(kinds).items():
            old = self.evidence.get(cell)
            if old is None or near.score > _NEARNESS_LEAD * old.score:
                self.evidence[cell] = near
            elif not near.conversion.same or near.conversion.pairs:
                self.evidence[cell] = replace(old, conversion=near.conversion)

    def match(self, p: int, q: int, cell: int) -> PropertyMatch:
        """The match of a left and a right property (or an inverse of one), by the evidence of a cell."""
        left, right = self.sides
        n, m = len(left.properties), len(right.properties)
        found = self.evidence[cell]
        names, inverse = (left.names[p % n], right.names[q % m]), p >= n or q >= m
        self.seen_at[*names, inverse] = cell
        relation, score = found.relation, found.score
        doubts: tuple[str, ...] = ()
        if names[0] == names[1] and not inverse:
            # One IRI says one thing. Chance plays no part, as there is nothing to tell it from.
            relation, score = "exact", found.agreement * found.seen / (found.seen + 1)
        else:
            doubts = (*name_doubts(*names, inverse=inverse), *value_doubts(self.sides, p, q, found))
        return PropertyMatch(
            left=names[0],
            right=names[1],
            relation="close" if doubts else relation,
            inverse=inverse,
            score=round(score, 9),
            support=self.support(cell),
            agreement=found.agreement,
            left_agreement=found.shares[0],
            right_agreement=found.shares[1],
            chance=found.chance,
            kinds=(left.kinds[p % n][0], right.kinds[q % m][0]),
            conversion=found.conversion,
            notes=(),
            examples=(),
            chosen=False,
            compared=found.seen,
            left_pairs=int(left.pairs_with[p]),
            right_pairs=int(right.pairs_with[q]),
            doubts=doubts,
        )

    def describe(self, match: PropertyMatch) -> PropertyMatch:
        """The match with notes and examples: made only for those that are kept."""
        if (match.left, match.right, match.inverse) not in self.seen_at:
            return match
        cell = self.seen_at[match.left, match.right, match.inverse]
        p, q = divmod(cell, self.sides[1].width)
        notes = tuple(notes_on(self.sides, p, q, self.evidence[cell]))
        return replace(match, notes=notes, examples=examples_of(self.sides, p, q))
