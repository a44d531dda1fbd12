"""Where two texts differ, word by word."""

import re
from collections.abc import Sequence

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

_WORD = re.compile(r"[-+]?\d+(?:[.,:-]\d+)*(?!\w)|\w+|\s+|[^\w\s]")
"""A number with all its marks, a word, blanks, or a mark."""
_MOST_WORDS = 2_000
"""Of longer texts it is said only whether they differ."""

Pieces = list[tuple[str, bool]]
"""A text in pieces, each with whether it differs from what stands opposite; joined they are the text."""


def marked(text: str, opposite: Sequence[str]) -> Pieces:
    """A text in pieces: what the one opposite that is most like it does not say differs.

    Case does not count. Opposite nothing, nothing differs.

    :param opposite: texts of the other side; the most similar one is compared, the first of several.
    """
    if not opposite:
        return [(text, False)]
    beside = max(opposite, key=lambda other: fuzz.ratio(text.casefold(), other.casefold()))
    mine, theirs = _WORD.findall(text), _WORD.findall(beside)
    if len(mine) > _MOST_WORDS or len(theirs) > _MOST_WORDS:
        return [(text, text.casefold() != beside.casefold())]
    same = [False] * len(mine)
    folded = [each.casefold() for each in mine], [each.casefold() for each in theirs]
    for block in Indel.opcodes(*folded):
        if block.tag == "equal":
            same[block.src_start : block.src_end] = [True] * (block.src_end - block.src_start)
    return _joined(mine, [not each and not word.isspace() for word, each in zip(mine, same, strict=True)])


def _joined(words: Sequence[str], differs: Sequence[bool]) -> Pieces:
    """Words as pieces, neighbours of one kind in one piece."""
    found: Pieces = []
    for word, other in zip(words, differs, strict=True):
        if found and found[-1][1] == other:
            found[-1] = found[-1][0] + word, other
        else:
            found.append((word, other))
    return found or [("", False)]
