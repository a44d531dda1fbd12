"""Several voters and the evidence: how much of each one's word counts beside the others'.

Language models err together. Where two are wrong of the same question they mostly give the same wrong answer,
so that two who agree are less than two witnesses. Their errors are taken to correlate by :data:`ALIKE`, and
the log-likelihood of each is divided by the design effect (Kish 1965): of ``v`` voters that are equally
trusted each counts ``1 / (1 + ALIKE * (v - 1))``. One that is hardly trusted takes little from the others.

A voter knows the truth of a case or it guesses, and trust holds both: being right by chance is part of it.
Most guess any hypothesis alike. One that goes by how alike texts are guesses as the evidence does, which goes
by that too. So it is right more often by chance, and the posterior after its votes alone is the linear pool
(Stone 1961) of the evidence and of what it would be if the voter always knew.
"""

import numpy as np
from scipy.optimize import minimize_scalar

from kgalign.arrays import Doubles, Positions

ALIKE = 0.6
"""Correlation of the errors of two voters."""
SLOPE = (1.0, 0.2)
"""Mean and deviation of the prior on what the evidence's log-odds are multiplied by; it is at most 1."""
_LEAST_SLOPE = 0.1


def words(trust: Doubles, hypotheses: Doubles | int) -> Doubles:
    """(…, v) how much of each voter's word counts: 1 of a single voter, less of each of several.

    What a voter takes from another goes by how much it tells: by how far its trust is above chance, in
    log-odds, beside that of the other.

    :param trust: (…, v) in each voter; 0 where there is none.
    :param hypotheses: how many a case has, of each case or of all.
    """
    inner = np.clip(trust, 1e-6, 1 - 1e-6)
    tells = np.maximum(0.0, np.log(inner / (1 - inner)) + np.log(np.maximum(1.0, hypotheses - 1.0)))
    share = np.minimum(tells[..., None, :], tells[..., :, None]) / np.maximum(tells[..., :, None], 1e-9)
    found: Doubles = 1.0 / (1.0 + ALIKE * (share.sum(axis=-1) - (tells > 0)))
    return found


def slope_of(prior: Doubles, heard: Doubles) -> float:
    """What the evidence's log-odds are to be multiplied by, told from several voters.

    Where several voters agree with each other more than with the evidence, it is too sure of itself. The
    likeliest slope, with a prior that holds it near 1.

    :param prior: (c, h) log-probability of each hypothesis by the evidence, -inf beyond those of a case.
    :param heard: (c, h) log-likelihood of all votes of a case for each hypothesis.
    """
    if not len(prior):
        return 1.0
    inside = np.isfinite(prior)
    evidence, heard = np.where(inside, prior, 0.0), np.where(inside, heard, -np.inf)

    def loss(slope: float) -> float:
        tempered = np.where(inside, slope * evidence, -np.inf)
        told_ = np.logaddexp.reduce(tempered + heard, axis=1) - np.logaddexp.reduce(tempered, axis=1)
        return float(((slope - SLOPE[0]) / SLOPE[1]) ** 2 / 2 - told_.sum())

    found = minimize_scalar(loss, bounds=(_LEAST_SLOPE, 1.0), method="bounded", options={"xatol": 1e-4})
    return round(float(found.x), 3)


def chances(prior: Doubles, guess: Doubles) -> Doubles:
    """(…,) how often a voter is right by guessing.

    :param prior: (…, n + 1) probability of each hypothesis.
    :param guess: (…, n + 1) how probably the voter guesses it.
    """
    found: Doubles = (prior * guess).sum(axis=-1)
    return found


def knows(trust: Doubles | float, chance: Doubles) -> Doubles:
    """How far a voter knows what is true, beyond being right by chance; below 0 where it is worse than that.

    :param trust: in the voter.
    :param chance: how often it is right by guessing.
    """
    found: Doubles = (trust - chance) / np.maximum(1.0 - chance, 1e-9)
    return found


def combine(
    prior: Doubles, tendency: Doubles, trust: Doubles, guess: Doubles | None = None, slope: float = 1.0
) -> tuple[Doubles, Doubles]:
    """Posterior and settledness of many cases at once.

    :param prior: (c, n + 1) log-probability of each hypothesis.
    :param tendency: (c, v, n + 1) log-likelihood of the votes of each voter if it tends to a hypothesis.
    :param trust: (v,) trust in each voter.
    :param guess: (c, v, n + 1) how probably it tends to each hypothesis where it does not know; None for all
        alike.
    :param slope: what the log-odds of the prior are multiplied by.
    :returns: (c, n + 1) posterior probability, and (c,) probability that the leader stays, see
        :class:`~kgalign.judge.votes.model.Standing`.
    """
    likely = np.exp(tendency - tendency.max(axis=-1, keepdims=True))
    if guess is None:
        guess = np.full_like(tendency, 1.0 / prior.shape[1])
    chance = chances(normalised(prior)[:, None], guess)
    word, sure = words(np.broadcast_to(trust, chance.shape), 1.0 / chance), knows(trust, chance)
    voter = word[..., None] * np.log(told(likely, sure[..., None], guess))
    total = slope * prior + voter.sum(axis=1)
    posterior = normalised(total)
    leader = posterior.argmax(axis=-1)
    settled = np.ones(len(prior))
    for number in range(tendency.shape[1]):
        others = normalised(total - voter[:, number])
        mind = sure[:, number, None], guess[:, number], word[:, number, None]
        settled = np.minimum(settled, _stays(others, likely[:, number], *mind, leader))
    return posterior, settled


def _stays(
    others: Doubles, likely: Doubles, sure: Doubles, guess: Doubles, word: Doubles, leader: Positions
) -> Doubles:
    """(c,) probability that a voter tends to something that leaves the leader in the lead.

    :param others: (c, n + 1) probability of each hypothesis by all else that is known.
    :param likely: (c, n + 1) likelihood of its votes for each tendency.
    :param sure: (c, 1) how far the voter knows.
    :param guess: (c, n + 1) how probably it tends to each hypothesis where it does not.
    :param word: (c, 1) how much of its word counts beside that of the other voters.
    :param leader: (c,) hypothesis that leads.
    """
    guessed = (1.0 - sure) * guess
    tends = likely * (sure * others + guessed)
    tends /= tends.sum(axis=-1, keepdims=True)
    each = np.arange(len(others))
    rest = others.copy()
    rest[each, leader] = 0.0
    # If it tends to t, the weight of t is multiplied by the probability that it does so knowing or guessing
    # and that of each other by that of guessing alone, as far as its word counts.
    this, other = (sure + guessed) ** word, guessed**word
    against = np.maximum(rest * this, rest.max(axis=-1, keepdims=True) * other)
    stays = others[each, leader, None] * other >= against
    held = others[each, leader] * this[each, leader]
    stays[each, leader] = held >= rest.max(axis=-1) * other[each, leader]
    kept: Doubles = (tends * stays).sum(axis=-1)
    return kept


def told(likely: Doubles, sure: Doubles | float, guess: Doubles) -> Doubles:
    """What the votes of a voter say of the truth: their likelihood where it knows, and where it guesses.

    :param likely: (…, n + 1) likelihood of its votes for each tendency.
    :param sure: how far it knows.
    :param guess: (…, n + 1) how probably it tends to each hypothesis where it does not.
    """
    told: Doubles = sure * likely + (1.0 - sure) * (guess * likely).sum(axis=-1, keepdims=True)
    return told


def normalised(logs: Doubles) -> Doubles:
    """Probabilities from logarithms of weights, along the last axis."""
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    shares: Doubles = weights / weights.sum(axis=-1, keepdims=True)
    return shares
