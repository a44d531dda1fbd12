"""Look-alikes: options that take in everybody, and what they leave of a claim.

Where all agree, an error that all make alike leaves no trace in the votes on that case. It leaves one in
others: an option that is not the partner, and looks to all voters as if it were, stands beside the true
partner as often as in its place. That is the premise of decoys (Elias and Gygi, 2007): what is wrong beside a
partner shows what is wrong where there is none.

- Beside the partner, voters can't tell the two and split: how they lean in a case is anything from all to
  none alike (a uniform share, Laplace's rule). So two voters differ in a third of the cases with a
  look-alike, and two pairs of voters split between the same two options in two of fifteen. The share is
  what explains the splits that coincide, beyond those that independent errors bring about; and it is never
  so high that a pair of voters would have to differ more often than it does.
- Without a partner, a look-alike gets the votes that a partner would get. So the cases that are seen to have
  no partner are those without a look-alike, and behind some of the options that lead there is none.
- Where m sources are at one beside a look-alike, which happens in 2 / (m + 1) of such cases, it is as often
  the look-alike as the partner that they name.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from kgalign.arrays import Doubles
from kgalign.judge.votes.ballots import Ballots

_WEIGHT = 20.0
"""Cases, without a split, that any four voters are taken to have had before their first."""
_SPLIT = 1 / 3
"""Probability that two voters differ beside a look-alike: 2 E[x (1 - x)] for a uniform x."""
_COINCIDE = 2 / 15
"""Probability that two pairs of voters split beside a look-alike: 4 E[x² (1 - x)²]."""
_PAIRINGS = ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2))
"""The ways to make two pairs of four."""
_MOST = 0.9
"""No share is higher."""


def share_of_look_alikes(cases: Sequence[Ballots]) -> float:
    """Share of the cases with a look-alike, 0 to .9, told from splits that coincide.

    It is 0 where no four voters chose among the same options. Evidence is no voter here: cases are asked
    about because it is in doubt, so that it differs from votes for other reasons.
    """
    named = [_named(case) for case in cases]
    voters = sorted({voter for each in named for voter in each})
    splits = [rates for four in combinations(voters, 4) for rates in _splits(named, four)]
    if not splits:
        return 0.0
    one, other, both = np.array(splits).T
    excess = float(both.mean() - (one * other).mean())
    if excess <= 0:
        return 0.0
    # With the share s: both = s * coincide + the mean of (one - s * split) * (other - s * split).
    linear = _COINCIDE - _SPLIT * float((one + other).mean())
    root = (-linear + np.sqrt(linear**2 + 4 * _SPLIT**2 * excess)) / (2 * _SPLIT**2)
    return min(_MOST, float(min(one.min(), other.min())) / _SPLIT, float(root))


def _splits(
    named: Sequence[dict[str, tuple[int, set[int]]]], four: tuple[str, ...]
) -> Iterator[tuple[float, float, float]]:
    """For each way to make two pairs of four voters, how often each is split, and both in the same way."""
    chosen = []
    for each in named:
        if all(voter in each for voter in four):
            options = [each[voter][0] for voter in four]
            if all(set(options) <= each[voter][1] for voter in four):
                chosen.append(options)
    if not chosen:
        return
    table = np.array(chosen)
    for places in _PAIRINGS:
        a, b, c, d = table[:, places].T
        one, other = a != b, c != d
        same = one & (np.minimum(a, b) == np.minimum(c, d)) & (np.maximum(a, b) == np.maximum(c, d))
        total = len(table) + _WEIGHT
        yield float(one.sum() / total), float(other.sum() / total), float(same.sum() / total)


def _named(case: Ballots) -> dict[str, tuple[int, set[int]]]:
    """Voter → the option that it named most often where it had a choice, and what it chose among."""
    chosen: dict[str, Counter[int]] = {}
    shown: dict[str, set[int]] = {}
    for ballot in case.ballots:
        if len(ballot.offered) > 1:
            shown.setdefault(ballot.voter, set()).update(ballot.offered)
            if ballot.choice:
                chosen.setdefault(ballot.voter, Counter())[ballot.choice] += 1
    return {
        voter: (min(votes, key=lambda option: (-votes[option], option)), shown[voter])
        for voter, votes in chosen.items()
    }


def with_look_alikes(
    cases: Sequence[Ballots], probabilities: Sequence[Doubles], share: float
) -> list[Doubles]:
    """Probabilities that allow for look-alikes: what they may be wrong about is taken from the options.

    :param cases: with votes.
    :param probabilities: (options + 1,) of the hypotheses of each, told as if there were no look-alikes.
    :param share: of the cases with a look-alike.
    """
    if not share or not cases:
        return list(probabilities)
    none = float(np.mean([each[0] for each in probabilities]))
    hidden = none * share / (1 - share)
    lost = min(_MOST, hidden / max(1 - none, 1e-9))
    found = []
    for case, each in zip(cases, probabilities, strict=True):
        kept = _beside(case, each, share) * (1 - lost)
        kept[0] = each[0] + lost * (1 - each[0])
        found.append(kept)
    return found


def _beside(case: Ballots, probability: Doubles, share: float) -> Doubles:
    """Probabilities that allow for a look-alike beside the partner, which all have named in its place."""
    leader = int(probability.argmax())
    others = np.array([option for option in range(1, len(probability)) if option != leader])
    named = {ballot.choice for ballot in case.ballots} - {0}
    evidence = int(case.prior.argmax())
    result = probability.copy()
    if not leader or not len(others) or named != {leader} or evidence not in (0, leader):
        return result
    # Whoever was shown one option alone had none to take for another.
    sources = len({ballot.voter for ballot in case.ballots if ballot.choice and len(ballot.offered) > 1})
    sources += evidence == leader
    together = share / (sources + 1)
    likely = case.prior[others] + 0.1 / len(probability)
    likely /= likely.sum()
    # At worst it is as often another as the one that all name: no other becomes likelier than that one.
    most = float(((probability[leader] - probability[others]) / (1 + likely)).min())
    loss = min(probability[leader] * together / (1 - share + 2 * together), most)
    result[leader] -= loss
    result[others] += loss * likely
    return result
