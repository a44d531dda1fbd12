"""Comparisons: each looks at one thing that two entities may share and says how far they do.

A comparison gives each pair a level, -1 where there is nothing to compare. Levels are ordered,
the weakest first; what a level is worth is learned (:mod:`kgalign.judge.mixture`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from kgalign.judge.values import Pool, Texts, best_by_row, cross, pool, string_similarity
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.text import entity_words, idf, word_rows

Positions = npt.NDArray[np.float32]
STRING_STEPS = (0.2, 0.35, 0.5, 0.62, 0.74, 0.86, 0.96, 1.0)
STRING_LABELS = ("other", "faint", "weak", "part", "alike", "close", "nearly the same", "the same")
_SHARE_STEPS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
_RARITY_STEPS = (0.0, 0.35, 0.7, 1.0, 1.4, 2.0, 3.0, 4.5)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One column of levels."""

    name: str
    kind: str
    labels: tuple[str, ...]
    position: Positions
    """(c,) level reached, with a fraction towards the next; NaN where there is nothing to compare."""


def steps(value: Floats, knots: tuple[float, ...]) -> Positions:
    """Where a similarity lies between the knots: 0 at the first, 1 at the second …; NaN stays NaN."""
    position: Positions = np.interp(value, np.array(knots), np.arange(len(knots))).astype(np.float32)
    position[np.isnan(value)] = np.nan
    return position


def _labels(bounds: tuple[float, ...], unit: str) -> tuple[str, ...]:
    return tuple(f"{unit} {bound:g}" for bound in bounds)


class Pooled:
    """Comparisons over all values of a kind together, whatever their properties are called."""

    def __init__(self, left: Profile, right: Profile, texts: tuple[Texts, Texts]) -> None:
        self.left, self.right, self.texts = left, right, texts
        self.names = tuple(_name_pool(profile) for profile in (left, right))
        self.words, self.weights, vocabulary = _word_rows(left, right)
        self.codes = tuple(_code_rows(rows, vocabulary) for rows in self.words)

    def compare(self, left: Ids, right: Ids) -> list[Comparison]:
        """Names, words and codes of each pair."""
        row, ta, tb = cross(self.names[0], self.names[1], left, right)
        names = best_by_row(row, string_similarity(*self.texts, ta, tb), len(left))
        found = [Comparison("names", "name", STRING_LABELS, steps(names, STRING_STEPS))]
        share, rarity = self._shared(self.words[0], self.words[1], left, right)
        found.append(
            Comparison("words shared", "text", _labels(_SHARE_STEPS, "share"), steps(share, _SHARE_STEPS))
        )
        found.append(
            Comparison(
                "rarity of shared words",
                "text",
                _labels(_RARITY_STEPS, "rarity"),
                steps(rarity, _RARITY_STEPS),
            )
        )
        codes, _ = self._shared(self.codes[0], self.codes[1], left, right)
        bounds = (0.0, 0.33, 0.67, 1.0)
        found.append(Comparison("codes shared", "code", _labels(bounds, "share"), steps(codes, bounds)))
        return found

    def _shared(
        self, a: csr_array, b: csr_array, left: Ids, right: Ids, batch: int = 200_000
    ) -> tuple[Floats, Floats]:
        """Share of the smaller side's information that both hold, and its amount in units of one in all."""
        own = [
            np.asarray((rows * self.weights[None, :]).sum(axis=1)).ravel() if rows.shape[0] else np.zeros(0)
            for rows in (a, b)
        ]
        both = np.empty(len(left), dtype=np.float32)
        weighted = csr_array((a.data * self.weights[a.indices], a.indices, a.indptr), shape=a.shape)
        for start in range(0, len(left), batch):
            part = slice(start, start + batch)
            both[part] = weighted[left[part]].multiply(b[right[part]]).sum(axis=1)
        smaller = np.minimum(own[0][left], own[1][right]).astype(np.float32)
        share = np.divide(both, smaller, out=np.full_like(both, np.nan), where=smaller > 0)
        rarity = (both / np.log(2 + len(self.left) + len(self.right))).astype(np.float32)
        rarity[np.isnan(share)] = np.nan
        return share, rarity


def _name_pool(profile: Profile) -> Pool:
    return pool(profile, [i for i, a in enumerate(profile.attributes) if a.is_name])


def _word_rows(left: Profile, right: Profile) -> tuple[tuple[csr_array, csr_array], Floats, list[str]]:
    """Which words each entity holds anywhere in its values (1 or 0), the rarity of each word, the words."""
    vocabulary: dict[str, int] = {}
    rows = [
        word_rows((sorted(set(held)) for held in entity_words(profile)), vocabulary)
        for profile in (left, right)
    ]
    for matrix in rows:
        matrix.resize((matrix.shape[0], max(len(vocabulary), 1)))
    return (rows[0], rows[1]), idf(rows[0], rows[1]), list(vocabulary)


def _code_rows(rows: csr_array, vocabulary: list[str]) -> csr_array:
    """Only the words that look like codes: a digit among four or more letters and digits."""
    is_code = np.array(
        [len(w) >= 4 and any(c.isdigit() for c in w) and not w.startswith("http") for w in vocabulary]
        or [False]
    )
    keep = is_code[rows.indices]
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[keep]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows.shape[0]))])
    return csr_array((rows.data[keep], rows.indices[keep], indptr), shape=rows.shape)
