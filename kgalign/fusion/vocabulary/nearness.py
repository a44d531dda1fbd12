"""How near the values of two properties are: numbers after a change of unit, dates, and texts."""

from collections.abc import Mapping

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist

from kgalign.arrays import Doubles, Positions, join, place_in_run, run_starts, spread
from kgalign.fusion.vocabulary.evidence import Evidence
from kgalign.fusion.vocabulary.facts import Links, Side
from kgalign.fusion.vocabulary.units import find_conversion, relative_gap, same_dates
from kgalign.rdf.graph import Ids
from kgalign.rdf.names import local_name
from kgalign.records.vocabularies import SAME, Conversion
from kgalign.values import ValueKind
from kgalign.values.text import gram_rows, idf, row_dots, sort_words, weigh

_SAMPLE = 200
_TEXT_BUDGET = 150_000
_VALUES = 4
_LONG = 300
"""Characters of a text that are compared."""
_TOLERANCES = (1e-3, 0.01, 0.05, 0.2)
_SURE = 0.5
"""Score from which equal days are believed, and equal years are not asked for."""


class Nearness:
    """Compares values of linked nodes in a sample, and of nodes whose partners were exchanged."""

    def __init__(self, left: Side, right: Side, links: Links) -> None:
        self.sides, self.links = (left, right), links

    def evidence(self, kinds: Mapping[int, ValueKind]) -> dict[int, Evidence]:
        """What nearness says of pairs of properties.

        :param kinds: cell (left property × width of the right side + right property) → how to compare.
        """
        found: dict[int, Evidence] = {}
        rows = self._rows(kinds)
        for kind in (ValueKind.NUMBER, ValueKind.DATE, ValueKind.TEXT):
            cells = np.array([cell for cell in sorted(kinds) if kinds[cell] == kind], np.int64)
            if len(cells):
                chosen = (column[np.isin(rows[0], cells)] for column in rows)
                found |= self._compare_kind(kind, cells, *chosen)
        return found

    def _rows(self, kinds: Mapping[int, ValueKind]) -> tuple[Positions, Positions, Positions]:
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
        place = place_in_run(cell)
        texts = sum(kind == ValueKind.TEXT for kind in kinds.values())
        few = max(25, min(_SAMPLE, _TEXT_BUDGET // max(texts, 1)))
        is_text = np.isin(cell, [c for c, kind in kinds.items() if kind == ValueKind.TEXT])
        keep = place < np.where(is_text, few, 2 * _SAMPLE)
        return cell[keep], a[keep], b[keep]

    def _compare_kind(
        self, kind: ValueKind, cells: Positions, cell: Positions, a: Positions, b: Positions
    ) -> dict[int, Evidence]:
        rules = self._conversions(cells, cell, a, b) if kind == ValueKind.NUMBER else {}
        linked = self._shares(kind, cells, rules, cell, a, b)
        at_random = self._shares(kind, cells, rules, cell, *self._exchanged(cell, a, b))
        seen = np.bincount(np.searchsorted(cells, cell), minlength=len(cells))
        found = {}
        for i, c in enumerate(cells.tolist()):
            levels = [
                Evidence(
                    int(seen[i]),
                    (float(x[i, 0]), float(x[i, 1])),
                    (float(r[i, 0]), float(r[i, 1])),
                    rules.get(c, SAME),
                    kind == ValueKind.DATE and level == 1,
                    _TOLERANCES[level] if kind == ValueKind.NUMBER else 0.0,
                )
                for level, (x, r) in enumerate(zip(linked, at_random, strict=True))
            ]
            found[c] = _best_level(kind, levels)
        return found

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
        kind: ValueKind,
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
        self, kind: ValueKind, rules: dict[int, Conversion], cell: Positions, x: Ids, y: Ids
    ) -> list[Doubles]:
        left, right = self.sides
        if kind == ValueKind.DATE:
            return list(same_dates(left.date[x], right.date[y]))
        if kind == ValueKind.TEXT:
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


def shared_kind(left: tuple[ValueKind, float], right: tuple[ValueKind, float]) -> ValueKind | None:
    """The manner in which the values of two properties are near, None where equality says it all."""
    kinds = {left[0], right[0]}
    if kinds == {ValueKind.NODE}:
        return ValueKind.TEXT if min(left[1], right[1]) < 0.5 else None
    if kinds <= {ValueKind.NODE, ValueKind.TEXT}:
        return ValueKind.TEXT
    if kinds <= {ValueKind.NUMBER, ValueKind.DATE}:
        return ValueKind.DATE if kinds == {ValueKind.DATE} else ValueKind.NUMBER
    if kinds == {ValueKind.NUMBER, ValueKind.TEXT}:
        share = left[1] if left[0] == ValueKind.TEXT else right[1]
        return ValueKind.NUMBER if share >= 0.8 else None
    return None


def _best_level(kind: ValueKind, levels: list[Evidence]) -> Evidence:
    """The strictest comparison by which the two are the same; or else the one that tells most."""
    if kind == ValueKind.DATE and levels[0].score >= _SURE:
        return levels[0]
    if kind == ValueKind.NUMBER:
        for level in levels:
            if level.relation == "exact":
                return level
    return max(levels, key=lambda level: round(level.score, 9))


def _best(group: Positions, value: Doubles, groups: int) -> Doubles:
    """(groups,) the largest value of each, -1 where it has none."""
    result = np.full(groups, -1.0)
    np.maximum.at(result, group, value)
    return result
