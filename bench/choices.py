"""Choices among options, or none of them, against what is right: accuracy and F1, with intervals.

A choice is a number: 0 for none of the options, 1 and above for one of them, below 0 for no answer that can
be used. What is drawn again for an interval are the cases, all questions on a case at once: they are asked
about the same entity, and an entity that is hard to tell makes errors in all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.evaluate.bootstrap import Interval, percentiles, resampled

Numbers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_RIGHT, _ASKED, _HITS, _CHOSEN, _THERE = range(5)


@dataclass(frozen=True, slots=True)
class ChoiceScores:
    """How good choices are; shares lie between 0 and 1."""

    questions: int
    cases: int
    accuracy: float
    """Share of the questions with the right choice; no answer is not right."""
    f1: float
    """Harmonic mean of precision and recall of the options chosen: "none" is no link."""
    accuracy_interval: Interval
    f1_interval: Interval


@dataclass(frozen=True, slots=True)
class ChoiceGain:
    """By how much choices are better than others on the same questions."""

    questions: int
    accuracy: float
    f1: float
    accuracy_interval: Interval
    f1_interval: Interval


@dataclass(frozen=True, slots=True)
class Drawn:
    """Accuracy and F1 of some choices: as they are, and as they came out with the cases drawn again."""

    questions: int
    cases: int
    rates: Doubles
    """(2,) accuracy and F1."""
    draws: Doubles
    """(resamples, 2)"""

    def scores(self) -> ChoiceScores:
        """The figures with their intervals."""
        accuracy, f1 = self.rates.tolist()
        return ChoiceScores(self.questions, self.cases, accuracy, f1, *self._intervals())

    def gain(self) -> ChoiceGain:
        """The same, where the figures are differences."""
        accuracy, f1 = self.rates.tolist()
        return ChoiceGain(self.questions, accuracy, f1, *self._intervals())

    def _intervals(self) -> tuple[Interval, Interval]:
        return percentiles(self.draws[:, 0]), percentiles(self.draws[:, 1])


def draw_choices(
    choice: Sequence[int], right: Sequence[int], case: Sequence[object], *, seed: int = 0
) -> Drawn:
    """Score choices.

    :param choice: (n,) what was chosen for each question.
    :param right: (n,) what is right.
    :param case: (n,) what each question is about.
    :param seed: of the bootstrap.
    :raises ValueError: there are no questions.
    """
    units = _units([choice], right, case)
    rates = _rates(units.sum(axis=0)[None])[0]
    return Drawn(len(right), len(units), rates, _rates(resampled(units, seed)))


def draw_gain(
    choice: Sequence[int],
    other: Sequence[int],
    right: Sequence[int],
    case: Sequence[object],
    *,
    seed: int = 0,
) -> Drawn:
    """Score choices against others on the same questions: both are drawn together.

    :raises ValueError: there are no questions.
    """
    units = _units([choice, other], right, case)

    def difference(sums: Numbers) -> Doubles:
        ours, theirs = np.hsplit(sums, 2)
        found: Doubles = _rates(ours) - _rates(theirs)
        return found

    rates = difference(units.sum(axis=0)[None])[0]
    return Drawn(len(right), len(units), rates, difference(resampled(units, seed)))


def mean_of(parts: Sequence[Drawn]) -> Drawn:
    """The mean over several sets of questions, each of which counts the same; drawn again each on its own.

    :param parts: of each set, drawn with a seed of its own: draws of the same seed go up and down together.
    """
    return Drawn(
        sum(each.questions for each in parts),
        sum(each.cases for each in parts),
        np.mean([each.rates for each in parts], axis=0),
        np.mean([each.draws for each in parts], axis=0),
    )


def _units(choices: Sequence[Sequence[int]], right: Sequence[int], case: Sequence[object]) -> Numbers:
    """(cases, 5 · systems) counts of each case, for each system in turn."""
    truth = np.asarray(right, dtype=np.int64)
    if not len(truth):
        raise ValueError("there are no questions")
    numbers: dict[object, int] = {}
    group = np.array([numbers.setdefault(each, len(numbers)) for each in case])
    columns = []
    for choice in choices:
        given = np.asarray(choice, dtype=np.int64)
        same = given == truth
        flags = (same, np.ones(len(truth)), same & (truth > 0), given > 0, truth > 0)
        columns += [np.bincount(group, weights=flag, minlength=len(numbers)) for flag in flags]
    return np.stack(columns, axis=1).astype(np.int64)


def _rates(sums: Numbers) -> Doubles:
    """(n, 2) accuracy and F1 of sums (n, 5); F1 is 0 where nothing is chosen and nothing there."""
    counts = sums.astype(np.float64)
    accuracy = counts[:, _RIGHT] / counts[:, _ASKED]
    f1 = 2 * counts[:, _HITS] / np.maximum(counts[:, _CHOSEN] + counts[:, _THERE], 1)
    return np.stack([accuracy, f1], axis=1)
