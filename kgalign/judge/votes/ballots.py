"""What reducers work on: the votes on one case, as choices among its hypotheses.

A case has ``n`` options and so ``n + 1`` hypotheses: 0, none of them is the partner; ``k``, the k-th is.
"""

from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles


@dataclass(frozen=True, slots=True)
class Ballot:
    """One usable vote. It chose among ``offered``, which may be a part of the case's options.

    A select question offers several options, a verify question one; an entity of the other side that is
    asked for its own partner offers the one option that it is. In each of them 0 means none of those
    offered, which is also the right answer if the true partner was not offered.
    """

    choice: int
    """0 for none of those offered, else an option's number from 1."""
    offered: tuple[int, ...]
    """Numbers of the options that could be chosen, in the order shown: the place of ``choice`` in it is
    where it stood."""
    voter: str = ""
    """Who voted: votes of the same voter share their competence and their habits."""
    probabilities: tuple[float, ...] | None = None
    """What the model gave to each of ``offered``, in that order, and last to none of them."""
    by_likeness: bool = False
    """Whether it goes by how alike texts are: then it errs for the option that looks like the partner."""


KNOWN = 0.993
"""Probability that what a control says is so: those who are sure err, too. Its log-odds are 5."""


@dataclass(frozen=True, slots=True)
class Ballots:
    """The votes on one case."""

    prior: Doubles
    """(n + 1,) probability of each hypothesis before anybody was asked, hypothesis 0 first; sums to 1."""
    ballots: tuple[Ballot, ...] = ()
    known: bool = False
    """Whether it is a control, of which the right answer is known; its prior says which it is."""

    @property
    def options(self) -> int:
        """Number of options."""
        return len(self.prior) - 1


@dataclass(frozen=True, slots=True)
class Tally:
    """What a reducer makes of the votes on one case."""

    probability: Doubles
    """(n + 1,) of each hypothesis after the votes; sums to 1."""
    leader: int | None
    """The hypothesis that it decides for; None where it abstains."""

    @property
    def order(self) -> list[int]:
        """Hypotheses, the most probable first; equal ones by number."""
        order: list[int] = np.argsort(-self.probability, kind="stable").tolist()
        return order
