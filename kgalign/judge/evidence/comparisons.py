"""Comparisons: each looks at one thing that two entities may share and says how far they do.

A comparison gives each pair a level, -1 where there is nothing to compare. Levels are ordered,
the weakest first; what a level is worth is learned (:mod:`kgalign.judge.evidence`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from kgalign.arrays import sparse_rows
from kgalign.judge.evidence.texts import Pool, Texts, best_by_row, cross, pool, string_similarity
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.values import is_code
from kgalign.values.text import idf, row_dots, row_of, word_rows

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
    position: Positions = np.interp(value, np.array(knots), np.arange(len(knots))).astype(np.float32)
    position[np.isnan(value)] = np.nan
    return position


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
        self.words, self.weights, vocabulary = _word_rows(left, right)
        self.codes = tuple(_code_rows(rows, vocabulary) for rows in self.words)
        self.own, self.own_codes = self._own(self.words), self._own(self.codes)

    def compare(self, a: Ids, b: Ids, sides: tuple[int, int] = (0, 1)) -> list[Comparison]:
        """Names, words and codes of each pair.

        :param sides: whose entities ``a`` and ``b`` are: 0 for the left side's, 1 for the right one's.
        """
        x, y = sides
        row, ta, tb = cross(self.names[x], self.names[y], a, b)
        names = best_by_row(row, string_similarity(self.texts[x], self.texts[y], ta, tb), len(a))
        share, rarity = self._shared(self.words, self.own, a, b, sides)
        codes, _ = self._shared(self.codes, self.own_codes, a, b, sides)
        return [
            Comparison("names", "name", STRING_LABELS, steps(names, STRING_STEPS)),
            Comparison("words shared", "text", labels_of("words shared"), steps(share, _SHARE_STEPS)),
            Comparison(
                "rarity of shared words",
                "text",
                labels_of("rarity of shared words"),
                steps(rarity, _RARITY_STEPS),
            ),
            Comparison("codes shared", "code", labels_of("codes shared"), steps(codes, _CODE_STEPS)),
        ]

    def share_of_larger(self, a: Ids, b: Ids, sides: tuple[int, int] = (0, 1)) -> Floats:
        """(c,) share of the larger one's information that both hold."""
        larger = np.maximum(self.own[sides[0]][a], self.own[sides[1]][b]).astype(np.float32)
        both = self._both(self.words, a, b, sides)
        return np.divide(both, larger, out=np.full_like(both, np.nan), where=larger > 0)

    def _both(self, rows: tuple[csr_array, ...], a: Ids, b: Ids, sides: tuple[int, int]) -> Floats:
        """(c,) information of what both entities hold."""
        x, y = rows[sides[0]], rows[sides[1]]
        weighted = csr_array((x.data * self.weights[x.indices], x.indices, x.indptr), shape=x.shape)
        return row_dots(weighted, y, a, b)

    def _shared(
        self,
        rows: tuple[csr_array, ...],
        own: tuple[Floats, ...],
        a: Ids,
        b: Ids,
        sides: tuple[int, int],
    ) -> tuple[Floats, Floats]:
        """Share of the smaller one's information that both hold, and its amount in units of one in all."""
        both = self._both(rows, a, b, sides)
        smaller = np.minimum(own[sides[0]][a], own[sides[1]][b]).astype(np.float32)
        share = np.divide(both, smaller, out=np.full_like(both, np.nan), where=smaller > 0)
        rarity = (both / np.log(2 + len(self.left) + len(self.right))).astype(np.float32)
        rarity[np.isnan(share)] = np.nan
        return share, rarity

    def _own(self, rows: tuple[csr_array, ...]) -> tuple[Floats, ...]:
        """Per side, the information that each entity holds."""
        return tuple(
            np.bincount(
                row_of(each), weights=each.data * self.weights[each.indices], minlength=each.shape[0]
            ).astype(np.float32)
            for each in rows
        )


def _name_pool(profile: Profile) -> Pool:
    return pool(profile, [i for i, a in enumerate(profile.attributes) if a.is_name])


def _word_rows(left: Profile, right: Profile) -> tuple[tuple[csr_array, csr_array], Floats, list[str]]:
    """Which words each entity holds anywhere in its values (1 or 0), the rarity of each word, the words."""
    vocabulary: dict[str, int] = {}
    rows = [
        word_rows((sorted(set(held)) for held in profile.words()), vocabulary) for profile in (left, right)
    ]
    for matrix in rows:
        matrix.resize((matrix.shape[0], max(len(vocabulary), 1)))
    return (rows[0], rows[1]), idf(rows[0], rows[1]), list(vocabulary)


def _code_rows(rows: csr_array, vocabulary: list[str]) -> csr_array:
    """Only the words that look like codes."""
    codes = np.array([is_code(word) for word in vocabulary] or [False])
    keep = codes[rows.indices]
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[keep]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows.shape[0]))])
    return sparse_rows(rows.data[keep], rows.indices[keep], indptr, rows.shape[1])
