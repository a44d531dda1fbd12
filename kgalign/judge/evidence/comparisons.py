"""Comparisons: each looks at one thing that two entities may share and says how far they do.

A comparison gives each pair a level, -1 where there is nothing to compare. Levels are ordered,
the weakest first; what a level is worth is learned (:mod:`kgalign.judge.evidence`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from kgalign.arrays import distinct, sparse_rows, unique
from kgalign.judge.evidence.piecewise import between
from kgalign.judge.evidence.texts import Pool, Texts, best_by_row, cross, pool, string_similarity
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.values import is_code
from kgalign.values.kinds import ValueKind
from kgalign.values.text import idf, row_dots, row_of

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
        self.words, vocabulary = word_rows_of(left, right, texts)
        self.weights = idf(self.words[0], self.words[1])
        codes = tuple(_code_rows(rows, vocabulary) for rows in self.words)
        self._by_words, self._by_codes = _Shared(self.words, self.weights), _Shared(codes, self.weights)

    def compare(self, a: Ids, b: Ids, sides: tuple[int, int] = (0, 1)) -> list[Comparison]:
        """Names, words and codes of each pair.

        :param sides: whose entities ``a`` and ``b`` are: 0 for the left side's, 1 for the right one's.
        """
        names, share, rarity, codes, _ = self.measure(a, b, sides)
        return [
            Comparison("names", "name", STRING_LABELS, names),
            Comparison("words shared", "text", labels_of("words shared"), share),
            Comparison("rarity of shared words", "text", labels_of("rarity of shared words"), rarity),
            Comparison("codes shared", "code", labels_of("codes shared"), codes),
        ]

    def measure(self, a: Ids, b: Ids, sides: tuple[int, int]) -> tuple[Floats, ...]:
        """(c,) each: the levels of :meth:`compare`, and the share of the larger one's information in both."""
        x, y = sides
        row, ta, tb = cross(self.names[x], self.names[y], a, b)
        names = best_by_row(row, string_similarity(self.texts[x], self.texts[y], ta, tb), len(a))
        both, share, larger = self._by_words.compare(a, b, sides)
        rarity = (both / np.log(2 + len(self.left) + len(self.right))).astype(np.float32)
        rarity[np.isnan(share)] = np.nan
        _, codes, _ = self._by_codes.compare(a, b, sides)
        return (
            steps(names, STRING_STEPS),
            steps(share, _SHARE_STEPS),
            steps(rarity, _RARITY_STEPS),
            steps(codes, _CODE_STEPS),
            larger,
        )


class _Shared:
    """Information that entities hold together: the sum of the rarity of their words."""

    def __init__(self, rows: tuple[csr_array, ...], weights: Floats) -> None:
        self._rows = rows
        self._weighted = tuple(
            csr_array((each.data * weights[each.indices], each.indices, each.indptr), shape=each.shape)
            for each in rows
        )
        self._own = tuple(
            np.bincount(row_of(each), weights=each.data, minlength=each.shape[0]).astype(np.float32)
            for each in self._weighted
        )

    def compare(self, a: Ids, b: Ids, sides: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
        """(c,) each: information of what both entities hold, its share of the smaller one's, and of the
        larger one's; NaN where there is none.
        """
        x, y = sides
        both = row_dots(self._weighted[x], self._rows[y], a, b)
        ends = self._own[x][a], self._own[y][b]
        return both, _ratio(both, np.minimum(*ends)), _ratio(both, np.maximum(*ends))


def _ratio(both: Floats, own: Floats) -> Floats:
    return np.divide(both, own, out=np.full_like(both, np.nan), where=own > 0)


def _name_pool(profile: Profile) -> Pool:
    return pool(profile, [i for i, a in enumerate(profile.attributes) if a.is_name])


def word_rows_of(
    left: Profile, right: Profile, texts: tuple[Texts, Texts]
) -> tuple[tuple[csr_array, csr_array], list[str]]:
    """Which words each entity holds anywhere in its values (1 or 0), and the words.

    Words are numbered as they come first: by entity, then in their own order. A link is one word.
    """
    vocabulary = list(texts[0].vocabulary)
    numbers = {word: number for number, word in enumerate(vocabulary)}
    rows = [_held(profile, each.words, numbers) for profile, each in zip((left, right), texts, strict=True)]
    vocabulary = list(numbers)
    rank = np.empty(len(vocabulary), dtype=np.int64)
    rank[sorted(range(len(vocabulary)), key=vocabulary.__getitem__)] = np.arange(len(vocabulary))
    first = np.full(len(vocabulary), len(left) + len(right))
    for matrix, before in ((rows[1], len(left)), (rows[0], 0)):
        first[matrix.indices[::-1]] = row_of(matrix)[::-1] + before
    order = np.lexsort((rank, first))
    now = np.empty(len(order), dtype=np.int32)
    now[order] = np.arange(len(order))
    found = []
    width = max(len(order), 1)
    for matrix in rows:
        each = sparse_rows(np.ones_like(matrix.data), now[matrix.indices], matrix.indptr, width)
        each.sort_indices()
        found.append(each)
    return (found[0], found[1]), [vocabulary[number] for number in order.tolist()]


def _held(profile: Profile, words: csr_array, numbers: dict[str, int]) -> csr_array:
    """Which words each entity holds: the words of its texts, and each of its links as a word of its own."""
    links = np.array([each.kind == ValueKind.LINK for each in profile.attributes] + [False])
    linked = links[profile.value_attribute]
    entity, text = distinct(profile.value_entity[~linked], profile.value_text[~linked])
    has = coo_array((np.ones(len(entity), np.float32), (entity, text)), shape=(len(profile), words.shape[0]))
    held = (has.tocsr() @ words).tocoo()
    targets = unique(profile.value_text[linked])
    named = np.zeros(words.shape[0], dtype=np.int32)
    named[targets] = [
        numbers.setdefault(text, len(numbers)) for text in profile.texts.take(targets).to_pylist()
    ]
    row = np.concatenate([held.coords[0], profile.value_entity[linked]])
    column = np.concatenate([held.coords[1], named[profile.value_text[linked]]])
    row, column = distinct(row.astype(np.int32), column.astype(np.int32))
    indptr = np.searchsorted(row, np.arange(len(profile) + 1))
    return sparse_rows(np.ones(len(row), np.float32), column, indptr, len(numbers))


def _code_rows(rows: csr_array, vocabulary: list[str]) -> csr_array:
    """Only the words that look like codes."""
    codes = np.array([not word.isalpha() and is_code(word) for word in vocabulary] or [False])
    keep = codes[rows.indices]
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[keep]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows.shape[0]))])
    return sparse_rows(rows.data[keep], rows.indices[keep], indptr, rows.shape[1])
