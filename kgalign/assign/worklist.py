"""The worklist: what a person should look at, the likeliest mistake first, linked or not."""

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions, flags, run_starts
from kgalign.assign.partners import Decided, chances, commonness, decided, moved
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Profile, Verdicts, Worklist

LEAST = 1e-4
"""A left entity that is less doubtful than this is not worth a look."""
SHARE = 10
"""One in so many left entities is listed at most, besides those that the run left to people."""
FEW = 10
"""So many may be listed however few there are."""

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
    rows = np.lexsort((verdicts.right, verdicts.left))
    a, b, given = verdicts.left[rows], verdicts.right[rows], verdicts.given[rows]
    now = decided(verdicts, alignment).take(rows)
    alone = alignment.cardinality in _ONE_LEFT
    chance = _among_rivals(a, b, now, alignment.cardinality, (len(left), len(right)))
    wrong = np.where(given, 0.0, np.where(now.linked, 1.0 - chance, chance))
    held = now.open & (now.probability >= match_probability)
    wrong[held] = np.maximum(wrong[held], now.probability[held])
    common = commonness(chances(a, now, left.described), left.described)
    doubt = _doubts(a, now, wrong, held, common, len(left), alone=alone)
    doubt[~(left.described & flags(len(left), a))] = 0.0
    entity = _listed(doubt, a[now.open], left.described)
    shown = _shown(a, b, now, wrong, alone=alone)[np.searchsorted(np.unique(a), entity)]
    second = _seconds(a, b, now.probability, shown)
    there = second >= 0
    return Worklist(
        left=a[shown],
        right=b[shown],
        linked=now.linked[shown],
        probability=verdicts.probability[rows[shown]],
        second=np.where(there, b[second], -1).astype(np.int32),
        second_probability=np.where(there, verdicts.probability[rows[second]], 0.0).astype(np.float32),
        doubt=doubt[entity].astype(np.float32),
    )


def _among_rivals(left: Ids, right: Ids, now: Decided, cardinality: str, sizes: tuple[int, int]) -> Doubles:
    """(c,) probability of each pair once those that rule it out are heard.

    Of a pair and its rivals one is right, or none: with odds o each, the pair's chance is o / (1 + sum of o).
    The evidence judges each pair on its own, and two that rule each other out may both look probable.
    """
    sure = np.minimum(now.probability, 1.0 - _SURE)
    odds = sure / (1.0 - sure)
    rivals = np.zeros(len(odds))
    if cardinality in _ONE_LEFT:
        rivals += np.bincount(left, odds, minlength=sizes[0])[left] - odds
    if cardinality in _ONE_RIGHT:
        rivals += np.bincount(right, odds, minlength=sizes[1])[right] - odds
    found: Doubles = odds / (1.0 + odds + np.maximum(rivals, 0.0))
    return found


def _doubts(
    left: Ids, now: Decided, wrong: Doubles, held: Flags, common: float, n_left: int, *, alone: bool
) -> Doubles:
    """(n,) doubt of each left entity.

    Where it may have one partner, its link decides, and without one its pairs, which rule each other out, add
    up. A pair that only a promise held back is no likeness by chance: how common partners are says no more.
    """
    linked = flags(n_left, left[now.linked])
    if alone:
        link = np.zeros(n_left)
        np.maximum.at(link, left[now.linked], wrong[now.linked])
        free = np.minimum(np.bincount(left, np.where(held, 0.0, wrong), minlength=n_left), 1.0)
    else:
        right_all = np.bincount(left, np.log1p(-np.minimum(wrong, 1.0 - _SURE)), minlength=n_left)
        link = free = -np.expm1(right_all)
    doubt = np.where(linked, link, moved(free, common))
    np.maximum.at(doubt, left[held], np.where(linked[left[held]], 0.0, wrong[held]))
    return doubt


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


def _shown(left: Ids, right: Ids, now: Decided, wrong: Doubles, *, alone: bool) -> Positions:
    """(entities with candidates,) row of the pair to show of each: its link, what is left open, or its
    likeliest; where it may have several partners, the pair most in doubt.
    """
    firm = (
        np.where(now.linked, 2, now.open.astype(np.int64)) if alone else np.zeros(len(left), dtype=np.int64)
    )
    order = np.lexsort((right, -wrong, -firm, left))
    found: Positions = order[run_starts(left[order])]
    return found


def _seconds(left: Ids, right: Ids, probability: Doubles, shown: Positions) -> Positions:
    """(w,) row of the likeliest other pair of each shown one's left entity, -1 where there is none."""
    others = probability > 0
    others[shown] = False
    rows = np.flatnonzero(others)
    rows = rows[np.lexsort((right[rows], -probability[rows], left[rows]))]
    start = np.searchsorted(left[rows], left[shown])
    there = start < len(rows)
    there[there] = left[rows[start[there]]] == left[shown[there]]
    found = np.full(len(shown), -1, dtype=np.int64)
    found[there] = rows[start[there]]
    return found
