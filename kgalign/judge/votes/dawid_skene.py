"""Dawid and Skene's model with one coin per voter: how often is each right, told by EM without gold.

Every voter answers rightly with a probability of its own and otherwise gives any other of the answers
open to it (Dawid and Skene, 1979, with a single accuracy per voter). How many cases have no partner is
learned beside it, as a shift of the priors' odds of "none". Votes are taken as independent given the
truth, which votes of language models are not: it is a yardstick for
:mod:`kgalign.judge.votes.weighted`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles
from kgalign.judge.votes.ballots import Ballots, Tally

_ROUNDS = 200
_TOLERANCE = 1e-8
_FLOOR = 1e-6
_RIGHT, _WRONG = 4.0, 1.0
"""Votes that every voter is taken to have cast before its first."""
_SHIFT = 1.0
"""Deviation of the shift of "none", in log-odds."""


@dataclass(frozen=True, slots=True)
class _Case:
    log_prior: Doubles
    """(n + 1,)"""
    right: Doubles
    """(voters, n + 1) votes that are right under each hypothesis."""
    votes: Doubles
    """(voters,)"""
    chance: Doubles
    """(n + 1,) log probability of just those wrong answers, given that they are wrong."""


def dawid_skene(cases: Sequence[Ballots]) -> list[Tally]:
    """Count votes by the learned accuracy of their voters.

    A case without a vote keeps its prior. It never abstains: the leader is the most probable hypothesis.
    """
    voters = sorted({ballot.voter for case in cases for ballot in case.ballots})
    number = {voter: place for place, voter in enumerate(voters)}
    found = iter(_learn([_tabulate(case, number) for case in cases if case.ballots], len(voters)))
    chosen = [next(found) if case.ballots else case.prior / case.prior.sum() for case in cases]
    return [Tally(probability, int(probability.argmax())) for probability in chosen]


def _tabulate(case: Ballots, number: dict[str, int]) -> _Case:
    right, votes = np.zeros((len(number), len(case.prior))), np.zeros(len(number))
    chance = np.zeros(len(case.prior))
    hypotheses = range(len(case.prior))
    for ballot in case.ballots:
        # Where the partner is not offered, none is the right answer.
        hit = np.array([ballot.choice == (truth if truth in ballot.offered else 0) for truth in hypotheses])
        right[number[ballot.voter]] += hit
        votes[number[ballot.voter]] += 1
        chance -= np.where(hit, 0, np.log(max(len(ballot.offered), 1)))
    return _Case(np.log(np.maximum(case.prior, _FLOOR)), right, votes, chance)


def _learn(cases: Sequence[_Case], voters: int) -> list[Doubles]:
    """Probabilities of the hypotheses of each case."""
    accuracy, shift = np.full(voters, _RIGHT / (_RIGHT + _WRONG)), 0.0
    votes = sum((case.votes for case in cases), np.zeros(voters))
    found: list[Doubles] = []
    for _ in range(_ROUNDS):
        before = accuracy, shift
        found = [_posterior(case, accuracy, shift) for case in cases]
        right = sum((case.right @ p for case, p in zip(cases, found, strict=True)), np.zeros(voters))
        accuracy = (right + _RIGHT) / (votes + _RIGHT + _WRONG)
        shift = _shifted(cases, sum(float(p[0]) for p in found))
        if np.abs(accuracy - before[0]).max(initial=0) + abs(shift - before[1]) < _TOLERANCE:
            break
    return found


def _posterior(case: _Case, accuracy: Doubles, shift: float) -> Doubles:
    wrong = case.votes[:, None] - case.right
    log = case.log_prior + case.chance + np.log(accuracy) @ case.right + np.log1p(-accuracy) @ wrong
    log[0] += shift
    weight = np.exp(log - log.max())
    probability: Doubles = weight / weight.sum()
    return probability


def _shifted(cases: Sequence[_Case], none: float) -> float:
    """The shift under which the priors predict as many cases without a partner as are expected."""
    odds = np.array([case.log_prior[0] - np.logaddexp.reduce(case.log_prior[1:]) for case in cases])
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        predicted = (1 / (1 + np.exp(-(odds + middle)))).sum()
        low, high = (middle, high) if none - predicted > middle / _SHIFT**2 else (low, middle)
    return (low + high) / 2
