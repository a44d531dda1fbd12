"""Text as it is compared: folding, words, and sparse TF-IDF rows of words and character n-grams."""

import csv
import html
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from kgalign.arrays import rows_by_count, run_starts, sparse_rows
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices

_INNER = re.compile(r"(?<=\w)[-./_'’](?=\w)")
JOINERS = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200d\u2060-\u2064\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0100-\U000e01ef"
)
"""Joiners, fillers, variation selectors, as a pattern has them in a class: they shape words and emoji, and
part none. What is seen is the same without them."""
_LEFT_OUT = re.compile(f"[{JOINERS}\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f]")
"""These, accents, and the vowels that Hebrew and Arabic mostly do without."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]+"
)
"""What is written without spaces between words: Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
_MARKED = range(0xE00, 0x3100)
"""Characters among which its marks are."""
_ENTITY = re.compile(r"&[a-zA-Z#0-9]{2,8};")
_CHARACTERS = 1 << 19
"""Characters of texts whose n-grams are counted at once: some 50 bytes each are held."""
_ENTRIES = 1 << 20
"""Entries of rows that are weighed at once."""
_COUNTED = 1 << 22
"""Entries of rows that are counted at once."""
_GRAM = 3
BUCKETS = 1 << 20
"""Columns that trigrams are hashed into."""
Grams = tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""How often each text has a trigram and its bucket, text by text, and (texts,) how many it has."""
_SEEN = {code: chr(code) if chr(code).isalnum() else " " for code in range(128)}
LONG = 20_000
"""Characters of one value that are looked at: what comes after does not tell two things apart."""


def _is_mark(char: str) -> bool:
    """Whether a character stands upon, beneath or beside a letter, as vowels of Hindi and Thai do."""
    return unicodedata.category(char) in ("Mn", "Mc")


class _Kept(dict[int, str | None]):
    """What becomes of a character (:meth:`str.translate`): letters, digits and the marks of words stay,
    accents and joiners go, all else parts words.
    """

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        stays = char.isalnum() or _is_mark(char)
        self[code] = kept = None if _LEFT_OUT.match(char) else char if stays else " "
        return kept


_KEPT = _Kept()


def fold(text: str) -> str:
    """Fold away case, accents, markup entities and punctuation; words parted by single spaces."""
    text = text[:LONG]
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    if text.isascii():
        return " ".join(text.lower().translate(_SEEN).split())
    return " ".join(unicodedata.normalize("NFKD", text).translate(_KEPT).casefold().split())


def sort_words(folded: str) -> str:
    """Folded text with its words in order, so that ``Bunker, The`` reads as ``The Bunker``."""
    return " ".join(sorted(folded.split()))


def words(text: str, folded: str | None = None) -> list[str]:
    """Words of a text, in order; ``tx-8255`` gives tx, 8255 and tx8255.

    What is written without spaces gives each two letters beside each other, too (as Lucene's
    CJKBigramFilter): ``東京都`` gives 東京都, 東京 and 京都.

    :param folded: the text folded, where that is known.
    """
    folded = fold(text) if folded is None else folded
    found = folded.split()
    if not folded.isascii() and _UNSPACED.search(folded):
        found += [pair for word in tuple(found) for pair in _pairs(word) if pair != word]
    if _INNER.search(text[:LONG]):
        for piece in text[:LONG].split():
            if _INNER.search(piece):
                joined = fold(piece).replace(" ", "")
                if any(c.isdigit() for c in joined):
                    found.append(joined)
    return found


def _pairs(word: str) -> Iterator[str]:
    """Each two letters beside each other, with their marks, of what is written without spaces."""
    for run in _UNSPACED.findall(word):
        letters = _letter().findall(run)
        yield from map(add, letters, letters[1:])


@cache
def _letter() -> re.Pattern[str]:
    """A letter of what is written without spaces, with the marks that follow it."""
    marks = "".join(char for char in map(chr, _MARKED) if _UNSPACED.match(char) and _is_mark(char))
    return re.compile(f".[{marks}]*", re.DOTALL)


def word_rows(counts: npt.NDArray[np.int32], word: npt.NDArray[np.int32], width: int) -> csr_array:
    """Rows of word counts.

    :param counts: (texts,) how many words each text has; ``word`` their numbers, text by text.
    :returns: (texts, width) counts.
    """
    matrix = rows_by_count(max(width, 1), scratch.full(len(word), 1, np.float32), word, counts)
    matrix.sum_duplicates()
    return matrix


def gram_rows(texts: Iterable[str]) -> csr_array:
    """Rows of character trigram counts, words padded with a space, trigrams hashed into :data:`BUCKETS`.

    :param texts: folded texts; so many are held at once as have some characters together.
    :returns: (texts, buckets) counts.
    """
    return rows_of_grams(in_order(grams, _in_parts(texts)))


def rows_of_grams(parts: Iterable[Grams]) -> csr_array:
    """The rows of parts of texts, one part after the other."""
    data, indices, counts = scratch.gather_columns(chain([grams([])], parts))
    return rows_by_count(BUCKETS, data, indices, counts)


def _in_parts(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in lists of bounded length."""
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(text)
        size += len(text) + 3
        if size > _CHARACTERS:
            yield part
            part, size = [], 0
    if part:
        yield part


def grams(texts: Sequence[str]) -> Grams:
    """The trigrams of some folded texts."""
    joined = "".join(f" {text} \n" for text in texts)
    return grams_between(np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32), len(texts))


def grams_between(points: npt.NDArray[np.uint32], texts: int) -> Grams:
    """The trigrams of some texts.

    :param points: the characters of the texts, each between two spaces, and a line break after each.
    """
    row = np.cumsum(points == 10) - (points == 10)
    codes = np.zeros(max(len(points) - _GRAM + 1, 0), dtype=np.uint64)
    crossing = np.zeros(len(codes), dtype=bool)
    for offset in range(_GRAM):
        part = points[offset : offset + len(codes)]
        codes = codes * np.uint64(0x100000001B3) + part
        crossing |= part == 10
    codes ^= codes >> np.uint64(29)
    codes *= np.uint64(0x9E3779B97F4A7C15)
    bucket = (codes >> np.uint64(64 - (BUCKETS.bit_length() - 1))).astype(np.int64)
    keep = ~crossing
    keys = np.sort(row[: len(codes)][keep] * BUCKETS + bucket[keep])
    first = np.flatnonzero(run_starts(keys))
    times = np.diff(np.append(first, len(keys))).astype(np.float32)
    keys = keys[first]
    lengths = np.bincount(keys // BUCKETS, minlength=texts).astype(np.int32)
    return times, (keys % BUCKETS).astype(np.int32), lengths


def frequency(*sides: csr_array) -> npt.NDArray[np.int64]:
    """(columns,) how many entries each column has, over all sides; they are counted some at a time."""
    found = np.zeros(sides[0].shape[1], dtype=np.int64)
    for rows in sides:
        for part in slices(rows.nnz, _COUNTED):
            found += np.bincount(rows.indices[part], minlength=len(found))
    return found


def idf(left: csr_array, right: csr_array) -> npt.NDArray[np.float32]:
    """Inverse document frequency over both sides: log of rows over rows that have the column."""
    rows = left.shape[0] + right.shape[0]
    weights: npt.NDArray[np.float32] = np.log((2 + rows) / (1 + frequency(left, right))).astype(np.float32)
    return weights


def weigh(rows: csr_array, weights: npt.NDArray[np.float32]) -> csr_array:
    """TF-IDF rows of unit length (zero rows stay zero); term frequency is damped by its logarithm."""

    def weighed(part: slice) -> npt.NDArray[np.float32]:
        counts, entries = entries_of(rows, part)
        data = (1 + np.log(rows.data[entries])) * weights[rows.indices[entries]]
        row = np.repeat(np.arange(len(counts)), counts)
        norms = np.sqrt(np.bincount(row, weights=data * data, minlength=len(counts)))
        scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        found: npt.NDArray[np.float32] = (data * scale[row]).astype(np.float32)
        return found

    data = scratch.gather(in_order(weighed, row_parts(rows.indptr))) if rows.nnz else rows.data
    return sparse_rows(data, rows.indices, rows.indptr, rows.shape[1])


def row_parts(bounds: npt.NDArray[np.integer[Any]]) -> list[slice]:
    """Rows in slices that have some entries together, one row at least; one empty slice where there are none.

    :param bounds: (rows + 1,) where the entries of each row begin and end.
    """
    cuts = np.searchsorted(bounds, np.arange(0, int(bounds[-1]), _ENTRIES))
    ends = np.unique(np.concatenate([[0], cuts, [len(bounds) - 1]])).tolist()
    return [slice(first, last) for first, last in pairwise(ends)] or [slice(0, 0)]


def entries_of(rows: csr_array, part: slice) -> tuple[npt.NDArray[np.int64], slice]:
    """How many entries each of some rows has, and where they stand."""
    bounds = rows.indptr[part.start : part.stop + 1]
    return np.diff(bounds).astype(np.int64), slice(int(bounds[0]), int(bounds[-1]))


def row_of(rows: csr_array) -> npt.NDArray[np.int64]:
    """Row number of each stored entry."""
    return np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))


def row_dots(
    left: csr_array,
    right: csr_array,
    a: npt.NDArray[np.int32],
    b: npt.NDArray[np.int32],
    batch: int = 1 << 14,
) -> npt.NDArray[np.float32]:
    """Dot product of row ``a[i]`` of left with row ``b[i]`` of right, for all i, on all cores."""

    def part_dots(part: slice) -> npt.NDArray[np.float32]:
        return dots(left, right, a[part], b[part])

    parts = slices(len(a), batch) or [slice(0, 0)]
    return scratch.gather(in_order(part_dots, parts))


def dots(
    left: csr_array, right: csr_array, a: npt.NDArray[np.int32], b: npt.NDArray[np.int32]
) -> npt.NDArray[np.float32]:
    """As :func:`row_dots`, for so many pairs as memory has room for."""
    found: npt.NDArray[np.float32] = left[a].multiply(right[b]).sum(axis=1)
    return found.astype(np.float32, copy=False)


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    """Rows of cells as RFC 4180 has them."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")


def no_formula(text: str) -> str:
    """A text for a cell of a spreadsheet, which takes one that begins so for a formula.

    It gets an apostrophe before it, and one that begins with an apostrophe one more: take one away and every
    text is as it was.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
