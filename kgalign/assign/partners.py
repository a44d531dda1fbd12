"""Who has a partner at all: each left entity's chance of one, and how common partners are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.records import Alignment, Outcome, Verdicts

_LINKED = (Outcome.MATCH, Outcome.CONFIRMED)
_EDGE = 1e-9
"""Chances are kept this far from 0 and 1 where their odds are wanted."""
_POWER = 2.0
"""How much it tells of an entity how common partners are: over 28 pairs of graphs all from 1.5 to 3 serve
alike (decision 0018)."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the alignment says of some of the verdicts' pairs."""

    linked: Flags
    """(c,) whether a pair is a link."""
    open: Flags
    """(c,) whether it is left to people."""
    probability: Doubles
    """(c,) as in the verdicts; 1 where people or the input vouch for a pair, 0 where a person said no."""


def outcomes(verdicts: Verdicts, alignment: Alignment) -> npt.NDArray[np.uint8]:
    """(c,) what became of each pair, an :class:`Outcome`."""
    outcome = np.full(len(verdicts), int(Outcome.NO_MATCH), dtype=np.uint8)
    judged = alignment.verdict >= 0
    outcome[alignment.verdict[judged]] = alignment.outcome[judged]
    return outcome


def decided(verdicts: Verdicts, outcome: npt.NDArray[np.uint8], rows: Positions | slice) -> Decided:
    """What was decided of some of the verdicts' pairs.

    :param outcome: of all of them.
    """
    outcome, given = outcome[rows], verdicts.given[rows]
    probability = verdicts.probability[rows].astype(np.float64)
    probability[given] = 1.0
    probability[outcome == Outcome.REJECTED] = 0.0
    return Decided(
        linked=np.isin(outcome, _LINKED),
        open=np.isin(outcome, (Outcome.UNDECIDED, Outcome.NOT_ASKED, Outcome.FAILED)),
        probability=probability,
    )


def commonness(chance: Doubles, described: Flags) -> float:
    """Share of the left entities that may get a link which have a partner, by their chances; never 0 or 1."""
    return float((chance.sum() + 0.5) / (described.sum() + 1.0))


def moved(chance: Doubles, common: float) -> Doubles:
    """Chances of entities without a link, moved by how common partners are.

    Their odds are multiplied by the square of those that just any entity has a partner. What the candidates
    say of an entity that stays alone is weak: the true partner may be none of them. Where all others have
    found theirs it was likely missed, where hardly anybody has one a likeness is likely chance.
    """
    sure = np.clip(chance, _EDGE, 1.0 - _EDGE)
    odds = sure / (1.0 - sure) * (common / (1.0 - common)) ** _POWER
    found: npt.NDArray[np.float64] = odds / (1.0 + odds)
    return found
