"""Which words entities hold, and what two of them share: each word of a pair is looked at once, whatever is
measured by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from kgalign.arrays import Doubles, Flags, Positions, distinct, rows_by_count, sparse_rows, unique
from kgalign.base import scratch
from kgalign.base.cores import in_order
from kgalign.judge.evidence.products import sums
from kgalign.judge.evidence.texts import Texts, of_entities
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.values import is_code
from kgalign.values.kinds import ValueKind
from kgalign.values.text import entries_of, idf, row_parts


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
        def summed(part: slice) -> tuple[Doubles, ...]:
            counts, entries = entries_of(rows, part)
            word = rows.indices[entries]
            weight, row = self.weights[word], np.repeat(np.arange(len(counts)), counts)
            return tuple(
                np.asarray(np.bincount(row, weights=each, minlength=len(counts)), dtype=np.float64)
                for each in (weight * weight, weight, np.where(self.code[word], weight, 0))
            )

        squares, own, codes = scratch.gather_columns(in_order(summed, row_parts(rows.indptr)))
        norms = np.sqrt(squares)
        ones = scratch.full(rows.nnz, 1, np.int8)
        return _Side(
            csr_array((ones, rows.indices, rows.indptr), shape=rows.shape),
            np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0),
            own.astype(np.float32),
            codes.astype(np.float32),
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
        for part in reversed(row_parts(matrix.indptr)):
            counts, entries = entries_of(matrix, part)
            row = np.repeat(np.arange(part.start, part.stop), counts)
            first[matrix.indices[entries][::-1]] = row[::-1] + before
    order = np.lexsort((rank, first))
    now = np.empty(len(order), dtype=np.int32)
    now[order] = np.arange(len(order))
    found = [_renumbered(matrix, now) for matrix in rows]
    return (found[0], found[1]), [vocabulary[number] for number in order.tolist()]


def _renumbered(rows: csr_array, now: Ids) -> csr_array:
    """Rows with each column by its new number, in order."""
    columns = scratch.pick(now, rows.indices)
    made = sparse_rows(rows.data, columns, rows.indptr, max(len(now), 1))
    made.sort_indices()
    return made


def _held(profile: Profile, words: csr_array, numbers: dict[str, int]) -> csr_array:
    """Which words each entity holds: the words of its texts, and each of its links as a word of its own."""
    links = np.array([each.kind == ValueKind.LINK for each in profile.attributes] + [False])
    linked = links[profile.value_attribute]
    targets = unique(profile.value_text[linked])
    named = np.zeros(words.shape[0], dtype=np.int32)
    named[targets] = [
        numbers.setdefault(text, len(numbers)) for text in profile.texts.take(targets).to_pylist()
    ]
    entity, target = distinct(profile.value_entity[linked], named[profile.value_text[linked]])
    starts = np.searchsorted(entity, np.arange(len(profile) + 1))

    def held(part: slice, rows: csr_array) -> tuple[Ids, Positions]:
        here = slice(starts[part.start], starts[part.stop])
        own = rows.tocoo()
        row = np.concatenate([own.coords[0].astype(np.int32), entity[here] - np.int32(part.start)])
        row, column = distinct(row, np.concatenate([own.coords[1].astype(np.int32), target[here]]))
        return column, np.bincount(row, minlength=rows.shape[0])

    spoken = distinct(profile.value_entity[~linked], profile.value_text[~linked])
    columns, counts = of_entities(profile, words, held, (spoken[0], spoken[1]))
    return rows_by_count(len(numbers), scratch.full(len(columns), 1, np.float32), columns, counts)
