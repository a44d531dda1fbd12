"""From votes to a verdict: small pure functions behind one name.

A reducer sees all cases at once, so that it can learn from all of them how good its voters are.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from kgalign.arrays import Doubles, Positions
from kgalign.judge.votes.ballots import Ballots, Tally
from kgalign.judge.votes.dawid_skene import dawid_skene
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import in_doubt, standing
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


def where_it_pays(reduce: Reducer) -> Reducer:
    """A reducer that is believed only where a vote is more probably right than the evidence.

    How probable that is, is told by controls: by the share of right answers of the best voter, lowered by how
    far a case is in doubt, see :func:`~kgalign.judge.votes.model.in_doubt`. Elsewhere the evidence stands, so
    that a voter who knows nothing changes nothing. Without controls the reducer is believed.
    """

    def reduced(cases: Sequence[Ballots]) -> list[Tally]:
        right, asked = Counter[str](), Counter[str]()
        for case in cases:
            known = int(case.prior.argmax())
            for ballot in case.ballots if case.known else ():
                asked[ballot.voter] += 1
                right[ballot.voter] += ballot.choice == (known if known in ballot.offered else 0)
        tallies = reduce(cases)
        if not asked:
            return tallies
        share = max((right[voter] + 1) / (asked[voter] + 2) for voter in asked)
        return [
            tally if float(in_doubt(share, case.prior[None])[0]) >= case.prior.max() else _stands(case)
            for case, tally in zip(cases, tallies, strict=True)
        ]

    return reduced


def _stands(case: Ballots) -> Tally:
    """What the evidence says."""
    prior: Doubles = case.prior / case.prior.sum()
    return Tally(prior, int(prior.argmax()))


REDUCERS: Mapping[str, Reducer] = MappingProxyType(
    {
        "majority": where_it_pays(majority),
        "adaptive": adaptive,
        "weighted": where_it_pays(weighted),
        "dawid_skene": where_it_pays(dawid_skene),
        "unanimous": where_it_pays(unanimous),
    }
)
"""Name, as in the configuration → reducer."""
