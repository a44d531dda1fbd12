"""What becomes of claims, and why: the columns that whatever decides writes into."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Positions


class Rule(IntEnum):
    """By what an item was decided."""

    ONLY = 0
    """There is one value only."""
    TRUST = 1
    UNION = 2
    ONE_TEXT = 3


class Reason(IntEnum):
    """Why a claim has its role; its words are in :data:`REASONS`."""

    WRITTEN = 0
    SAME = 1
    LESS_EXACT = 2
    LESS_LIKELY = 3
    NEARLY = 4
    SWAPPED = 5
    COARSE = 6
    CUT = 7
    NO_KIND = 8
    ALONE = 9
    TIE = 10
    TIE_EXACT = 11
    TIE_PREFERRED = 12
    ONE_TEXT = 13
    NO_LANGUAGE = 14
    SAME_CODE = 15


REASONS = (
    "its value is written",
    "it says the same as what is written",
    "it says the same less exactly",
    "another value is likelier by the trust learned in the sources",
    "it is nearly the same text as one that is written",
    "the two values of this source are swapped here",
    "this source gives the number less exactly than it looks",
    "the number was cut off at the mark of the thousands",
    "the value is not of the kind that the others are",
    "it has no partner among the values that belong together with it",
    "neither source is known to be better: one value had to stay",
    "neither source is known to be better: the more exact value stays",
    "neither source is known to be better: the value of the canonical side stays",
    "one text of this kind stays in each language",
    "it says the same without naming the language",
    "it is the same code, broken up in other places",
)
"""Why a claim has its role, in words, by :class:`Reason`."""


@dataclass(frozen=True, slots=True)
class Fates:
    """(n,) columns, one row for each claim."""

    role: npt.NDArray[np.uint8]
    reason: npt.NDArray[np.uint8]
    rule: npt.NDArray[np.uint8]
    confidence: Doubles

    @classmethod
    def of(cls, size: int) -> "Fates":
        """All claims written, nothing weighed."""
        return cls(
            np.zeros(size, np.uint8),
            np.zeros(size, np.uint8),
            np.zeros(size, np.uint8),
            np.full(size, np.nan),
        )

    def note(
        self,
        rows: Positions,
        role: npt.NDArray[np.integer],
        reason: npt.NDArray[np.integer],
        rule: npt.NDArray[np.integer] | Rule,
        confidence: Doubles | None = None,
    ) -> None:
        """Note the fate of some claims.

        :param rows: (k, d) their rows; of values that belong together d in one.
        :param role: (k,)
        :param reason: (k,)
        :param rule: (k,) or the same for all.
        :param confidence: (k,) None where nothing was weighed.
        """
        self.role[rows], self.reason[rows] = role[:, None], reason[:, None]
        self.rule[rows] = rule if isinstance(rule, Rule) else rule[:, None]
        if confidence is not None:
            self.confidence[rows] = confidence[:, None]
