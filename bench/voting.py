"""Rules of voting beside each other, on the answers of a judge whose faults are set.

The judge is the scripted one: with some probability its answer is unusable, else with some probability it
takes the option that is shown first, else it is right or takes any other option. Its law is drawn here for
many questions at once; a test compares it with :class:`kgalign.llm.scripted.Scripted`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.config import VotesConfig
from kgalign.evaluate.calibration import calibration
from kgalign.judge.permute import order
from kgalign.judge.reduce.ballots import Ballot, Ballots
from kgalign.judge.vote_model import GRADES, LEARN_AT, Form, VoteModel, combine, regraded

OPTIONS = 5
ROUNDS = 7
"""Most questions of any system."""
VOTER = "scripted"
ABSTAINS = -1
_NOISE = 0.6
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


def majority(votes: Votes, rounds: int) -> Decided:
    """What was chosen in more than half of the usable answers of some rounds; else it abstains."""
    counted = votes.usable & (np.arange(ROUNDS) < rounds)
    heads = _heads(votes, counted)
    chosen = np.where(2 * heads.max(axis=1) > counted.sum(axis=1), heads.argmax(axis=1), ABSTAINS)
    return Decided(chosen, np.full(len(chosen), rounds), np.ones(len(chosen)))


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
    votes: Votes,
    prior: Doubles,
    rules: Sequence[VotesConfig],
    *,
    graded: bool,
    learn_at: Sequence[int] = LEARN_AT,
) -> list[Decided]:
    """This judge, with select questions alone: what :mod:`kgalign.judge.deliberate` and the reducer
    ``adaptive`` do for one case is done for all cases at once.

    Args:
        votes: what it would be answered, in balanced orders.
        prior: (c, options + 1) of tier 1.
        rules: when to stop; it learns from the votes that the last of them asks for.
        graded: whether it is given the probabilities.
        learn_at: cases after which the model of the voter is learned anew.

    Returns:
        What it decides under each of the rules.
    """
    size = len(prior)
    calls = np.zeros((len(rules), size), dtype=np.int64)
    model = VoteModel()
    edges = [0, *(edge for edge in learn_at if edge < size), size]
    for start, end in pairwise(edges):
        part = slice(start, end)
        for number, each in enumerate(rules):
            calls[number, part] = _stops(votes[part], prior[part], each, model, graded=graded)
        model = VoteModel.fit(ballots(votes[:end], prior[:end], calls[-1, :end], graded=graded))
    decided = []
    for asked in calls:
        counted = votes.usable & (np.arange(ROUNDS) < asked[:, None])
        posterior, _ = combine(np.log(prior), *_tendency(votes, counted, model, graded=graded))
        chosen = np.where(counted.any(axis=1), posterior.argmax(axis=1), ABSTAINS)
        decided.append(Decided(chosen, asked, posterior.max(axis=1)))
    return decided


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
    tables = np.stack(
        [model.habits_of(Form(VOTER, OPTIONS, each)).table() for each in range(len(GRADES) + 2)]
    )
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


SHOWN = 0.99
"""Confidence whose figures are shown alone, and from whose votes the judge learns."""
CONFIDENCES = (0.7, 0.8, 0.9, 0.95, 0.995, SHOWN)
"""At which the judge stops."""
_RULES = [VotesConfig(confidence=each, min_votes=2, max_votes=7) for each in CONFIDENCES]
_SAME = np.full((1, OPTIONS + 1), 1.0 / (OPTIONS + 1))

ONE, FIXED, SHUFFLED, STRICT, LEAD = (
    "one call",
    "5 rounds, fixed order",
    "5 rounds, shuffled",
    "5 rounds, shuffled, more than half",
    "lead of two, at most 7",
)
BLIND, PLACES, PRIOR, FULL = (
    "judge",
    "judge, probabilities",
    "judge, prior",
    "judge, prior, probabilities",
)
"""This judge without and with tier 1's prior and the probabilities of the first token."""


@dataclass(frozen=True, slots=True)
class Row:
    """One system on one setting, over all seeds."""

    setting: Setting
    system: str
    confidence: float
    """At which it stops; 0 where that is no part of the system."""
    questions: int
    right: float
    """Share of all questions."""
    calls: float
    """Mean, usable answers or not."""
    abstained: float
    calibration_error: float
    """Expected calibration error of its probability; 0 where it gives none."""
    right_by_place: tuple[float, ...]
    """Share of right answers where the truth stands first, second … in the first round."""
    excess_by_place: tuple[float, ...]
    """Share of the questions that what stands first, second … in the first round wins, less those in which
    it is the truth."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One system on one setting with one seed."""

    decided: Decided
    truth: Positions
    """(c,) number of the right option."""
    first: Positions
    """(c, options + 1) place of each option in the first round."""


def measure(
    seeds: int, questions: int, tell: Callable[[Setting], None], grid: Sequence[Setting] = GRID
) -> list[Row]:
    """Every system on every setting.

    Args:
        seeds: how many draws of the questions.
        questions: in each of them.
        tell: called with each setting as soon as it is measured.
        grid: the settings.
    """
    drawn = [(Luck.draw(questions, seed), balanced(questions, seed)) for seed in range(seeds)]
    rows = []
    for setting in grid:
        runs: dict[tuple[str, float], list[_Run]] = {}
        for luck, shown in drawn:
            for system, confidence, decided, first in _decisions(luck, shown, setting):
                runs.setdefault((system, confidence), []).append(_Run(decided, luck.truth + 1, first))
        rows += [_row(setting, *key, each) for key, each in runs.items()]
        tell(setting)
    return rows


def _decisions(
    luck: Luck, shown: Positions, setting: Setting
) -> Iterator[tuple[str, float, Decided, Positions]]:
    """System, confidence, what it decides, and the places in its first round."""
    size = len(luck.truth)
    fixed = luck.votes(setting, np.repeat(luck.shuffled[:, :1], ROUNDS, axis=1))
    shuffled = luck.votes(setting, luck.shuffled)
    places = shuffled.right[:, 0]
    yield ONE, 0.0, plurality(shuffled, luck, np.full(size, 1)), places
    yield FIXED, 0.0, plurality(fixed, luck, np.full(size, 5)), places
    yield SHUFFLED, 0.0, plurality(shuffled, luck, np.full(size, 5)), places
    yield STRICT, 0.0, majority(shuffled, 5), places
    yield LEAD, 0.0, lead_of_two(shuffled, luck), places
    votes = luck.votes(setting, shown)
    same, prior = np.repeat(_SAME, size, axis=0), luck.prior()
    for system, belief, graded in (
        (BLIND, same, False),
        (PLACES, same, True),
        (PRIOR, prior, False),
        (FULL, prior, True),
    ):
        decided = judge(votes, belief, _RULES, graded=graded)
        for rules, each in zip(_RULES, decided, strict=True):
            yield system, rules.confidence, each, votes.right[:, 0]


def _row(setting: Setting, system: str, confidence: float, runs: Sequence[_Run]) -> Row:
    chosen = np.concatenate([run.decided.chosen for run in runs])
    truth = np.concatenate([run.truth for run in runs])
    first = np.concatenate([run.first for run in runs])
    probability = np.concatenate([run.decided.probability for run in runs])
    right = chosen == truth
    each = np.arange(len(truth))
    stood, won = first[each, truth], np.where(chosen > 0, first[each, chosen], 0)
    places = range(1, OPTIONS + 1)
    return Row(
        setting=setting,
        system=system,
        confidence=confidence,
        questions=len(truth),
        right=float(right.mean()),
        calls=float(np.concatenate([run.decided.calls for run in runs]).mean()),
        abstained=float((chosen == ABSTAINS).mean()),
        calibration_error=calibration(probability, right).ece if confidence else 0.0,
        right_by_place=tuple(float(right[stood == place].mean()) for place in places),
        excess_by_place=tuple(float((won == place).mean() - (stood == place).mean()) for place in places),
    )
