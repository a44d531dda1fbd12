"""How many partners an entity may have: told from how many it seems to have."""

import numpy as np

from kgalign.arrays import Doubles
from kgalign.rdf.graph import Ids

_MULTIPLE = 0.3
"""Share of well matched entities with a second partner as good: below, it is coincidence."""


def multiplicity(left: Ids, right: Ids, score: Doubles, probability: Doubles) -> tuple[float, float]:
    """Share of well matched entities that have a further partner which looks as good.

    :returns: for the left entities (several right ones each) and for the right ones.
    """
    sure = np.flatnonzero(probability >= 0.9)
    if len(sure) < 10:
        return 0.0, 0.0
    good = score >= np.quantile(score[sure], 0.25)
    sure = sure[good[sure]]
    per_left = np.bincount(left[good], minlength=int(left.max()) + 1)
    per_right = np.bincount(right[good], minlength=int(right.max()) + 1)
    return float((per_left[left[sure]] > 1).mean()), float((per_right[right[sure]] > 1).mean())


def choose(asked: str, of_left: float, of_right: float) -> tuple[str, str]:
    """The cardinality to apply, and why, in one sentence."""
    if asked != "auto":
        return asked, f"{asked} was asked for"
    shares = f"{of_left:.0%} of the well matched left entities and {of_right:.0%} of the right ones have a second partner as good"
    several_right, several_left = of_left >= _MULTIPLE, of_right >= _MULTIPLE
    chosen = {
        (False, False): "one-to-one",
        (True, False): "one-to-many",
        (False, True): "many-to-one",
        (True, True): "many-to-many",
    }[several_right, several_left]
    return chosen, f"{chosen}: {shares}"
