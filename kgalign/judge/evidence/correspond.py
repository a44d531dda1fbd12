"""Which left attribute says the same as which right one: learned from the pairs that look right.

A correspondence is kept where the values of probable matches agree more than those of the same
entities paired at random: that two sides both have a country is nothing, that it is the same one is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from kgalign.arrays import Doubles, Flags, drawn, rotations, run_starts, spread
from kgalign.arrays import Positions as Rows
from kgalign.judge.evidence import parts
from kgalign.judge.evidence.comparisons import STRING_LABELS, STRING_STEPS, Comparison, Positions, steps
from kgalign.judge.evidence.levels import Levels, encode
from kgalign.judge.evidence.texts import Texts, best_by_row, cross, pool, string_similarity
from kgalign.rdf.graph import Ids
from kgalign.records import Attribute, Floats, Profile
from kgalign.values.kinds import ValueKind
from kgalign.values.predicates import path_names

_SEEDS = 600
SHUFFLES = 3
"""Times that pairs at random are made: what agrees by chance in one of them hardly does so in another."""
_GAIN = 0.1
_MOST = 32
_OF_NAMES = 0.9
"""Of what all names gain, the part that two attributes of names have to gain to be compared by themselves."""
_MAIN_NAME = 0.8
"""Share of all names from which an attribute is as good as all of them."""
_NEAR_DAYS = 15.0
_SURE = 0.8
_FEW_SURE = 40
"""Pairs as probable as that teach alone where there are so many; else all that are likelier than not do."""
_NUMBER_STEPS = (0.0, 0.7, 0.9, 0.97, 0.99, 0.999, 1.0)
_DATE_LABELS = (
    "more than ten years",
    "years apart",
    "a year apart",
    "the same year",
    "the same month",
    "days apart",
    "the same day",
)
_RARITY = ("common", "uncommon", "rare")


@dataclass(frozen=True, slots=True)
class Correspondence:
    """A left and a right attribute that say the same."""

    left: int
    right: int
    """Indices into the profiles' attributes."""
    gain: float
    """How much more the values of matches agree than those of pairs at random, -1 to 1."""
    agreement: float
    """Mean similarity of the values of matches, 0 to 1."""
    support: int
    """Probable matches that have both."""
    factor: float
    """What a left number is multiplied by to give the right one: a difference of unit."""


class AttributeComparisons:
    """The attribute pairs worth comparing, and how they compare."""

    def __init__(
        self,
        left: Profile,
        right: Profile,
        texts: tuple[Texts, Texts],
        found: Sequence[Correspondence],
    ) -> None:
        self.sides, self.texts, self.found = (left, right), texts, found

    @classmethod
    def learned(
        cls, left: Profile, right: Profile, texts: tuple[Texts, Texts], a: Ids, b: Ids, probability: Doubles
    ) -> "AttributeComparisons":
        """Those that the pairs of ``a`` and ``b`` teach, as far as they are probable."""
        return cls(left, right, texts, _learn(left, right, texts, *_seeds(a, b, probability)))

    def compare(self, a: Ids, b: Ids, sides: tuple[int, int] = (0, 1)) -> list[Comparison]:
        """One comparison for each correspondence.

        :param sides: whose entities ``a`` and ``b`` are: 0 for the left side's, 1 for the right one's. Within
            a side an attribute is compared with itself.
        """
        return [self._comparison(found, a, b, sides) for found in self.found]

    def levels_of(self, found: Correspondence, a: Ids, b: Ids) -> Levels:
        """One of the correspondences as levels in steps, of pairs across."""
        compare = self._compared(found, (0, 1))
        nothing = np.zeros(0, dtype=np.int32)
        (codes,) = parts.of_pairs(lambda ends: (encode(compare(*ends)),), a, b)
        return Levels(compare(nothing, nothing), codes)

    def _comparison(self, found: Correspondence, a: Ids, b: Ids, sides: tuple[int, int]) -> Comparison:
        compare = self._compared(found, sides)
        nothing = np.zeros(0, dtype=np.int32)
        position = parts.column(lambda rows: compare(a[rows], b[rows]).position, len(a))
        return replace(compare(nothing, nothing), position=position)

    def _compared(self, found: Correspondence, sides: tuple[int, int]) -> Callable[[Ids, Ids], Comparison]:
        """What compares pairs in one correspondence."""
        pools = tuple(pool(self.sides[side], [(found.left, found.right)[side]]) for side in sides)
        texts = self.texts[sides[0]], self.texts[sides[1]]
        kind = shared_kind(self.sides[0].attributes[found.left], self.sides[1].attributes[found.right])
        held = pools[0].text
        share = np.bincount(held, minlength=len(texts[0].raw)) / max(len(held), 1)
        factor = found.factor if sides == (0, 1) else 1.0
        name, attributes = self._name(found), (found.left, found.right)

        def compare(a: Ids, b: Ids) -> Comparison:
            row, ta, tb = cross(pools[0], pools[1], a, b)
            similarity = best_by_row(row, value_similarity(kind, texts, ta, tb, factor), len(a))
            position, labels = _positions(kind, similarity)
            position, labels = _by_rarity(position, labels, share, len(held), row, ta)
            return Comparison(name, kind.value, labels, position, attributes)

        return compare

    def _name(self, found: Correspondence) -> str:
        names = [path_names(each.path for each in side.attributes) for side in self.sides]
        return f"{names[0][found.left]} = {names[1][found.right]}"


def shared_kind(left: Attribute, right: Attribute) -> ValueKind:
    """The kind by which two attributes are compared: their own where they agree, else as names."""
    return _shared(left.kind, right.kind)


def _shared(left: ValueKind, right: ValueKind) -> ValueKind:
    if left == right:
        return left
    both = {left, right}
    if both <= {ValueKind.NUMBER, ValueKind.CODE}:
        return ValueKind.CODE
    return ValueKind.NAME


def _seeds(a: Ids, b: Ids, probability: Doubles) -> tuple[Ids, Ids]:
    rows = np.flatnonzero(probability >= _SURE)
    if len(rows) < _FEW_SURE:
        rows = np.flatnonzero(probability >= 0.5)
    # From all of them, and not only the surest: those are alike in other ways too.
    rows = rows[drawn(_SEEDS, a[rows], b[rows])]
    return a[rows], b[rows]


def _learn(left: Profile, right: Profile, texts: tuple[Texts, Texts], a: Ids, b: Ids) -> list[Correspondence]:
    if len(a) < 5 or not left.attributes or not right.attributes:
        return []
    size = len(right.attributes)
    found, factors = _agreement(left, right, texts, a, b, None)
    at_random, seen_random, names_random = np.zeros_like(found.agree), np.zeros_like(found.seen), 0.0
    others = rotations(SHUFFLES, b)
    for other in others:
        both, _ = _agreement(left, right, texts, a, other, factors)
        _, of_found, of_both = np.intersect1d(found.cell, both.cell, assume_unique=True, return_indices=True)
        at_random[of_found] += both.agree[of_both]
        seen_random[of_found] += both.seen[of_both]
        names_random += _names_gain(left, right, texts, a, other) / len(others)
    expected = np.divide(at_random, seen_random, out=np.zeros_like(at_random), where=seen_random > 0)
    gain = found.agree / found.seen - expected
    gain[found.seen < max(4, 0.02 * len(a))] = -1
    names = _names_gain(left, right, texts, a, b) - names_random
    i, j = found.cell // size, found.cell % size
    gain[_left_to_names(left, right, i, j, gain < _OF_NAMES * names)] = -1
    # Many facts with a fair gain say more than a few with a large one.
    worth = np.where(gain >= _GAIN, gain * np.sqrt(found.seen / len(a)), 0)
    best = (worth >= _most_of(i, worth)) | (worth >= _most_of(j, worth))
    rows = np.flatnonzero(best & (worth > 0))
    rows = rows[np.lexsort((found.cell[rows], -worth[rows]))][:_MOST]
    return [
        Correspondence(
            int(i[row]),
            int(j[row]),
            float(gain[row]),
            float(found.agree[row] / found.seen[row]),
            int(found.seen[row]),
            factors.get(int(found.cell[row]), 1.0),
        )
        for row in rows.tolist()
    ]


def _most_of(group: Rows, worth: Doubles) -> Doubles:
    """(n,) the largest worth in the group of each row."""
    most = np.zeros(int(group.max(initial=-1)) + 1)
    np.maximum.at(most, group, worth)
    found: Doubles = most[group]
    return found


def _left_to_names(left: Profile, right: Profile, i: Rows, j: Rows, worse: Flags) -> Flags:
    """(n,) pairs of attributes that are left to the comparison of all names, which sees them better.

    Where a label may equal a label or a synonym, each pair of attributes alone disagrees for good
    matches. Given name and surname, which agree as well as all names together do, stay apart.

    :param i: (n,) left attributes; ``j`` right ones; ``worse`` pairs that gain much less than all names.
    """
    is_name = [np.array([each.is_name for each in side.attributes], dtype=bool) for side in (left, right)]
    shares = [_shares_of_names(side) for side in (left, right)]
    main = np.minimum(shares[0][i], shares[1][j]) > _MAIN_NAME
    found: Flags = is_name[0][i] & is_name[1][j] & (main | worse)
    return found


def _shares_of_names(profile: Profile) -> Doubles:
    """(attributes,) share of each attribute's facts in those of all names."""
    facts = np.array([each.facts for each in profile.attributes], dtype=np.float64)
    names = sum(each.facts for each in profile.attributes if each.is_name)
    return facts / max(names, 1)


def _names_gain(left: Profile, right: Profile, texts: tuple[Texts, Texts], a: Ids, b: Ids) -> float:
    """Mean similarity of the most similar names."""
    pools = [pool(p, [k for k, x in enumerate(p.attributes) if x.is_name]) for p in (left, right)]
    row, ta, tb = cross(pools[0], pools[1], a, b)
    best = best_by_row(row, string_similarity(*texts, ta, tb), len(a))
    return float(np.nanmean(best)) if not np.isnan(best).all() else 0.0


def _values_of(profile: Profile, entities: Ids) -> tuple[Ids, Ids, Ids]:
    """(position in ``entities``, attribute, text) of the values of some entities."""
    starts = np.searchsorted(profile.value_entity, entities, "left")
    counts = np.searchsorted(profile.value_entity, entities, "right") - starts
    place, rows = spread(starts, np.minimum(counts, 60))
    return place.astype(np.int32), profile.value_attribute[rows], profile.value_text[rows]


@dataclass(frozen=True, slots=True)
class _Agreement:
    """How the values of some pairs of entities agree, by pairs of attributes that any of them has."""

    cell: Rows
    """(n,) rising: left attribute times the number of right ones, plus the right one."""
    agree: Doubles
    """(n,) sum of similarities over the pairs of entities that have both."""
    seen: Doubles
    """(n,) how many these are, one at least."""


def _agreement(
    left: Profile,
    right: Profile,
    texts: tuple[Texts, Texts],
    a: Ids,
    b: Ids,
    factors: dict[int, float] | None,
) -> tuple[_Agreement, dict[int, float]]:
    """How far the pairs of ``a`` and ``b`` agree.

    :param factors: differences of unit between numbers; they are looked for if None, and returned.
    """
    size = len(right.attributes)
    place_l, attribute_l, text_l = _values_of(left, a)
    place_r, attribute_r, text_r = _values_of(right, b)
    start = np.searchsorted(place_r, np.arange(len(b)))
    count = np.searchsorted(place_r, np.arange(len(b)), "right") - start
    rows_l, rows_r = spread(start[place_l], count[place_l])
    i, j = attribute_l[rows_l], attribute_r[rows_r]
    pair = i.astype(np.int64) * size + j
    ta, tb = text_l[rows_l], text_r[rows_r]
    if factors is None:
        factors = _factors(left, right, texts, pair, ta, tb, size)
    similarity = np.zeros(len(pair), dtype=np.float32)
    of_pair = _SHARED_KIND[_kinds(left)[i], _kinds(right)[j]]
    for kind in ValueKind:
        rows = np.flatnonzero(of_pair == _KINDS.index(kind))
        if len(rows):
            factor = (
                np.array([factors.get(int(p), 1.0) for p in pair[rows]]) if kind == ValueKind.NUMBER else 1.0
            )
            similarity[rows] = value_similarity(kind, texts, ta[rows], tb[rows], factor)
    # The best pair of values of each pair of entities and attributes counts.
    width = len(left.attributes) * size
    key = place_l[rows_l].astype(np.int64) * width + pair
    order = np.argsort(key, kind="stable")
    start = np.flatnonzero(run_starts(key[order]))
    best = np.maximum.reduceat(similarity[order], start) if len(start) else similarity
    cell, of_cell, seen = np.unique(key[order][start] % width, return_inverse=True, return_counts=True)
    agree = np.bincount(of_cell, weights=best, minlength=len(cell)).astype(np.float64)
    return _Agreement(cell, agree, seen.astype(np.float64)), factors


_KINDS = list(ValueKind)
_SHARED_KIND = np.array([[_KINDS.index(_shared(x, y)) for y in _KINDS] for x in _KINDS], dtype=np.int8)
"""(kinds, kinds) number of the kind by which a left and a right attribute of two kinds are compared."""


def _kinds(profile: Profile) -> npt.NDArray[np.int8]:
    """(attributes,) number of the kind of each."""
    return np.array([_KINDS.index(each.kind) for each in profile.attributes], dtype=np.int8)


def _factors(
    left: Profile,
    right: Profile,
    texts: tuple[Texts, Texts],
    pair: Rows,
    ta: Ids,
    tb: Ids,
    size: int,
) -> dict[int, float]:
    """Constant ratios between the numbers of matches: square miles for square kilometres, thousands."""
    found: dict[int, float] = {}
    is_number = [
        np.array([each.kind == ValueKind.NUMBER for each in side.attributes], dtype=bool)
        for side in (left, right)
    ]
    rows = np.flatnonzero(is_number[0][pair // size] & is_number[1][pair % size])
    x, y = texts[0].number[ta[rows]], texts[1].number[tb[rows]]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(y / x)
    rows, ratio = rows[np.isfinite(ratio)], ratio[np.isfinite(ratio)]
    order = np.argsort(pair[rows], kind="stable")
    cells, starts = np.unique(pair[rows][order], return_index=True)
    for cell, values in zip(cells.tolist(), np.split(ratio[order], starts[1:]), strict=False):
        if len(values) < 10:
            continue
        middle = float(np.median(values))
        if abs(middle) > 0.05 and float(np.median(np.abs(values - middle))) < 0.02:
            found[cell] = float(np.exp(middle))
    return found


def value_similarity(
    kind: ValueKind, texts: tuple[Texts, Texts], ta: Ids, tb: Ids, factor: float | Doubles = 1.0
) -> Floats:
    """Similarity of pairs of values, 0 to 1, in the manner of their kind."""
    left, right = texts
    if kind == ValueKind.NUMBER:
        x, y = left.number[ta] * factor, right.number[tb]
        largest = np.maximum(np.abs(x), np.abs(y))
        with np.errstate(invalid="ignore", divide="ignore"):
            # Two zeros are equal; what is no number is near to none.
            close = np.where(largest == 0, 1.0, np.clip(1 - np.abs(x - y) / largest, 0, 1))
        # A change of unit leaves a rounding error behind.
        close = np.where(close >= 0.9999, 1.0, close)
        near: Floats = np.nan_to_num(close, nan=0.0).astype(np.float32)
        return near
    if kind == ValueKind.DATE:
        return _date_similarity(left.date[ta], right.date[tb])
    if kind in (ValueKind.LINK, ValueKind.BOOLEAN):
        same: Floats = np.asarray(pc.equal(left.raw.take(ta), right.raw.take(tb))).astype(np.float32)
        return same
    return string_similarity(left, right, ta, tb)


_BY_YEARS = np.array([0.55, 0.4, *[0.2] * 9, 0.0])
"""How near two dates are by the years that they are apart; more years are as far."""


def _date_similarity(x: Doubles, y: Doubles) -> Floats:
    """Levels of nearness as sixths: days, months, years; a date without a day is compared by what it has."""
    unread = np.isnan(x) | np.isnan(y)
    (year, month, day), (other_year, other_month, other_day) = (
        _parts_of_date(np.where(unread, 0.0, each).astype(np.int64)) for each in (x, y)
    )
    apart = np.abs(year - other_year)
    result = _BY_YEARS.take(np.minimum(apart, len(_BY_YEARS) - 1))
    result[(apart == 0) & (month == other_month) & (month > 0)] = 0.7
    # Days are counted as thirty a month: a few of them apart is near, whatever the month.
    days = np.abs(
        (year * 365.25 + month * 30.44 + day) - (other_year * 365.25 + other_month * 30.44 + other_day)
    )
    result[(days <= _NEAR_DAYS) & (day > 0) & (other_day > 0)] = 0.85
    result[(x == y) & (day > 0)] = 1.0
    result[unread] = 0.0
    near: Floats = result.astype(np.float32)
    return near


def _parts_of_date(date: Rows) -> tuple[Rows, Rows, Rows]:
    """Year, month and day of numbers yyyymmdd."""
    months = date // 100
    year = months // 100
    return year, months - year * 100, date - months * 100


def _positions(kind: ValueKind, similarity: Floats) -> tuple[Positions, tuple[str, ...]]:
    if kind == ValueKind.NUMBER:
        labels = (
            "far off",
            "within 30 %",
            "within 10 %",
            "within 3 %",
            "within 1 %",
            "within 0.1 %",
            "equal",
        )
        return steps(similarity, _NUMBER_STEPS), labels
    if kind == ValueKind.DATE:
        return steps(similarity, (0.0, 0.2, 0.4, 0.55, 0.7, 0.85, 1.0)), _DATE_LABELS
    if kind in (ValueKind.LINK, ValueKind.BOOLEAN):
        return steps(similarity, (0.0, 1.0)), ("other", "the same")
    return steps(similarity, STRING_STEPS), STRING_LABELS


def _by_rarity(
    position: Positions,
    labels: tuple[str, ...],
    share: Doubles,
    held: int,
    row: Rows,
    ta: Ids,
) -> tuple[Positions, tuple[str, ...]]:
    """Split the best level by how rare the left value is: to share a rare one says more.

    :param share: (t,) share of each left text among the ``held`` values of the attribute.
    """
    rarest = np.full(len(position), np.inf)
    top = len(labels) - 1
    best = (position >= top)[row]
    np.minimum.at(rarest, row[best], share[ta[best]])
    extra = np.where(rarest < 0.002, 2, np.where(rarest < 0.05, 1, 0))
    extra = np.where(rarest * held <= 1.5, 2, extra)
    result = np.where(position >= top, top + extra, position).astype(np.float32)
    return result, (*labels[:-1], *(f"{labels[-1]}, {rarity}" for rarity in _RARITY))
