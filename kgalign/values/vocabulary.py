"""The distinct words of columns of texts, numbered as they come first."""

import numpy as np
import pyarrow as pa

from kgalign.arrays import Ids
from kgalign.values.folding import Words

_LEAST = 1 << 18
"""Words that wait at least until they are numbered."""
_TIMES = 3
"""So many times as many as are numbered already: these are looked at again each time."""


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
        every = pa.concat_arrays([self._names, *self._waiting]).dictionary_encode()
        self._names, self._waiting, self._many = every.dictionary, [], 0
        self._numbers.append(every.indices[held:].to_numpy(zero_copy_only=False).astype(np.int32, copy=False))

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
