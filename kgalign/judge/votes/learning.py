"""Learning a model of the voters from their votes, without labels: expectation-maximisation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from kgalign.arrays import Doubles, Flags, Positions, run_starts
from kgalign.judge.votes.ballots import Ballots
from kgalign.judge.votes.combining import chances, knows, normalised, slope_of, told, words
from kgalign.judge.votes.model import (
    COMPETENCE,
    COMPETENCE_WEIGHT,
    HABIT,
    TRUST,
    TRUST_KNOWN,
    Form,
    Habits,
    Liking,
    VoteModel,
    floored,
    in_doubt,
    pair_odds,
    place_priors,
    places_of,
    read,
    unseen,
)

_ROUNDS, _CLOSE = 200, 1e-3
_SHIFT, _LOG_SLOPE = 2.0, 0.7
"""Deviations of the priors on how the probability of a pair is read: of the shift of its log-odds, and of the
logarithm of their slope."""


def estimate(cases: Sequence[Ballots]) -> VoteModel:
    """Learn the voters from votes on many cases, without labels; the order of the cases makes no difference
    but for rounding.

    Expectation: what each voter tended to in each case. Maximisation: how often its answers were what it
    tended to, a habit, or an error; and how often it tended to what the other voters and the prior say. It
    ends when no parameter moves by more than 0.001, after 200 rounds at most.

    Where several voters voted on a case, each one's word counts for less and the evidence is tempered, see
    :mod:`kgalign.judge.votes.combining`.

    Where there are controls, trust is learned from them alone: a voter that agrees with itself can be told
    without knowing the truth, one that is right can't.
    """
    votes = _Votes.of(cases)
    if votes is None:
        return VoteModel()
    habits = [unseen(form) for form in votes.forms]
    trust = np.full(len(votes.voters), (TRUST_KNOWN if votes.controlled else TRUST)[0])
    slope = 1.0
    for _ in range(_ROUNDS):
        counts, new_trust, new_slope = _expect(votes, habits, trust, slope)
        new_habits = _maximise(votes.forms, habits, counts)
        moved = max(
            abs(new_slope - slope),
            float(np.abs(new_trust - trust).max()),
            *map(_distance, habits, new_habits),
        )
        habits, trust, slope = new_habits, new_trust, new_slope
        if moved < _CLOSE:
            break
    return VoteModel(
        dict(zip(votes.forms, habits, strict=True)),
        dict(zip(votes.voters, trust.tolist(), strict=True)),
        votes.places,
        votes.yes,
        controlled=votes.controlled,
        slope=slope,
        of_pairs=votes.of_pairs,
        by_likeness=votes.by_likeness,
    )


@dataclass(frozen=True, slots=True)
class _Votes:
    """Votes in columns. Cases with fewer options than others have hypotheses of no probability."""

    voters: tuple[str, ...]
    forms: tuple[Form, ...]
    places: Mapping[tuple[str, int], Doubles]
    yes: Mapping[str, Liking]
    prior: Doubles
    """(c, h) log-probability of each hypothesis, -inf beyond those of a case; cases without votes are out."""
    options: Doubles
    """(c,) number of options, at least 1."""
    known: Flags
    """(c,) whether it is a control."""
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
    by_likeness: frozenset[str]
    """Voters that go by how alike texts are."""

    @property
    def controlled(self) -> bool:
        """Whether any voter was asked controls."""
        return bool(self.known.any())

    @property
    def of_pairs(self) -> frozenset[str]:
        """Voters that said nothing but yes or no to pairs."""
        return frozenset(self.voters) - {form.voter for form in self.forms if form.offered > 1}

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
        yes = likings(used)
        answers = read([ballot for _, ballot in ballots], places, yes)
        forms = sorted({form for form, _ in answers})
        hypotheses = max(case.options for case in used) + 1
        prior = np.full((len(used), hypotheses), -np.inf)
        for number, case in enumerate(used):
            prior[number, : len(case.prior)] = np.log(floored(case.prior))
        right = np.array([places_of(ballot, hypotheses - 1) for _, ballot in ballots])
        voter_id = {voter: number for number, voter in enumerate(voters)}
        form_id = {form: number for number, form in enumerate(forms)}
        case_of = np.array([number for number, _ in ballots])
        voter_of = np.array([voter_id[ballot.voter] for _, ballot in ballots])
        first = run_starts(case_of, voter_of)
        return cls(
            voters=tuple(voters),
            forms=tuple(forms),
            places=places,
            yes=yes,
            prior=prior,
            options=np.array([max(1, case.options) for case in used], dtype=np.float64),
            known=np.array([case.known for case in used]),
            form=np.array([form_id[form] for form, _ in answers]),
            pair=np.cumsum(first) - 1,
            answer=np.array([answer for _, answer in answers]),
            right=right,
            pair_case=case_of[first],
            pair_voter=voter_of[first],
            by_likeness=frozenset(ballot.voter for _, ballot in ballots if ballot.by_likeness),
        )


def likings(cases: Sequence[Ballots]) -> dict[str, Liking]:
    """How the probabilities that each voter gives to pairs are to be read, from controls about pairs.

    Logistic regression on the log-odds with priors on shift and log slope (Platt 1999): from a handful of
    controls little is learned.
    """
    seen: dict[str, list[tuple[tuple[float, ...], bool]]] = {}
    for case in cases:
        known = int(case.prior.argmax())
        for ballot in case.ballots if case.known else ():
            if ballot.probabilities is not None and len(ballot.offered) == 1:
                seen.setdefault(ballot.voter, []).append((ballot.probabilities, ballot.offered[0] == known))
    return {voter: _liking(rows) for voter, rows in sorted(seen.items())}


def _liking(rows: Sequence[tuple[tuple[float, ...], bool]]) -> Liking:
    odds = pair_odds(np.array([given for given, _ in rows]))
    sign = np.where([right for _, right in rows], 1.0, -1.0)

    def loss(at: Doubles) -> float:
        shift, log_slope = at
        fit = np.logaddexp(0.0, -sign * (shift + np.exp(log_slope) * odds)).sum()
        return float(fit + (shift / _SHIFT) ** 2 / 2 + (log_slope / _LOG_SLOPE) ** 2 / 2)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6})
    return Liking(round(float(found.x[0]), 4), round(float(np.exp(found.x[1])), 4))


def _expect(
    votes: _Votes, habits: Sequence[Habits], trust: Doubles, slope: float
) -> tuple[list[Doubles], Doubles, float]:
    """For each form how often (place of the right answer, place of the given one) came, by what the voters
    tended to; the trust in each voter; and the slope of the evidence where several voted.
    """
    tables, likely, others = _tendencies(votes, habits)
    sure, guess, word = _minds(votes, trust)
    heard = word * _log(told(likely, sure, guess), votes)
    of_case: Doubles = np.add.reduceat(heard, np.flatnonzero(run_starts(votes.pair_case)), axis=0)
    several = (np.bincount(votes.pair_case) > 1) & ~votes.known
    total = np.where(several, slope, 1.0)[:, None] * votes.prior + of_case
    rest = normalised(total[votes.pair_case] - heard)
    tends = likely * (sure * rest + (1.0 - sure) * guess)
    tends /= tends.sum(axis=1, keepdims=True)
    counts = np.zeros_like(tables)
    np.add.at(counts, (votes.form[:, None], votes.right, votes.answer[:, None]), tends[votes.pair])
    counted = [
        count[: len(each.habit), : len(each.habit)] for count, each in zip(counts, habits, strict=True)
    ]
    new_trust = _trust(votes, (rest * likely).sum(axis=1), (rest * others).sum(axis=1), trust)
    return counted, new_trust, slope_of(votes.prior[several], of_case[several])


def _tendencies(votes: _Votes, habits: Sequence[Habits]) -> tuple[Doubles, Doubles, Doubles]:
    """(forms, a, a) how each form answers; and (p, h) likelihood of a pair's votes for each tendency, and
    the mean of it over the other tendencies.
    """
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
    return tables, likely, others


def _trust(votes: _Votes, true: Doubles, false: Doubles, trust: Doubles) -> Doubles:
    """(v,) trust in each voter.

    :param votes: the votes.
    :param true: (p,) likelihood of a pair's votes where the voter tends to what all else says.
    :param false: (p,) the same where it tends to something else.
    :param trust: (v,) of the round before.
    """
    mean, weight = TRUST_KNOWN if votes.controlled else TRUST
    tells = votes.known[votes.pair_case] if votes.controlled else np.ones(len(votes.pair_case), dtype=bool)
    voter, true, false = votes.pair_voter[tells], true[tells], false[tells]
    new = trust
    for _ in range(10):  # the votes' likelihood doesn't depend on trust, so that these rounds cost nothing
        now = new[voter]
        right = np.bincount(voter, now * true / (now * true + (1.0 - now) * false), len(trust))
        seen = np.bincount(voter, minlength=len(trust))
        new = (mean * weight + right) / (weight + seen)
    return new


def _minds(votes: _Votes, trust: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """(p, 1) how far the voter of each pair knows what is true, (p, h) what it guesses where it doesn't, and
    (p, 1) how much its word counts beside those of the other voters of its case.

    How alike the options of a control are is not in its prior, which says what is known of it.

    :param trust: (v,) trust in each voter.
    """
    prior = np.exp(votes.prior[votes.pair_case])
    inside = prior > 0
    likeness = _are(votes, votes.by_likeness) & ~votes.known[votes.pair_case]
    guess = np.where(likeness[:, None], prior, inside / inside.sum(axis=1, keepdims=True))
    chance = chances(prior, guess)
    of_pair = trust[votes.pair_voter]
    if votes.controlled:
        of_pair = in_doubt(of_pair, prior, _are(votes, votes.of_pairs))
    of_pair = np.where(likeness, np.maximum(of_pair, chance), of_pair)
    shape = len(votes.prior), len(votes.voters)
    of_case, hypotheses = np.zeros(shape), np.full(shape, 2.0)
    of_case[votes.pair_case, votes.pair_voter] = of_pair
    hypotheses[votes.pair_case, votes.pair_voter] = 1.0 / chance
    word = words(of_case, hypotheses)[votes.pair_case, votes.pair_voter]
    return knows(of_pair, chance)[:, None], guess, word[:, None]


def _are(votes: _Votes, voters: frozenset[str]) -> Flags:
    """(p,) whether the voter of each pair is one of these."""
    return np.array([voter in voters for voter in votes.voters])[votes.pair_voter]


def _log(said: Doubles, votes: _Votes) -> Doubles:
    """(p, h) logarithms; 0 beyond the hypotheses of a case."""
    logs: Doubles = np.log(np.where(np.isfinite(votes.prior)[votes.pair_case], said, 1.0))
    return logs


def _maximise(forms: Sequence[Form], habits: Sequence[Habits], counts: Sequence[Doubles]) -> list[Habits]:
    """New parameters of each form. Forms of one voter that differ only in how many options were offered, two
    or more, share the competence.
    """
    shares = [_explain(each, count) for each, count in zip(habits, counts, strict=True)]
    found: dict[tuple[str, bool, int], tuple[float, float]] = {}
    for form, (_, right, wrong) in zip(forms, shares, strict=True):
        kind = (form.voter, form.offered > 1, form.grade)
        mean = COMPETENCE[form.grade]
        good, bad = found.get(kind, (mean * COMPETENCE_WEIGHT, (1.0 - mean) * COMPETENCE_WEIGHT))
        found[kind] = good + right, bad + wrong
    new = []
    for form, (habit, right, wrong) in zip(forms, shares, strict=True):
        good, bad = found[form.voter, form.offered > 1, form.grade]
        total, strength = HABIT
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
