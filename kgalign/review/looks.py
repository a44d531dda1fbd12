"""What the estimate of a run wants people to look at, and what it says so far."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Positions
from kgalign.decisions import Decision
from kgalign.estimate import (
    Answers,
    Estimate,
    answers_of_decisions,
    as_worklist,
    cases_of,
    design,
    estimate_run,
    is_open,
    next_cases,
)
from kgalign.estimate.cases import MANY
from kgalign.run.finished import Finished

SEED = 0
"""Of the order: that of ``kgalign estimate``, unless it is told another one."""
PRECISION, CONFIDENCE = 0.95, 0.95
"""What is to be certified, and how certain it is to be: as ``kgalign estimate`` has it by default."""


@dataclass(frozen=True, slots=True)
class Look:
    """A case to look at, by the pair to show: the link, or the likeliest candidate. Where cases are about one
    pair at a time, that is one of which nothing is known.
    """

    left: int
    right: int


class Looks:
    """The sample of a run: in which order cases are looked at, and what is known of them."""

    def __init__(self, run: Finished) -> None:
        self._sides = run.left, run.right
        self._cases = cases_of(run.verdicts, run.alignment)
        self._plan = design(self._cases, SEED)
        self.of_pairs = self._cases.by_right or self._cases.cardinality == MANY
        """Whether a case is about one pair at a time, and not about a left entity with all its candidates."""

    def answers(self, decisions: Iterable[Decision]) -> Answers:
        """What decisions come to."""
        return answers_of_decisions(self._cases, self._sides, decisions)

    def open(self, answers: Answers) -> int:
        """How many cases are open."""
        return int(np.count_nonzero(is_open(answers)))

    def next(self, answers: Answers, number: int) -> list[Look]:
        """The cases to look at next, the most useful first."""
        return self._shown(answers, np.array(next_cases(self._plan, answers, number), dtype=np.int64))

    def of(self, answers: Answers, left: int) -> list[Look]:
        """The open cases that show a left entity."""
        cases = self._cases.case[self._cases.left == left]
        found = self._shown(answers, np.unique(cases[is_open(answers)[cases]]))
        return [each for each in found if each.left == left]

    def estimate(self, answers: Answers, *, ahead: bool) -> Estimate:
        """What is known of the run.

        :param ahead: whether to compute how many further looks would certify it, which takes a while.
        """
        return estimate_run(self._plan, answers, PRECISION, CONFIDENCE, ahead=ahead)

    def _shown(self, answers: Answers, cases: Positions) -> list[Look]:
        if not self.of_pairs:
            best = self._cases.best[cases]
            pairs = zip(self._cases.left[best].tolist(), self._cases.right[best].tolist(), strict=True)
            return [Look(*each) for each in pairs]
        found = as_worklist(self._cases, answers, cases)
        return [Look(*each) for each in zip(found.left.tolist(), found.right.tolist(), strict=True)]
