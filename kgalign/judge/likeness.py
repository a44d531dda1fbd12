"""How alike the words of a record and of its options are, as far as the words set the options apart.

Texts are compared by character n-grams of words, weighted by how few of the texts of the question have them:
what all share, such as the names of attributes, says nothing. So no frequencies of a whole data set are
needed, and what is learned of these numbers on one data set holds on another (it is the choice by TF-IDF,
which is hard to beat where names are spelled alike, within one question).
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from kgalign.arrays import Doubles

_WORD = re.compile(r"\w+")
_LENGTHS = (3, 4, 5)


def likeness(record: str, options: Sequence[str]) -> Doubles:
    """(k,) cosine of each option with the record, 0 to 1, in the words that set the texts apart.

    >>> likeness("name: Bose Acoustimass 5", ["name: Bose Acoustimass V", "name: Sony Bravia"]).round(2)
    array([0.91, 0.02])
    """
    counts = [_grams(text) for text in (record, *options)]
    texts = Counter(gram for each in counts for gram in each)
    weight = {gram: math.log((len(counts) + 1) / number) for gram, number in texts.items()}
    vectors = [
        {gram: (1 + math.log(number)) * weight[gram] for gram, number in each.items()} for each in counts
    ]
    lengths = [math.sqrt(sum(value * value for value in each.values())) for each in vectors]
    own, length = vectors[0], lengths[0]
    found = np.zeros(len(options))
    for place, (each, other) in enumerate(zip(vectors[1:], lengths[1:], strict=True)):
        if length and other:
            product = sum(value * each[gram] for gram, value in own.items() if gram in each)
            found[place] = product / (length * other)
    return found


def with_lead(alike: Doubles) -> Doubles:
    """(k, 2) likeness of each option, and by how much it leads the best of the others."""
    if len(alike) < 2:
        return np.stack([alike, alike], axis=1)
    best, second = np.sort(alike)[::-1][:2]
    others = np.where(np.arange(len(alike)) == alike.argmax(), second, best)
    return np.stack([alike, alike - others], axis=1)


def _grams(text: str) -> Counter[str]:
    """Character 3- to 5-grams of the words of a text, each between spaces; shorter words as they are."""
    found: Counter[str] = Counter()
    for word in _WORD.findall(text.casefold()):
        padded = f" {word} "
        for length in _LENGTHS:
            if len(padded) <= length:
                found[padded] += 1
                break
            found.update(padded[start : start + length] for start in range(len(padded) - length + 1))
    return found
