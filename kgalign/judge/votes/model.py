"""How votes come about: what a voter's answers say of the truth, learned from many cases without labels.

A voter makes up its mind about a case once: with probability ``trust`` it tends to the truth, else to one of
the other hypotheses, each as likely; or as the evidence has it, where it goes by how alike texts are, see
:mod:`kgalign.judge.votes.combining`. Each of its votes then answers the question that was put as that
tendency would have it, with probability ``competence``; or it errs, to any other answer alike; or it does
not look at all and answers out of habit: "none", or whatever stands at a certain place. So votes of one
voter on one case saturate: more of them make its tendency certain, and never the truth more certain than
``trust`` allows. Where the errors of a voter are independent from vote to vote, ``trust`` is learned to be
near 1.

The mixture over tendencies is a one-coin Dawid-Skene model (Dawid & Skene 1979) one level up; the habits take
the place of the rows of its confusion matrices. Parameters are estimated by expectation-maximisation with
conjugate priors on them; the prior of each case, which comes from the evidence, says which tendency is the
true one. What several voters say of one case is joined by :mod:`kgalign.judge.votes.combining`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.combining import chances, combine, normalised

TRUST = (0.93, 20.0)
"""Mean and weight, in cases, of the prior on trust."""
COMPETENCE = (0.85, 0.7, 0.85, 0.92)
"""Mean of the prior on competence: where probabilities are not known, and by the grade of the answer."""
COMPETENCE_WEIGHT = 20.0
"""Its weight, in votes."""
HABIT = (0.1, 10.0)
"""Mean of all habits together, and weight, in votes, of the prior on them."""
TRUST_KNOWN = (0.9, 4.0)
"""The same where controls tell it."""
HARDER = 0.5
"""By how much the log-odds of a right answer are lower for each natural log-odds by which the evidence is
less sure of a case. Measured on the recorded answers of four models to the questions of five sets (``python
-m bench difficulty``): .52, and between .48 and .69 with one set left out."""
SUREST = 5.0
"""Log-odds of the evidence from which on cases are no easier; those of a control."""
_LEAST = 1e-6
"""No prior of a case is taken to be lower: what the evidence rules out can still be said by votes."""
GRADES = (0.6, 0.9)
"""From these probabilities on an answer has the next grade."""
CLEARLY = 1.25
"""By this factor another answer must be more probable, to be read in place of the one that was given: the
prior of the places is an estimate, and near ties should not turn on its error."""

_NOTHING = 0.1
"""Natural log-odds between what a voter tends to and each other hypothesis up to which its word tells
nothing."""
_PLACE_FLOOR = 1e-3
"""No probability is taken to be lower: servers cut off their lists, and a single sure answer would outweigh
many unsure ones."""
_PLACE_WEIGHT = 20.0
"""Weight, in ballots, of the belief that all places are alike."""

LEARN_AT = (64, 512, 4096, 32768)
"""Cases after which a run learns the voters anew: at fixed points, so that the order of arrival decides
nothing."""


class Form(NamedTuple):
    """A kind of answers that share their habits."""

    voter: str
    offered: int
    """How many options could be chosen."""
    grade: int
    """How sure the voter was, from its probabilities without the habit of places: 1 is the least, 3 the most;
    0 where they are not known."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a voter answers one form of question."""

    competence: float
    """Probability of the right answer, as the voter's tendency has it, where it looks at the question."""
    habit: Doubles
    """(offered + 1,) probability of answering without looking: "none" first, then each place. Sums to less
    than 1."""

    def table(self) -> Doubles:
        """(offered + 1, offered + 1): row, the place of the right answer, 0 for none; column, the place of
        the given one. Rows sum to 1.
        """
        size = len(self.habit)
        looking = np.full((size, size), (1.0 - self.competence) / (size - 1))
        np.fill_diagonal(looking, self.competence)
        table: Doubles = self.habit[None, :] + (1.0 - self.habit.sum()) * looking
        return table


class Liking(NamedTuple):
    """How the probability is read that a voter gives to a pair: its log-odds times ``slope``, plus ``shift``.

    A voter that likes to say yes has a shift below 0, one that is surer than it should be a slope below 1
    (Platt 1999).
    """

    shift: float
    slope: float


@dataclass(frozen=True, slots=True)
class VoteModel:
    """What is known of the voters. Without arguments, what is believed before any vote."""

    habits: Mapping[Form, Habits] = field(default_factory=dict)
    trust: Mapping[str, float] = field(default_factory=dict)
    """Voter → probability that it tends to the truth of a case."""
    places: Mapping[tuple[str, int], Doubles] = field(default_factory=dict)
    """(voter, options offered) → prior probability of each place, from first-token probabilities."""
    yes: Mapping[str, "Liking"] = field(default_factory=dict)
    """Voter → how its probabilities of a pair are to be read, where controls tell it."""
    controlled: bool = False
    """Whether trust was learned from controls: then it is that in cases that are as clear as these, and less
    in those that are in doubt."""
    slope: float = 1.0
    """What the evidence's log-odds are multiplied by where several voters voted."""
    of_pairs: frozenset[str] = frozenset()
    """Voters that said nothing but yes or no to pairs."""
    by_likeness: frozenset[str] = frozenset()
    """Voters that go by how alike texts are: where they don't know, they guess as the evidence does."""

    def habits_of(self, form: Form) -> Habits:
        """Of a form that was not seen, what is believed without votes."""
        return self.habits.get(form) or unseen(form)

    def trust_of(self, voter: str, prior: Doubles | None = None) -> float:
        """How far a voter is trusted in a case; of a voter that was not seen, what is believed without votes.

        :param prior: (n + 1,) of the case, by the evidence; None for a case that is as clear as can be.
        """
        trust = self.trust.get(voter, TRUST[0])
        if prior is None:
            return trust
        if self.controlled:
            trust = float(in_doubt(trust, prior[None], voter in self.of_pairs)[0])
        return max(trust, self._chance(voter, prior)) if voter in self.by_likeness else trust

    def guess_of(self, voter: str, prior: Doubles) -> Doubles:
        """(n + 1,) how probably a voter tends to each hypothesis of a case where it does not know.

        :param prior: (n + 1,) of the case, by the evidence.
        """
        return floored(prior) if voter in self.by_likeness else np.full(len(prior), 1.0 / len(prior))

    def _chance(self, voter: str, prior: Doubles) -> float:
        return float(chances(floored(prior), self.guess_of(voter, prior)))

    def can_tell(self, voter: str, prior: Doubles) -> bool:
        """Whether a voter's word would count for anything in a case, however often it is asked.

        :param prior: (n + 1,) of the case, by the evidence.
        """
        trust, chance = self.trust_of(voter, prior), self._chance(voter, prior)
        return trust * (1.0 - chance) > (1.0 - trust) * chance * math.exp(_NOTHING)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a case stands."""

    posterior: Doubles
    """(n + 1,) probability of each hypothesis."""
    leader: int
    """The most probable one, the lowest of equal ones."""
    settled: float
    """Probability that the leader would still lead if every voter that voted were asked for ever. It can be
    high while the leader is in doubt: then the voter is sure, and more of its votes are no help."""


def standing(case: Ballots, model: VoteModel) -> Standing:
    """Bayes' rule for one case."""
    tendency: dict[str, Doubles] = {}
    for ballot in case.ballots:
        seen = _log_likelihood(ballot, case.options, model)
        tendency[ballot.voter] = tendency.get(ballot.voter, 0.0) + seen
    prior = np.log(floored(case.prior))
    if not tendency:
        return Standing(normalised(prior), int(prior.argmax()), 0.0)
    voters = sorted(tendency)
    trust = np.array([model.trust_of(voter, case.prior) for voter in voters])
    slope = model.slope if len(voters) > 1 else 1.0
    guess = np.stack([model.guess_of(voter, case.prior) for voter in voters])
    told = np.stack([tendency[each] for each in voters])
    posterior, settled = combine(prior[None], told[None], trust, guess[None], slope)
    return Standing(posterior[0], int(posterior[0].argmax()), float(settled[0]))


def in_doubt(trust: Doubles | float, prior: Doubles, pairs: Flags | bool = False) -> Doubles:
    """(c,) trust in cases that are less clear than controls; no less than chance.

    Sure cases are easier than doubtful ones, for people as for models (Rasch 1960): what is learned on the
    first is too good for the second. How hard a case is, is told by how far the evidence is from being sure.

    Who says nothing but yes or no to pairs was right on controls by chance in one of two, whatever the number
    of hypotheses. Lowered to that, its word is worth nothing in a case of ten options either.

    :param trust: as it is in controls, of all cases or of each.
    :param prior: (c, n + 1) probability of each hypothesis by the evidence; 0 beyond those of a case.
    :param pairs: whether the voter says nothing but yes or no to pairs, of all cases or of each.
    """
    sure = np.clip(prior.max(axis=-1), 1e-3, 1 - 1e-3)
    harder = HARDER * np.clip(SUREST - np.log(sure / (1 - sure)), 0.0, SUREST + 1.0)
    inner = np.clip(trust, 1e-6, 1 - 1e-6)
    lower = 1.0 / (1.0 + np.exp(harder - np.log(inner / (1 - inner))))
    chance = 1.0 / np.maximum(2, (prior > 0).sum(axis=-1))
    above = chance + (1.0 - chance) * np.maximum(0.0, 2.0 * lower - 1.0)
    found: Doubles = np.where(pairs, above, np.maximum(lower, np.minimum(chance, trust)))
    return found


def floored(prior: Doubles) -> Doubles:
    """A prior that rules nothing out."""
    raised = np.maximum(prior, _LEAST)
    shares: Doubles = raised / raised.sum()
    return shares


def unseen(form: Form) -> Habits:
    """What is believed of a form without votes."""
    return Habits(COMPETENCE[form.grade], np.full(form.offered + 1, HABIT[0] / (form.offered + 1)))


def places_of(ballot: Ballot, options: int) -> list[int]:
    """At which place of a ballot each of ``options + 1`` hypotheses would have the answer; 0 for none."""
    places = [0] * (options + 1)
    for place, option in enumerate(ballot.offered, 1):
        places[option] = place
    return places


def read(
    ballots: Sequence[Ballot],
    places: Mapping[tuple[str, int], Doubles],
    yes: Mapping[str, Liking] = MappingProxyType({}),
) -> list[tuple[Form, int]]:
    """The form of each ballot, and the place of its answer, 0 for none.

    Where the voter's probabilities are known, the answer is the one that is most probable without the prior
    of the places, of a pair without its liking of yes; what was chosen stands unless another is clearly more
    probable than it.
    """
    found: dict[int, tuple[Form, int]] = {}
    alike: dict[tuple[str, int], list[int]] = {}
    for number, ballot in enumerate(ballots):
        size = len(ballot.offered)
        place = ballot.offered.index(ballot.choice) + 1 if ballot.choice else 0
        found[number] = Form(ballot.voter, size, 0), place
        if ballot.probabilities is not None:
            alike.setdefault((ballot.voter, size), []).append(number)
    for key, numbers in alike.items():
        given = np.array([ballots[number].probabilities for number in numbers])
        if key[1] == 1 and key[0] in yes:
            given = of_pairs(given, yes[key[0]])
        chosen = np.array([found[number][1] for number in numbers])
        answers, grades = regraded(given, chosen, places.get(key))
        for number, answer, grade in zip(numbers, answers.tolist(), grades.tolist(), strict=True):
            found[number] = Form(*key, grade), answer
    return [found[number] for number in range(len(ballots))]


def regraded(given: Doubles, chosen: Positions, prior: Doubles | None) -> tuple[Positions, Positions]:
    """Place and grade of each answer, from the probabilities that the voter gave.

    :param given: (b, offered + 1) of each place in the order shown and last of none of them.
    :param chosen: (b,) place that it chose, 0 for none.
    :param prior: (offered,) prior of the places, if there is one.
    """
    probability = corrected(given, prior)
    best = probability.max(axis=-1)
    kept = np.take_along_axis(probability, chosen[..., None], axis=-1)[..., 0]
    answers = np.where(best > CLEARLY * kept, probability.argmax(axis=-1), chosen)
    return answers, 1 + np.searchsorted(GRADES, best, side="right")


def _log_likelihood(ballot: Ballot, options: int, model: VoteModel) -> Doubles:
    """(options + 1,) of a ballot for each tendency of its voter."""
    [(form, answer)] = read([ballot], model.places, model.yes)
    said: Doubles = np.log(model.habits_of(form).table()[:, answer])[places_of(ballot, options)]
    return said


def of_pairs(given: Doubles, liking: Liking) -> Doubles:
    """(b, 2) probabilities of yes and no without a voter's liking of yes.

    :param given: (b, 2) as it gave them.
    """
    odds = liking.shift + liking.slope * pair_odds(given)
    share = 1.0 / (1.0 + np.exp(-odds))
    return np.stack([share, 1.0 - share], axis=-1)


def pair_odds(given: Doubles) -> Doubles:
    """(b,) log-odds of yes.

    :param given: (b, 2) probabilities of yes and no.
    """
    inner = np.clip(given, _PLACE_FLOOR, 1.0)
    odds: Doubles = np.log(inner[:, 0]) - np.log(inner[:, 1])
    return odds


def place_priors(ballots: Sequence[Ballot]) -> dict[tuple[str, int], Doubles]:
    """(voter, options offered) → (offered,) prior probability of each place; it sums to 1.

    What a model gives to a place whatever stands there. PriDe (arXiv 2309.03882) shows a question in all
    orders and takes the softmax of the mean log-probability of each place. Here every question is shown in
    few orders, but the orders are balanced over the questions: so the mean over all questions serves as well.

    Only ballots with probabilities on two options or more tell: with one option, a habit can't be told from
    what is true.
    """
    logs: dict[tuple[str, int], list[Doubles]] = {}
    for ballot in ballots:
        if ballot.probabilities is not None and len(ballot.offered) > 1:
            shown = np.maximum(np.asarray(ballot.probabilities[:-1], dtype=np.float64), _PLACE_FLOOR)
            logs.setdefault((ballot.voter, len(shown)), []).append(np.log(shown / shown.sum()))
    return {key: _place_prior(np.stack(rows)) for key, rows in sorted(logs.items())}


def _place_prior(logs: Doubles) -> Doubles:
    mean = logs.mean(axis=0) * (len(logs) / (len(logs) + _PLACE_WEIGHT))
    return normalised(mean)


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
