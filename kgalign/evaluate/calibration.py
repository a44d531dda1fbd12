"""Whether probabilities mean what they say, where gold can tell."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs whose probability lies in ``[low, high)``; the last bin includes 1."""

    low: float
    high: float
    pairs: int
    mean_probability: float
    share_right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability of probabilities."""

    pairs: int
    ece: float
    """Expected calibration error: mean distance of probability and share of right pairs per bin,
    weighted by the bin's pairs; 0 is perfect."""
    brier: float
    """Mean squared distance of probability and truth; 0 is perfect."""
    bins: tuple[Bin, ...]
    """The bins that hold pairs, the lowest first."""


def calibration(probability: npt.NDArray[np.floating], right: npt.NDArray[np.bool_]) -> Calibration:
    """Compare probabilities (n,) with the truth (n,) in ten bins of equal width."""
    sure = np.asarray(probability, dtype=np.float64)
    if not len(sure):
        return Calibration(0, 0.0, 0.0, ())
    place = np.clip((sure * _BINS).astype(np.int64), 0, _BINS - 1)
    bins = []
    error = 0.0
    for number in np.unique(place).tolist():
        inside = place == number
        mean, share = float(sure[inside].mean()), float(right[inside].mean())
        count = int(inside.sum())
        error += abs(mean - share) * count / len(sure)
        bins.append(Bin(number / _BINS, (number + 1) / _BINS, count, mean, share))
    return Calibration(len(sure), error, float(np.mean((sure - right) ** 2)), tuple(bins))
