"""Answers of a judge whose faults are set, to many questions at once.

The judge is the scripted one: with some probability its answer is unusable, else with some probability it
takes the option that is shown first, else it is right or takes any other answer. A test compares this with
:mod:`kgalign.llm.scripted`, which answers one question at a time.
"""

from dataclasses import dataclass, fields

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.judge.asking.next_question import order

OPTIONS = 5
ROUNDS = 7
"""Most questions of any system."""
_NOISE = 0.6
"""Width of the noise on the log-odds of an answer."""
_STRENGTH = 1.29
"""How far the evidence of the truth stands above that of others, in standard deviations: tier 1 alone is
right in 60 % of the questions."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The faults of the judge that is asked."""

    accuracy: float
    bias: float
    hallucination: float


GRID = tuple(
    Setting(accuracy, bias, hallucination)
    for accuracy in (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    for bias in (0.0, 0.1, 0.2, 0.3, 0.4)
    for hallucination in (0.0, 0.05, 0.1, 0.2)
)
SKEWED = tuple(Setting(accuracy, 0.3, 0.05) for accuracy in (0.7, 0.8, 0.9))
"""Settings in which the dependence on places is measured."""


@dataclass(frozen=True, slots=True)
class Luck:
    """What happens to each question in each round, whatever the order of the options."""

    truth: Positions
    """(c,) the right option, from 0."""
    evidence: Doubles
    """(c, options) what tier 1 sees of each option: normal, with a higher mean for the truth."""
    fault: Doubles
    habit: Doubles
    skill: Doubles
    """(c, rounds) uniform numbers that decide whether an answer is unusable, a habit, right."""
    other: Positions
    """(c, rounds) which of the other answers, of which the last is none of the options, is taken by an
    error."""
    noise: Doubles
    """(c, rounds, options + 1) uniform numbers, for what the probabilities owe to chance."""
    lot: Doubles
    """(c, options + 1) uniform numbers, by which rules that count heads break ties."""
    shuffled: Positions
    """(c, rounds, options) options by number from 1 in the order shown, each round drawn for itself."""

    @classmethod
    def draw(cls, questions: int, seed: int) -> "Luck":
        """Draw it from a seed."""
        rng = np.random.default_rng([seed, questions])
        truth = rng.integers(0, OPTIONS, questions)
        evidence = rng.standard_normal((questions, OPTIONS))
        evidence[np.arange(questions), truth] += _STRENGTH
        size = questions, ROUNDS
        return cls(
            truth=truth,
            evidence=evidence,
            fault=rng.random(size),
            habit=rng.random(size),
            skill=rng.random(size),
            other=rng.integers(1, OPTIONS + 1, size),
            noise=rng.random((*size, OPTIONS + 1)),
            lot=rng.random((questions, OPTIONS + 1)),
            shuffled=np.argsort(rng.random((*size, OPTIONS)), axis=-1) + 1,
        )

    def votes(self, setting: Setting, shown: Positions) -> "Votes":
        """What the judge answers.

        Args:
            setting: its faults.
            shown: (c, rounds, options) options in the order shown, by number from 1.
        """
        truth = self.truth[:, None] + 1
        looked = np.where(self.skill < setting.accuracy, truth, (truth + self.other) % (OPTIONS + 1))
        follows = self.habit < setting.bias
        chosen = np.where(follows, shown[:, :, 0], looked)
        place = np.zeros((*chosen.shape, OPTIONS + 1), dtype=np.int64)
        np.put_along_axis(place, shown, np.arange(1, OPTIONS + 1), axis=-1)
        at = np.take_along_axis(place, chosen[:, :, None], axis=-1)[:, :, 0]
        believed = np.take_along_axis(place, looked[:, :, None], axis=-1)[:, :, 0]
        return Votes(
            shown=shown,
            right=place,
            usable=self.fault >= setting.hallucination,
            chosen=chosen,
            place=at,
            probability=self._probability(setting, believed, at),
        )

    def _probability(self, setting: Setting, believed: Positions, chosen: Positions) -> Doubles:
        """(c, rounds, options + 1) probability of each place, none first: what is believed is as far above
        the others as chance has it, and the first place has a head start.
        """
        strength = 2 * max(np.log(setting.accuracy * OPTIONS / (1 - setting.accuracy)), 0.5)
        logits = strength * self.habit[:, :, None] * (believed[:, :, None] == np.arange(OPTIONS + 1))
        logits[:, :, 1] += strength * setting.bias
        noise = _NOISE * (self.noise - 0.5)
        best = logits
        for scale in (0.25, 0.5, 1.0):
            noisy = logits + scale * noise
            agrees = noisy.argmax(axis=-1) == chosen
            best = np.where(agrees[:, :, None], noisy, best)
        weights = np.exp(best - best.max(axis=-1, keepdims=True))
        probability: Doubles = weights / weights.sum(axis=-1, keepdims=True)
        return probability

    def prior(self) -> Doubles:
        """(c, options + 1) what tier 1 makes of its evidence: calibrated, with 1 % for none of the
        options.
        """
        odds = np.exp(_STRENGTH * self.evidence)
        options = 0.99 * odds / odds.sum(axis=1, keepdims=True)
        return np.concatenate([np.full((len(odds), 1), 0.01), options], axis=1)


@dataclass(frozen=True, slots=True)
class Votes:
    """What a judge answers to each question in each round."""

    shown: Positions
    """(c, rounds, options) options in the order shown, by number from 1."""
    right: Positions
    """(c, rounds, options + 1) place of each hypothesis."""
    usable: Flags
    """(c, rounds) whether it can be counted."""
    chosen: Positions
    """(c, rounds) number of the option, 0 for none."""
    place: Positions
    """(c, rounds) its place, 0 for none."""
    probability: Doubles
    """(c, rounds, options + 1) of each place, none first."""

    def __getitem__(self, part: slice) -> "Votes":
        return Votes(*(getattr(self, each.name)[part] for each in fields(self)))


def balanced(questions: int, seed: int) -> Positions:
    """(c, rounds, options) the orders in which this judge shows the options of each question."""
    return np.array(
        [
            [order(OPTIONS, turn, seed=seed, case=f"urn:question:{number}") for turn in range(ROUNDS)]
            for number in range(questions)
        ]
    )
