"""Texts and codes of one item that are nearly the same: which of them stand for one value.

All items are looked at in one go, and each distinct text is folded once.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process

from kgalign.arrays import Flags, Positions, in_order_of, join, place_in_run, run_starts
from kgalign.values.text import fold, sort_words

NEAR = 90.0
"""Likeness of texts, of 100, with one slip in ten characters."""
_MOST = 64
"""Distinct texts of an item that are compared with each other; further ones stand for themselves."""
_NO_DIGITS = re.compile(r"\D+")
_BREAKS = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_BATCH = 1 << 18

Judge = Callable[[Sequence[str], Positions, Positions], Flags]
"""Texts, and two columns of places among them → which pairs are nearly the same."""


def leaders(
    item: Positions, key: Positions, texts: Callable[[Positions], Sequence[str]], near: Judge
) -> Positions:
    """(n,) for each row the first row of its item whose value it says, itself included.

    Of values that are nearly the same the first row's stands for all; rows are to be in an order that means
    nothing else.

    :param item: (n,) sorted.
    :param key: (n,) equal where the texts differ at most in how they are written.
    :param near: says which texts are nearly the same.
    """
    order = in_order_of(item, key)
    new = run_starts(item[order], key[order])
    first = order[new]
    itself = np.empty(len(item), np.int64)
    itself[order] = first[np.cumsum(new) - 1]
    first = np.sort(first)
    rivals = np.bincount(item[first]) if len(first) else np.zeros(0, np.int64)
    first = first[rivals[item[first]] > 1]
    first = first[place_in_run(item[first]) < _MOST]
    one, other = join(item[first], item[first])
    one, other = one[one < other], other[one < other]
    distinct, place = np.unique(key[first], return_index=True)
    said = texts(first[place])
    spot = np.searchsorted(distinct, key[first])
    same = near(said, spot[one], spot[other])
    return _standing(len(item), first[one[same]], first[other[same]])[itself]


def leaders_of_texts(texts: Sequence[str]) -> Positions:
    """(n,) for each text of one item the first one that it nearly is, itself included."""
    size = len(texts)
    found = [np.zeros((2, 0), np.int64)]
    step = max(1, _BATCH // max(size, 1))
    for low in range(0, size, step):
        row = np.arange(low, min(low + step, size))
        place, other = np.nonzero(np.arange(size) > row[:, None])
        same = near_texts_of(texts, place + low, other)
        found.append(np.stack([place[same] + low, other[same]]))
    one, other = np.concatenate(found, axis=1)
    return _standing(size, one, other)


def _standing(size: int, one: Positions, other: Positions) -> Positions:
    """(size,) for each row the first that it is nearly the same as and that stands for itself.

    :param one: (p,) rows, sorted, each nearly the same as the later one at its place in ``other``.
    """
    stands = np.arange(size)
    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        if stands[a] == a and stands[b] == b:
            stands[b] = a
    return stands


def near_texts_of(texts: Sequence[str], one: Positions, other: Positions) -> Flags:
    """The same words, or a slip in the typing; digits never differ."""
    folded = [sort_words(fold(text)) for text in texts]
    digits = _codes([_NO_DIGITS.sub("", text) for text in folded])
    size = np.array([len(text) for text in folded], np.int64)
    alike: Flags = np.asarray(digits[one] == digits[other], bool)
    alike &= 200 * np.minimum(size[one], size[other]) >= NEAR * (size[one] + size[other])
    alike &= size[one] > 0
    rows = np.flatnonzero(alike)
    for low in range(0, len(rows), _BATCH):
        some = rows[low : low + _BATCH]
        a, b = ([folded[place] for place in column[some].tolist()] for column in (one, other))
        alike[some] = process.cpdist(a, b, scorer=fuzz.ratio, score_cutoff=NEAR) >= NEAR
    return alike


def near_codes_of(texts: Sequence[str], one: Positions, other: Positions) -> Flags:
    """The same but for case and breaks: ``+1-268`` and ``+1 268``, ``978-3`` and ``9783``."""
    parts = [_BREAKS.sub(" ", text.casefold()).strip() for text in texts]
    solid = np.array([" " not in text for text in parts], bool)
    broken, whole = _codes(parts), _codes([text.replace(" ", "") for text in parts])
    either = solid[one] | solid[other]
    return np.asarray((broken[one] == broken[other]) | (either & (whole[one] == whole[other])), bool)


def _codes(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """(n,) equal where texts are."""
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(text, len(codes)) for text in texts], np.int64)
