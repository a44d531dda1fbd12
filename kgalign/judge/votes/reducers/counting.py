"""Counting heads."""

from collections.abc import Sequence

import numpy as np

from kgalign.arrays import Doubles, Positions
from kgalign.judge.votes.ballots import Ballots, Tally


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
