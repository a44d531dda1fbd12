"""What is certain of precision, however often and whenever somebody looks.

For links that are drawn without replacement, and any number M of right ones among N, the probability of the
labels seen so far under a working prior, divided by their probability if M were right, is a martingale that
begins at 1: it exceeds 1/α at any time with a probability of α at most (Ville). So every M at which it does
is ruled out (Waudby-Smith and Ramdas, "Confidence sequences for sampling without replacement", NeurIPS 2020,
section 2). Strata that are drawn from side by side multiply. The prior comes from the run's probabilities:
it decides how soon something is certain, and never whether that is true.
"""

from dataclasses import dataclass, replace
from math import log

import numpy as np
from scipy.special import betaln, gammaln

from kgalign.arrays import Doubles, Positions
from kgalign.estimate.answers import Answer, Answers
from kgalign.estimate.strata import Design, begun

CHAINS = (0.8, 0.85, 0.9, 0.95, 1.0), (0.5, 0.6, 0.7)
"""Thresholds that are tried: those that keep such shares of the links. The error is spent in equal parts on
chains, and in a chain each needs the one before."""
_PRIOR = 10.0
"""Looks that the run's probabilities are worth as a working prior; at least a quarter of one that is
wrong."""
_LEAST = 0.25


@dataclass(frozen=True, slots=True)
class Group:
    """Links drawn from side by side, stratum by stratum."""

    size: Doubles
    """(h,) how many there are."""
    right: Doubles
    wrong: Doubles
    """(h,) how many of those that were drawn were right, and wrong."""
    chance: Doubles
    """(h,) their mean probability."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is certain of the links of a probability and above."""

    threshold: float
    links: int
    """Links with this probability or a higher one."""
    looks: int
    """Of them, those that count as drawn."""
    bound: float
    """At least such a share of them is right; of this threshold by itself, at half of the error."""
    certified: bool
    """Whether the asked precision is certified of them, together with all others of which it is."""
    further: int | None
    """About so many further looks at these links would certify it, if they find what the others found; None
    where they would not."""


def certify(
    plan: Design, answers: Answers, precision: float, confidence: float, *, ahead: bool = True
) -> list[Certificate]:
    """What is certain of the links above several thresholds, those with the most links first.

    Half of the error is spent on each of two chains (:data:`CHAINS`), so that the asked precision holds
    wherever it is certified, at once, with a probability of ``confidence``, at all times.

    :param precision: share of right links that is asked.
    :param ahead: whether to compute how many further looks it takes, which takes a while.
    """
    chance = np.sort(plan.cases.chance[plan.cases.linked])[::-1]
    alpha = (1 - confidence) / len(CHAINS)
    found: dict[float, Certificate] = {}
    for shares in CHAINS if len(chance) else ():
        places = np.ceil(np.array(shares) * len(chance)).astype(np.int64) - 1
        chain = True
        for threshold in np.unique(-chance[places]).tolist():
            each = _certificate(_above(plan, answers, -threshold), -threshold, precision, alpha)
            each = replace(each, certified=chain and each.certified)
            if ahead and not each.bound >= precision:
                each = replace(each, further=_further(_above(plan, answers, -threshold), precision, alpha))
            chain = each.certified
            if each.certified or -threshold not in found:
                found[-threshold] = each
    return [found[threshold] for threshold in sorted(found)]


def _certificate(group: Group, threshold: float, precision: float, alpha: float) -> Certificate:
    bound = lower_bound(group, alpha)
    enough = bound >= precision
    looks = int((group.right + group.wrong).sum())
    return Certificate(threshold, int(group.size.sum()), looks, bound, enough, 0 if enough else None)


def _above(plan: Design, answers: Answers, threshold: float) -> Group:
    """The links of a threshold and above; of a stratum that it cuts, those of its order that are above."""
    chance = plan.cases.chance
    columns: list[tuple[float, float, float, float]] = []
    for order, linked in zip(plan.orders, plan.strata.linked, strict=True):
        kept: Positions = order[chance[order] >= threshold] if linked else order[:0]
        if not len(kept):
            continue
        drawn = answers.answer[order[: begun(answers.answer[order] >= 0)]]
        drawn = drawn[chance[order[: len(drawn)]] >= threshold]
        right = float((drawn == Answer.RIGHT).sum())
        columns.append((len(kept), right, len(drawn) - right, float(chance[kept].mean())))
    return Group(*np.array(columns, dtype=np.float64).T)


def lower_bound(group: Group, alpha: float) -> float:
    """At least such a share of a group's links is right, at all times with a probability of 1 - alpha."""
    possible = _evidence(group) < -log(alpha)
    least = int(np.argmax(possible)) if possible.any() else len(possible) - 1
    return float((group.right.sum() + least) / group.size.sum())


def _evidence(group: Group) -> Doubles:
    """(m,) log of the martingale if 0, 1, 2 … of the links that were not drawn are right, at its least over
    how these may lie in the strata.
    """
    start, slopes = 0.0, []
    for size, right, wrong, chance in zip(group.size, group.right, group.wrong, group.chance, strict=True):
        curve = _curve(size, right, wrong, chance)
        start += curve[0]
        slopes.append(np.diff(curve))
    # Each curve is convex: the least of their sum takes the steepest descents first.
    found: Doubles = start + np.concatenate([[0.0], np.cumsum(np.sort(np.concatenate(slopes)))])
    return found


def _curve(size: float, right: float, wrong: float, chance: float) -> Doubles:
    """(size - right - wrong + 1,) log of the martingale of one stratum, for each number of right ones
    left.
    """
    a, b = _PRIOR * chance + _LEAST, _PRIOR * (1 - chance) + _LEAST
    mixed = betaln(a + right, b + wrong) - betaln(a, b)
    rest = np.arange(np.floor(size - right - wrong + 1e-6) + 1)
    all_right, all_wrong = right + rest, size - right - rest
    drawn = (
        gammaln(all_right + 1) - gammaln(rest + 1)
        + gammaln(all_wrong + 1) - gammaln(np.maximum(all_wrong - wrong, 0) + 1)
        - gammaln(size + 1) + gammaln(np.maximum(size - right - wrong, 0) + 1)
    )  # fmt: skip
    found: Doubles = mixed - drawn
    return found


def _further(group: Group, precision: float, alpha: float) -> int | None:
    """Looks until the precision is certified, if they find what was found, and are spread evenly."""
    left = group.size - group.right - group.wrong
    a, b = group.right + group.chance, group.wrong + 1 - group.chance
    share = a / (a + b)
    total = left.sum()

    def enough(looks: float) -> bool:
        drawn = left * (looks / total)
        right = group.right + drawn * share
        wrong = group.wrong + drawn * (1 - share)
        return lower_bound(Group(group.size, right, wrong, group.chance), alpha) >= precision

    if not total or not (group.right + left * share).sum() >= precision * group.size.sum():
        return None
    low, high = 0.0, float(total)
    if not enough(high):
        return None
    while high - low > max(1.0, 0.02 * high):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return int(np.ceil(high))
