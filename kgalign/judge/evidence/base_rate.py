"""How many best pairs are right here: from few to all of them, told without labels.

The prior's log-odds hold for graphs as it has seen them. Where more or fewer entities have a partner, all
best pairs shift by one amount, and how their log-odds lie says by which (Saerens, Latinne and Decaestecker,
2002: "Adjusting the outputs of a classifier to new a priori probabilities"). The likelihood counts in part
only, and a normal prior holds the shift: with five best pairs it hardly moves.
"""

import numpy as np

from kgalign.arrays import Doubles
from kgalign.judge.evidence.prior import BaseRate

_GRID = np.linspace(-7.0, 7.0, 141)


def base_shift(best: Doubles, base: BaseRate) -> float:
    """Mean of the posterior of what is added to all log-odds.

    :param best: log-odds of the best pairs, at most one for each entity, by the prior.
    """
    return mean_rate(best - base.log_odds, base) - base.log_odds if len(best) else 0.0


def mean_rate(ratio: Doubles, base: BaseRate) -> float:
    """Log-odds that a best pair is right: the mean of the posterior.

    :param ratio: (n,) log ratio of the densities of right and wrong best pairs.
    """
    rate = 1 / (1 + np.exp(-(base.log_odds + _GRID)))
    # Best pairs that look alike are counted together: the sum is over the steps of a fine scale.
    ratio = np.clip(ratio, -30, 30)
    step, count = np.unique(np.round(ratio, 2), return_counts=True)
    likelihood = np.log(rate[:, None] * np.expm1(step)[None, :] + 1) @ count
    logs = base.trust * likelihood - _GRID**2 / (2 * base.spread**2)
    weight = np.exp(logs - logs.max())
    return float(base.log_odds + (weight * _GRID).sum() / weight.sum())


def lower_bound(found: float, total: float, errors: float = 2.0) -> float:
    """Wilson's lower bound (1927) of a share, ``errors`` standard errors below.

    :param found: how many were found, expected numbers allowed; ``total`` of how many.
    """
    if total <= 0:
        return 0.0
    share = min(found / total, 1.0)
    square = errors**2
    middle = share + square / (2 * total)
    width = errors * np.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return float(max(0.0, (middle - width) / (1 + square / total)))
