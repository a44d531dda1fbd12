"""What is known of each case: from the decisions of people, or from gold that stands in for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Flags, flags
from kgalign.decisions import Decision, standing
from kgalign.estimate.cases import MANY, Cases
from kgalign.links.gold import Pair
from kgalign.links.pairs import PairIndex, entity_ids, pair_ids
from kgalign.rdf.graph import Ids
from kgalign.records import Profile

Sides = tuple[Profile, Profile]


class Answer(IntEnum):
    """What is known of a case."""

    UNKNOWN = -1
    NEITHER = 0
    """None of its candidates is right."""
    RIGHT = 1
    """Its link is right."""
    MISSED = 2
    """Another of its candidates is right, and not linked."""
    WRONG = 3
    """Its link is wrong; whether one of the others is right isn't known."""
    BEYOND = 4
    """Somebody searched and found a partner that was never a candidate."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of all cases."""

    answer: npt.NDArray[np.int8]
    """(n,) an :class:`Answer`."""
    unsure: int = 0
    """Pairs of which a person can't tell; they count as not the same."""


def answers_of_people(
    cases: Cases,
    sides: Sides,
    *,
    same: Sequence[Pair],
    apart: Sequence[Pair],
    unsure: Sequence[Pair] = (),
    alone: Sequence[Pair] = (),
) -> Answers:
    """What decisions come to, case by case. Who has one partner at most has no other once it is known.

    :param sides: left and right side.
    :param same: pairs of IRIs that are one, as :class:`kgalign.decisions.Standing` has them.
    :param apart: pairs that are not.
    :param unsure: pairs of which a person can't tell.
    :param alone: entities to which nothing corresponds, the other side empty.
    """
    index = PairIndex(cases.left, cases.right)
    told = [index.rows(*pair_ids(*sides, pairs)) for pairs in (same, apart, unsure)]
    right, wrong, open_ = (flags(len(cases.left), rows[rows >= 0].astype(np.int32)) for rows in told)
    wrong |= open_ | _lonely(cases, sides, alone)
    partners = pair_ids(*sides, same)
    beyond = np.zeros(len(cases), dtype=bool)
    if cases.cardinality != MANY:
        side, partner = cases.right if cases.by_right else cases.left, partners[int(cases.by_right)]
        wrong |= _has(side, partner) & ~right
        beyond[cases.case[_has(side, partner[told[0] < 0])]] = True
    if cases.cardinality == "one-to-one":
        wrong |= _has(cases.right, partners[1]) & ~right
    return Answers(_answers(cases, right, wrong & ~right, beyond), int(open_.sum()))


def answers_of_decisions(cases: Cases, sides: Sides, decisions: Iterable[Decision]) -> Answers:
    """What decisions come to, case by case: of each person the last word counts, where nobody contradicts."""
    said = standing(decisions)
    return answers_of_people(
        cases, sides, same=said.same, apart=said.apart, unsure=said.unsure, alone=said.alone
    )


def answers_of_gold(cases: Cases, sides: Sides, gold: Sequence[Pair]) -> Answers:
    """What gold says of all cases: it is taken for complete."""
    right = PairIndex(*pair_ids(*sides, gold)).rows(cases.left, cases.right) >= 0
    return Answers(_answers(cases, right, ~right, np.zeros(len(cases), dtype=bool)))


def _has(column: Ids, ids: Ids) -> Flags:
    found: Flags = np.isin(column, ids[ids >= 0])
    return found


def _lonely(cases: Cases, sides: Sides, alone: Sequence[Pair]) -> Flags:
    """(p,) pairs of entities to which nothing corresponds."""
    left = entity_ids(sides[0], [a for a, _ in alone if a])
    right = entity_ids(sides[1], [b for _, b in alone if b])
    return _has(cases.left, left) | _has(cases.right, right)


def _answers(cases: Cases, right: Flags, wrong: Flags, beyond: Flags) -> npt.NDArray[np.int8]:
    linked = cases.linked
    link = cases.link[linked]
    answer = np.full(len(cases), Answer.UNKNOWN, dtype=np.int8)
    answer[linked] = np.where(wrong[link], Answer.WRONG, Answer.UNKNOWN)
    open_ = flags(len(cases), cases.case[~right & ~wrong].astype(np.int32))
    answer[~open_] = Answer.NEITHER
    answer[beyond] = Answer.BEYOND
    answer[cases.case[right]] = Answer.MISSED
    answer[np.flatnonzero(linked)[right[link]]] = Answer.RIGHT
    return answer
