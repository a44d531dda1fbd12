"""Precision, recall and F1 of links against gold, with bootstrap intervals; and what two runs differ in."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kgalign.evaluate.bootstrap import RESAMPLES, Interval, percentiles, resampled
from kgalign.links.gold import Pair


@dataclass(frozen=True, slots=True)
class Scores:
    """How links compare with gold; shares lie between 0 and 1."""

    predicted: int
    """Links."""
    counted: int
    """Links that the gold can judge; all of them where the gold is complete."""
    gold: int
    right: int
    """Counted links that are in the gold."""
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """Bootstrap intervals of the three scores."""

    precision: Interval
    recall: Interval
    f1: Interval
    units: int
    """Groups of entities that were drawn; links and gold pairs that share an entity stay together."""
    resamples: int


def counted_links(links: Collection[Pair], gold: Collection[Pair], *, closed: bool = False) -> set[Pair]:
    """Select the links that the gold can judge.

    The gold is taken for a sample: a link counts only where its left or its right entity occurs in
    the gold. With ``closed`` the gold is complete and every link counts.
    """
    if closed:
        return set(links)
    lefts, rights = {left for left, _ in gold}, {right for _, right in gold}
    return {(left, right) for left, right in links if left in lefts or right in rights}


def score(links: Collection[Pair], gold: Collection[Pair], *, closed: bool = False) -> Scores:
    """Score links (left IRI, right IRI) against gold pairs; doubles count once."""
    truth = set(gold)
    counted = counted_links(links, truth, closed=closed)
    right = len(counted & truth)
    precision, recall, f1 = (float(value) for value in _rates(right, len(counted), len(truth)))
    return Scores(len(set(links)), len(counted), len(truth), right, precision, recall, f1)


def intervals(
    links: Collection[Pair], gold: Collection[Pair], *, closed: bool = False, seed: int = 0
) -> Intervals:
    """Bootstrap the three scores.

    What is drawn with replacement are groups of entities that links or gold pairs connect: a missed
    pair and the wrong link that took its place are one mistake, not two independent ones.
    """
    truth = set(gold)
    counted = counted_links(links, truth, closed=closed)
    groups = _groups(counted, truth)
    right, predicted, wanted = resampled(groups, seed).T
    precision, recall, f1 = map(percentiles, _rates(right, predicted, wanted))
    return Intervals(precision, recall, f1, len(groups), RESAMPLES)


def _groups(counted: set[Pair], gold: set[Pair]) -> npt.NDArray[np.int64]:
    """(groups, 3) right links, counted links and gold pairs of every group of connected entities."""
    pairs = sorted(counted | gold)
    if not pairs:
        return np.zeros((1, 3), dtype=np.int64)
    lefts = {left: i for i, left in enumerate(sorted({left for left, _ in pairs}))}
    rights = {right: i + len(lefts) for i, right in enumerate(sorted({right for _, right in pairs}))}
    a = np.array([lefts[left] for left, _ in pairs])
    b = np.array([rights[right] for _, right in pairs])
    size = len(lefts) + len(rights)
    links = coo_array((np.ones(len(pairs), dtype=np.int8), (a, b)), shape=(size, size))
    count, group = connected_components(links, directed=False)
    flags = np.array([(pair in counted and pair in gold, pair in counted, pair in gold) for pair in pairs])
    columns = [np.bincount(group[a], weights=flag, minlength=count) for flag in flags.T]
    return np.stack(columns, axis=1).astype(np.int64)


def _rates(right: npt.ArrayLike, predicted: npt.ArrayLike, wanted: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Precision, recall and F1, 0 where there is nothing to divide by."""
    hits = np.asarray(right, dtype=np.float64)
    precision = hits / np.maximum(predicted, 1)
    recall = hits / np.maximum(wanted, 1)
    f1 = 2 * precision * recall / np.where(hits > 0, precision + recall, 1)
    return np.stack([precision, recall, f1])


@dataclass(frozen=True, slots=True)
class Difference:
    """Links of a new run against those of an old one; lists are sorted."""

    kept: int
    gained_right: tuple[Pair, ...]
    gained_wrong: tuple[Pair, ...]
    gained_unknown: tuple[Pair, ...]
    """New links that the gold can't judge."""
    lost_right: tuple[Pair, ...]
    lost_wrong: tuple[Pair, ...]
    lost_unknown: tuple[Pair, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists, for JSON."""
        return asdict(self)


def diff(
    old: Collection[Pair], new: Collection[Pair], gold: Collection[Pair], *, closed: bool = False
) -> Difference:
    """Sort the links that only one of two runs has by what the gold says of them."""
    before, after = set(old), set(new)
    gained, lost = _by_truth(after - before, gold, closed), _by_truth(before - after, gold, closed)
    return Difference(len(before & after), *gained, *lost)


def _by_truth(
    links: set[Pair], gold: Collection[Pair], closed: bool
) -> tuple[tuple[Pair, ...], tuple[Pair, ...], tuple[Pair, ...]]:
    truth = set(gold)
    counted = counted_links(links, truth, closed=closed)
    return tuple(sorted(counted & truth)), tuple(sorted(counted - truth)), tuple(sorted(links - counted))
