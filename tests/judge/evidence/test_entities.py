"""What entities hold as a whole, trigrams and words, made some entities at a time."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from kgalign.base import scratch
from kgalign.judge.evidence.generic import Generic, _entity_grams
from kgalign.judge.evidence.texts import prepare
from kgalign.judge.evidence.words import word_rows_of
from kgalign.records import Profile
from kgalign.values import text as texts
from kgalign.values.kinds import ValueKind
from kgalign.values.text import fold, gram_rows, words
from tests.evaluate.small import profile

ALL = 1 << 20
said = st.lists(st.text("ab .-9é", max_size=8), max_size=4)
sides = st.lists(said, max_size=6)
cuts = st.integers(1, 9)


def side_of(values: list[list[str]], kind: ValueKind = ValueKind.TEXT) -> Profile:
    names = [f"http://e/{number}" for number in range(len(values))]
    return profile(names, values={number: {"p": each} for number, each in enumerate(values)}, kind=kind)


def in_small_parts(patch: pytest.MonkeyPatch, entries: int) -> None:
    patch.setattr(texts, "_ENTRIES", entries)
    patch.setattr(texts, "_COUNTED", entries)
    patch.setattr(scratch, "SMALL", 16)


@settings(max_examples=60, deadline=None)
@given(sides, sides, cuts)
def test_an_entity_holds_the_words_of_its_texts(
    left: list[list[str]], right: list[list[str]], entries: int
) -> None:
    both = side_of(left), side_of(right)
    with pytest.MonkeyPatch.context() as patch:
        in_small_parts(patch, entries)
        rows, names = word_rows_of(*both, prepare(*both))
    vocabulary = names.to_pylist()
    came: list[str] = []
    for values, matrix in zip((left, right), rows, strict=True):
        assert matrix.shape[0] == len(values)
        for each, (first, last) in zip(values, pairwise(matrix.indptr.tolist()), strict=True):
            held = matrix.indices[first:last].tolist()
            assert held == sorted(set(held))
            assert {vocabulary[number] for number in held} == {word for text in each for word in words(text)}
            came += sorted({vocabulary[number] for number in held})
        assert (matrix.data == 1).all()
    # Numbered as they come first.
    assert vocabulary[: len(dict.fromkeys(came))] == list(dict.fromkeys(came))


@given(sides, cuts)
def test_a_link_is_one_word(values: list[list[str]], entries: int) -> None:
    links = [[f"http://x/{text}" for text in each] for each in values]
    both = side_of(links, ValueKind.LINK), side_of(links)
    with pytest.MonkeyPatch.context() as patch:
        in_small_parts(patch, entries)
        (rows, _), names = word_rows_of(*both, prepare(*both))
    vocabulary = names.to_pylist()
    for each, (first, last) in zip(links, pairwise(rows.indptr.tolist()), strict=True):
        assert {vocabulary[number] for number in rows.indices[first:last].tolist()} == set(each)


@settings(max_examples=60, deadline=None)
@given(sides, cuts)
def test_an_entity_has_the_trigrams_of_its_texts(values: list[list[str]], entries: int) -> None:
    side = side_of(values)
    with pytest.MonkeyPatch.context() as patch:
        in_small_parts(patch, entries)
        found = _entity_grams(side, prepare(side, side)[0])
    expected: list[Counter[int]] = []
    for each in values:
        rows = gram_rows([fold(text) for text in dict.fromkeys(each)])
        times = zip(rows.indices.tolist(), rows.data.tolist(), strict=True)
        expected.append(Counter())
        for bucket, count in times:
            expected[-1][bucket] += count
    assert [counted(found, row) for row in range(len(values))] == expected


def counted(rows: csr_array, row: int) -> Counter[int]:
    entries = slice(rows.indptr[row], rows.indptr[row + 1])
    return Counter(dict(zip(rows.indices[entries].tolist(), rows.data[entries].tolist(), strict=True)))


@settings(max_examples=40, deadline=None)
@given(sides, sides, cuts)
def test_what_is_measured_does_not_depend_on_the_parts(
    left: list[list[str]], right: list[list[str]], entries: int
) -> None:
    both = side_of(left), side_of(right)
    a, b = (ids.ravel().astype(np.int32) for ids in np.meshgrid(np.arange(len(left)), np.arange(len(right))))

    def measured(entries: int) -> list[bytes]:
        with pytest.MonkeyPatch.context() as patch:
            in_small_parts(patch, entries)
            return [each.tobytes() for each in Generic(*both, prepare(*both)).measure(a, b)]

    assert measured(entries) == measured(ALL)
