"""How much the values of two properties agree, and how much they would by chance."""

import math
from dataclasses import dataclass

from kgalign.records.vocabularies import SAME, Conversion, Relation

LEAST_GAIN = 0.15
"""Agreement beyond chance below which nothing is said of two properties."""
_LEAST_Z = 3.0
_SURE = 0.8
"""Share of values found on the other side from which one property contains the other."""
_BEYOND = 0.5
"""What must be left of that share once chance is taken off."""
_NEAR = 0.01
"""Relative difference up to which numbers are the same: rounded, or a little older."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much the values of two properties agree, and how much they would by chance."""

    seen: int
    shares: tuple[float, float]
    chances: tuple[float, float]
    conversion: Conversion = SAME
    year_only: bool = False
    """Whether dates were compared by their years alone."""
    tolerance: float = 0.0
    """Relative difference up to which numbers were taken for equal."""

    @property
    def agreement(self) -> float:
        """The mean of both directions."""
        return sum(self.shares) / 2

    @property
    def chance(self) -> float:
        """The mean of both directions."""
        return sum(self.chances) / 2

    @property
    def beyond(self) -> tuple[float, float]:
        """Agreement beyond chance in each direction, as a share of what chance leaves (Cohen's kappa)."""
        pairs = zip(self.shares, self.chances, strict=True)
        left, right = (max(0.0, (s - c) / (1 - c)) if c < 1 - 1e-9 else 0.0 for s, c in pairs)
        return left, right

    @property
    def score(self) -> float:
        """Agreement beyond chance, lower where few pairs tell it."""
        return sum(self.beyond) / 2 * self.seen / (self.seen + 1)

    @property
    def holds(self) -> bool:
        """Whether it is unlikely that chance did this."""
        gain = self.agreement - self.chance
        variance = max(self.chance * (1 - self.chance), self.agreement * (1 - self.agreement), 0.01)
        return gain >= LEAST_GAIN and gain >= _LEAST_Z * math.sqrt(variance / max(self.seen, 1))

    @property
    def relation(self) -> Relation:
        """What the left property is to the right one, by these figures."""
        a, b = self.shares
        same = min(a, b) >= _SURE and min(self.beyond) >= _BEYOND
        if same and self.tolerance <= _NEAR:
            return "exact"
        if max(a, b) >= _SURE and abs(a - b) >= 0.2:
            return "narrower" if a > b else "broader"
        return "close"
