"""How votes come about: what a voter's answers say of the truth, learned from many cases without labels.

A voter makes up its mind about a case once: with probability ``trust`` it tends to the truth, else to one of
the other hypotheses, each as likely. Each of its votes then answers the question that was put as that tendency
would have it, with probability ``competence``; or it errs, to any other answer alike; or it does not look at
all and answers out of habit: "none", or whatever stands at a certain place. So votes of one voter on one case
saturate: more of them make its tendency certain, and never the truth more certain than ``trust`` allows. Where
the errors of a voter are independent from vote to vote, ``trust`` is learned to be near 1.

The mixture over tendencies is a one-coin Dawid-Skene model (Dawid & Skene 1979) one level up; the habits take
the place of the rows of its confusion matrices. Parameters are estimated by expectation-maximisation with
conjugate priors on them; the prior of each case, which comes from the evidence, says which tendency is the
true one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kgalign.arrays import Doubles, Positions, run_starts
from kgalign.judge.calibrate import corrected, place_priors
from kgalign.judge.reduce.ballots import Ballot, Ballots

_TRUST = (0.93, 20.0)
"""Mean and weight, in cases, of the prior on trust."""
_COMPETENCE = (0.85, 0.7, 0.85, 0.92)
"""Mean of the prior on competence: where probabilities are not known, and by the grade of the answer."""
_COMPETENCE_WEIGHT = 20.0
"""Its weight, in votes."""
_HABIT = (0.1, 10.0)
"""Mean of all habits together, and weight, in votes, of the prior on them."""
_LEAST = 1e-6
"""No prior of a case is taken to be lower: what the evidence rules out can still be said by votes."""
GRADES = (0.6, 0.9)
"""From these probabilities on an answer has the next grade."""
CLEARLY = 1.25
"""By this factor another answer must be more probable, to be read in place of the one that was given: the prior
of the places is an estimate, and near ties should not turn on its error."""
_ROUNDS, _CLOSE = 200, 1e-4

LEARN_AT = (64, 512, 4096, 32768)
"""Cases after which a run learns the voters anew: at fixed points, so that the order of arrival decides nothing."""


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
        the given one. Rows sum to 1."""
        size = len(self.habit)
        looking = np.full((size, size), (1.0 - self.competence) / (size - 1))
        np.fill_diagonal(looking, self.competence)
        table: Doubles = self.habit[None, :] + (1.0 - self.habit.sum()) * looking
        return table


@dataclass(frozen=True, slots=True)
class VoteModel:
    """What is known of the voters. Without arguments, what is believed before any vote."""

    habits: Mapping[Form, Habits] = field(default_factory=dict)
    trust: Mapping[str, float] = field(default_factory=dict)
    """Voter → probability that it tends to the truth of a case."""
    places: Mapping[tuple[str, int], Doubles] = field(default_factory=dict)
    """(voter, options offered) → prior probability of each place, from first-token probabilities."""

    @classmethod
    def fit(cls, cases: Sequence[Ballots]) -> "VoteModel":
        """Learn it from votes, see :func:`estimate`."""
        return estimate(cases)

    def habits_of(self, form: Form) -> Habits:
        """Of a form that was not seen, what is believed without votes."""
        return self.habits.get(form) or _unseen(form)

    def trust_of(self, voter: str) -> float:
        """Of a voter that was not seen, what is believed without votes."""
        return self.trust.get(voter, _TRUST[0])


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
    prior = np.log(_floored(case.prior))
    if not tendency:
        return Standing(_normalised(prior), int(prior.argmax()), 0.0)
    voters = sorted(tendency)
    trust = np.array([model.trust_of(voter) for voter in voters])
    posterior, settled = combine(prior[None], np.stack([tendency[each] for each in voters])[None], trust)
    return Standing(posterior[0], int(posterior[0].argmax()), float(settled[0]))


def combine(prior: Doubles, tendency: Doubles, trust: Doubles) -> tuple[Doubles, Doubles]:
    """Posterior and settledness of many cases at once.

    Args:
        prior: (c, n + 1) log-probability of each hypothesis.
        tendency: (c, v, n + 1) log-likelihood of the votes of each voter if it tends to a hypothesis.
        trust: (v,) trust in each voter.

    Returns:
        (c, n + 1) posterior probability, and (c,) probability that the leader stays, see :class:`Standing`.
    """
    likely = np.exp(tendency - tendency.max(axis=-1, keepdims=True))
    voter = np.log(_told(likely, trust[None, :, None]))
    total = prior + voter.sum(axis=1)
    posterior = _normalised(total)
    leader = posterior.argmax(axis=-1)
    settled = np.ones(len(prior))
    for number in range(tendency.shape[1]):
        others = _normalised(total - voter[:, number])
        settled = np.minimum(settled, _stays(others, likely[:, number], float(trust[number]), leader))
    return posterior, settled


def _stays(others: Doubles, likely: Doubles, trust: float, leader: Positions) -> Doubles:
    """(c,) probability that a voter tends to something that leaves the leader in the lead.

    Args:
        others: (c, n + 1) probability of each hypothesis by all else that is known.
        likely: (c, n + 1) likelihood of its votes for each tendency.
        trust: in the voter.
        leader: (c,) hypothesis that leads.
    """
    options = others.shape[1] - 1
    tends = likely * _told(others, trust)
    tends /= tends.sum(axis=-1, keepdims=True)
    each = np.arange(len(others))
    rest = others.copy()
    rest[each, leader] = 0.0
    # If it tends to t, the weight of t is multiplied by trust and that of each other by its share of distrust.
    other = (1.0 - trust) / max(1, options)
    against = np.maximum(rest * trust, rest.max(axis=-1, keepdims=True) * other)
    stays = others[each, leader, None] * other >= against
    stays[each, leader] = others[each, leader] * trust >= rest.max(axis=-1) * other
    kept: Doubles = (tends * stays).sum(axis=-1)
    return kept


def _told(likely: Doubles, trust: Doubles | float) -> Doubles:
    """Mix each entry of the last axis with the mean of the others: what a tendency says of the truth."""
    others = (likely.sum(axis=-1, keepdims=True) - likely) / max(1, likely.shape[-1] - 1)
    told: Doubles = trust * likely + (1.0 - trust) * others
    return told


def _normalised(logs: Doubles) -> Doubles:
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    shares: Doubles = weights / weights.sum(axis=-1, keepdims=True)
    return shares


def _floored(prior: Doubles) -> Doubles:
    floored = np.maximum(prior, _LEAST)
    shares: Doubles = floored / floored.sum()
    return shares


def _unseen(form: Form) -> Habits:
    return Habits(_COMPETENCE[form.grade], np.full(form.offered + 1, _HABIT[0] / (form.offered + 1)))



def places_of(ballot: Ballot, options: int) -> Positions:
    """(options + 1,) at which place of a ballot each hypothesis would have the answer; 0 for none."""
    place = np.zeros(options + 1, dtype=np.int64)
    place[list(ballot.offered)] = np.arange(1, len(ballot.offered) + 1)
    place[0] = 0
    return place


def read(ballots: Sequence[Ballot], places: Mapping[tuple[str, int], Doubles]) -> list[tuple[Form, int]]:
    """The form of each ballot, and the place of its answer, 0 for none.

    Where the voter's probabilities are known, the answer is the one that is most probable without the prior of
    the places; what was chosen stands unless another is clearly more probable than it.
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
        chosen = np.array([found[number][1] for number in numbers])
        answers, grades = regraded(given, chosen, places.get(key))
        for number, answer, grade in zip(numbers, answers.tolist(), grades.tolist(), strict=True):
            found[number] = Form(*key, grade), answer
    return [found[number] for number in range(len(ballots))]


def regraded(given: Doubles, chosen: Positions, prior: Doubles | None) -> tuple[Positions, Positions]:
    """Place and grade of each answer, from the probabilities that the voter gave.

    Args:
        given: (b, offered + 1) of each place in the order shown and last of none of them.
        chosen: (b,) place that it chose, 0 for none.
        prior: (offered,) prior of the places, if there is one.
    """
    probability = corrected(given, prior)
    best = probability.max(axis=-1)
    kept = np.take_along_axis(probability, chosen[..., None], axis=-1)[..., 0]
    answers = np.where(best > CLEARLY * kept, probability.argmax(axis=-1), chosen)
    return answers, 1 + np.searchsorted(GRADES, best, side="right")


def _log_likelihood(ballot: Ballot, options: int, model: VoteModel) -> Doubles:
    """(options + 1,) of a ballot for each tendency of its voter."""
    [(form, answer)] = read([ballot], model.places)
    said: Doubles = np.log(model.habits_of(form).table()[:, answer])[places_of(ballot, options)]
    return said


def estimate(cases: Sequence[Ballots]) -> VoteModel:
    """Learn the voters from votes on many cases, without labels; the order of the cases makes no difference
    but for rounding.

    Expectation: what each voter tended to in each case. Maximisation: how often its answers were what it tended
    to, a habit, or an error; and how often it tended to what the other voters and the prior say. It ends when no
    parameter moves by more than 1e-4, after 200 rounds at most.
    """
    votes = _Votes.of(cases)
    if votes is None:
        return VoteModel()
    habits = [_unseen(form) for form in votes.forms]
    trust = np.full(len(votes.voters), _TRUST[0])
    for _ in range(_ROUNDS):
        counts, new_trust = _expect(votes, habits, trust)
        new_habits = _maximise(votes.forms, habits, counts)
        moved = max(float(np.abs(new_trust - trust).max()), *map(_distance, habits, new_habits))
        habits, trust = new_habits, new_trust
        if moved < _CLOSE:
            break
    return VoteModel(
        dict(zip(votes.forms, habits, strict=True)),
        dict(zip(votes.voters, trust.tolist(), strict=True)),
        votes.places,
    )


@dataclass(frozen=True, slots=True)
class _Votes:
    """Votes in columns. Cases with fewer options than others have hypotheses of no probability."""

    voters: tuple[str, ...]
    forms: tuple[Form, ...]
    places: Mapping[tuple[str, int], Doubles]
    prior: Doubles
    """(c, h) log-probability of each hypothesis, -inf beyond those of a case; cases without votes are out."""
    options: Doubles
    """(c,) number of options, at least 1."""
    form: Positions
    pair: Positions
    """(b,) form of each ballot, and its pair of case and voter; sorted by pair."""
    answer: Positions
    """(b,) place of the answer, 0 for none."""
    right: Positions
    """(b, h) place of the right answer for each hypothesis."""
    pair_case: Positions
    pair_voter: Positions
    """(p,) case and voter of each pair; sorted by case."""

    @classmethod
    def of(cls, cases: Sequence[Ballots]) -> "_Votes | None":
        used = [case for case in cases if case.ballots]
        if not used:
            return None
        ballots = [
            (number, ballot)
            for number, case in enumerate(used)
            for ballot in sorted(case.ballots, key=lambda ballot: ballot.voter)
        ]
        voters = sorted({ballot.voter for _, ballot in ballots})
        places = place_priors([ballot for _, ballot in ballots])
        answers = read([ballot for _, ballot in ballots], places)
        forms = sorted({form for form, _ in answers})
        hypotheses = max(case.options for case in used) + 1
        prior = np.full((len(used), hypotheses), -np.inf)
        for number, case in enumerate(used):
            prior[number, : len(case.prior)] = np.log(_floored(case.prior))
        right = np.zeros((len(ballots), hypotheses), dtype=np.int64)
        for row, (number, ballot) in enumerate(ballots):
            right[row, : used[number].options + 1] = places_of(ballot, used[number].options)
        voter_id = {voter: number for number, voter in enumerate(voters)}
        form_id = {form: number for number, form in enumerate(forms)}
        case_of = np.array([number for number, _ in ballots])
        voter_of = np.array([voter_id[ballot.voter] for _, ballot in ballots])
        first = run_starts(case_of, voter_of)
        return cls(
            voters=tuple(voters),
            forms=tuple(forms),
            places=places,
            prior=prior,
            options=np.array([max(1, case.options) for case in used], dtype=np.float64),
            form=np.array([form_id[form] for form, _ in answers]),
            pair=np.cumsum(first) - 1,
            answer=np.array([answer for _, answer in answers]),
            right=right,
            pair_case=case_of[first],
            pair_voter=voter_of[first],
        )


def _expect(votes: _Votes, habits: Sequence[Habits], trust: Doubles) -> tuple[list[Doubles], Doubles]:
    """For each form how often (place of the right answer, place of the given one) came, by what the voters
    tended to; and the trust in each voter."""
    size = max(form.offered for form in votes.forms) + 1
    tables = np.ones((len(habits), size, size))
    for table, each in zip(tables, habits, strict=True):
        table[: len(each.habit), : len(each.habit)] = each.table()
    logs = np.log(tables)[votes.form[:, None], votes.right, votes.answer[:, None]]
    starts = np.flatnonzero(run_starts(votes.pair))
    tendency = np.add.reduceat(logs, starts, axis=0)
    inside = np.isfinite(votes.prior)[votes.pair_case]
    tendency = np.where(inside, tendency, -np.inf)
    likely = np.exp(tendency - tendency.max(axis=1, keepdims=True))
    others = (likely.sum(axis=1, keepdims=True) - likely) / votes.options[votes.pair_case][:, None]
    others = np.where(inside, others, 0.0)
    new_trust, believed = _trust(votes, likely, others, trust)
    tends = likely * believed
    tends /= tends.sum(axis=1, keepdims=True)
    counts = np.zeros_like(tables)
    np.add.at(counts, (votes.form[:, None], votes.right, votes.answer[:, None]), tends[votes.pair])
    sizes = [len(each.habit) for each in habits]
    return [count[:size, :size] for count, size in zip(counts, sizes, strict=True)], new_trust


def _trust(votes: _Votes, likely: Doubles, others: Doubles, trust: Doubles) -> tuple[Doubles, Doubles]:
    """Trust in each voter, and (p, h) what a voter of a case is believed to tend to before its votes.

    Args:
        votes: the votes.
        likely: (p, h) likelihood of a pair's votes for each tendency.
        others: (p, h) mean of it over the other tendencies.
        trust: (v,) of the round before.
    """
    case_starts = np.flatnonzero(run_starts(votes.pair_case))
    of_voter = trust[votes.pair_voter][:, None]
    told = of_voter * likely + (1.0 - of_voter) * others
    with np.errstate(divide="ignore"):
        logs = np.log(told)
    total = votes.prior + np.add.reduceat(np.where(told > 0, logs, 0.0), case_starts, axis=0)
    rest = _normalised(total[votes.pair_case] - np.where(told > 0, logs, 0.0))
    true, false = (rest * likely).sum(axis=1), (rest * others).sum(axis=1)
    mean, weight = _TRUST
    new = trust
    for _ in range(10):  # the votes' likelihood doesn't depend on trust, so that these rounds cost nothing
        now = new[votes.pair_voter]
        right = np.bincount(votes.pair_voter, now * true / (now * true + (1.0 - now) * false), len(trust))
        seen = np.bincount(votes.pair_voter, minlength=len(trust))
        new = (mean * weight + right) / (weight + seen)
    spread = (1.0 - rest) / votes.options[votes.pair_case][:, None]
    return new, of_voter * rest + (1.0 - of_voter) * spread


def _maximise(forms: Sequence[Form], habits: Sequence[Habits], counts: Sequence[Doubles]) -> list[Habits]:
    """New parameters of each form. Forms of one voter that differ only in how many options were offered, two
    or more, share the competence."""
    shares = [_explain(each, count) for each, count in zip(habits, counts, strict=True)]
    found: dict[tuple[str, bool, int], tuple[float, float]] = {}
    for form, (_, right, wrong) in zip(forms, shares, strict=True):
        kind = (form.voter, form.offered > 1, form.grade)
        mean = _COMPETENCE[form.grade]
        good, bad = found.get(kind, (mean * _COMPETENCE_WEIGHT, (1.0 - mean) * _COMPETENCE_WEIGHT))
        found[kind] = good + right, bad + wrong
    new = []
    for form, (habit, right, wrong) in zip(forms, shares, strict=True):
        good, bad = found[form.voter, form.offered > 1, form.grade]
        total, strength = _HABIT
        belief = np.full(form.offered + 1, strength * total / (form.offered + 1))
        new.append(Habits(good / (good + bad), (habit + belief) / (habit.sum() + right + wrong + strength)))
    return new


def _explain(habits: Habits, counts: Doubles) -> tuple[Doubles, float, float]:
    """How many answers were each habit, right, and errors."""
    table = habits.table()
    looking = 1.0 - float(habits.habit.sum())
    habit = (counts * habits.habit[None, :] / table).sum(axis=0)
    right = float((np.diag(counts) / np.diag(table)).sum()) * looking * habits.competence
    return habit, right, max(0.0, float(counts.sum() - habit.sum()) - right)


def _distance(old: Habits, new: Habits) -> float:
    return max(abs(old.competence - new.competence), float(np.abs(old.habit - new.habit).max()))
