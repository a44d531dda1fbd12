"""Rules of voting beside each other, on the answers of a judge whose faults are set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from bench.voting_draws import GRID, OPTIONS, ROUNDS, Luck, Setting, Votes, balanced
from kgalign.arrays import Doubles, Flags, Positions
from kgalign.config import VotesConfig
from kgalign.evaluate.calibration import calibration
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.combining import combine
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import GRADES, LEARN_AT, Form, VoteModel, regraded

VOTER = "scripted"
ABSTAINS = -1


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
    """This judge, with select questions alone: what :mod:`kgalign.judge.asking.next_question` and the reducer
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
        model = estimate(ballots(votes[:end], prior[:end], calls[-1, :end], graded=graded))
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
CONFIDENCES = (0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.995, SHOWN)
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


@dataclass(frozen=True, slots=True)
class Places:
    """How far what one system decides depends on the first order."""

    setting: Setting
    system: str
    questions: int
    right: tuple[float, ...]
    """Share of right answers where the truth stands first, second … in the first round."""
    won: tuple[float, ...]
    """Share of the questions that are won by what stands first, second … in the first round."""


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
    drawn = [Luck.draw(questions, seed) for seed in range(seeds)]
    orders = [balanced(questions, seed) for seed in range(seeds)]
    rows = []
    for setting in grid:
        found: dict[tuple[str, float], list[tuple[Decided, Flags]]] = {}
        for luck, shown in zip(drawn, orders, strict=True):
            for system, confidence, decided, _ in _decisions(luck, shown, setting, _RULES):
                right = decided.chosen == luck.truth + 1
                found.setdefault((system, confidence), []).append((decided, right))
        rows += [_row(setting, *key, each) for key, each in found.items()]
        tell(setting)
    return rows


def places(seeds: int, questions: int, settings: Sequence[Setting]) -> list[Places]:
    """How far decisions depend on the place of the truth in the first order.

    Each question is put five times, with all else equal: the truth and another option change their names,
    so that the truth stands at each place of the first order once. Each time all places occur equally
    often, because the judge learns the habits of its voter from all questions.
    """
    found: dict[tuple[Setting, str], list[tuple[Flags, Positions, Positions]]] = {}
    for seed in range(seeds):
        luck, shown = Luck.draw(questions, seed), balanced(questions, seed)
        for turn in range(OPTIONS):
            place = (np.arange(questions) + turn) % OPTIONS
            moved = replace(luck, shuffled=_moved(luck.shuffled, luck.truth + 1, place))
            for setting in settings:
                rules = [VotesConfig(confidence=SHOWN, min_votes=2, max_votes=7)]
                orders = _moved(shown, luck.truth + 1, place)
                for system, _, decided, first in _decisions(moved, orders, setting, rules):
                    won = np.where(
                        decided.chosen > 0, first[np.arange(questions), decided.chosen] - 1, ABSTAINS
                    )
                    right = decided.chosen == luck.truth + 1
                    found.setdefault((setting, system), []).append((right, place, won))
    rows = []
    for (setting, system), parts in found.items():
        right, place, won = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        shares = tuple(float(right[place == each].mean()) for each in range(OPTIONS))
        wins = tuple(float((won == each).mean()) for each in range(OPTIONS))
        rows.append(Places(setting, system, seeds * questions, shares, wins))
    return rows


def _moved(shown: Positions, truth: Positions, place: Positions) -> Positions:
    """Orders in which the truth has changed its name with what stands at a place of the first."""
    other = shown[np.arange(len(shown)), 0, place][:, None, None]
    true = truth[:, None, None]
    moved: Positions = np.where(shown == true, other, np.where(shown == other, true, shown))
    return moved


def _decisions(
    luck: Luck, shown: Positions, setting: Setting, judged: Sequence[VotesConfig]
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
        decided = judge(votes, belief, judged, graded=graded)
        for rules, each in zip(judged, decided, strict=True):
            yield system, rules.confidence, each, votes.right[:, 0]


def _row(setting: Setting, system: str, confidence: float, parts: Sequence[tuple[Decided, Flags]]) -> Row:
    right = np.concatenate([each for _, each in parts])
    chosen = np.concatenate([decided.chosen for decided, _ in parts])
    probability = np.concatenate([decided.probability for decided, _ in parts])
    return Row(
        setting=setting,
        system=system,
        confidence=confidence,
        questions=len(right),
        right=float(right.mean()),
        calls=float(np.concatenate([decided.calls for decided, _ in parts]).mean()),
        abstained=float((chosen == ABSTAINS).mean()),
        calibration_error=calibration(probability, right).ece if confidence else 0.0,
    )
