"""What becomes of claims, and why: the columns that whatever decides writes into."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Positions


class _Told(IntEnum):
    """Numbers for columns, each with its words."""

    words: str

    def __new__(cls, words: str) -> Self:
        """Give the next number to a member."""
        member = int.__new__(cls, len(cls.__members__))
        member._value_ = len(cls.__members__)
        member.words = words
        return member


class Rule(_Told):
    """By what an item was decided."""

    ONLY = "one value"
    TRUST = "learned trust"
    UNION = "all values"
    ONE_TEXT = "one text per language"


class Reason(_Told):
    """Why a claim has its role."""

    WRITTEN = "its value is written"
    SAME = "it says the same as what is written"
    LESS_EXACT = "it says the same less exactly"
    LESS_LIKELY = "another value is likelier by the trust learned in the sources"
    NEARLY = "it is nearly the same text as one that is written"
    SWAPPED = "the two values of this source are swapped here"
    COARSE = "this source gives the number less exactly than it looks"
    CUT = "the number was cut off at the mark of the thousands"
    NO_KIND = "the value is not of the kind that the others are"
    ALONE = "it has no partner among the values that belong together with it"
    TIE = "neither source is known to be better: one value had to stay"
    TIE_EXACT = "neither source is known to be better: the more exact value stays"
    TIE_PREFERRED = "neither source is known to be better: the value of the canonical side stays"
    ONE_TEXT = "one text of this kind stays in each language"
    NO_LANGUAGE = "it says the same without naming the language"
    SAME_CODE = "it is the same code, broken up in other places"


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
