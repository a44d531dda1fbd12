"""Columns of texts folded and split at once: as :func:`.text.fold`, :func:`.text.words` and
:func:`.text.sort_words` do with one text, in a fraction of the time and without holding the interpreter.

What is in ASCII, holds no markup entity and is not very long, which nearly all texts of most graphs are, is
folded as bytes; all else text by text.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, Ids, Positions
from kgalign.base.scratch import text_buffers
from kgalign.values.text import LONG, Grams, fold, grams, grams_between, words

BYTES = 1 << 20
"""Bytes of texts that are folded, split, or cut into trigrams at once: some 50 bytes are held for each."""
_SPACE = 32
_FOLDED = np.array(
    [ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else _SPACE for code in range(256)],
    np.uint8,
)
"""What each byte of a text in ASCII becomes."""
_INNER = "[A-Za-z0-9_][-./_'][A-Za-z0-9_]"
"""What words are joined by that stand for themselves and together; of texts in ASCII."""
_SEPARATORS = "[\x1c-\x1f]"
"""What Python takes for spaces of a text in ASCII, and Arrow does not."""


def parts_of(texts: pa.LargeStringArray, most: int = BYTES) -> Iterator[slice]:
    """Rows in slices of texts that have some bytes together, one text at least."""
    ends, _ = text_buffers(texts)
    if not len(texts):
        return
    cuts = np.searchsorted(ends, np.arange(ends[0], ends[-1], most))
    bounds = np.unique(np.concatenate([[0], cuts, [len(texts)]]))
    yield from (slice(int(first), int(last)) for first, last in pairwise(bounds))


def fold_all(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """(n,) each text folded (:func:`.text.fold`)."""
    plain = _plain(texts)
    if plain.all():
        return _fold_plain(texts)
    others = np.flatnonzero(~plain)
    told = pa.array([fold(each) for each in texts.take(pa.array(others)).to_pylist()], pa.large_string())
    quick = np.flatnonzero(plain)
    both = pa.concat_arrays([_fold_plain(texts.take(pa.array(quick))), told])
    place = np.empty(len(texts), np.int64)
    place[np.concatenate([quick, others])] = np.arange(len(texts))
    return both.take(pa.array(place))


def _plain(texts: pa.LargeStringArray) -> Flags:
    """(n,) texts that can be folded as bytes."""
    found: Flags = pc.string_is_ascii(texts).to_numpy(zero_copy_only=False)
    found = found & (pc.binary_length(texts).to_numpy(zero_copy_only=False) <= LONG)
    found &= ~pc.match_substring(texts, "&").to_numpy(zero_copy_only=False)
    return found


def _fold_plain(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    ends, data = text_buffers(texts)
    bounds = ends - ends[0]
    bytes_ = _FOLDED.take(data[ends[0] : ends[-1]])
    space = bytes_ == _SPACE
    # Of several spaces the first stays, and none at the beginning of a text.
    after = np.ones(len(space), dtype=bool)
    after[1:] = space[:-1]
    after[bounds[:-1][bounds[:-1] < len(after)]] = True
    keep = ~(space & after)
    bounds = np.concatenate([[0], np.cumsum(keep, dtype=np.int64)])[bounds]
    bytes_ = bytes_[keep]
    last = bounds[1:][bounds[1:] > bounds[:-1]] - 1
    ending = np.zeros(len(bytes_) + 1, dtype=bool)
    ending[last[bytes_[last] == _SPACE]] = True
    bounds = bounds - np.concatenate([[0], np.cumsum(ending, dtype=np.int64)])[bounds]
    bytes_ = bytes_[~ending[:-1]]
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(bounds), pa.py_buffer(bytes_))


@dataclass(frozen=True, slots=True)
class Words:
    """The words of some texts."""

    counts: Ids
    """(texts,) how many words each text has."""
    code: Ids
    """Words by their number in ``names``, text by text."""
    names: pa.LargeStringArray
    """The distinct words, as they come first."""


def grams_of(folded: pa.LargeStringArray) -> Grams:
    """The trigrams of some folded texts (:func:`.text.grams`)."""
    if not pc.all(pc.string_is_ascii(folded)).as_py():
        return grams(folded.to_pylist())
    space, end, nothing = (pa.scalar(each, pa.large_string()) for each in (" ", " \n", ""))
    ends, data = text_buffers(pc.binary_join_element_wise(space, folded, end, nothing))
    return grams_between(data[ends[0] : ends[-1]].astype(np.uint32), len(folded))


def one_by_one(split: Callable[[str], Sequence[str]]) -> Callable[[pa.LargeStringArray], Words]:
    """What splits one text, for a column of them."""

    def every(texts: pa.LargeStringArray) -> Words:
        return _listed([split(text) for text in texts.to_pylist()])

    return every


def each_alone(texts: pa.LargeStringArray) -> Words:
    """Each text as one word; no text is there twice."""
    numbers = np.arange(len(texts), dtype=np.int32)
    return Words(np.ones_like(numbers), numbers, texts)


def _listed(found: Sequence[Sequence[str]]) -> Words:
    numbers: dict[str, int] = {}
    code = [numbers.setdefault(word, len(numbers)) for each in found for word in each]
    counts = np.array([len(each) for each in found], dtype=np.int32)
    return Words(counts, np.array(code, dtype=np.int32), pa.array(numbers, pa.large_string()))


def words_of(texts: pa.LargeStringArray, folded: pa.LargeStringArray | None = None) -> Words:
    """The words of each text (:func:`.text.words`).

    :param folded: (n,) the texts folded, where that is known.
    """
    folded = fold_all(texts) if folded is None else folded
    quick = _plain(texts) & ~pc.match_substring_regex(texts, _SEPARATORS).to_numpy(zero_copy_only=False)
    if quick.all():
        return _split(texts, folded)
    mask, others = pa.array(quick), pa.array(np.flatnonzero(~quick))
    pairs = zip(texts.take(others).to_pylist(), folded.take(others).to_pylist(), strict=True)
    one = _split(texts.filter(mask), folded.filter(mask))
    return _joined(quick, one, _listed([words(*pair) for pair in pairs]))


def _split(texts: pa.LargeStringArray, folded: pa.LargeStringArray) -> Words:
    """The words of texts that can be folded as bytes: those of the folded text as they stand, then what is
    joined in it and has a digit.
    """
    counts, every = _tokens(folded)
    text, joined = _inner(texts)
    if len(text):
        row = np.concatenate([np.repeat(np.arange(len(texts)), counts), text])
        every = pa.concat_arrays([every, joined]).take(pa.array(np.argsort(row, kind="stable")))
        counts = counts + np.bincount(text, minlength=len(texts)).astype(np.int32)
    encoded = every.dictionary_encode()
    code = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return Words(counts, code, encoded.dictionary)


def _inner(texts: pa.LargeStringArray) -> tuple[Positions, pa.LargeStringArray]:
    """Words with signs inside and a digit, without the signs: the text that each is in, ascending, and it."""
    having = pc.and_(pc.match_substring_regex(texts, _INNER), pc.match_substring_regex(texts, "[0-9]"))
    text = np.flatnonzero(having.to_numpy(zero_copy_only=False))
    pieces = pc.ascii_split_whitespace(texts.take(pa.array(text)))
    row, every = text[pc.list_parent_indices(pieces).to_numpy()], pieces.flatten()
    keep = pc.and_(pc.match_substring_regex(every, _INNER), pc.match_substring_regex(every, "[0-9]"))
    joined = pc.replace_substring_regex(pc.ascii_lower(every.filter(keep)), "[^a-z0-9]+", "")
    return row[keep.to_numpy(zero_copy_only=False)], joined


def _tokens(folded: pa.LargeStringArray) -> tuple[Ids, pa.LargeStringArray]:
    """How many words each text has, and all of them."""
    lists = pc.split_pattern(folded, " ")
    every = lists.flatten()
    counts = np.diff(lists.offsets.to_numpy()).astype(np.int32)
    # A text of nothing has no word, and not an empty one.
    empty = pc.equal(pc.binary_length(folded), 0).to_numpy(zero_copy_only=False)
    if empty.any():
        counts[empty] = 0
        every = every.filter(pc.not_equal(pc.binary_length(every), 0))
    return counts, every


def _joined(first: Flags, one: Words, other: Words) -> Words:
    """The words of texts of which ``one`` has the first ones, and ``other`` the rest."""
    counts = np.empty(len(first), dtype=np.int32)
    counts[first], counts[~first] = one.counts, other.counts
    code = np.empty(int(counts.sum()), dtype=np.int32)
    here = np.repeat(first, counts)
    both = pa.concat_arrays([one.names, other.names]).dictionary_encode()
    number = both.indices.to_numpy(zero_copy_only=False)
    code[here], code[~here] = one.code, number[len(one.names) :][other.code]
    # Numbered anew, as they come first.
    place = np.empty(len(both.dictionary), dtype=np.int64)
    place[code[::-1]] = np.arange(len(code))[::-1]
    order = np.argsort(place, kind="stable")
    now = np.empty(len(order), dtype=np.int32)
    now[order] = np.arange(len(order))
    return Words(counts, now[code], both.dictionary.take(pa.array(order)))


def in_word_order(folded: pa.LargeStringArray) -> pa.LargeStringArray:
    """(n,) folded texts with their words in order (:func:`.text.sort_words`)."""
    counts, every = _tokens(folded)
    if not len(every):
        return folded
    encoded = every.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    row = np.repeat(np.arange(len(counts)), counts)
    keys = row << 32 | rank[encoded.indices.to_numpy(zero_copy_only=False)]
    keys.sort()
    ordered = encoded.dictionary.take(pa.array(order[keys & 0xFFFFFFFF]))
    ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    lists = pa.LargeListArray.from_arrays(pa.array(ends), ordered)
    return pc.binary_join(lists, pa.scalar(" ", pa.large_string()))
