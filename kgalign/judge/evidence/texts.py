"""Values made ready to compare: each text folded once, each pair of texts compared once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist
from scipy.sparse import csr_array, vstack

from kgalign.arrays import Positions, distinct, spread
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.values import read_date, read_number
from kgalign.values.text import fold, gram_rows, idf, row_dots, sort_words, weigh

_TEXTS_AT_ONCE = 50_000
_PAIR_LIMIT = 36
"""Pairs of values looked at per pair of entities and attributes."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The distinct texts of one side, folded, in the order of the profile's ``texts``."""

    raw: list[str]
    folded: list[str]
    sorted_words: list[str]
    grams: csr_array
    """Character trigrams as TF-IDF rows of unit length."""
    gram_counts: csr_array
    """The same trigrams as counts."""
    number: npt.NDArray[np.float64]
    """The number a text begins with, NaN where it is none."""
    date: npt.NDArray[np.float64]
    """Days, months and years as one number yyyymmdd (zeros where a part is missing), NaN for no date."""


def prepare(left: Profile, right: Profile) -> tuple[Texts, Texts]:
    """Fold the texts of both sides; rarity of n-grams is counted over both."""
    raw = [profile.texts.to_pylist() for profile in (left, right)]
    folded = [[fold(text) for text in side] for side in raw]
    grams = [_gram_rows(side) for side in folded]
    weights = idf(grams[0], grams[1])
    sides = []
    for texts, folds, rows in zip(raw, folded, grams, strict=True):
        sides.append(
            Texts(
                texts,
                folds,
                [sort_words(text) for text in folds],
                weigh(rows, weights),
                rows,
                np.array([read_number(text) for text in texts], dtype=np.float64),
                np.array([read_date(text) for text in texts], dtype=np.float64),
            )
        )
    return sides[0], sides[1]


def _gram_rows(texts: Sequence[str]) -> csr_array:
    """Trigrams of the beginnings of texts, a part of the texts at a time."""
    parts = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        rows = gram_rows([text[:200] for text in texts[start : start + _TEXTS_AT_ONCE]])
        parts.append(rows)
    return csr_array(vstack(parts, format="csr")) if len(parts) > 1 else (parts or [gram_rows([])])[0]


@dataclass(frozen=True, slots=True)
class Pool:
    """Values of one kind, by entity: rows sorted by entity, with bounds."""

    text: Ids
    start: Positions
    """(n + 1,) bounds of each entity's values in ``text``."""

    def count(self, entity: Ids) -> Positions:
        """How many values each of the entities has."""
        return self.start[entity + 1] - self.start[entity]


def pool(profile: Profile, attributes: Sequence[int]) -> Pool:
    """The values of some attributes, by entity, each text once."""
    rows = np.isin(profile.value_attribute, np.array(attributes, dtype=np.int32))
    entity, text = distinct(profile.value_entity[rows], profile.value_text[rows])
    return Pool(text, np.searchsorted(entity, np.arange(len(profile) + 1)))


def cross(a: Pool, b: Pool, left: Ids, right: Ids) -> tuple[Positions, Ids, Ids]:
    """All pairs of values of each pair of entities: (row of the pair, left text, right text).

    At most ``_PAIR_LIMIT`` pairs of values for each pair of entities, the first in canonical order.
    """
    ca, cb = a.count(left), b.count(right)
    cb = np.minimum(cb, np.maximum(_PAIR_LIMIT // np.maximum(ca, 1), 1))
    ca = np.minimum(ca, _PAIR_LIMIT)
    row, place = spread(np.zeros(len(left), dtype=np.int64), ca * cb)
    width = np.maximum(cb[row], 1)
    ta = a.text[a.start[left[row]] + place // width]
    tb = b.text[b.start[right[row]] + place % width]
    return row, ta, tb


def string_similarity(a: Texts, b: Texts, ta: Ids, tb: Ids) -> Floats:
    """Similarity of short texts, 0 to 1: 1 where they have the same words.

    The mean of edit similarity (words in order, rapidfuzz) and the cosine of rare trigrams: the
    one sees typing errors, the other which part of a name carries it.
    """
    if not len(ta):
        return np.zeros(0, dtype=np.float32)
    keys = ta.astype(np.int64) * len(b.raw) + tb
    distinct, inverse = np.unique(keys, return_inverse=True)
    ua, ub = (distinct // len(b.raw)).astype(np.int32), (distinct % len(b.raw)).astype(np.int32)
    edit = cpdist(
        [a.sorted_words[i][:200] for i in ua.tolist()],
        [b.sorted_words[i][:200] for i in ub.tolist()],
        scorer=fuzz.ratio,
        dtype=np.float32,
        workers=-1,
    ) / np.float32(100)
    cosine = row_dots(a.grams, b.grams, ua, ub)
    similarity = np.minimum(0.5 * (edit + cosine), np.float32(0.995))
    similarity[edit >= 1] = 1
    empty = np.array(
        [not a.folded[i] or not b.folded[j] for i, j in zip(ua.tolist(), ub.tolist(), strict=True)]
    )
    similarity[empty] = 0
    result: Floats = similarity[inverse]
    return result


def best_by_row(row: Positions, value: Floats, rows: int) -> Floats:
    """The largest value of each row, NaN where a row has none."""
    result = np.full(rows, -np.inf, dtype=np.float32)
    np.maximum.at(result, row, value)
    result[np.isinf(result)] = np.nan
    return result
