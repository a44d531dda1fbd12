"""How much the values of two properties agree, and how much they would by chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist

from kgalign.arrays import Doubles, Positions, join, run_starts, spread
from kgalign.correspondences import INVERSE, SAME, Conversion, Kind, Override, PropertyMatch, Relation
from kgalign.fuse.units import date_precision, find_conversion, relative_gap, same_dates
from kgalign.fuse.vocabulary_facts import Links, Side, local_name, value_keys
from kgalign.rdf.graph import Ids
from kgalign.text import gram_rows, idf, row_dots, sort_words, weigh

_SAMPLE = 200
_TEXT_BUDGET = 150_000
_VALUES = 4
_LONG = 300
"""Characters of a text that are compared."""
_LEAST_GAIN = 0.15
_LEAST_Z = 3.0
_INVERSE_WORTH = 0.8
"""An inverse counts less than a direct correspondence: where both fit, the direct one is meant."""
_NEARNESS_LEAD = 1.25
"""Equality says more than nearness, unless nearness finds so much more agreement."""
_SURE = 0.8
"""Share of values found on the other side from which one property contains the other."""
_TOLERANCES = (1e-3, 0.01, 0.05, 0.2)


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much the values of two properties agree, and how much they would by chance."""

    seen: int
    shares: tuple[float, float]
    chances: tuple[float, float]
    conversion: Conversion = SAME
    year_only: bool = False

    @property
    def agreement(self) -> float:
        """The mean of both directions."""
        return sum(self.shares) / 2

    @property
    def chance(self) -> float:
        """The mean of both directions."""
        return sum(self.chances) / 2

    @property
    def beyond(self) -> tuple[float, float]:
        """Agreement beyond chance in each direction, as a share of what chance leaves (Cohen's kappa)."""
        pairs = zip(self.shares, self.chances, strict=True)
        left, right = (max(0.0, (s - c) / (1 - c)) if c < 1 - 1e-9 else 0.0 for s, c in pairs)
        return left, right

    @property
    def score(self) -> float:
        """Agreement beyond chance, lower where few pairs tell it."""
        return sum(self.beyond) / 2 * self.seen / (self.seen + 1)

    @property
    def holds(self) -> bool:
        """Whether it is unlikely that chance did this."""
        gain = self.agreement - self.chance
        variance = max(self.chance * (1 - self.chance), self.agreement * (1 - self.agreement), 0.01)
        return gain >= _LEAST_GAIN and gain >= _LEAST_Z * math.sqrt(variance / max(self.seen, 1))


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
        found = {}
        for cell in sorted(self.evidence):
            p, q = divmod(cell, right.width)
            if p < len(left.properties) and (self.evidence[cell].holds or cell in forced):
                found[cell] = self.match(p, q, cell)
        self._add_inverse_ends(found)
        return list(found.values())

    def _add_inverse_ends(self, found: dict[int, PropertyMatch]) -> None:
        """An inverse can be seen from either end; the better one counts."""
        left, right = self.sides
        n, m = len(left.properties), len(right.properties)
        for cell in sorted(self.evidence):
            p, q = divmod(cell, right.width)
            if p < n or not self.evidence[cell].holds:
                continue
            other = (p - n) * right.width + q + m
            if other not in found or self._rank(cell) > self._rank(other):
                found[other] = self.match(p, q, cell)
        for cell, match in sorted(found.items()):
            p, q = divmod(cell, right.width)
            direct = found.get(p * right.width + q - m) if match.inverse else None
            if direct and direct.score >= _INVERSE_WORTH * match.score:
                del found[cell]

    def _rank(self, cell: int) -> tuple[float, int]:
        return self.evidence[cell].score, self.support(cell)

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
        keep = (both >= self.least) & (sums[0] + sums[1] >= 2 * _LEAST_GAIN * both)
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
        kinds = {}
        for cell, both in zip(self.cells.tolist(), self.both.tolist(), strict=True):
            p, q = divmod(cell, right.width)
            if p >= len(left.kinds) or q >= len(right.kinds) or (both < self.least and cell not in forced):
                continue
            kind = _shared_kind(left.kinds[p], right.kinds[q])
            if kind is not None:
                kinds[cell] = kind
        rows = self._rows(kinds)
        for kind in (Kind.NUMBER, Kind.DATE, Kind.TEXT):
            cells = np.array([cell for cell in sorted(kinds) if kinds[cell] == kind], np.int64)
            if len(cells):
                self._compare_kind(kind, cells, *(column[np.isin(rows[0], cells)] for column in rows))

    def _rows(self, kinds: dict[int, Kind]) -> tuple[Positions, Positions, Positions]:
        """(cell, left group, right group) of a sample of the pairs that have both."""
        left, right = self.sides
        cells = np.array(sorted(kinds), np.int64)
        a, b = (np.flatnonzero(side.group_property < len(side.properties)) for side in self.sides)
        i, j = join(left.group_pair[a], right.group_pair[b])
        a, b = a[i], b[j]
        cell = left.group_property[a] * right.width + right.group_property[b]
        keep = np.isin(cell, cells)
        cell, a, b = cell[keep], a[keep], b[keep]
        order = np.lexsort((left.group_pair[a], cell))
        cell, a, b = cell[order], a[order], b[order]
        starts = np.flatnonzero(run_starts(cell))
        place = np.arange(len(cell)) - np.repeat(starts, np.diff(np.append(starts, len(cell))))
        texts = sum(kind == Kind.TEXT for kind in kinds.values())
        few = max(25, min(_SAMPLE, _TEXT_BUDGET // max(texts, 1)))
        is_text = np.isin(cell, [c for c, kind in kinds.items() if kind == Kind.TEXT])
        keep = place < np.where(is_text, few, 2 * _SAMPLE)
        return cell[keep], a[keep], b[keep]

    def _compare_kind(
        self, kind: Kind, cells: Positions, cell: Positions, a: Positions, b: Positions
    ) -> None:
        rules = self._conversions(cells, cell, a, b) if kind == Kind.NUMBER else {}
        linked = self._shares(kind, cells, rules, cell, a, b)
        at_random = self._shares(kind, cells, rules, cell, *self._exchanged(cell, a, b))
        seen = np.bincount(np.searchsorted(cells, cell), minlength=len(cells))
        for i, c in enumerate(cells.tolist()):
            levels = [
                Evidence(
                    int(seen[i]),
                    (float(x[i, 0]), float(x[i, 1])),
                    (float(r[i, 0]), float(r[i, 1])),
                    rules.get(c, SAME),
                    kind == Kind.DATE and level == 1,
                )
                for level, (x, r) in enumerate(zip(linked, at_random, strict=True))
            ]
            best = max(levels, key=lambda e: round(e.score, 9))
            old = self.evidence.get(c)
            if old is None or best.score > _NEARNESS_LEAD * old.score:
                self.evidence[c] = best
            elif not best.conversion.same or best.conversion.pairs:
                self.evidence[c] = replace(old, conversion=best.conversion)

    def _exchanged(self, cell: Positions, a: Positions, b: Positions) -> tuple[Positions, Positions]:
        """The same left groups with the right ones in reverse order; -1 where that is no exchange."""
        left, right = self.sides
        starts = np.flatnonzero(run_starts(cell))
        counts = np.diff(np.append(starts, len(cell)))
        first, last = np.repeat(starts, counts), np.repeat(starts + counts - 1, counts)
        turned = first + last - np.arange(len(cell))
        other = b[turned]
        pair, other_pair = left.group_pair[a], right.group_pair[other]
        component = self.links.component[0][self.links.ends[0]]
        bad = self.links.tied[pair] | self.links.tied[other_pair]
        bad |= component[pair] == component[other_pair]
        return np.where(bad, -1, a), np.where(bad, -1, other)

    def _expand(self, a: Positions, b: Positions) -> tuple[Positions, Positions, Positions, Ids, Ids]:
        """All pairs of the first values of two groups each: (row, place left, place right, term, term)."""
        left, right = self.sides
        valid = a >= 0
        ca = np.where(valid, np.minimum(left.count[a], _VALUES), 0)
        cb = np.where(valid, np.minimum(right.count[b], _VALUES), 0)
        row, place = spread(np.zeros(len(a), np.int64), ca * cb)
        i, j = place // np.maximum(cb[row], 1), place % np.maximum(cb[row], 1)
        return row, i, j, left.term[left.start[a[row]] + i], right.term[right.start[b[row]] + j]

    def _conversions(
        self, cells: Positions, cell: Positions, a: Positions, b: Positions
    ) -> dict[int, Conversion]:
        left, right = self.sides
        single = (left.count[a] == 1) & (right.count[b] == 1)
        x = np.where(single, left.number[left.term[left.start[a]]], np.nan)
        y = np.where(single, right.number[right.term[right.start[b]]], np.nan)
        bounds = np.searchsorted(cell, cells), np.searchsorted(cell, cells, "right")
        rules = {}
        for c, low, high in zip(cells.tolist(), *bounds, strict=True):
            p, q = divmod(c, right.width)
            names = (local_name(left.names[p]), local_name(right.names[q]))
            rules[c] = find_conversion(x[low:high], y[low:high], names)
        return rules

    def _shares(
        self,
        kind: Kind,
        cells: Positions,
        rules: dict[int, Conversion],
        cell: Positions,
        a: Positions,
        b: Positions,
    ) -> list[Doubles]:
        """For each level: (cells, 2) mean share of left values found right, and of right ones left."""
        row, i, j, x, y = self._expand(a, b)
        used = a >= 0
        where = np.searchsorted(cells, cell)
        number = np.bincount(where[used], minlength=len(cells))
        result = []
        for level in self._similarities(kind, rules, cell[row], x, y):
            sides = []
            for place in (i, j):
                best = _best(row * _VALUES + place, level, len(a) * _VALUES)
                owner = np.repeat(np.arange(len(a)), _VALUES)
                known = best >= 0
                total = np.bincount(owner[known], weights=best[known], minlength=len(a))
                count = np.bincount(owner[known], minlength=len(a))
                mean = np.divide(total, count, out=np.zeros(len(a)), where=count > 0)
                summed = np.bincount(where[used], weights=mean[used], minlength=len(cells))
                # Where no partners could be exchanged, chance may be all there is.
                sides.append(np.divide(summed, number, out=np.ones(len(cells)), where=number > 0))
            result.append(np.stack(sides, axis=1))
        return result

    def _similarities(
        self, kind: Kind, rules: dict[int, Conversion], cell: Positions, x: Ids, y: Ids
    ) -> list[Doubles]:
        left, right = self.sides
        if kind == Kind.DATE:
            return list(same_dates(left.date[x], right.date[y]))
        if kind == Kind.TEXT:
            return self._text_similarities(x, y)
        gap = np.full(len(x), np.inf)
        starts = np.append(np.flatnonzero(run_starts(cell)), len(cell))
        for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            part = slice(low, high)
            gap[part] = relative_gap(left.number[x[part]], right.number[y[part]], rules[int(cell[low])])
        return [(gap <= tolerance).astype(np.float64) for tolerance in _TOLERANCES]

    def _text_similarities(self, x: Ids, y: Ids) -> list[Doubles]:
        """Edit similarity of the sorted words, which sees typing errors, and the cosine of rare trigrams."""
        left, right = self.sides
        keys, inverse = np.unique(x.astype(np.int64) * right.size + y, return_inverse=True)
        words: list[list[str]] = []
        rows, places = [], []
        for side, terms in ((left, keys // right.size), (right, keys % right.size)):
            used, place = np.unique(terms, return_inverse=True)
            side.texts(used)
            folded = [side.folded[term][:_LONG] for term in used.tolist()]
            ordered = [sort_words(text) for text in folded]
            words.append([ordered[i] for i in place.tolist()])
            rows.append(gram_rows(folded))
            places.append(place.astype(np.int32))
        ratio = cpdist(*words, scorer=fuzz.ratio, dtype=np.float32, workers=-1).astype(np.float64) / 100
        weights = idf(rows[0], rows[1])
        cosine = row_dots(weigh(rows[0], weights), weigh(rows[1], weights), places[0], places[1]).astype(
            np.float64
        )
        empty = np.array([not t or not u for t, u in zip(*words, strict=True)], dtype=bool)
        return [np.where(empty, 0.0, each)[inverse] for each in (ratio, np.clip(cosine, 0, 1))]

    def match(self, p: int, q: int, cell: int) -> PropertyMatch:
        """The match of a left and a right property (or an inverse of one), by the evidence of a cell."""
        left, right = self.sides
        n, m = len(left.properties), len(right.properties)
        found = self.evidence[cell]
        self.seen_at[left.names[p % n], right.names[q % m], p >= n or q >= m] = cell
        kinds = left.kinds[p % n][0], right.kinds[q % m][0]
        relation, score = _relation(found), found.score
        if left.names[p % n] == right.names[q % m] and p < n and q < m:
            # One IRI says one thing. Chance plays no part, as there is nothing to tell it from.
            relation, score = "exact", found.agreement * found.seen / (found.seen + 1)
        elif relation == "exact" and Kind.NODE in kinds and kinds[0] != kinds[1]:
            relation = "close"
        return PropertyMatch(
            left=left.names[p % n],
            right=right.names[q % m],
            relation=relation,
            inverse=p >= n or q >= m,
            score=round(score, 9),
            support=self.support(cell),
            agreement=found.agreement,
            left_agreement=found.shares[0],
            right_agreement=found.shares[1],
            chance=found.chance,
            kinds=kinds,
            conversion=found.conversion,
            notes=(),
            examples=(),
            chosen=False,
        )

    def describe(self, match: PropertyMatch) -> PropertyMatch:
        """The match with notes and examples: made only for those that are kept."""
        if (match.left, match.right, match.inverse) not in self.seen_at:
            return match
        cell = self.seen_at[match.left, match.right, match.inverse]
        p, q = divmod(cell, self.sides[1].width)
        notes = tuple(self._notes(p, q, self.evidence[cell]))
        return replace(match, notes=notes, examples=self._examples(p, q))

    def _notes(self, p: int, q: int, found: Evidence) -> list[str]:
        left, right = self.sides
        notes = [found.conversion.note] if found.conversion.note else []
        if p >= len(left.kinds) or q >= len(right.kinds):
            return notes
        if left.kinds[p][0] == right.kinds[q][0] == Kind.DATE:
            terms = left.term[left.facts(p)], right.term[right.facts(q)]
            said = date_precision(left.date[terms[0]]), date_precision(right.date[terms[1]])
            if said[0] != said[1]:
                notes.append(f"dates to the {said[0]} left, to the {said[1]} right")
            elif found.year_only and "day" in said:
                notes.append("dates of one year, that differ in month or day")
        spoken = left.languages(p), right.languages(q)
        if spoken[0] != spoken[1]:
            notes.append(f"languages: {spoken[0] or 'none'} left, {spoken[1] or 'none'} right")
        return notes

    def _examples(self, p: int, q: int) -> tuple[tuple[str, str], ...]:
        """Values of the first three pairs that have both: equal ones where a pair has them."""
        left, right = self.sides
        a, b = left.facts(p), right.facts(q)
        # The facts of a property are sorted by pair: only the first shared ones are looked for.
        shared = np.flatnonzero(np.isin(left.pair[a], right.pair[b]))
        pairs = list(dict.fromkeys(left.pair[a][shared[:200]].tolist()))[:3]
        result = []
        for pair in pairs:
            terms = []
            for side, part in ((left, a), (right, b)):
                low, high = np.searchsorted(side.pair[part], [pair, pair + 1]).tolist()
                rows = range(part.start + low, part.start + high)
                terms.append({int(side.key[row]): int(side.term[row]) for row in rows})
            equal = [(terms[0][key], terms[1][key]) for key in terms[0].keys() & terms[1].keys()]
            if equal:
                ends = min(equal, key=lambda e: (sorted(e), e))
            else:
                ends = min(terms[0].values()), min(terms[1].values())
            result.append((left.raw[ends[0]], right.raw[ends[1]]))
        return tuple(result)


def _shared_kind(left: tuple[Kind, float], right: tuple[Kind, float]) -> Kind | None:
    """The manner in which the values of two properties are near, None where equality says it all."""
    kinds = {left[0], right[0]}
    if kinds == {Kind.NODE}:
        return Kind.TEXT if min(left[1], right[1]) < 0.5 else None
    if kinds <= {Kind.NODE, Kind.TEXT}:
        return Kind.TEXT
    if kinds <= {Kind.NUMBER, Kind.DATE}:
        return Kind.DATE if kinds == {Kind.DATE} else Kind.NUMBER
    if kinds == {Kind.NUMBER, Kind.TEXT}:
        share = left[1] if left[0] == Kind.TEXT else right[1]
        return Kind.NUMBER if share >= 0.8 else None
    return None


def _best(group: Positions, value: Doubles, groups: int) -> Doubles:
    """(groups,) the largest value of each, -1 where it has none."""
    result = np.full(groups, -1.0)
    np.maximum.at(result, group, value)
    return result


def _relation(found: Evidence) -> Relation:
    a, b = found.shares
    if min(a, b) >= _SURE or min(found.beyond) >= _SURE:
        return "exact"
    if max(a, b) >= _SURE and abs(a - b) >= 0.2:
        return "narrower" if a > b else "broader"
    return "close"
