"""The worklist: what a person should look at, the likeliest mistake first, linked or not."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions, first_of_best, flags, run_starts
from kgalign.assign.partners import Decided, commonness, decided, moved, outcomes
from kgalign.base.cores import in_order
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Profile, Verdicts, Worklist

LEAST = 1e-4
"""A left entity that is less doubtful than this is not worth a look."""
SHARE = 10
"""One in so many left entities is listed at most, besides those that the run left to people."""
FEW = 10
"""So many may be listed however few there are."""

_PART = 1 << 18
"""Pairs that are looked at at once, and the others of the last one's left entity."""
_SURE = 1e-6
"""Probabilities are kept this far from 1: their odds are finite."""
_ONE_LEFT = ("one-to-one", "many-to-one")
_ONE_RIGHT = ("one-to-one", "one-to-many")


def worklist(
    verdicts: Verdicts, alignment: Alignment, left: Profile, right: Profile, match_probability: float
) -> Worklist:
    """List the left entities of which the decision is in doubt, each once, the most doubtful first.

    Doubt is how probable a mistake is: of a linked entity that its link is wrong, of one without a link that
    it has a partner, of one that may have several partners that any of its pairs is decided wrongly. Equal
    doubts go by the entity. What a person or the input said is not in doubt. On the list are the tenth of the
    entities with the most doubt, and all that the alignment leaves to people, wherever their doubt puts them.

    :param left: the left side; what its graph only mentions gets no link, and is not listed.
    :param match_probability: from here on a pair would be a link, were it not held back.
    """
    found = _looked_at(verdicts, alignment, len(right), match_probability)
    common = commonness(
        np.where(left.described, _over(found.entity, found.chance, len(left)), 0.0), left.described
    )
    doubt = _over(found.entity, found.doubt(common), len(left))
    doubt[~left.described] = 0.0
    entity = _listed(doubt, found.entity[found.open], left.described)
    at = np.searchsorted(found.entity, entity)
    shown, second = found.shown[at], found.second[at]
    there = second >= 0
    return Worklist(
        left=verdicts.left[shown],
        right=verdicts.right[shown],
        linked=found.linked[at],
        probability=verdicts.probability[shown],
        second=np.where(there, verdicts.right[second], -1).astype(np.int32),
        second_probability=np.where(there, verdicts.probability[second], 0.0).astype(np.float32),
        doubt=doubt[entity].astype(np.float32),
    )


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of some left entities, by (left, right)."""

    row: Positions
    """(c,) place among the verdicts."""
    left: Ids
    right: Ids
    given: Flags
    now: Decided


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the pairs of each left entity that has some say of it."""

    entity: Ids
    """(e,) ascending."""
    chance: Doubles
    """Of a partner."""
    has_link: Flags
    link: Doubles
    """How probable it is that its link, or the most doubtful of them, is wrong; 0 where it has none."""
    free: Doubles
    """How probable it is that something is wrong where it has no link."""
    held: Doubles
    """The same of its pairs that only a promise held back; 0 where there are none."""
    open: Flags
    """Whether a pair of it is left to people."""
    shown: Positions
    """Row of the pair to show, ..."""
    linked: Flags
    """... whether this is a link, ..."""
    second: Positions
    """... and row of its likeliest other pair, -1 where there is none."""

    def doubt(self, common: float) -> Doubles:
        """(e,) how doubtful the decision is.

        Where an entity may have one partner, its link decides, and without one its pairs, which rule each
        other out, add up. A pair that only a promise held back is no likeness by chance: how common partners
        are says no more.
        """
        found: Doubles = np.where(self.has_link, self.link, np.maximum(moved(self.free, common), self.held))
        return found


def _over(entity: Ids, values: Doubles, size: int) -> Doubles:
    """(size,) the values of some entities, 0 for the others."""
    whole = np.zeros(size)
    whole[entity] = values
    return whole


def _looked_at(verdicts: Verdicts, alignment: Alignment, size: int, match_probability: float) -> _Seen:
    """What is to be said of all left entities that have pairs, part by part.

    :param size: how many right entities there are.
    """
    order, parts = _parts(verdicts.left)
    outcome = outcomes(verdicts, alignment)

    def pairs(part: slice) -> _Pairs:
        rows = np.arange(part.start, part.stop) if order is None else order[part]
        rows = rows[np.argsort(verdicts.left[rows].astype(np.int64) << 32 | verdicts.right[rows])]
        now = decided(verdicts, outcome, rows)
        return _Pairs(rows, verdicts.left[rows], verdicts.right[rows], verdicts.given[rows], now)

    def of_right(part: slice) -> tuple[Ids, Doubles]:
        found = pairs(part)
        return found.right, _odds(found.now)

    def seen(part: slice) -> _Seen:
        return _seen(pairs(part), summed, alignment.cardinality, match_probability)

    summed = np.zeros(size)
    if alignment.cardinality in _ONE_RIGHT:
        for right, odds in in_order(of_right, parts):
            np.add.at(summed, right, odds)
    found = list(in_order(seen, parts))
    return _Seen(*(np.concatenate([getattr(each, name) for each in found]) for name in _Seen.__slots__))


def _parts(left: Ids) -> tuple[Positions | None, list[slice]]:
    """The order of the pairs by left entity, None where they stand in it, and cuts of it between entities."""
    order = None if (left[1:] >= left[:-1]).all() else np.argsort(left, kind="stable")
    ordered = left if order is None else left[order]
    ends = [0]
    while ends[-1] < len(left):
        last = ordered[min(ends[-1] + _PART, len(left)) - 1]
        ends.append(int(np.searchsorted(ordered, last, "right")))
    return order, [slice(*each) for each in pairwise(ends)] or [slice(0, 0)]


def _odds(now: Decided) -> Doubles:
    """(c,) of each pair; finite."""
    sure = np.minimum(now.probability, 1.0 - _SURE)
    return sure / (1.0 - sure)


def _chances(pairs: _Pairs, entity: Positions, summed: Doubles, cardinality: str) -> Doubles:
    """(c,) probability of each pair once those that rule it out are heard.

    Of a pair and its rivals one is right, or none: with odds o each, the pair's chance is o / (1 + sum of o).
    The evidence judges each pair on its own, and two that rule each other out may both look probable.

    :param entity: (c,) the number of each pair's left entity.
    :param summed: (right entities,) the odds of all pairs of each.
    """
    odds = _odds(pairs.now)
    rivals = np.zeros(len(odds))
    if cardinality in _ONE_LEFT:
        rivals += np.bincount(entity, odds)[entity] - odds
    if cardinality in _ONE_RIGHT:
        rivals += summed[pairs.right] - odds
    found: Doubles = odds / (1.0 + odds + np.maximum(rivals, 0.0))
    return found


def _seen(pairs: _Pairs, summed: Doubles, cardinality: str, match_probability: float) -> _Seen:
    now, alone = pairs.now, cardinality in _ONE_LEFT
    starts = run_starts(pairs.left)
    entity = np.cumsum(starts) - 1
    size = int(starts.sum())
    chance = _chances(pairs, entity, summed, cardinality)
    wrong = np.where(pairs.given, 0.0, np.where(now.linked, 1.0 - chance, chance))
    held = now.open & (now.probability >= match_probability)
    wrong[held] = np.maximum(wrong[held], now.probability[held])
    if alone:
        link = _highest(entity, wrong, now.linked, size)
        free = np.minimum(np.bincount(entity, np.where(held, 0.0, wrong), minlength=size), 1.0)
    else:
        link = free = -np.expm1(
            np.bincount(entity, np.log1p(-np.minimum(wrong, 1.0 - _SURE)), minlength=size)
        )
    shown = _shown(entity, now, wrong, alone=alone)
    second = _seconds(entity, now.probability, shown)
    return _Seen(
        entity=pairs.left[starts],
        chance=np.minimum(np.bincount(entity, now.probability, minlength=size), 1.0),
        has_link=flags(size, entity[now.linked]),
        link=link,
        free=free,
        held=_highest(entity, wrong, held, size),
        open=flags(size, entity[now.open]),
        shown=pairs.row[shown],
        linked=now.linked[shown],
        second=np.where(second >= 0, pairs.row[second], -1) if size else second,
    )


def _highest(entity: Positions, values: Doubles, which: Flags, size: int) -> Doubles:
    """(size,) the highest of some values of each entity, at least 0."""
    found = np.zeros(size)
    np.maximum.at(found, entity[which], values[which])
    return found


def _listed(doubt: Doubles, open_: Ids, described: Flags) -> Positions:
    """Left entities to list, the most doubtful first."""
    # As precise as it is shown: of equal ones the first comes first.
    order = np.lexsort((np.arange(len(doubt)), -doubt.astype(np.float32)))
    most = max(int(described.sum()) // SHARE, FEW)
    on_list = np.zeros(len(doubt), dtype=bool)
    on_list[order[:most]] = doubt[order[:most]] >= LEAST
    on_list[open_] = True
    found: Positions = order[on_list[order]]
    return found


def _shown(entity: Positions, now: Decided, wrong: Doubles, *, alone: bool) -> Positions:
    """(e,) row of the pair to show of each: its link, what is left open, or its likeliest; where it may have
    several partners, the pair most in doubt.
    """
    firm = (np.where(now.linked, 2, now.open.astype(np.int64)),) if alone else ()
    return first_of_best(entity, *firm, wrong)


def _seconds(entity: Positions, probability: Doubles, shown: Positions) -> Positions:
    """(e,) row of the likeliest other pair of each entity, -1 where there is none."""
    others = probability > 0
    others[shown] = False
    rows = np.flatnonzero(others)
    best = rows[first_of_best(entity[rows], probability[rows])]
    found = np.full(len(shown), -1, dtype=np.int64)
    found[entity[best]] = best
    return found
