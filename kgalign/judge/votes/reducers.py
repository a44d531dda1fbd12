"""From votes to a verdict: small pure functions behind one name.

A reducer sees all cases at once, so that it can learn from all of them how good its voters are.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from kgalign.arrays import Doubles, Positions
from kgalign.judge.votes.ballots import Ballots, Tally
from kgalign.judge.votes.dawid_skene import dawid_skene
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import standing
from kgalign.judge.votes.weighted import weighted

Reducer = Callable[[Sequence[Ballots]], list[Tally]]
"""Votes on many cases → what comes of each, in the same order."""


def majority(cases: Sequence[Ballots]) -> list[Tally]:
    """What was chosen in more than half of the votes (LLM-Align, arXiv 2412.04690); else it abstains.

    A vote counts for what it chose, whatever else was offered. The probability is the share of the votes,
    with the prior as one vote more.
    """
    return [_tally(each, count(each), needed=len(each.ballots) // 2 + 1) for each in cases]


def unanimous(cases: Sequence[Ballots]) -> list[Tally]:
    """What was chosen in all votes; it abstains where two differ, and where there is none.

    The probability is as in :func:`majority`.
    """
    return [_tally(each, count(each), needed=max(1, len(each.ballots))) for each in cases]


def count(case: Ballots) -> Positions:
    """(n + 1,) votes for each hypothesis."""
    chosen = [ballot.choice for ballot in case.ballots]
    return np.bincount(np.array(chosen, dtype=np.int64), minlength=case.options + 1)


def _tally(case: Ballots, votes: Positions, needed: int) -> Tally:
    probability: Doubles = (votes + case.prior) / (votes.sum() + case.prior.sum())
    leader = int(votes.argmax())
    return Tally(probability, leader if votes[leader] >= needed else None)


def adaptive(cases: Sequence[Ballots]) -> list[Tally]:
    """The posterior of :mod:`kgalign.judge.votes.model`, which is estimated from all cases at once.

    It abstains where there is no vote and where two hypotheses lead.
    """
    model = estimate(cases)
    tallies = []
    for case in cases:
        now = standing(case, model)
        first, *others = sorted(now.posterior.tolist(), reverse=True)
        tied = bool(others) and first - others[0] < 1e-9
        tallies.append(Tally(now.posterior, None if tied or not case.ballots else now.leader))
    return tallies


REDUCERS: Mapping[str, Reducer] = MappingProxyType(
    {
        "majority": majority,
        "adaptive": adaptive,
        "weighted": weighted,
        "dawid_skene": dawid_skene,
        "unanimous": unanimous,
    }
)
"""Name, as in the configuration → reducer."""
