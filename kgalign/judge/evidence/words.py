"""Which words entities hold, and what two of them share: each word of a pair is looked at once, whatever is
measured by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from kgalign.arrays import Doubles, Flags, Positions, distinct, sparse_rows, unique
from kgalign.judge.evidence.products import sums
from kgalign.judge.evidence.texts import Texts
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.values import is_code
from kgalign.values.kinds import ValueKind
from kgalign.values.text import idf, row_of


@dataclass(frozen=True, slots=True)
class _Side:
    """The words of one side's entities, and what they are worth."""

    held: csr_array
    """(entities, words) ones."""
    scale: Doubles
    """(entities,) what makes a row of weights one of unit length."""
    own: Floats
    codes: Floats
    """(entities,) sums of the weights of all words, and of those that look like codes."""


class SharedWords:
    """What two entities share of their words.

    :param rows: of both sides, (entities, words): 1 where an entity holds a word, each row in order.
    :param vocabulary: the words.
    """

    def __init__(self, rows: Sequence[csr_array], vocabulary: Sequence[str]) -> None:
        self.weights: Floats = idf(*rows)
        """(words,) how rare each is."""
        self.code: Flags = np.array([not word.isalpha() and is_code(word) for word in vocabulary] or [False])
        """(words,) those that look like codes."""
        self.sides = tuple(self._side(each) for each in rows)

    def _side(self, rows: csr_array) -> _Side:
        weight, row = self.weights[rows.indices], row_of(rows)

        def summed(weights: Floats) -> Doubles:
            return np.asarray(np.bincount(row, weights=weights, minlength=rows.shape[0]), dtype=np.float64)

        norms = np.sqrt(summed(weight * weight))
        ones = np.ones(len(rows.indices), dtype=np.int8)
        return _Side(
            csr_array((ones, rows.indices, rows.indptr), shape=rows.shape),
            np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0),
            summed(weight).astype(np.float32),
            summed(np.where(self.code[rows.indices], weight, 0)).astype(np.float32),
        )

    def compare(self, a: Ids, b: Ids, sides: tuple[int, int]) -> "Shared":
        """What each pair shares.

        :param sides: whose entities ``a`` and ``b`` are: 0 for the left side's, 1 for the right one's.
        """
        left, right = self.sides[sides[0]], self.sides[sides[1]]
        both = left.held[a].multiply(right.held[b])
        word, count = both.indices, np.diff(both.indptr)
        weight = self.weights.take(word)
        cosine = _scaled(weight, left.scale[a], count) * _scaled(weight, right.scale[b], count)
        code = self.code.take(word)
        row = np.repeat(np.arange(len(a)), count)
        return Shared(
            sums(weight, count),
            (left.own[a], right.own[b]),
            sums(weight[code], np.bincount(row[code], minlength=len(a))),
            (left.codes[a], right.codes[b]),
            sums(cosine, count),
        )


def _scaled(weight: Floats, scale: Doubles, count: Positions) -> Floats:
    """Weights of unit rows, as :func:`kgalign.values.text.weigh` has them."""
    found: Floats = (weight * np.repeat(scale, count)).astype(np.float32)
    return found


@dataclass(frozen=True, slots=True)
class Shared:
    """What pairs share, and what each of the two has of it."""

    words: Floats
    """(c,) sum of the weights of the words that both hold."""
    of_words: tuple[Floats, Floats]
    """(c,) each: the same of all words of the left one, and of the right one."""
    codes: Floats
    of_codes: tuple[Floats, Floats]
    """As the above, of words that look like codes alone."""
    cosine: Floats
    """(c,) of the weighted words."""


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
