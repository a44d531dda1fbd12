"""The prior of the places: what a model gives to a place whatever stands there, found and taken away.

PriDe (arXiv 2309.03882) shows a question in all orders and takes the softmax of the mean log-probability of
each place. Here every question is shown in few orders, but the orders are balanced over the questions: so the
mean over all questions serves as well.
"""

from collections.abc import Sequence

import numpy as np

from kgalign.arrays import Doubles
from kgalign.judge.votes.ballots import Ballot

_FLOOR = 1e-3
"""No probability is taken to be lower: servers cut off their lists, and a single sure answer would outweigh
many unsure ones."""
_WEIGHT = 20.0
"""Weight, in ballots, of the belief that all places are alike."""


def place_priors(ballots: Sequence[Ballot]) -> dict[tuple[str, int], Doubles]:
    """(voter, options offered) → (offered,) prior probability of each place; it sums to 1.

    Only ballots with probabilities on two options or more tell: with one option, a habit can't be told from
    what is true.
    """
    logs: dict[tuple[str, int], list[Doubles]] = {}
    for ballot in ballots:
        if ballot.probabilities is not None and len(ballot.offered) > 1:
            shown = np.maximum(np.asarray(ballot.probabilities[:-1], dtype=np.float64), _FLOOR)
            logs.setdefault((ballot.voter, len(shown)), []).append(np.log(shown / shown.sum()))
    return {key: _prior(np.stack(rows)) for key, rows in sorted(logs.items())}


def _prior(logs: Doubles) -> Doubles:
    mean = logs.mean(axis=0) * (len(logs) / (len(logs) + _WEIGHT))
    weights = np.exp(mean - mean.max())
    prior: Doubles = weights / weights.sum()
    return prior


def corrected(probabilities: Doubles, prior: Doubles | None) -> Doubles:
    """(…, offered + 1) probabilities without the prior of the places: of none first, then of each place.

    What none of them has stays as it is: a prior of the places says nothing of it.

    :param probabilities: (…, offered + 1) of each place in the order shown and last of none of them.
    :param prior: (offered,) of each place; None to leave them as they are.
    """
    shown, none = probabilities[..., :-1], probabilities[..., -1:]
    if prior is not None:
        without = shown / prior
        total = without.sum(axis=-1, keepdims=True)
        shown = without * (shown.sum(axis=-1, keepdims=True) / np.where(total > 0, total, 1.0))
    weights = np.concatenate([none, shown], axis=-1)
    total = weights.sum(axis=-1, keepdims=True)
    size = weights.shape[-1]
    shares: Doubles = np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1.0 / size)
    return shares
