"""Scores as probabilities: how what a model gives without an instruction is read, learned from controls.

Where a model is asked for likelihoods, its answer is a score for each option and none for "none of them".
What is kept of it are the probabilities that they come to before anything is known of the model, see
:mod:`kgalign.llm.likelihood`. Controls tell how far to believe a difference of scores, and from which score
on an option is better than none: a slope and a shift of the log-odds of each option against none (Platt
1999), the same for selections and pairs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from kgalign.arrays import Doubles
from kgalign.records.votes import NONE, Answer, Question, Status

_SHIFT, _LOG_SLOPE = 4.0, 1.0
"""Deviations of the priors on the shift and on the logarithm of the slope: wide, since how high scores are
depends on how much the records say.
"""
_LEAST = 1e-200
"""No probability is taken to be lower."""


class Reading(NamedTuple):
    """How scores are read: the log-odds of an option against none, times ``slope``, plus ``shift``."""

    shift: float = 0.0
    slope: float = 1.0


def probabilities_of(given: Sequence[float], reading: Reading) -> tuple[float, ...]:
    """Probabilities as they are read: of each option, last of none of them.

    :param given: (options + 1,) as they were kept, in the same order.
    """
    logs = _read(np.asarray(given, dtype=np.float64), reading)
    return tuple(np.exp(logs).tolist())


def read_anew(answer: Answer, question: Question, reading: Reading) -> Answer:
    """An answer whose choice is the most probable as its scores are read; its probabilities stay as kept."""
    if answer.status is not Status.OK or answer.probabilities is None:
        return answer
    best = int(np.argmax(probabilities_of(answer.probabilities, reading)))
    if best == len(question.options):
        return replace(answer, choice=NONE, place=0)
    return replace(answer, choice=question.options[best], place=best + 1)


def learn_reading(known: Sequence[tuple[Sequence[float], int]]) -> Reading:
    """How scores are to be read, by questions whose answers are known: multinomial logistic regression.

    From a handful of them little is learned: priors hold shift and slope to what they are without any.

    :param known: (options + 1,) probabilities as they were kept, last of none, and the place of what is
        right, from 0.
    """
    if not known:
        return Reading()
    odds = [np.asarray(given, dtype=np.float64) for given, _ in known]
    right = [place for _, place in known]

    def loss(at: Doubles) -> float:
        shift, log_slope = float(at[0]), float(at[1])
        reading = Reading(shift, float(np.exp(log_slope)))
        fit = -sum(float(_read(each, reading)[place]) for each, place in zip(odds, right, strict=True))
        return fit + (shift / _SHIFT) ** 2 / 2 + (log_slope / _LOG_SLOPE) ** 2 / 2

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6})
    return Reading(round(float(found.x[0]), 4), round(float(np.exp(found.x[1])), 4))


def _read(given: Doubles, reading: Reading) -> Doubles:
    """(options + 1,) log-probabilities, last of none."""
    logs = np.log(np.maximum(given, _LEAST))
    weights = np.append((logs[:-1] - logs[-1]) * reading.slope + reading.shift, 0.0)
    found: Doubles = weights - np.logaddexp.reduce(weights)
    return found
