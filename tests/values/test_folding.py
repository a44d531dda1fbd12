"""Columns of texts are folded and split as texts are one by one."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.values.folding import (
    Words,
    each_alone,
    fold_all,
    grams_of,
    in_word_order,
    one_by_one,
    parts_of,
    words_of,
)
from kgalign.values.text import LONG, fold, grams, sort_words, words

PIECES = [
    "",
    " ",
    "  ",
    "a",
    "Bunker",
    "The",
    "tx-8255",
    "it's",
    "x_1",
    "_",
    "&amp;",
    "&",
    "é",
    "ÀB",
    "ß",
    "１２",
]
PIECES += ["中文", "\n", "\t", "\x00", "\x1f", "İ", "e\u0301", "’", "d’or", "2", "-", ".", "A.B.9", "\u2003"]
texts = st.lists(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=6).map("".join))
plain = st.lists(st.text(st.characters(codec="ascii"), max_size=12))


def column(values: list[str]) -> pa.LargeStringArray:
    return pa.array(values, pa.large_string())


def listed(found: Words) -> list[list[str]]:
    """The words of each text."""
    ends = np.concatenate([[0], np.cumsum(found.counts)]).tolist()
    names = found.names.to_pylist()
    every = [names[code] for code in found.code.tolist()]
    return [every[start:end] for start, end in pairwise(ends)]


@given(st.one_of(texts, plain))
def test_texts_are_folded_as_one_by_one(values: list[str]) -> None:
    assert fold_all(column(values)).to_pylist() == [fold(each) for each in values]


@given(st.one_of(texts, plain), st.integers(0, 3))
def test_a_part_of_a_column_is_folded_as_it_stands(values: list[str], first: int) -> None:
    part = column(values)[first : first + 4]
    assert fold_all(part).to_pylist() == [fold(each) for each in values[first : first + 4]]
    assert listed(words_of(part)) == [words(each) for each in values[first : first + 4]]


@given(st.one_of(texts, plain))
def test_words_are_those_of_one_by_one_and_numbered_as_they_come(values: list[str]) -> None:
    found = words_of(column(values))
    expected = [words(each) for each in values]
    assert listed(found) == expected
    assert found.names.to_pylist() == list(dict.fromkeys(word for each in expected for word in each))
    assert listed(one_by_one(words)(column(values))) == expected


@given(st.one_of(texts, plain))
def test_words_are_put_in_order_as_one_by_one(values: list[str]) -> None:
    folded = [fold(each) for each in values]
    assert in_word_order(column(folded)).to_pylist() == [sort_words(each) for each in folded]


@given(st.one_of(texts, plain))
def test_trigrams_are_those_of_one_by_one(values: list[str]) -> None:
    folded = [fold(each) for each in values]
    for one, other in zip(grams_of(column(folded)), grams(folded), strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("value", ["x " * LONG, "é" * (LONG + 5), "A-1 " + "b" * LONG])
def test_of_a_very_long_text_the_beginning_counts(value: str) -> None:
    assert fold_all(column([value, "B"])).to_pylist() == [fold(value), "b"]
    assert listed(words_of(column(["B", value]))) == [["b"], words(value)]


def test_texts_that_stand_for_themselves_are_one_word_each() -> None:
    assert listed(each_alone(column(["a b", ""]))) == [["a b"], [""]]


@given(texts, st.integers(1, 20))
def test_parts_hold_each_text_once_and_few_bytes(values: list[str], most: int) -> None:
    every = column(values)
    parts = list(parts_of(every, most))
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(len(values)))
    for part in parts:
        # It is too long by no more than its last text.
        assert sum(len(each.encode()) for each in values[part][:-1]) <= most
