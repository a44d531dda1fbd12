"""The bootstrap: what would have been counted on other samples of the same size (Efron, 1979)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % bootstrap interval (percentiles 2.5 and 97.5)."""

    low: float
    high: float


def resampled(units: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """(RESAMPLES, c) sums of the counts of units that are drawn with replacement, as many as there are.

    Units with the same counts are the same to every sum, so one multinomial draw over the kinds of units is
    the whole bootstrap, however many units there are.

    :param units: (n, c) counts of each unit; at least one unit.
    """
    kinds, sizes = np.unique(units, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(units), sizes / len(units), size=RESAMPLES)
    sums: npt.NDArray[np.int64] = drawn @ kinds
    return sums


def percentiles(values: npt.NDArray[np.float64]) -> Interval:
    """The interval that 95 % of the values (n,) lie in."""
    low, high = np.percentile(values, [2.5, 97.5]).tolist()
    return Interval(low, high)
