"""Words of the values of entities as rows of counts, a part of the texts and of the entities at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from kgalign.arrays import Ids, Positions, rows_by_count, run_starts, spread, unique
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.values.folding import Words
from kgalign.values.text import LONG
from kgalign.values.vocabulary import Vocabulary

_TEXTS = 1 << 12
"""Texts that are split at once."""
_ENTITIES = 1 << 14
"""Entities whose words are counted at once."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Values of entities, and the words of each."""

    entity: Ids
    """(v,) whose each value is, ascending."""
    text: Ids
    """(v,) the text that it is."""
    bounds: Positions
    """(texts + 1,) where the words of each text begin in ``word``."""
    word: Ids
    """Words by their places in the vocabulary."""


def tokens_of(
    entity: Ids,
    text: Ids,
    texts: pa.LargeStringArray,
    split: Callable[[pa.LargeStringArray], Words],
    vocabulary: Vocabulary,
) -> Tokens:
    """Split the texts that are values, each once; the vocabulary grows by their words.

    :param entity: (v,) whose each value is, ascending.
    :param text: (v,) index into ``texts``.
    :param split: the words of some texts, of which it is given the beginnings.
    """
    used = unique(text)

    def split_part(part: slice) -> Words:
        return split(pc.utf8_slice_codeunits(texts.take(pa.array(used[part])), 0, LONG))

    none = np.zeros(0, dtype=np.int32)
    found = in_order(split_part, slices(len(used), _TEXTS))
    parts = ((vocabulary.add(each), each.counts) for each in found)
    word, counts = scratch.gather_columns(chain([(none, none)], parts))
    bounds = np.zeros(len(texts) + 1, dtype=np.int64)
    bounds[used + 1] = counts
    return Tokens(entity, text, np.cumsum(bounds, out=bounds), word)


def token_rows(every: Sequence[Tokens], entities: int, vocabulary: Vocabulary) -> csr_array:
    """How often each entity has each word.

    :param every: values that are split in one way or another.
    :param vocabulary: has all words of both sides.
    :returns: (entities, words) counts, the words of a row in order.
    """
    number = vocabulary.numbers()

    def rows(part: slice) -> tuple[scratch.Array, ...]:
        return _rows(every, number, part)

    none = rows(slice(0, 0))
    parts = in_order(rows, slices(entities, _ENTITIES))
    times, word, lengths = scratch.gather_columns(chain([none], parts))
    return rows_by_count(max(len(vocabulary.names), 1), times, word, lengths)


def _rows(every: Sequence[Tokens], numbers: Ids, part: slice) -> tuple[scratch.Array, ...]:
    keys = [np.zeros(0, dtype=np.int64)]
    for tokens in every:
        first, last = np.searchsorted(tokens.entity, [part.start, part.stop])
        text = tokens.text[first:last]
        start = tokens.bounds[text]
        number, place = spread(start, tokens.bounds[text + 1] - start)
        entity = (tokens.entity[first:last][number] - part.start).astype(np.int64)
        keys.append(entity << 32 | numbers[tokens.word[place]])
    ordered = np.sort(np.concatenate(keys))
    starts = np.flatnonzero(run_starts(ordered))
    times = np.diff(np.append(starts, len(ordered))).astype(np.float32)
    ordered = ordered[starts]
    lengths = np.bincount(ordered >> 32, minlength=part.stop - part.start).astype(np.int32)
    return times, (ordered & 0xFFFFFFFF).astype(np.int32), lengths
