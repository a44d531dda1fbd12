"""Values made ready to compare: each text folded once, each pair of texts compared once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist
from scipy.sparse import csr_array

from kgalign.arrays import Doubles, Flags, Positions, distinct, run_starts, spread, unique
from kgalign.base import scratch
from kgalign.base.cores import in_order
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.values import read_date, read_number
from kgalign.values.folding import Words, fold_all, grams_of, in_word_order, parts_of, words_of
from kgalign.values.kinds import ValueKind
from kgalign.values.text import Grams, idf, row_dots, row_parts, rows_of_grams, weigh, word_rows
from kgalign.values.vocabulary import Vocabulary

_PAIR_LIMIT = 36
"""Pairs of values looked at per pair of entities and attributes."""
_LONG = 200
"""Characters of a text that are compared."""
_FEW = 1_000
"""Keys all of which are looked at."""
_ONE_IN = np.uint64(58)
"""Bits that a hash is moved by: of one key in 64 nothing is left."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MOST_DISTINCT = 0.8
"""Share of distinct keys from which all are taken to be distinct."""


_NO_TEXTS = pa.array([], pa.large_string())


@dataclass(frozen=True, slots=True)
class Texts:
    """The distinct texts of one side, made ready, in the order of the profile's ``texts``."""

    raw: pa.LargeStringArray
    empty: Flags
    """(t,) texts of which nothing is left where they are folded."""
    sorted_words: pa.LargeStringArray
    """(t,) the beginnings of folded texts with their words in order."""
    grams: csr_array
    """Character trigrams as TF-IDF rows of unit length."""
    gram_counts: csr_array
    """The same trigrams as counts."""
    words: csr_array
    """Words as counts; both sides have one vocabulary."""
    vocabulary: pa.LargeStringArray
    """The words of both sides."""
    number: npt.NDArray[np.float64]
    """The number a text begins with, NaN where it is none, or no value of an attribute of numbers."""
    date: npt.NDArray[np.float64]
    """Days, months and years as one number yyyymmdd (zeros where a part is missing), NaN for no date, and for
    what is no value of an attribute of dates."""

    def bare(self) -> "Texts":
        """Without what entities as a whole are compared by: trigrams as counts, and words."""
        none = csr_array((0, 1), dtype=np.float32)
        return replace(self, gram_counts=none, words=none, vocabulary=_NO_TEXTS)


def prepare(left: Profile, right: Profile) -> tuple[Texts, Texts]:
    """Fold the texts of both sides; rarity of n-grams is counted over both."""
    vocabulary = Vocabulary()
    read = [_Read(profile, vocabulary) for profile in (left, right)]
    weights = idf(read[0].grams, read[1].grams)
    sides = []
    for profile, each in zip((left, right), read, strict=True):
        sides.append(
            Texts(
                profile.texts,
                each.empty,
                each.sorted_words,
                weigh(each.grams, weights),
                each.grams,
                each.words(vocabulary),
                vocabulary.names,
                _read_as(profile, ValueKind.NUMBER, read_number),
                _read_as(profile, ValueKind.DATE, read_date),
            )
        )
    return sides[0], sides[1]


class _Read:
    """The texts of a side, read a part at a time.

    :param vocabulary: grows by the words.
    """

    def __init__(self, profile: Profile, vocabulary: Vocabulary) -> None:
        texts = profile.texts
        beginnings: list[pa.LargeStringArray] = []
        empty: list[Flags] = []

        def parts() -> Iterator[tuple[scratch.Array, ...]]:
            for each in chain([_read(_NO_TEXTS)], in_order(_read, (texts[part] for part in parts_of(texts)))):
                beginnings.append(each.beginnings)
                empty.append(each.empty)
                yield *each.grams, vocabulary.add(each.words), each.words.counts

        times, bucket, counts, self._word, self._word_counts = scratch.gather_columns(parts())
        self.empty = np.concatenate(empty)
        self.sorted_words = scratch.gather_texts(beginnings)
        self.grams = rows_of_grams([(times, bucket, counts)])

    def words(self, vocabulary: Vocabulary) -> csr_array:
        """(texts, words) how often each word is in each text, once the words of both sides are known."""
        number = scratch.pick(vocabulary.numbers(), self._word)
        return word_rows(self._word_counts, number, len(vocabulary.names))


@dataclass(frozen=True, slots=True)
class _Part:
    """Some texts, read."""

    empty: Flags
    beginnings: pa.LargeStringArray
    grams: Grams
    words: Words


def _read(texts: pa.LargeStringArray) -> _Part:
    folded = fold_all(texts)
    empty = pc.equal(pc.binary_length(folded), 0).to_numpy(zero_copy_only=False)
    ordered = pc.utf8_slice_codeunits(in_word_order(folded), 0, _LONG)
    grams = grams_of(pc.utf8_slice_codeunits(folded, 0, _LONG))
    return _Part(empty, ordered, grams, words_of(texts, folded))


def _read_as(profile: Profile, kind: ValueKind, read: Callable[[str], float | None]) -> Doubles:
    """(t,) what the values of attributes of a kind are read as, NaN for all other texts."""
    found = np.full(len(profile.texts), np.nan)
    kinds = np.array([each.kind == kind for each in profile.attributes] + [False])
    rows = unique(profile.value_text[kinds[profile.value_attribute]])
    found[rows] = np.array([read(text) for text in profile.texts.take(rows).to_pylist()], dtype=np.float64)
    return found


def of_entities(
    profile: Profile,
    rows: csr_array,
    made: Callable[[slice, Positions, Ids], Sequence[scratch.Array]],
    held: tuple[Ids, Ids] | None = None,
) -> tuple[scratch.Array, ...]:
    """What is made of each entity's texts, for so many entities at a time as have some entries together.

    :param rows: (t, columns) of the profile's texts, whose entries are counted.
    :param made: the parts of columns, from some entities, (entities + 1,) where the texts of each begin and
        end among theirs, and these texts.
    :param held: the entity and the text of each value that counts, distinct and by entity; all if None.
    """
    entity, text = distinct(profile.value_entity, profile.value_text) if held is None else held
    starts = np.searchsorted(entity, np.arange(len(profile) + 1))
    entries = np.concatenate([[0], np.cumsum(np.diff(rows.indptr)[text], dtype=np.int64)])[starts]

    def of_some(part: slice) -> Sequence[scratch.Array]:
        bounds = starts[part.start : part.stop + 1]
        return made(part, bounds - bounds[0], text[bounds[0] : bounds[-1]])

    return scratch.gather_columns(in_order(of_some, row_parts(entries)))


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
    count = ca * cb
    if count.max(initial=0) <= 1:
        row = np.flatnonzero(count)
        return row, a.text[a.start[left[row]]], b.text[b.start[right[row]]]
    row, place = spread(np.zeros(len(left), dtype=np.int64), count)
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
    if not _repeated(keys):
        return _similarity(a, b, ta, tb)
    distinct, inverse = np.unique(keys, return_inverse=True)
    ua, ub = (distinct // len(b.raw)).astype(np.int32), (distinct % len(b.raw)).astype(np.int32)
    return _similarity(a, b, ua, ub)[inverse]


def _repeated(keys: Positions) -> bool:
    """Whether it pays to look for keys that are equal: told by those with some hashes, if there are many."""
    drawn = keys if len(keys) < _FEW else keys[keys.view(np.uint64) * _GOLDEN >> _ONE_IN == 0]
    return len(unique(drawn)) < _MOST_DISTINCT * len(drawn)


def _similarity(a: Texts, b: Texts, ta: Ids, tb: Ids) -> Floats:
    edit = cpdist(
        _strings(a.sorted_words, ta),
        _strings(b.sorted_words, tb),
        scorer=fuzz.ratio,
        dtype=np.float32,
        # What calls it is a part on one of the cores.
        workers=1,
    ) / np.float32(100)
    cosine = row_dots(a.grams, b.grams, ta, tb)
    similarity: Floats = np.minimum(0.5 * (edit + cosine), np.float32(0.995))
    similarity[edit >= 1] = 1
    similarity[a.empty[ta] | b.empty[tb]] = 0
    return similarity


def _strings(texts: pa.LargeStringArray, rows: Ids) -> list[str]:
    """Texts at some rows, of which equal ones often stand together: one string each time."""
    start = np.flatnonzero(run_starts(rows))
    found = texts.take(pa.array(rows[start])).to_numpy(zero_copy_only=False)
    strings: list[str] = np.repeat(found, np.diff(start, append=len(rows))).tolist()
    return strings


def best_by_row(row: Positions, value: Floats, rows: int) -> Floats:
    """The largest value of each row, NaN where a row has none.

    :param row: (v,) row of each value, those of one row together.
    """
    result = np.full(rows, np.nan, dtype=np.float32)
    start = np.flatnonzero(run_starts(row))
    if len(start):
        result[row[start]] = np.maximum.reduceat(value, start)
    return result
