"""Votes weighed by what their voters are found to be worth, with the evidence as one more voter.

Nobody says which voter is good. It is learned from all cases at once, by EM on a model of how votes come
about (Dawid and Skene, 1979; with a model of the truth beside the voters, Raykar et al., 2010):

- The truth follows the prior, tempered: its log-odds times a slope of at most one, plus a shift for
  "none". Both are learned, so evidence that is too sure of itself, or blind to "none", counts as that.
- A voter names a partner that is offered with one probability and says none where there is none with
  another. An error on a partner that is offered is a wrong "none" or a wrong option, in a proportion of
  the voter's own.
- Voters err together. The difficulty of a case lowers the competence of all its votes at once (a normal
  effect on the log-odds, integrated by Gauss–Hermite quadrature), and most wrong votes of a case choose
  the same wrong option, sooner one that the evidence likes. So the next vote for the same answer adds
  less than the one before, and many votes of one model are not many witnesses. How far they err together,
  if at all, is told by the likelihood; without a reason to think otherwise they do.
- Some options take in everybody. How many is told from the splits between the best voters, see
  :mod:`kgalign.judge.votes.look_alikes`, and claims are lowered by it in the end.

Every parameter has a prior, so that from a handful of cases little is learned and votes are counted with
middling competence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kgalign.arrays import Doubles, Positions
from kgalign.judge.votes.ballots import Ballot, Ballots, Tally
from kgalign.judge.votes.look_alikes import share_of_look_alikes, with_look_alikes

_ROUNDS = 100
_TOLERANCE = 1e-5
_FLOOR = 1e-6
"""Least prior probability: evidence is never beyond doubt."""

_NAMES = (2.5, 1.0)
"""Mean and deviation of a voter's log-odds of naming a partner that is offered, over all difficulties: about
.92."""
_ABSTAINS = (1.5, 1.0)
"""The same of saying none where there is none: about .82, as models would rather choose than abstain
(Wang et al., 2024, "Match, Compare, or Select?")."""
_SLOPE = (0.6, 0.3)
"""Mean and deviation of what the prior's log-odds are multiplied by."""
_SHIFT = 1.0
"""Deviation of what is added to its log-odds of "none"; the mean is 0."""
_TOGETHER = ((2.0, 0.7), (0.0, 0.0))
"""How far voters err together: the deviation of a case's difficulty, in log-odds of every voter's competence,
and the share of the wrong options chosen in a case that are one and the same by more than chance. Much, as
language models do, or not at all."""
_REASON = 3.0
"""Log likelihood that independence must gain: twenty times as likely."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_LOG_SHARE: Doubles = np.log(_WEIGHTS / _WEIGHTS.sum())

_OUTCOMES = 6
_HIT, _WRONG_NONE, _ONLY_NONE, _WRONG_OPTION, _HELD_BACK, _FELL = range(_OUTCOMES)
"""What a vote was, if a hypothesis is true. With the partner offered: it named it; it said none; it said
none and no other error was open to it; it named another option. Without: it said none; it named one."""


@dataclass(frozen=True, slots=True)
class _Table:
    """All hypotheses of all cases, one under the other, and what each vote was under each."""

    cases: int
    case: Positions
    """(r,) case of a hypothesis."""
    none: Doubles
    """(r,) 1 where the hypothesis is that there is no partner, else 0."""
    log_prior: Doubles
    """(r,)"""
    shared: Doubles
    """(r,) log probability that the wrong options among the votes are just those."""
    row: Positions
    """(e,) of each entry, a vote under a hypothesis, the row; with its voter, outcome and weight."""
    voter: Positions
    outcome: Positions
    weight: Doubles
    voters: int
    difficulty: Doubles
    """(nodes,) of the quadrature, as what is added to the log-odds of competence."""
    log_share: Doubles
    """(nodes,)"""
    stretch: float
    """Log-odds of competence at middling difficulty per log-odds over all difficulties (MacKay, 1992)."""
    tempering: tuple[Doubles, Doubles]
    """(2,) means and deviations of the slope and shift of the prior's log-odds."""


@dataclass(frozen=True, slots=True)
class _Model:
    """What is learned."""

    names: Doubles
    """(voters,) log-odds of naming a partner that is offered, at middling difficulty."""
    abstains: Doubles
    """(voters,) log-odds of saying none where there is none."""
    none_share: Doubles
    """(voters,) share of "none" among the errors on a partner that is offered."""
    temper: Doubles
    """(2,) slope and shift of the prior's log-odds."""


def weighted(
    cases: Sequence[Ballots],
    *,
    slope: tuple[float, float] = _SLOPE,
    shifts: Sequence[float] = (_SHIFT,),
    together: Sequence[tuple[float, float]] = _TOGETHER,
) -> list[Tally]:
    """Weigh the votes on all cases, and their priors, by competence learned from them.

    A vote with ``probabilities`` counts as so much of a vote for each answer. A case without a vote
    keeps its prior. It never abstains: the leader is the most probable hypothesis.

    :param slope: mean and deviation of what the priors' log-odds are multiplied by, at most 1.
    :param shifts: how far the priors may be wrong about "none", as the deviation of their log-odds; a later
        one is taken only where the likelihood gives reason to.
    :param together: likewise how far voters may err together, as the deviation of a case's difficulty and
        the share of wrong options that are one and the same.
    """
    asked = [case for case in cases if case.ballots]
    if not asked:
        return [_tally(case.prior / case.prior.sum()) for case in cases]
    fits = []
    for step, how in enumerate(together):
        table = _tabulate(asked, *how, _tempering(slope, shifts[0]))
        for more, shift in enumerate(shifts):
            table = replace(table, tempering=_tempering(slope, shift))
            expected, score = _learn(table)
            fits.append((score - np.log(shift) - _REASON * (step + more), table, expected))
    _, table, expected = max(fits, key=lambda fit: fit[0])
    told = np.split(expected, np.flatnonzero(np.diff(table.case)) + 1)
    found = iter(with_look_alikes(asked, told, share_of_look_alikes(asked)))
    return [_tally(next(found) if case.ballots else case.prior / case.prior.sum()) for case in cases]


def _tally(probability: Doubles) -> Tally:
    return Tally(probability / probability.sum(), int(probability.argmax()))


def _tabulate(
    cases: Sequence[Ballots], spread: float, same: float, tempering: tuple[Doubles, Doubles]
) -> _Table:
    """The cases as a table, for voters that err together so far."""
    names = sorted({ballot.voter for case in cases for ballot in case.ballots})
    number = {name: place for place, name in enumerate(names)}
    entries: list[tuple[int, int, int, float]] = []
    shared: list[Doubles] = []
    rows = 0
    sizes = [len(case.prior) for case in cases]
    for case in cases:
        votes = [(ballot, *part) for ballot in case.ballots for part in _parts(ballot)]
        shared.append(_shared(case, votes, same))
        for truth in range(len(case.prior)):
            for ballot, choice, weight in votes:
                entries.append((rows + truth, number[ballot.voter], _outcome(ballot, choice, truth), weight))
        rows += len(case.prior)
    row_, voter, outcome, weights = (np.array(column) for column in zip(*entries, strict=True))
    starts = np.cumsum([0, *sizes[:-1]])
    none = np.zeros(rows)
    none[starts] = 1
    return _Table(
        cases=len(cases),
        case=np.repeat(np.arange(len(cases)), sizes),
        none=none,
        log_prior=np.log(np.maximum(np.concatenate([case.prior for case in cases]), _FLOOR)),
        shared=np.concatenate(shared),
        row=row_,
        voter=voter,
        outcome=outcome,
        weight=weights,
        voters=len(names),
        difficulty=spread * _NODES if spread else np.zeros(1),
        log_share=_LOG_SHARE if spread else np.zeros(1),
        stretch=float(np.sqrt(1 + np.pi * spread**2 / 8)),
        tempering=tempering,
    )


def _tempering(slope: tuple[float, float], shift: float) -> tuple[Doubles, Doubles]:
    return np.array([slope[0], 0.0]), np.array([slope[1], shift])


def _parts(ballot: Ballot) -> list[tuple[int, float]]:
    """The choices of a vote and how much of a vote each is."""
    if ballot.probabilities is None:
        return [(ballot.choice, 1.0)]
    total = sum(ballot.probabilities)
    choices = zip((*ballot.offered, 0), ballot.probabilities, strict=True)
    return [(choice, share / total) for choice, share in choices if share > 0]


def _outcome(ballot: Ballot, choice: int, truth: int) -> int:
    if truth not in ballot.offered:
        return _FELL if choice else _HELD_BACK
    if choice == truth:
        return _HIT
    if choice:
        return _WRONG_OPTION
    return _WRONG_NONE if len(ballot.offered) > 1 else _ONLY_NONE


def _shared(case: Ballots, votes: Sequence[tuple[Ballot, int, float]], same: float) -> Doubles:
    """(options + 1,) log probability, by the truth, of the wrong options that the votes chose.

    Given that they chose wrong ones. One of the options that are not the partner is the one that looks right.
    A wrong vote that is offered it chooses it with a set probability, and any of the wrong ones otherwise.
    """
    if not votes:
        return np.zeros(len(case.prior))
    options = np.arange(1, len(case.prior))
    truth = np.arange(len(case.prior))
    offered = np.array([np.isin(options, ballot.offered) for ballot, _, _ in votes])
    choice = np.array([choice for _, choice, _ in votes])
    weight = np.array([weight for _, _, weight in votes])
    wrong = weight * ((choice > 0) & (choice != truth[:, None]))
    right_offered = np.concatenate([np.zeros((1, len(votes)), dtype=bool), offered.T])
    others = np.maximum(offered.sum(axis=1) - right_offered, 1)[:, :, None]
    # Axes from here: truth, vote, the option that looks right.
    drawn = same * (options == choice[:, None]) + (1 - same) / others
    each = np.log(np.where(offered, drawn, 1 / others))
    likely = np.where(options == truth[:, None], 0.0, case.prior[1:] + 0.1 / len(case.prior))
    total = likely.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        log = np.log(likely / np.where(total > 0, total, 1.0)) + (wrong[:, :, None] * each).sum(axis=1)
    found: Doubles = np.logaddexp.reduce(log, axis=1)
    # With a single option that is the truth no vote can be wrong.
    return np.where(total[:, 0] > 0, found, 0.0)


def _learn(table: _Table) -> tuple[Doubles, float]:
    """(r,) probability of each hypothesis once the model is learned, and the log of the model's own."""
    model = _Model(
        names=np.full(table.voters, table.stretch * _NAMES[0]),
        abstains=np.full(table.voters, table.stretch * _ABSTAINS[0]),
        none_share=np.full(table.voters, 0.5),
        temper=table.tempering[0],
    )
    joint, likelihood = _posterior(table, model)
    for _ in range(_ROUNDS):
        model = _improved(table, joint, model)
        before = joint
        joint, likelihood = _posterior(table, model)
        if np.abs(joint - before).max() < _TOLERANCE:
            break
    expected, _ = _sums(table.case, joint.sum(axis=1), table.cases)
    return expected, likelihood + _prior_of(model, table)


def _prior_of(model: _Model, table: _Table) -> float:
    """Log prior of what is learned, up to a constant."""
    learned = (model.names / table.stretch, _NAMES), (model.abstains / table.stretch, _ABSTAINS)
    score = float(np.log(model.none_share * (1 - model.none_share)).sum())
    for values, (mean, deviation) in (*learned, (model.temper, table.tempering)):
        score -= float((((values - mean) / deviation) ** 2).sum()) / 2
    return score


def _sums(case: Positions, values: Doubles, cases: int) -> tuple[Doubles, Doubles]:
    """Values as shares of their case's sum, and the sums."""
    total = np.bincount(case, weights=values, minlength=cases).astype(np.float64)
    return values / total[case], total


def _posterior(table: _Table, model: _Model) -> tuple[Doubles, float]:
    """(r, nodes) joint probability of hypothesis and difficulty of each case, and the log likelihood."""
    outcome = table.weight[:, None] * _log_outcomes(table, model)[table.voter, table.outcome]
    rows = len(table.case)
    votes = [np.bincount(table.row, weights=node, minlength=rows) for node in outcome.T]
    truth = np.log(_truth(table, model.temper)) + table.shared
    log = np.stack(votes, axis=1) + truth[:, None] + table.log_share
    top = _tops(table, log.max(axis=1))
    weight = np.exp(log - top[:, None])
    _, total = _sums(table.case, weight.sum(axis=1), table.cases)
    joint: Doubles = weight / total[table.case][:, None]
    return joint, float(np.log(total).sum() + top @ table.none)


def _tops(table: _Table, values: Doubles) -> Doubles:
    """(r,) the highest value of each row's case."""
    top = np.full(table.cases, -np.inf)
    np.maximum.at(top, table.case, values)
    return top[table.case]


def _log_outcomes(table: _Table, model: _Model) -> Doubles:
    """(voters, outcomes, nodes) log probability of what a vote can be."""
    names = model.names[:, None] + table.difficulty
    abstains = model.abstains[:, None] + table.difficulty
    missed = -np.logaddexp(0, names)
    log = [np.zeros_like(missed)] * _OUTCOMES
    log[_HIT] = -np.logaddexp(0, -names)
    log[_WRONG_NONE] = missed + np.log(model.none_share)[:, None]
    log[_ONLY_NONE] = missed
    log[_WRONG_OPTION] = missed + np.log1p(-model.none_share)[:, None]
    log[_HELD_BACK] = -np.logaddexp(0, -abstains)
    log[_FELL] = -np.logaddexp(0, abstains)
    return np.stack(log, axis=1)


def _truth(table: _Table, temper: Doubles) -> Doubles:
    """(r,) probability of each hypothesis by the tempered prior."""
    log = temper[0] * table.log_prior + temper[1] * table.none
    weight = np.exp(np.maximum(log - _tops(table, log), -500))
    return _sums(table.case, weight, table.cases)[0]


def _improved(table: _Table, joint: Doubles, model: _Model) -> _Model:
    """The likeliest parameters for the given probabilities."""
    weight = table.weight[:, None] * joint[table.row]
    key = table.voter * _OUTCOMES + table.outcome
    size = table.voters * _OUTCOMES
    each = np.stack([np.bincount(key, weights=node, minlength=size) for node in weight.T], axis=1)
    votes = each.reshape(table.voters, _OUTCOMES, -1)

    def count(*outcomes: int) -> Doubles:
        """(voters, nodes) votes of these outcomes."""
        total: Doubles = votes[:, outcomes].sum(axis=1)
        return total

    none, other = count(_WRONG_NONE).sum(axis=1) + 1, count(_WRONG_OPTION).sum(axis=1) + 1
    return _Model(
        names=_competence(table, count(_HIT), count(_WRONG_NONE, _ONLY_NONE, _WRONG_OPTION), _NAMES),
        abstains=_competence(table, count(_HELD_BACK), count(_FELL), _ABSTAINS),
        none_share=none / (none + other),
        temper=_tempered(table, joint.sum(axis=1), model.temper),
    )


def _competence(table: _Table, right: Doubles, wrong: Doubles, prior: tuple[float, float]) -> Doubles:
    """(voters,) log-odds of being right at middling difficulty, by bisection of the likelihood's slope.

    :param table: holds the difficulties.
    :param right: (voters, nodes) right votes at each difficulty.
    :param wrong: the same of wrong ones.
    :param prior: mean and deviation of the log-odds, over all difficulties.
    """
    mean, deviation = table.stretch * prior[0], table.stretch * prior[1]
    low, high = np.full(len(right), -8.0), np.full(len(right), 12.0)
    for _ in range(40):
        middle = (low + high) / 2
        share = 1 / (1 + np.exp(-(middle[:, None] + table.difficulty)))
        rising = (right * (1 - share) - wrong * share).sum(axis=1) > (middle - mean) / deviation**2
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    found: Doubles = (low + high) / 2
    return found


def _tempered(table: _Table, expected: Doubles, start: Doubles) -> Doubles:
    """Slope and shift with which the prior best predicts the expected truth: damped Newton steps."""
    columns = np.stack([table.log_prior, table.none], axis=1)
    middle, deviation = table.tempering
    precision = deviation**-2

    def value(temper: Doubles) -> float:
        return float(expected @ np.log(_truth(table, temper)) - precision @ (temper - middle) ** 2 / 2)

    temper = start
    for _ in range(3):
        share = _truth(table, temper)
        mean = [np.bincount(table.case, weights=share * column) for column in columns.T]
        centred = columns - np.stack(mean, axis=1)[table.case]
        slope = (expected - share) @ columns - precision * (temper - middle)
        bend = (centred * share[:, None]).T @ centred + np.diag(precision)
        step, now = np.linalg.solve(bend, slope), value(temper)
        within = float(np.clip(temper[0] + step[0], 0, 1) - temper[0])
        if within != step[0]:  # the slope is at a bound: the best shift for that
            step = np.array([within, (slope[1] - bend[1, 0] * within) / bend[1, 1]])
        for size in 0.5 ** np.arange(10):
            tried = temper + size * step
            tried[0] = np.clip(tried[0], 0, 1)
            if value(tried) > now:
                temper = tried
                break
        else:
            break
    return temper
