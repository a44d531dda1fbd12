"""The distinct words of columns of texts, numbered as they come first."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.arrays import Ids, Positions
from kgalign.base.cores import in_order, slices
from kgalign.base.scratch import gather_texts, text_buffers
from kgalign.values.folding import Words

_LEAST = 1 << 18
"""Words that wait at least until they are numbered."""
_TIMES = 3
"""So many times as many as are numbered already: these are looked at again each time."""
_SHARD = 1 << 18
"""Words that are looked up in one table, about: a table of millions takes five times what the words do where
they are distinct, and is in no cache of a processor.
"""
_SHARDS = 1 << 16
"""At most: what their numbers have room for."""
_AT_ONCE = 1 << 17
"""Words of which it is told at once which table each is in."""


class Vocabulary:
    """Words by their numbers: they are taken a part at a time, and numbered many parts at once.

    Until then a word goes by its *place* among the distinct words of all parts, one part after the other;
    :meth:`numbers` says the number of each place.

    :param known: (n,) distinct words that have the first numbers, each at the place of its number.
    """

    def __init__(self, known: pa.LargeStringArray | None = None) -> None:
        self._names = pa.array([], pa.large_string()) if known is None else known
        self._numbers: list[Ids] = [np.arange(len(self._names), dtype=np.int32)]
        self._waiting: list[pa.LargeStringArray] = []
        self._many = 0
        self._places = len(self._names)

    def add(self, words: Words) -> Ids:
        """(words,) the place of each word of a further part."""
        first = self._places
        self._waiting.append(words.names)
        self._many += len(words.names)
        self._places += len(words.names)
        if self._many > max(_LEAST, _TIMES * len(self._names)):
            self._settle()
        return words.code + np.int32(first)

    def _settle(self) -> None:
        held = len(self._names)
        every = pa.concat_arrays([self._names, *self._waiting])
        self._waiting, self._many = [], 0
        first = _first_places(every)
        is_first = first == np.arange(len(every), dtype=np.int32)
        number = np.cumsum(is_first, dtype=np.int32) - np.int32(1)
        if is_first[held:].any():
            parts = slices(len(every), _AT_ONCE)
            self._names = gather_texts(every[part].filter(pa.array(is_first[part])) for part in parts)
        self._numbers.append(number[first[held:]])

    def numbers(self) -> Ids:
        """(places,) the number of the word at each place, of all words that were taken until now."""
        if self._waiting:
            self._settle()
        self._numbers = [np.concatenate(self._numbers)]
        return self._numbers[0]

    @property
    def names(self) -> pa.LargeStringArray:
        """(n,) the words, by their numbers."""
        if self._waiting:
            self._settle()
        return self._names


def _first_places(words: pa.LargeStringArray) -> Ids:
    """(n,) the place at which each word stands first."""
    count = min(len(words) // _SHARD + 1, _SHARDS)
    if count == 1:
        return _first_among(words)
    shards = _Shards(words, count)
    first = np.empty(len(words), dtype=np.int32)

    def of_shard(number: int) -> tuple[Ids, Ids]:
        places = shards.places(number)
        return places, places[_first_among(words.take(pa.array(places)))]

    for places, found in in_order(of_shard, range(count)):
        first[places] = found
    return first


def _first_among(words: pa.LargeStringArray) -> Ids:
    code = words.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    # Words have their numbers as they come first: each place with a number above all before is such a one.
    most = np.maximum.accumulate(code) if len(code) else code
    first: Ids = np.flatnonzero(np.diff(most, prepend=-1)).astype(np.int32)[code]
    return first


class _Shards:
    """Words by shards, so that all places of a word are in the same."""

    def __init__(self, words: pa.LargeStringArray, count: int) -> None:
        self._parts: list[tuple[Ids, Positions]] = []
        """Places of some words in the order of their shards, and (count + 1,) where those of each begin."""
        for part in slices(len(words), _AT_ONCE):
            shard = _shard_of(words[part], count)
            order = np.argsort(shard, kind="stable").astype(np.int32)
            bounds = np.concatenate([[0], np.cumsum(np.bincount(shard, minlength=count))])
            self._parts.append((order + np.int32(part.start), bounds))

    def places(self, number: int) -> Ids:
        """Those of the words in a shard, ascending."""
        return np.concatenate([order[bounds[number] : bounds[number + 1]] for order, bounds in self._parts])


def _shard_of(words: pa.LargeStringArray, count: int) -> npt.NDArray[np.uint16]:
    """(n,) the shard of each word, of so many: told by its length and four of its bytes."""
    ends, data = text_buffers(words)
    length = np.diff(ends)
    mixed = length.copy()
    some = np.flatnonzero(length)
    start, length = ends[some], length[some]
    for place in (start, start + length // 3, start + length // 2, start + length - 1):
        mixed[some] = mixed[some] * 257 + data[place]
    spread = mixed.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)
    return (spread % np.uint64(count)).astype(np.uint16)
