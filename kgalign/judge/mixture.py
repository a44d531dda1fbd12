"""The mixture: what each level of each comparison is worth, learned without labels.

Fellegi and Sunter's model (1969): a pair that matches reaches the levels of a comparison with
other frequencies (m) than a pair that does not (u); the log of their ratio is the level's weight.
The frequencies come from expectation maximisation (Winkler 1988), with one change: which pairs are
expected to match is told by competition and by decoys (:mod:`kgalign.judge.decoys`), so that the
runner-up of a clear match counts as a non-match, and so that comparisons which repeat each other
(a title's words are among all words) make nothing surer than it is.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Flags
from kgalign.judge.decoys import Calibration, calibrate
from kgalign.rdf.graph import Ids

Positions = npt.NDArray[np.float32]
_MAX_WEIGHT = 8.0
_PRIOR_COUNT = 2.0


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights of the levels, and the expected matches they give."""

    weights: list[Doubles]
    """Per comparison, log-odds of each level."""
    expected: Doubles
    """(c,) probability of the best pairs, 0 for all others."""
    score: Doubles
    """(c,) the sum of the weights of the levels reached."""
    calibration: Calibration


def fit(
    left: Ids,
    right: Ids,
    positions: Positions,
    sizes: list[int],
    start: Doubles,
    *,
    given: Flags,
    stratum: Flags,
    one_left: bool,
    one_right: bool,
    rounds: int,
) -> Mixture:
    """Learn the weights.

    :param positions: (c, comparisons) level reached, with a fraction towards the next one; NaN where
        there was nothing to compare.
    :param sizes: number of levels of each comparison.
    :param start: (c,) probability of each pair to start from.
    :param given: (c,) pairs that are matches whatever they look like.
    :returns: the weights after ``rounds`` rounds, and the expected matches.
    """
    hats = [Hat(positions[:, k], size) for k, size in enumerate(sizes)]
    expected = np.where(given, 1.0, start)
    for _ in range(rounds):
        weights = [hat.weigh(expected) for hat in hats]
        log_odds = np.zeros(len(expected))
        for hat, table in zip(hats, weights, strict=True):
            log_odds += hat.look_up(table)
        calibration = calibrate(
            left,
            right,
            log_odds,
            given,
            one_left=one_left,
            one_right=one_right,
            stratum=stratum,
            expected=expected,
        )
        expected = np.where(calibration.top, calibration.probability, 0.0)
    return Mixture(weights, expected, log_odds, calibration)


class Hat:
    """One comparison's positions, split between the two levels they lie between.

    A level's weight is learned at the level and runs straight to the next one, so that of two
    candidates on one level the nearer one still leads.
    """

    def __init__(self, position: Positions, size: int) -> None:
        self.size = size
        self.seen = np.flatnonzero(~np.isnan(position))
        self.rows = len(position)
        value = np.clip(position[self.seen].astype(np.float64), 0, size - 1)
        self.low = np.minimum(value.astype(np.int64), max(size - 2, 0))
        self.high = np.minimum(self.low + 1, size - 1)
        self.part: Doubles = value - self.low

    def weigh(self, expected: Doubles) -> Doubles:
        """Log ratio of each level's frequency among matches and among the rest, rising with the level."""
        match = expected[self.seen]
        matches, others = self._count(match), self._count(1 - match)
        share = (matches + others + 0.5) / (matches + others + 0.5).sum()
        m = (matches + _PRIOR_COUNT * share) / (matches.sum() + _PRIOR_COUNT)
        u = (others + _PRIOR_COUNT * share) / (others.sum() + _PRIOR_COUNT)
        ratio = np.clip(np.log(m / u), -_MAX_WEIGHT, _MAX_WEIGHT)
        return _rising(ratio, matches + others + 0.5)

    def _count(self, weight: Doubles) -> Doubles:
        low = np.bincount(self.low, weights=weight * (1 - self.part), minlength=self.size)
        high = np.bincount(self.high, weights=weight * self.part, minlength=self.size)
        return np.asarray(low + high, dtype=np.float64)

    def look_up(self, table: Doubles) -> Doubles:
        """The weight of each pair's position, 0 where there was nothing to compare."""
        result = np.zeros(self.rows)
        result[self.seen] = table[self.low] * (1 - self.part) + table[self.high] * self.part
        return result


def _rising(values: Doubles, weights: Doubles) -> Doubles:
    """The nearest non-decreasing sequence (pool adjacent violators): a better level never counts less."""
    blocks: list[list[float]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            last, before = blocks.pop(), blocks[-1]
            total = before[1] + last[1]
            before[0] = (before[0] * before[1] + last[0] * last[1]) / total
            before[1], before[2] = total, before[2] + last[2]
    return np.repeat([b[0] for b in blocks], [int(b[2]) for b in blocks])
