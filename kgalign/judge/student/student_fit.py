"""A student knows the data that it learned from; what it says of other data is fitted to the run.

What looks like "none of them" differs from data set to data set, and so does how sure a student may be. The
evidence learned both here, from the two graphs themselves. So the student's scale and its score of "none" are
fitted to what evidence and student together come to, and the two are joined again, until nothing changes
(as the shares of classes are in Saerens et al., 2002, "Adjusting the outputs of a classifier to new a priori
probabilities"). In turn the evidence's own level of "none" is held to, unless the likelihood gives reason to
think that it is blind to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from kgalign.arrays import Doubles
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.weighted import weighted

VOTER = "student"
_ROUNDS = 5
_SETTLED = 0.05
_SCALE, _NONE = 0.3, 1.0
"""Deviations of the logarithm of the scale, and of the score of "none", from what the student was calibrated
to: a handful of cases decides little."""
_SLOPE = (1.0, 0.2)
"""Mean and deviation of what the evidence's log-odds are multiplied by, at most 1: by decoys of this run they
mean what they say."""
_SHIFTS = (0.3, 3.0)
"""Deviation of what is added to the evidence's log-odds of "none": little, or, given reason, anything."""
_ALONE = ((0.0, 0.0),)
"""There is nobody else to err together with."""
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Joined:
    """What evidence and student come to together."""

    probability: list[Doubles]
    """(options + 1,) of each hypothesis of each case, of having no partner first."""
    scale: float
    """What the student's log-odds are multiplied by here."""
    none: float
    """What is added to its score of "none" here."""


def join(priors: Sequence[Doubles], said: Sequence[Doubles]) -> Joined:
    """Evidence and student together; nobody says which is good.

    :param priors: (options + 1,) of each case by the evidence, of having no partner first.
    :param said: the same by the student, as it is calibrated.
    """
    if not priors:
        return Joined([], 1.0, 0.0)
    odds = _Odds(said)
    scale, none = 1.0, 0.0
    together = _weighed(priors, said)
    for _ in range(_ROUNDS):
        before = scale, none
        scale, none = odds.fit(together)
        together = _weighed(priors, odds.probabilities(scale, none))
        if abs(scale - before[0]) < _SETTLED and abs(none - before[1]) < _SETTLED:
            break
    return Joined(together, scale, none)


def _weighed(priors: Sequence[Doubles], said: Sequence[Doubles]) -> list[Doubles]:
    cases = []
    for prior, each in zip(priors, said, strict=True):
        offered = tuple(range(1, len(prior)))
        probabilities = (*each[1:].tolist(), float(each[0]))
        cases.append(Ballots(prior, (Ballot(int(each.argmax()), offered, VOTER, probabilities),)))
    return [tally.probability for tally in weighted(cases, slope=_SLOPE, shifts=_SHIFTS, together=_ALONE)]


class _Odds:
    """What a student says, as log-odds against none, the cases side by side.

    :param said: (options + 1,) of each case.
    """

    def __init__(self, said: Sequence[Doubles]) -> None:
        self._sizes = [len(each) for each in said]
        self._there = np.arange(max(self._sizes)) < np.array(self._sizes)[:, None]
        logs = [np.log(np.maximum(each, _LEAST)) for each in said]
        self._odds = np.zeros(self._there.shape)
        self._odds[self._there] = np.concatenate([each - each[0] for each in logs])

    def _logs(self, scale: float, none: float) -> Doubles:
        """(cases, most options + 1) log-probability of each hypothesis that there is, else minus infinity."""
        scores = np.where(self._there, scale * self._odds, -np.inf)
        scores[:, 0] = none
        top = scores.max(axis=1, keepdims=True)
        logs: Doubles = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
        return logs

    def probabilities(self, scale: float, none: float) -> list[Doubles]:
        """(options + 1,) of each case."""
        found = np.exp(self._logs(scale, none))
        return [row[:size] for row, size in zip(found, self._sizes, strict=True)]

    def fit(self, together: Sequence[Doubles]) -> tuple[float, float]:
        """Scale and score of "none" by which the student best predicts what both come to."""
        expected = np.zeros(self._there.shape)
        expected[self._there] = np.concatenate(together)

        def cost(parameters: Doubles) -> float:
            logs = self._logs(float(np.exp(parameters[0])), float(parameters[1]))
            unlikely = (parameters / (_SCALE, _NONE)) ** 2
            return float(unlikely.sum() / 2 - (expected * np.where(self._there, logs, 0.0)).sum())

        best = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6}).x
        return float(np.exp(best[0])), float(best[1])
