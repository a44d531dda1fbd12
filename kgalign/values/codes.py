"""Codes: digits and signs that number things rather than measure them."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags

_PADDED = re.compile(r"[-+]?0\d|\+")
_SHORT = 2.5
"""Words that a code has at most, in the mean."""
_LEAST = 4
"""Characters of a word from which on it may be a code."""
_LONG = 5
"""Digits from which on unique numbers are taken to number things."""


def is_code(word: str) -> bool:
    """Whether a folded word looks like a code: a digit among four or more letters and digits, no address.

    >>> is_code("tx8255"), is_code("2001"), is_code("tx8"), is_code("http2")
    (True, True, False, False)
    """
    return len(word) >= _LEAST and has_digit(word) and not word.startswith("http")


def are_codes(words: pa.LargeStringArray) -> Flags:
    """(n,) :func:`is_code` of each word."""
    digit = pc.match_substring_regex(words, "[0-9]").to_numpy(zero_copy_only=False)
    address = pc.starts_with(words, "http").to_numpy(zero_copy_only=False)
    long = pc.utf8_length(words).to_numpy(zero_copy_only=False) >= _LEAST
    found: Flags = digit & ~address & long
    # Digits of other scripts are asked of Python.
    others = np.flatnonzero(long & ~digit & ~pc.string_is_ascii(words).to_numpy(zero_copy_only=False))
    found[others] = [is_code(each) for each in words.take(pa.array(others)).to_pylist()]
    return found


def has_digit(text: str) -> bool:
    """Whether a digit of any script is in a text."""
    return any(each.isdigit() for each in text)


def is_padded(text: str) -> bool:
    """Whether digits are written as in codes and telephone numbers: zeros or a plus before them.

    >>> is_padded("007"), is_padded("+4930"), is_padded("0.5"), is_padded("70")
    (True, True, False, False)
    """
    return bool(_PADDED.match(text))


def are_padded(digits: Sequence[str]) -> bool:
    """Whether digits are padded with zeros as only codes are, more often than by a slip."""
    return sum(value.startswith("0") and len(value) > 2 for value in digits) >= 0.02 * len(digits)


def are_serials(values: Sequence[str], distinct_share: float) -> bool:
    """Whether digits number things rather than measure them: padded, or many long unique ones.

    :param values: a sample of the values, trimmed.
    :param distinct_share: distinct values over all.
    """
    if any(not value.isdigit() for value in values):
        return False
    if are_padded(values):
        return True
    lengths = {len(value) for value in values}
    return distinct_share >= 0.95 and min(lengths) >= _LONG and len(lengths) <= 2


def are_short(values: Sequence[str]) -> bool:
    """Whether values have as few words as codes have, in the mean."""
    return sum(len(value.split()) for value in values) <= _SHORT * len(values)
