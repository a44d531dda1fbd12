"""The design of the sample: strata of cases, and the order in which the cases of each are asked.

The order depends on the verdicts and the seed alone, so that whoever has the run can tell which cases were
to be asked. What was looked at counts as a sample as far as it follows the order: a stratum's sample is the
run of answered cases at the beginning of its order. All else that is known is knowledge, and no sample.
"""

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.estimate.answers import Answer, Answers
from kgalign.estimate.cases import MANY, Cases

STRATA = 3
"""So many of cases with a link, and so many of those without one, at most."""
_LEAST = 0.05
"""Of the standard deviation of a case: what the run is sure of has a share in the strata too."""


@dataclass(frozen=True, slots=True)
class Design:
    """Strata, the surest of the linked ones first, then those without a link, the likeliest first."""

    cases: Cases
    stratum: Positions
    """(n,) of each case."""
    orders: tuple[Positions, ...]
    """Of each stratum its cases, in the order in which they are asked."""
    strata: "Strata"


@dataclass(frozen=True, slots=True)
class Strata:
    """What is known of the strata before anybody looks."""

    size: Doubles
    """(h,) how many cases each has."""
    linked: Flags
    """(h,) whether its cases have links."""
    chance: Doubles
    """(h,) mean probability: of linked ones that the link is right, of others that one was missed."""

    expect: Doubles
    """(h, 3) what the run expects of a case: neither, right or missed."""
    others: bool
    """Whether a case with a link has further candidates, of which one may be right."""

    @property
    def share(self) -> Doubles:
        """(h,) of the cases with a link, or of those without one, which the stratum belongs to."""
        with_link, without = self.size[self.linked].sum(), self.size[~self.linked].sum()
        found: Doubles = self.size / np.where(self.linked, max(with_link, 1.0), max(without, 1.0))
        return found


@dataclass(frozen=True, slots=True)
class Seen:
    """How many cases are known, stratum by stratum; the last axis counts neither, right and missed."""

    sample: Doubles
    """(…, h, 3) in the sample. Of a stratum with links whose rest isn't known, see ``judged``."""
    judged: Doubles
    """(…, h, 2) links that are wrong and right in the sample of links: it goes on where only the link of a
    case was looked at."""
    known: Doubles
    """(…, h, 3) as ``sample``, of all that is known, in the sample or not."""
    known_links: Doubles
    """(…, h, 2) as ``judged``, of all that is known."""


def design(cases: Cases, seed: int) -> Design:
    """The strata of cases and their orders.

    Boundaries are where the standard deviations of the cases, by their probabilities, sum up to equal parts
    (Dalenius and Hodges, 1959). Cases of one probability are in one stratum.

    :param seed: another one gives another order.
    """
    stratum = np.zeros(len(cases), dtype=np.int64)
    begin = 0
    for rows in (np.flatnonzero(cases.linked), np.flatnonzero(~cases.linked)):
        if len(rows):
            stratum[rows] = begin + _cut(cases.chance[rows])
            begin = int(stratum[rows].max()) + 1
    text = f"{cases.digest} {seed}"
    key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])
    ranks = np.random.PCG64(key).random_raw(len(cases))  # whose stream never changes, unlike a Generator's
    order = np.lexsort((ranks, stratum))
    ends = np.searchsorted(stratum[order], np.arange(begin + 1))
    orders = tuple(order[a:b] for a, b in pairwise(ends))
    return Design(cases, stratum, orders, _strata(cases, orders))


def _strata(cases: Cases, orders: tuple[Positions, ...]) -> Strata:
    linked = np.array([cases.linked[each[0]] for each in orders], dtype=bool)
    chance = np.array([cases.chance[each].mean() for each in orders], dtype=np.float64)
    others = cases.cardinality != MANY
    return Strata(
        size=np.array([len(each) for each in orders], dtype=np.float64),
        linked=linked,
        chance=chance,
        expect=expectation(chance, linked, others=others),
        others=others,
    )


def expectation(chance: Doubles, linked: Flags, *, others: bool) -> Doubles:
    """(h, 3) shares of neither, right and missed, by the probability of the pair to show.

    Of cases whose link is wrong one half has another right candidate, for all that is known, where there are
    any.
    """
    missed = np.where(linked, (0.5 if others else 0.0) * (1 - chance), chance)
    right = np.where(linked, chance, 0.0)
    return np.stack([1 - right - missed, right, missed], axis=-1)


def _cut(chance: Doubles) -> Positions:
    """(r,) stratum of each case, the most probable first, without gaps."""
    values, where, count = np.unique(-chance, return_inverse=True, return_counts=True)
    weight = count * (np.sqrt(-values * (1.0 + values)) + _LEAST)
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    _, part = np.unique(np.minimum((middle * STRATA).astype(np.int64), STRATA - 1), return_inverse=True)
    found: Positions = part[where].astype(np.int64)
    return found


def seen(plan: Design, answers: Answers, *, beyond: bool = False) -> Seen:
    """Count what is known, in the sample and at all.

    :param beyond: whether partners that were never candidates count as missed; else as none.
    """
    answer = answers.answer
    counted = np.where(answer == Answer.BEYOND, Answer.MISSED if beyond else Answer.NEITHER, answer)
    sample, judged, known, known_links = [], [], [], []
    for order, linked in zip(plan.orders, plan.strata.linked, strict=True):
        all_, link = counted[order], answer[order]
        whole = (all_ >= 0) & (all_ != Answer.WRONG)
        sample.append(_count(all_[: begun(whole)]))
        known.append(_count(all_[whole]))
        judged.append(_links(link[: begun(link >= 0)]) if linked else [0, 0])
        known_links.append(_links(link[link >= 0]) if linked else [0, 0])
    made = (np.array(each, dtype=np.float64) for each in (sample, judged, known, known_links))
    return Seen(*(each.reshape(len(plan.orders), -1) for each in made))


def begun(done: Flags) -> int:
    """How many are done from the beginning on, before the first that is not."""
    return len(done) if done.all() else int(np.argmin(done))


def _count(answer: np.ndarray[tuple[int], np.dtype[np.int8]]) -> list[int]:
    return [int((answer == each).sum()) for each in (Answer.NEITHER, Answer.RIGHT, Answer.MISSED)]


def _links(answer: np.ndarray[tuple[int], np.dtype[np.int8]]) -> list[int]:
    right = int((answer == Answer.RIGHT).sum())
    return [len(answer) - right, right]
