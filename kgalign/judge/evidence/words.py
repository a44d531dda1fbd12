"""Which words entities hold, and what two of them share: each word of a pair is looked at once, whatever is
measured by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from kgalign.arrays import Doubles, Flags, Positions, distinct, rows_by_count, sparse_rows, spread, unique
from kgalign.base import scratch
from kgalign.base.cores import in_order
from kgalign.judge.evidence.products import sums
from kgalign.judge.evidence.texts import Texts, of_entities
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.values.codes import are_codes
from kgalign.values.folding import each_alone
from kgalign.values.kinds import ValueKind
from kgalign.values.text import entries_of, idf, row_parts
from kgalign.values.vocabulary import Vocabulary


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

    def __init__(self, rows: Sequence[csr_array], vocabulary: pa.LargeStringArray) -> None:
        self.weights: Floats = idf(*rows)
        """(words,) how rare each is."""
        self.code: Flags = are_codes(vocabulary) if len(vocabulary) else np.zeros(1, dtype=bool)
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
) -> tuple[tuple[csr_array, csr_array], pa.LargeStringArray]:
    """Which words each entity holds anywhere in its values (1 or 0), and the words.

    Words are numbered as they come first: by entity, then in their own order. A link is one word.
    """
    vocabulary = Vocabulary(texts[0].vocabulary)
    linked = [_Linked(profile, vocabulary) for profile in (left, right)]
    rows = [links.held(each.words, vocabulary) for links, each in zip(linked, texts, strict=True)]
    words = vocabulary.names
    rank = np.empty(len(words), dtype=np.int64)
    rank[pc.sort_indices(words).to_numpy()] = np.arange(len(words))
    first = np.full(len(words), len(left) + len(right))
    for matrix, before in ((rows[1], len(left)), (rows[0], 0)):
        for part in reversed(row_parts(matrix.indptr)):
            counts, entries = entries_of(matrix, part)
            row = np.repeat(np.arange(part.start, part.stop), counts)
            first[matrix.indices[entries][::-1]] = row[::-1] + before
    order = np.lexsort((rank, first))
    now = np.empty(len(order), dtype=np.int32)
    now[order] = np.arange(len(order))
    found = [_renumbered(matrix, now) for matrix in rows]
    return (found[0], found[1]), words.take(pa.array(order))


def _renumbered(rows: csr_array, now: Ids) -> csr_array:
    """Rows with each column by its new number, in order."""
    columns = scratch.pick(now, rows.indices)
    made = sparse_rows(rows.data, columns, rows.indptr, max(len(now), 1))
    made.sort_indices()
    return made


class _Linked:
    """The links of a side, each as a word of its own.

    :param vocabulary: grows by the links.
    """

    def __init__(self, profile: Profile, vocabulary: Vocabulary) -> None:
        self._profile = profile
        links = np.array([each.kind == ValueKind.LINK for each in profile.attributes] + [False])
        self._linked = links[profile.value_attribute]
        self._targets = unique(profile.value_text[self._linked])
        self._places = vocabulary.add(each_alone(profile.texts.take(pa.array(self._targets))))

    def held(self, words: csr_array, vocabulary: Vocabulary) -> csr_array:
        """Which words each entity holds: the words of its texts, and its links.

        :param words: (texts, words) of the texts of the side.
        """
        profile, linked = self._profile, self._linked
        named = np.zeros(words.shape[0], dtype=np.int32)
        named[self._targets] = vocabulary.numbers()[self._places]
        entity, target = distinct(profile.value_entity[linked], named[profile.value_text[linked]])
        starts = np.searchsorted(entity, np.arange(len(profile) + 1))

        def held(part: slice, bounds: Positions, text: Ids) -> tuple[Ids, Positions]:
            here = slice(starts[part.start], starts[part.stop])
            first = words.indptr[text]
            number, place = spread(first, words.indptr[text + 1] - first)
            own = np.repeat(np.arange(len(bounds) - 1, dtype=np.int32), np.diff(bounds))[number]
            row = np.concatenate([own, entity[here] - np.int32(part.start)])
            row, column = distinct(row, np.concatenate([words.indices[place], target[here]]))
            return column, np.bincount(row, minlength=len(bounds) - 1)

        spoken = distinct(profile.value_entity[~linked], profile.value_text[~linked])
        columns, counts = of_entities(profile, words, held, (spoken[0], spoken[1]))
        ones = scratch.full(len(columns), 1, np.float32)
        return rows_by_count(len(vocabulary.names), ones, columns, counts)
