"""Comparisons: each looks at one thing that two entities may share and says how far they do.

A comparison gives each pair a level, -1 where there is nothing to compare. Levels are ordered,
the weakest first; what a level is worth is learned (:mod:`kgalign.judge.evidence`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.judge.evidence.piecewise import between
from kgalign.judge.evidence.texts import Pool, Texts, best_by_row, cross, pool, string_similarity
from kgalign.judge.evidence.words import SharedWords, word_rows_of
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile

Positions = npt.NDArray[np.float32]
STRING_STEPS = (0.2, 0.35, 0.5, 0.62, 0.74, 0.86, 0.96, 1.0)
STRING_LABELS = ("other", "faint", "weak", "part", "alike", "close", "nearly the same", "the same")
_SHARE_STEPS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
_CODE_STEPS = (0.0, 0.33, 0.67, 1.0)
_RARITY_STEPS = (0.0, 0.35, 0.7, 1.0, 1.4, 2.0, 3.0, 4.5)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One column of levels."""

    name: str
    kind: str
    labels: tuple[str, ...]
    position: Positions
    """(c,) level reached, with a fraction towards the next; NaN where there is nothing to compare."""
    attributes: tuple[int, int] = (-1, -1)
    """The left and the right attribute that it compares: indices into the profiles' attributes, else -1."""


def steps(value: Floats, knots: tuple[float, ...]) -> Positions:
    """Where a similarity lies between the knots: 0 at the first, 1 at the second …; NaN stays NaN."""
    return between(value, knots, tuple(range(len(knots))), np.nan)


def labels_of(measure: str) -> tuple[str, ...]:
    """What the levels of one of the measures of words mean."""
    unit, bounds = {
        "words shared": ("share", _SHARE_STEPS),
        "rarity of shared words": ("rarity", _RARITY_STEPS),
        "codes shared": ("share", _CODE_STEPS),
    }[measure]
    return tuple(f"{unit} {bound:g}" for bound in bounds)


class Pooled:
    """Comparisons over all values of a kind together, whatever their properties are called."""

    def __init__(self, left: Profile, right: Profile, texts: tuple[Texts, Texts]) -> None:
        self.left, self.right, self.texts = left, right, texts
        self.names = tuple(_name_pool(profile) for profile in (left, right))
        self.words = SharedWords(*word_rows_of(left, right, texts))

    def compare(self, a: Ids, b: Ids, sides: tuple[int, int] = (0, 1)) -> list[Comparison]:
        """Names, words and codes of each pair.

        :param sides: whose entities ``a`` and ``b`` are: 0 for the left side's, 1 for the right one's.
        """
        names, share, rarity, codes, *_ = self.measure(a, b, sides)
        return [
            Comparison("names", "name", STRING_LABELS, names),
            Comparison("words shared", "text", labels_of("words shared"), share),
            Comparison("rarity of shared words", "text", labels_of("rarity of shared words"), rarity),
            Comparison("codes shared", "code", labels_of("codes shared"), codes),
        ]

    def measure(self, a: Ids, b: Ids, sides: tuple[int, int]) -> tuple[Floats, ...]:
        """(c,) each: the levels of :meth:`compare`, the cosine of the words, and the share of the larger
        one's information in both.
        """
        x, y = sides
        row, ta, tb = cross(self.names[x], self.names[y], a, b)
        names = best_by_row(row, string_similarity(self.texts[x], self.texts[y], ta, tb), len(a))
        shared = self.words.compare(a, b, sides)
        share = _ratio(shared.words, np.minimum(*shared.of_words))
        rarity = (shared.words / np.log(2 + len(self.left) + len(self.right))).astype(np.float32)
        rarity[np.isnan(share)] = np.nan
        return (
            steps(names, STRING_STEPS),
            steps(share, _SHARE_STEPS),
            steps(rarity, _RARITY_STEPS),
            steps(_ratio(shared.codes, np.minimum(*shared.of_codes)), _CODE_STEPS),
            shared.cosine,
            _ratio(shared.words, np.maximum(*shared.of_words)),
        )


def _ratio(both: Floats, own: Floats) -> Floats:
    return np.divide(both, own, out=np.full_like(both, np.nan), where=own > 0)


def _name_pool(profile: Profile) -> Pool:
    return pool(profile, [i for i, a in enumerate(profile.attributes) if a.is_name])
