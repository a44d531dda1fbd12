"""Levels of comparisons: one byte for each pair, sums that add up over parts, and what a level is worth.

Fellegi and Sunter's model (1969): a pair that matches reaches the levels of a comparison with other
frequencies (m) than a pair that does not (u); the log of their ratio is the level's worth. The frequencies
are expected ones (Winkler 1988), drawn towards no difference by a few counts, so that at fifteen entities
hardly anything moves and at ten thousand what was seen decides.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles
from kgalign.judge.evidence import parts
from kgalign.judge.evidence.comparisons import Comparison
from kgalign.records import Floats

Codes = npt.NDArray[np.uint8]

STEPS = 20
"""Steps from a level to the next: of two candidates on one level the nearer one still leads."""
MISSING = 255
_MAX_WORTH = 8.0


def encode(comparison: Comparison) -> Codes:
    """(c,) position in steps, :data:`MISSING` where there is nothing to compare."""
    most = (len(comparison.labels) - 1) * STEPS
    code = np.clip(np.rint(np.nan_to_num(comparison.position) * STEPS), 0, min(most, MISSING - 1))
    return np.where(np.isnan(comparison.position), MISSING, code).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Levels:
    """A comparison as codes."""

    of: Comparison
    """What it is called, and what its levels mean; without the levels of any pair."""
    codes: Codes
    """(c,) the level of each pair in steps."""


def in_parts(compare: Callable[[slice], Comparison], size: int) -> Levels:
    """The levels of ``size`` pairs, which are compared part by part.

    :param compare: makes the comparison of some rows.
    """
    return Levels(compare(slice(0, 0)), parts.column(lambda rows: encode(compare(rows)), size))


@dataclass(frozen=True, slots=True)
class Sums:
    """Expected matches and others by code; sums of parts add up to the sums of the whole."""

    matches: Doubles
    others: Doubles
    """(256,) each."""

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.matches + other.matches, self.others + other.others)


def count(codes: Codes) -> Doubles:
    """(256,) how many pairs have each code; counts of parts add up."""
    found: Doubles = np.bincount(codes, minlength=256).astype(np.float64)
    return found


def add_up(codes: Codes, expected: Doubles, every: Doubles | None = None) -> Sums:
    """The sums of one part of the pairs.

    :param expected: (c,) how far each is expected to match.
    :param every: (256,) how many pairs have each code where others are there that are not expected to match;
        ``codes`` are all if None.
    """
    matches: Doubles = np.asarray(np.bincount(codes, weights=expected, minlength=256), dtype=np.float64)
    return Sums(matches, (count(codes) if every is None else every) - matches)


def worth(sums: Sums, levels: int, counts: float) -> Floats:
    """(256,) log-odds of each code, straight between the levels and never falling; 0 where missing.

    :param levels: how many levels the comparison has.
    :param counts: matches, and others, that are added as the comparison has both together.
    """
    split = _split(levels)
    matches, others = split @ sums.matches, split @ sums.others
    both = matches + others + 0.5
    share = both / both.sum()
    m = (matches + counts * share) / (matches.sum() + counts)
    u = (others + counts * share) / (others.sum() + counts)
    at_level = rising(np.clip(np.log(m / u), -_MAX_WORTH, _MAX_WORTH), both)
    table: Floats = (at_level @ split).astype(np.float32)
    return table


def _split(levels: int) -> Doubles:
    """(levels, 256) how far each code counts for each level: in proportion for the two it lies between."""
    position = np.arange(256) / STEPS
    split: Doubles = np.maximum(0, 1 - np.abs(position - np.arange(levels)[:, None]))
    split[:, (levels - 1) * STEPS + 1 :] = 0
    return split


def rising(values: Doubles, weights: Doubles) -> Doubles:
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
