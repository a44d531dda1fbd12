"""Text as it is compared: folding, words, and TF-IDF rows against scikit-learn and plain Python."""

import unicodedata
from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from kgalign.records import Attribute, Profile
from kgalign.values.folding import one_by_one
from kgalign.values.kinds import ValueKind
from kgalign.values.text import (
    fold,
    gram_rows,
    idf,
    row_dots,
    row_of,
    sort_words,
    weigh,
    word_rows,
    words,
)
from tests.evaluate.small import profile

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
folded_texts = st.lists(st.text(alphabet="abcdé ß東", max_size=8).map(fold), max_size=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  The BUNKER, ", "the bunker"),
        ("Café São-Tomé", "cafe sao tome"),
        ("Straße", "strasse"),
        ("Tom &amp; Jerry", "tom jerry"),
        ("AT&T", "at t"),
        ("İstanbul", "istanbul"),
        ("ﬁne x²", "fine x2"),
        ("snake_case", "snake case"),
        ("東京（とうきょう）", "東京 とうきょう"),
        ("Θεός", "θεοσ"),
        ("O’Neil", "o neil"),
        ("\u202bשלום\u202c", "שלום"),
        ("हिन्दी, भाषा!", unicodedata.normalize("NFKD", "हिन्दी भाषा")),
        ("ประเทศไทย", unicodedata.normalize("NFKD", "ประเทศไทย")),
        ("ガンダム", unicodedata.normalize("NFKD", "ガンダム")),
        ("مُحَمَّد", "محمد"),
        ("שָׁלוֹם", "שלום"),
        ("Haupt\u00adstadt", "hauptstadt"),
        ("葛\U000e0100城", "葛城"),
        ("👩🏽‍🚀", ""),
        ("", ""),
    ],
)
def test_fold(text: str, expected: str) -> None:
    assert fold(text) == expected


@given(texts)
def test_folding_again_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(once.split())


def test_of_every_character_letters_digits_and_marks_stay_and_all_else_parts_words() -> None:
    accents = {*range(0x300, 0x370), *range(0x591, 0x5C8), *range(0x610, 0x61B), *range(0x64B, 0x660)}
    fillers = {0xAD, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x180F), 0x200D, *range(0x2060, 0x2065)}
    selectors = {0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xE0100, 0xE01F0)}
    left_out = accents | fillers | selectors

    def kept(char: str) -> str:
        stays = char.isalnum() or unicodedata.category(char) in ("Mn", "Mc")
        return "" if ord(char) in left_out else char if stays else " "

    for code in (*range(0xD800), *range(0xE000, 0x110000)):
        text = f"a{chr(code)}ö"
        plain = "".join(map(kept, unicodedata.normalize("NFKD", text)))
        assert fold(text) == " ".join(plain.casefold().split()), hex(code)


@given(texts)
def test_case_does_not_matter_in_latin_letters(text: str) -> None:
    latin = "".join(char for char in text if char.isascii())
    assert fold(latin.upper()) == fold(latin.lower()) == fold(latin)


def test_long_values_are_cut() -> None:
    assert len(fold("ab " * 100_000)) <= 20_000
    assert len(words("a1-b2 " * 100_000)) < 20_000


def test_sort_words_makes_word_order_irrelevant() -> None:
    assert sort_words(fold("Bunker, The")) == sort_words(fold("The Bunker")) == "bunker the"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Bunker, The", ["the", "bunker", "the"]),
        ("TX-8255 (black)", ["tx", "8255", "black", "tx8255"]),
        ("v1.2/3", ["v1", "2", "3", "v123"]),
        ("well-known", ["well", "known"]),
        ("東京都 北海", ["東京都", "北海", "東京", "京都"]),
        ("iPhone手机", ["iphone手机", "手机"]),
        ("ไทย", ["ไทย", "ไท", "ทย"]),
        ("กินกิน", ["กินกิน", "กิน", "นกิ", "กิน"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(alphabet="東京都大ガイก็ิทहिं ab", max_size=20))
def test_pairs_of_letters_lie_in_the_words_and_never_begin_with_a_mark(text: str) -> None:
    folded = fold(text)
    plain = folded.split()
    found = words(text)
    assert found[: len(plain)] == plain
    for pair in found[len(plain) :]:
        assert any(pair in word for word in plain)
        assert len([each for each in pair if not unicodedata.category(each).startswith("M")]) in (1, 2)


def with_kinds(side: Profile, kinds: dict[str, ValueKind]) -> Profile:
    """The profile with other kinds of values, by path."""
    changed = {
        attribute.path: Attribute(attribute.path, kinds[attribute.path[0]], 1, 1.0, 1.0, 1.0, 1.0)
        for attribute in side.attributes
        if attribute.path[0] in kinds
    }
    attributes = tuple(changed.get(attribute.path, attribute) for attribute in side.attributes)
    fields = {name: getattr(side, name) for name in Profile.__dataclass_fields__}
    return Profile(**{**fields, "attributes": attributes})


def test_words_of_an_entity_come_from_all_its_values_and_links_stay_whole() -> None:
    side = profile(
        ["http://e/0", "http://e/1", "http://e/2"],
        values={
            0: {"p:label": ["Red House", "red"], "p:page": ["http://x.example/A-1"]},
            2: {"p:label": ["7"]},
        },
    )
    side = with_kinds(side, {"p:page": ValueKind.LINK})
    found = [sorted(row) for row in side.words()]
    assert found == [["house", "http://x.example/A-1", "red", "red"], [], ["7"]]


def dense(rows: csr_array) -> npt.NDArray[np.float64]:
    return np.asarray(rows.toarray(), dtype=np.float64)


def rows_of(rows: list[list[str]]) -> tuple[csr_array, dict[str, int]]:
    """Counts of the words of some rows, and the column of each word."""
    joined = pa.array(["\n".join(row) for row in rows], pa.large_string())
    found = one_by_one(lambda text: text.split("\n") if text else [])(joined)
    vocabulary = {word: number for number, word in enumerate(found.names.to_pylist())}
    return word_rows(found.counts, found.code, len(vocabulary)), vocabulary


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=6))
def test_word_rows_count_words_as_scikit_learn_does(rows: list[list[str]]) -> None:
    made, vocabulary = rows_of(rows)
    counts = dense(made)
    for number, row in enumerate(rows):
        assert {
            word: counts[number, column] for word, column in vocabulary.items() if word in row
        } == Counter(row)
    if vocabulary:
        model = CountVectorizer(analyzer=list, vocabulary=sorted(vocabulary, key=lambda w: vocabulary[w]))
        assert np.array_equal(model.fit_transform(rows).toarray(), counts)
    else:
        assert counts.sum() == 0


def trigrams(text: str) -> list[str]:
    padded = f" {text} "
    return [padded[i : i + 3] for i in range(len(padded) - 2)]


@given(folded_texts, folded_texts)
def test_gram_rows_are_the_trigrams_of_scikit_learn(left: list[str], right: list[str]) -> None:
    """Compared by their dot products, since trigrams are hashed into columns of no known order."""
    a, b = gram_rows(left), gram_rows(right)
    assert a.shape[0] == len(left)
    if not any(trigrams(text) for text in left + right):
        assert a.nnz == b.nnz == 0
        return
    model = CountVectorizer(analyzer=trigrams).fit(left + right)
    expected = model.transform(left) @ model.transform(right).T
    assert np.array_equal((a @ b.T).toarray(), expected.toarray())
    assert np.array_equal(dense(a).sum(axis=1), [len(trigrams(text)) for text in left])


counts = st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=6).map(
    lambda rows: csr_array(np.array(rows, dtype=np.float32))
)


@given(counts)
def test_weigh_is_the_damped_tf_idf_of_scikit_learn(rows: csr_array) -> None:
    weights = idf(rows, rows)
    model = TfidfTransformer(norm="l2", use_idf=False, sublinear_tf=True)
    # scikit-learn damps and norms; the rarity is put between by scaling columns before the norm is taken.
    damped = TfidfTransformer(norm=None, use_idf=False, sublinear_tf=True).fit_transform(rows)
    expected = dense(damped) * weights
    norms = np.linalg.norm(expected, axis=1, keepdims=True)
    expected = np.divide(expected, norms, out=np.zeros_like(expected), where=norms > 0)
    assert np.allclose(dense(weigh(rows, weights)), expected, atol=1e-6)
    plain = weigh(rows, np.ones(rows.shape[1], dtype=np.float32))
    assert np.allclose(dense(plain), dense(model.fit_transform(rows)), atol=1e-6)


@given(counts, counts)
def test_idf_falls_with_the_rows_of_both_sides_that_have_the_column(
    left: csr_array, right: csr_array
) -> None:
    frequency = (dense(left) > 0).sum(axis=0) + (dense(right) > 0).sum(axis=0)
    rows = left.shape[0] + right.shape[0]
    assert np.allclose(idf(left, right), np.log((2 + rows) / (1 + frequency)))
    assert (idf(left, right) > 0).all()


@given(counts, counts, st.integers(1, 4))
def test_row_dots_are_the_dot_products_of_the_rows(left: csr_array, right: csr_array, batch: int) -> None:
    grid = np.meshgrid(np.arange(left.shape[0]), np.arange(right.shape[0]))
    a, b = (each.ravel().astype(np.int32) for each in grid)
    expected = (dense(left) @ dense(right).T)[a, b]
    assert np.allclose(row_dots(left, right, a, b, batch), expected)
    assert row_of(left).tolist() == np.repeat(np.arange(left.shape[0]), np.diff(left.indptr)).tolist()
