"""Precision and recall with intervals, from the looks at each stratum.

Of what was not looked at in a stratum, how many are right is beta-binomial: the looks, and a little of what
the run expects. Strata are summed by their means and variances, and the sum is held for a beta distribution
between what is possible. Each end of an interval is computed with the weight of one look more, spread over
the strata with links by their size, and of one over those without, put on what speaks against it (Walley's
imprecise Dirichlet model, 1996): nothing that nobody has seen is taken for impossible. All functions take
further axes before the last ones: many samples at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from kgalign.arrays import Doubles
from kgalign.estimate.strata import Seen, Strata

EXPECTED = 0.5
"""Looks that the run's probabilities are worth in each stratum."""
AGAINST = 1.0
"""Looks, over the strata with links and over those without, that speak against each end of an interval."""
_NEITHER, _RIGHT, _MISSED = range(3)
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Interval:
    """A share with the interval in which it is to be expected; arrays where there are many samples."""

    value: Doubles
    low: Doubles
    high: Doubles

    @property
    def half(self) -> Doubles:
        """Half of its width."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class Rest:
    """What is to be expected of the cases that were not looked at."""

    share: Doubles
    """(…, h, k) of each kind, among them."""
    count: Doubles
    """(…, h) how many they are."""
    spread: Doubles
    """(…, h) variance of a sum over them, by the variance of one."""
    weight: Doubles
    """(…, h) looks that this is worth."""


def rest_of(size: Doubles, sample: Doubles, prior: Doubles) -> Rest:
    """What a Dirichlet-multinomial says of the rest of each stratum.

    :param size: (h,) cases of each stratum.
    :param sample: (…, h, k) looks that found each kind.
    :param prior: (h, k) the same of before.
    """
    weight = (prior + sample).sum(axis=-1)
    count = np.maximum(size - sample.sum(axis=-1), 0.0)
    share = (prior + sample) / np.maximum(weight, _TINY)[..., None]
    return Rest(share, count, count * (weight + count) / (weight + 1), weight)


def precision(strata: Strata, looked: Seen, confidence: float) -> Interval:
    """Share of the links that are right; NaN where there is none. Exact once all are looked at.

    :param confidence: how probable it shall be that the interval holds the truth.
    """
    total = strata.size[strata.linked].sum()
    wrong, right = looked.known_links[..., 0].sum(axis=-1), looked.known_links[..., 1].sum(axis=-1)
    if not total:
        nothing = np.full(right.shape, np.nan)
        return Interval(nothing, nothing, nothing)
    prior = EXPECTED * np.stack([1 - strata.expect[:, _RIGHT], strata.expect[:, _RIGHT]], axis=-1)
    against = AGAINST * strata.share[:, None]

    def sums(extra: Doubles) -> tuple[Doubles, Doubles]:
        rest = rest_of(strata.size, looked.judged, prior + extra)
        found = looked.judged[..., 1] + rest.count * rest.share[..., 1]
        spread = rest.spread * rest.share[..., 0] * rest.share[..., 1]
        return (found * strata.linked).sum(axis=-1), (spread * strata.linked).sum(axis=-1)

    return _interval(
        lambda extra: sums(extra * against), (np.zeros(2), np.eye(2)[0], np.eye(2)[1]),
        right, total - wrong, total, confidence,
    )  # fmt: skip


def _interval(
    sums: Callable[[Doubles], tuple[Doubles, Doubles]],
    extras: tuple[Doubles, Doubles, Doubles],
    least: Doubles,
    most: Doubles,
    total: float,
    confidence: float,
) -> Interval:
    """Of a count between ``least`` and ``most``, as a share of ``total``; whole counts at the ends."""
    value = np.clip(sums(extras[0])[0], least, most)
    low = np.floor(_quantile(*sums(extras[1]), least, most, (1 - confidence) / 2) + _TINY)
    high = np.ceil(_quantile(*sums(extras[2]), least, most, (1 + confidence) / 2) - _TINY)
    low, high = np.clip(low, least, most), np.clip(high, least, most)
    return Interval(value / total, np.minimum(low, value) / total, np.maximum(high, value) / total)


def recall(strata: Strata, looked: Seen, confidence: float) -> Interval:
    """Share of what is right among the candidates that is linked; NaN where nothing is right.

    Exact once all cases are looked at. Where cases are entities, it is of the entities with a right
    candidate.
    """
    prior = EXPECTED * strata.expect
    linked, against = strata.linked, AGAINST * strata.share
    worst, best = np.zeros_like(prior), np.zeros_like(prior)
    worst[:, _MISSED] = np.where(linked & (not strata.others), 0, against)
    best[:, _RIGHT], best[:, _NEITHER] = np.where(linked, against, 0), np.where(linked, 0, against)
    right, missed = looked.known[..., _RIGHT].sum(axis=-1), looked.known[..., _MISSED].sum(axis=-1)
    open_ = strata.size - looked.known.sum(axis=-1)
    links = np.where(linked, strata.size - looked.known_links.sum(axis=-1), 0.0).sum(axis=-1)
    least, most = _share(right, missed + open_.sum(axis=-1)), _share(right + links, missed)
    value = np.clip(_ratio(strata, looked, prior)[0], least, most)
    low, high = (
        _quantile(*_ratio(strata, looked, prior + extra), least, most, quantile)
        for extra, quantile in ((worst, (1 - confidence) / 2), (best, (1 + confidence) / 2))
    )
    # Fewer than one missed is none: the upper end is that of a whole number of them.
    fewest = np.maximum(np.floor((right + links) * (1 - high) / np.maximum(high, _TINY) + _TINY), missed)
    high = np.where(most - least > _TINY, np.maximum(high, _share(right + links, fewest)), value)
    return Interval(value, np.clip(low, least, value), np.clip(high, value, most))


def _share(part: Doubles, other: Doubles) -> Doubles:
    with np.errstate(invalid="ignore"):
        found: Doubles = part / (part + other)
    return found


def _ratio(strata: Strata, looked: Seen, prior: Doubles) -> tuple[Doubles, Doubles]:
    """Mean and variance of right / (right + missed), by its differential."""
    rest = rest_of(strata.size, looked.sample, prior)
    return ratio_of(rest, looked.sample)[:2]


def ratio_of(rest: Rest, sample: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Mean and variance, and (…, h) what one case of each stratum adds to the variance."""
    counts = (sample + rest.count[..., None] * rest.share).sum(axis=-2)
    right, missed = counts[..., _RIGHT], counts[..., _MISSED]
    both = np.maximum(right + missed, _TINY)
    of_right, of_missed = (missed / both**2)[..., None], (-right / both**2)[..., None]
    mean = of_right * rest.share[..., _RIGHT] + of_missed * rest.share[..., _MISSED]
    square = of_right**2 * rest.share[..., _RIGHT] + of_missed**2 * rest.share[..., _MISSED]
    single = np.maximum(square - mean**2, 0.0)
    return right / both, (rest.spread * single).sum(axis=-1), single


def _quantile(mean: Doubles, variance: Doubles, least: Doubles, most: Doubles, quantile: float) -> Doubles:
    """Of the beta distribution between ``least`` and ``most`` with a mean and a variance."""
    width = most - least
    with np.errstate(all="ignore"):
        place = np.clip((mean - least) / width, _TINY, 1 - _TINY)
        weight = np.maximum(place * (1 - place) * width**2 / variance - 1, 1e-6)
        found = least + width * stats.beta.ppf(quantile, place * weight, (1 - place) * weight)
    sure = ~((width > 0) & (variance > 0))
    return np.where(sure, np.clip(mean, least, most), found)
