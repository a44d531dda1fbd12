"""The judge's own reducer: Bayes' rule, with the voters' competence and habits learned from the votes."""

from collections.abc import Sequence

from kgalign.judge.votes.ballots import Ballots, Tally
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import standing


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
