"""Which left attribute says the same as which right one: learned from the pairs that look right.

A correspondence is kept where the values of probable matches agree more than those of the same
entities paired at random: that two sides both have a country is nothing, that it is the same one is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from kgalign.arrays import Doubles, drawn, rotations, spread
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
    agree, seen, factors = _agreement(left, right, texts, a, b, {})
    at_random, seen_random, names_random = np.zeros_like(agree), np.zeros_like(seen), 0.0
    others = rotations(SHUFFLES, b)
    for other in others:
        both = _agreement(left, right, texts, a, other, factors)
        at_random, seen_random = at_random + both[0], seen_random + both[1]
        names_random += _names_gain(left, right, texts, a, other) / len(others)
    expected = np.divide(at_random, seen_random, out=np.zeros_like(at_random), where=seen_random > 0)
    gain = np.divide(agree, seen, out=np.zeros_like(agree), where=seen > 0) - expected
    gain[seen < max(4, 0.02 * len(a))] = -1
    names = _names_gain(left, right, texts, a, b) - names_random
    _drop_names(gain, left, right, names)
    # Many facts with a fair gain say more than a few with a large one.
    worth = np.where(gain >= _GAIN, gain * np.sqrt(seen / len(a)), 0)
    best = (worth >= worth.max(axis=1, keepdims=True)) | (worth >= worth.max(axis=0, keepdims=True))
    rows = np.argwhere(best & (worth > 0))
    order = sorted(rows.tolist(), key=lambda p: (-worth[p[0], p[1]], p))[:_MOST]
    return [
        Correspondence(
            i,
            j,
            float(gain[i, j]),
            float(agree[i, j] / seen[i, j]),
            int(seen[i, j]),
            factors.get(i * size + j, 1.0),
        )
        for i, j in order
    ]


def _drop_names(gain: Doubles, left: Profile, right: Profile, names: float) -> None:
    """Leave to the comparison of all names what it sees better.

    Where a label may equal a label or a synonym, each pair of attributes alone disagrees for good
    matches. Given name and surname, which agree as well as all names together do, stay apart.
    """
    rows, columns = (
        np.array([i for i, each in enumerate(side.attributes) if each.is_name], dtype=np.int64)
        for side in (left, right)
    )
    if not len(rows) or not len(columns):
        return
    shares = [
        np.array([_share_of_names(side, i) for i in held.tolist()])
        for side, held in ((left, rows), (right, columns))
    ]
    cells = np.ix_(rows, columns)
    drop = (np.minimum.outer(*shares) > 0.8) | (gain[cells] < 0.9 * names)
    gain[cells] = np.where(drop, -1, gain[cells])


def _share_of_names(profile: Profile, attribute: int) -> float:
    total = sum(a.facts for a in profile.attributes if a.is_name)
    return profile.attributes[attribute].facts / max(total, 1)


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


def _agreement(
    left: Profile, right: Profile, texts: tuple[Texts, Texts], a: Ids, b: Ids, factors: dict[int, float]
) -> tuple[Doubles, Doubles, dict[int, float]]:
    """Sum of similarities over the pairs that have both, and their number: (left, right attributes) each.

    ``factors`` are the differences of unit to apply; where empty, they are found and returned.
    """
    size = len(right.attributes)
    place_l, attribute_l, text_l = _values_of(left, a)
    place_r, attribute_r, text_r = _values_of(right, b)
    start = np.searchsorted(place_r, np.arange(len(b)))
    count = np.searchsorted(place_r, np.arange(len(b)), "right") - start
    rows_l, rows_r = spread(start[place_l], count[place_l])
    pair = attribute_l[rows_l].astype(np.int64) * size + attribute_r[rows_r]
    ta, tb = text_l[rows_l], text_r[rows_r]
    factors = factors or _factors(left, right, texts, pair, ta, tb, size)
    similarity = np.zeros(len(pair), dtype=np.float32)
    of_pair = _kinds(left, right)[pair // size, pair % size]
    for kind in ValueKind:
        rows = np.flatnonzero(of_pair == _KINDS.index(kind))
        if len(rows):
            factor = (
                np.array([factors.get(int(p), 1.0) for p in pair[rows]]) if kind == ValueKind.NUMBER else 1.0
            )
            similarity[rows] = value_similarity(kind, texts, ta[rows], tb[rows], factor)
    # The best pair of values of each pair of entities and attributes counts.
    key = place_l[rows_l].astype(np.int64) * (len(left.attributes) * size) + pair
    distinct, inverse = np.unique(key, return_inverse=True)
    best = best_by_row(inverse, similarity, len(distinct))
    cell = distinct % (len(left.attributes) * size)
    shape = (len(left.attributes), size)
    width = shape[0] * size
    agree = np.asarray(np.bincount(cell, weights=best, minlength=width), dtype=np.float64).reshape(shape)
    seen = np.bincount(cell, minlength=width).astype(np.float64).reshape(shape)
    return agree, seen, factors


_KINDS = list(ValueKind)


def _kinds(left: Profile, right: Profile) -> npt.NDArray[np.int8]:
    """(left attributes, right attributes) number of the kind by which two are compared."""
    table = np.array([[_KINDS.index(_shared(x, y)) for y in _KINDS] for x in _KINDS], dtype=np.int8)
    kinds = [[_KINDS.index(each.kind) for each in side.attributes] for side in (left, right)]
    return np.asarray(table[np.ix_(*kinds)])


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
