"""Rules of voting beside each other, on the answers of a judge whose faults are set.

The judge is the scripted one: with some probability its answer is unusable, else with some probability it takes
the option that is shown first, else it is right or takes any other option. Its law is drawn here for many
questions at once; a test compares it with :class:`kgalign.llm.scripted.Scripted`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise

import numpy as np

from bench.results import table
from kgalign.arrays import Doubles, Flags, Positions
from kgalign.config import VotesConfig
from kgalign.judge.permute import order
from kgalign.judge.reduce.ballots import Ballot, Ballots
from kgalign.judge.vote_model import GRADES, LEARN_AT, Form, VoteModel, combine, regraded

OPTIONS = 5
ROUNDS = 9
"""Most questions of any system."""
VOTER = "scripted"
ABSTAINS = -1
_NOISE = 0.6
_STRENGTH = 1.29
"""How far the evidence of the truth stands above that of others, in standard deviations: tier 1 alone is right in
60 % of the questions."""


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
    """(c, rounds) which of the other answers, of which the last is none of the options, is taken by an error."""
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
        """(c, rounds, options + 1) probability of each place, none first: what is believed is as far above the
        others as chance has it, and the first place has a head start."""
        strength = 2 * max(np.log(setting.accuracy * OPTIONS / (1 - setting.accuracy)), 0.5)
        logits = strength * self.habit[:, :, None] * (believed[:, :, None] == np.arange(OPTIONS + 1))
        logits[:, :, 1] += strength * setting.bias
        noise = _NOISE * (self.noise - 0.5)
        for scale in (0.0, 0.25, 0.5, 1.0):
            noisy = logits + scale * noise
            agrees = noisy.argmax(axis=-1) == chosen
            best = np.where(agrees[:, :, None], noisy, best) if scale else noisy
        weights = np.exp(best - best.max(axis=-1, keepdims=True))
        probability: Doubles = weights / weights.sum(axis=-1, keepdims=True)
        return probability

    def prior(self) -> Doubles:
        """(c, options + 1) what tier 1 makes of its evidence: calibrated, with 1 % for none of the options."""
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


@dataclass(frozen=True, slots=True)
class Decided:
    """What a system decided on each question."""

    chosen: Positions
    """(c,) number of the option, 0 for none of them, -1 where it abstains."""
    calls: Positions
    """(c,) questions asked."""
    probability: Doubles
    """(c,) of what was chosen, as far as the system gives one; else 1."""


def plurality(votes: Votes, luck: Luck, calls: Positions) -> Decided:
    """What was chosen most often in the first ``calls`` answers of each question; ties are broken by lot."""
    counted = votes.usable & (np.arange(ROUNDS) < calls[:, None])
    heads = _heads(votes, counted)
    chosen = np.where(counted.any(axis=1), (heads + 0.5 * luck.lot).argmax(axis=1), ABSTAINS)
    return Decided(chosen, calls, np.ones(len(calls)))


def _heads(votes: Votes, counted: Flags) -> Positions:
    """(c, options + 1) how often each answer was given."""
    chosen = np.where(counted, votes.chosen, -1)
    heads: Positions = (chosen[:, :, None] == np.arange(OPTIONS + 1)).sum(axis=1)
    return heads


def lead_of_two(votes: Votes, luck: Luck, most: int = 7) -> Decided:
    """Ask until one answer is two votes ahead of the next, at most seven times."""
    calls = np.full(len(votes.usable), most)
    for count in range(most - 1, 0, -1):
        heads = np.sort(_heads(votes, votes.usable & (np.arange(ROUNDS) < count)), axis=1)
        calls[heads[:, -1] - heads[:, -2] >= 2] = count
    return plurality(votes, luck, calls)


def judge(
    votes: Votes, prior: Doubles, rules: VotesConfig, *, graded: bool, learn_at: Sequence[int] = LEARN_AT
) -> Decided:
    """This judge, with select questions alone: what :mod:`kgalign.judge.deliberate` and the reducer ``adaptive``
    do for one case is done for all cases at once.

    Args:
        votes: what it would be answered, in balanced orders.
        prior: (c, options + 1) of tier 1.
        rules: when to stop.
        graded: whether it is given the probabilities.
        learn_at: cases after which the model of the voter is learned anew.
    """
    size = len(prior)
    calls = np.zeros(size, dtype=np.int64)
    model = VoteModel()
    edges = [0, *(edge for edge in learn_at if edge < size), size]
    for start, end in pairwise(edges):
        part = slice(start, end)
        calls[part] = _stops(votes[part], prior[part], rules, model, graded=graded)
        model = VoteModel.fit(ballots(votes[:end], prior[:end], calls[:end], graded=graded))
    counted = votes.usable & (np.arange(ROUNDS) < calls[:, None])
    posterior, _ = combine(np.log(prior), *_tendency(votes, counted, model, graded=graded))
    chosen = np.where(counted.any(axis=1), posterior.argmax(axis=1), ABSTAINS)
    return Decided(chosen, calls, posterior.max(axis=1))


def _stops(votes: Votes, prior: Doubles, rules: VotesConfig, model: VoteModel, *, graded: bool) -> Positions:
    """(c,) how often each question is asked."""
    calls = np.full(len(prior), rules.max_votes)
    for count in range(rules.max_votes - 1, rules.min_votes - 1, -1):
        counted = votes.usable & (np.arange(ROUNDS) < count)
        posterior, settled = combine(np.log(prior), *_tendency(votes, counted, model, graded=graded))
        sure = np.maximum(posterior.max(axis=1), settled) >= rules.confidence
        calls[sure & (counted.sum(axis=1) >= rules.min_votes)] = count
    return calls


def _tendency(votes: Votes, counted: Flags, model: VoteModel, *, graded: bool) -> tuple[Doubles, Doubles]:
    """(c, 1, options + 1) log-likelihood of the votes for each tendency, and (1,) trust."""
    answer, grades = votes.place, np.zeros_like(votes.place)
    if graded:
        given = np.roll(votes.probability, -1, axis=-1)
        answer, grades = regraded(given, votes.place, model.places.get((VOTER, OPTIONS)))
    tables = np.stack([model.habits_of(Form(VOTER, OPTIONS, each)).table() for each in range(len(GRADES) + 2)])
    logs = np.log(tables)[grades[:, :, None], votes.right, answer[:, :, None]]
    return (logs * counted[:, :, None]).sum(axis=1)[:, None, :], np.array([model.trust_of(VOTER)])


def ballots(votes: Votes, prior: Doubles, calls: Positions, *, graded: bool) -> list[Ballots]:
    """The votes as reducers take them."""
    cases = []
    given = np.roll(votes.probability, -1, axis=-1)
    for number, count in enumerate(calls.tolist()):
        rounds = np.flatnonzero(votes.usable[number, :count]).tolist()
        chosen, shown = votes.chosen[number].tolist(), votes.shown[number].tolist()
        cast = tuple(
            Ballot(chosen[turn], tuple(shown[turn]), VOTER, tuple(given[number, turn]) if graded else None)
            for turn in rounds
        )
        cases.append(Ballots(prior[number], cast))
    return cases
