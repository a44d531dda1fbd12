"""Whether a voter is worth asking: its answers to questions whose answers are known, against chance.

Chance is what it would reach by its habits alone: a voter that says yes to everything is right on every pair
of partners, and knows nothing. So each answer is held against what the voter said to the other questions of
the same form.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles
from kgalign.ledger.stance import is_right, right_place
from kgalign.records.votes import NONE, QuestionKind, Vote

LEAST = 1.645
"""How many deviations above chance a voter must be: one in twenty that guess get through."""
_FEWEST = 4
"""Usable answers of a form below which nothing is said of it."""


@dataclass(frozen=True, slots=True)
class Competence:
    """How a voter did in one form of question."""

    kind: QuestionKind
    asked: int
    usable: int
    """Answers that count."""
    right: int
    by_chance: float
    """Right answers that its habits alone would give."""
    above: float
    """By how many deviations it is better than that; -infinite where too few answers can be read."""

    @property
    def is_worth_asking(self) -> bool:
        """Whether it is better than chance; where hardly anything was answered, nobody knows."""
        return self.above > LEAST or self.asked < _FEWEST


def competence(votes: Sequence[Vote]) -> list[Competence]:
    """How a voter did on controls, by form.

    :param votes: of one voter, on controls.
    """
    return [
        _of_kind(kind, given)
        for kind in QuestionKind
        if (given := [vote for vote in votes if vote.question.kind is kind])
    ]


def worth_asking(found: Sequence[Competence]) -> frozenset[QuestionKind]:
    """The forms in which a voter is better than chance."""
    return frozenset(each.kind for each in found if each.is_worth_asking)


def told_of(found: Sequence[Competence]) -> str:
    """What was found, in words: ``right on 19 of 24 controls (select 9 of 12, verify 10 of 12)``."""
    right, asked = sum(each.right for each in found), sum(each.asked for each in found)
    forms = ", ".join(f"{each.kind} {each.right} of {each.asked}" for each in found)
    return f"right on {right} of {asked} controls ({forms})"


def not_asked(model: str, found: Sequence[Competence], *, others_go_on: bool = False) -> str:
    """Why a voter was asked no further, in one sentence.

    :param others_go_on: whether there are other voters; else the evidence stands.
    """
    rest = "and the others go on" if others_go_on else "and the evidence stands"
    usable, asked = sum(each.usable for each in found), sum(each.asked for each in found)
    if usable < _FEWEST:
        return (
            f"{model} gave {usable} answers that count to {asked} questions whose answers are known: it was "
            f"asked no further, {rest}"
        )
    by_chance = sum(each.by_chance for each in found)
    return (
        f"{model} is no better than chance: {told_of(found)}, where its habits alone give {by_chance:.0f}; "
        f"it was asked no further, {rest} (--ask-anyway asks it all the same)"
    )


def _of_kind(kind: QuestionKind, votes: Sequence[Vote]) -> Competence:
    usable = [vote for vote in votes if is_right(vote) is not None]
    right = sum(bool(is_right(vote)) for vote in usable)
    given = [_given(vote) for vote in usable]
    places = [right_place(vote) or 0 for vote in usable]
    gained, chance = [], []
    for number, (each, place) in enumerate(zip(given, places, strict=True)):
        alike = [other for k, other in enumerate(given) if k != number and len(other) == len(each)]
        habit = float(np.mean([other[place] for other in alike])) if alike else 1.0 / len(each)
        gained.append(float(each[place]) - habit)
        chance.append(habit)
    return Competence(kind, len(votes), len(usable), right, sum(chance), _above(gained))


def _given(vote: Vote) -> Doubles:
    """(offered + 1,) what was given to none of them, then to each place."""
    answer = vote.answer
    if answer.probabilities is not None:
        return np.array([answer.probabilities[-1], *answer.probabilities[:-1]])
    given = np.zeros(len(vote.question.options) + 1)
    given[answer.place if answer.choice != NONE else 0] = 1.0
    return given


def _above(gained: Sequence[float]) -> float:
    """How many deviations the mean is above zero."""
    if len(gained) < _FEWEST:
        return -math.inf
    mean, deviation = float(np.mean(gained)), float(np.std(gained, ddof=1))
    if deviation < 1e-9:
        return math.inf if mean > 1e-9 else -math.inf
    return mean / (deviation / math.sqrt(len(gained)))
