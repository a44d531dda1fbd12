"""How good a judge of pairs is: what it puts first, how well it parts them, whether it means its odds."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import rankdata

from kgalign.train.pair_items import PairItem

_BINS = 10
_LEAST = 0.3
"""Least temperature: few pairs that are all judged right would make it 0."""
_MOST = 10.0


def fit_temperature(odds: Sequence[float], same: Sequence[bool]) -> float:
    """By what log-odds are divided so that they mean what they say.

    Guo et al., 2017, "On calibration of modern neural networks", section 4.2.

    :param odds: log-odds that pairs are the same, of pairs that were not learned from.
    :param same: whether they are.
    :returns: the temperature, 0.3 to 10; 1 where there are no pairs.
    """
    if not odds:
        return 1.0
    values, signs = np.asarray(odds), np.where(same, 1.0, -1.0)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signs * values / np.exp(log_temperature)).mean())

    found = minimize_scalar(loss, bounds=(np.log(_LEAST), np.log(_MOST)), method="bounded")
    return round(float(np.exp(found.x)), 4)


def measures(items: Sequence[PairItem], odds: Sequence[float], temperature: float) -> dict[str, float]:
    """What a judge's log-odds on pairs are worth.

    :param odds: (pairs,) log-odds that each is the same.
    :param temperature: see :func:`fit_temperature`.
    :returns: ``pairs``; ``cases``, those in which the partner and at least two others were shown; ``first``,
        the share of them in which the partner comes before all others; ``auc``, the share of (right, wrong)
        pairs in order; ``accuracy`` at even odds; ``ece``, the expected calibration error over ten bins.
        What can't be told is left out.
    """
    values, same = np.asarray(odds, np.float64), np.array([each.same for each in items], bool)
    found = {"pairs": float(len(items))}
    if not items:
        return found
    chances = expit(values / temperature)
    found["accuracy"] = float(((values > 0) == same).mean())
    found["ece"] = _ece(chances, same)
    if 0 < same.sum() < len(same):
        right = float(same.sum())
        ranks = rankdata(values)[same].sum() - right * (right + 1) / 2
        found["auc"] = float(ranks / (right * (len(same) - right)))
    wins = _first(items, values)
    found["cases"] = float(len(wins))
    if wins:
        found["first"] = float(np.mean(wins))
    return found


def _first(items: Sequence[PairItem], values: np.ndarray) -> list[bool]:
    """Of each case with a partner and two others or more: whether the partner comes before all others."""
    cases: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for each, value in zip(items, values.tolist(), strict=True):
        cases[each.case][0 if each.same else 1].append(value)
    return [min(right) > max(wrong) for right, wrong in cases.values() if right and len(wrong) > 1]


def _ece(chances: np.ndarray, same: np.ndarray) -> float:
    """Mean distance of chance and share over bins of equal width, by their pairs."""
    bins = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    return float(
        sum(abs(chances[bins == each].sum() - same[bins == each].sum()) for each in range(_BINS)) / len(same)
    )
