"""Words as numbers against counts of plain Python."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import vstack

from kgalign.values.folding import each_alone, one_by_one, words_of
from kgalign.values.text import fold, gram_rows, words
from kgalign.values.tokens import token_rows, tokens_of
from kgalign.values.vocabulary import Vocabulary

TEXTS = ["Ada Lovelace", "", "the the THE", "tx-8255 black", "12", "Ä ö 東京", "ada"]
values = st.lists(
    st.tuples(st.sampled_from([0, 1, 2, 16_383, 16_384, 20_000]), st.sampled_from(range(len(TEXTS))))
)


@given(values, values)
def test_counts_are_those_of_plain_python(split: list[tuple[int, int]], whole: list[tuple[int, int]]) -> None:
    vocabulary = Vocabulary()
    texts = pa.array(TEXTS, pa.large_string())
    tokens = []
    for rows, into in ((split, words_of), (whole, each_alone)):
        ids = np.array(sorted(rows), dtype=np.int32).reshape(-1, 2)
        tokens.append(tokens_of(ids[:, 0], ids[:, 1], texts, into, vocabulary))
    found = token_rows(tokens, 20_001, vocabulary)
    expected = Counter((entity, word) for entity, text in split for word in words(TEXTS[text]))
    expected.update((entity, TEXTS[text]) for entity, text in whole)
    names = vocabulary.names.to_pylist()
    row = np.repeat(np.arange(20_001), np.diff(found.indptr))
    held = zip(row.tolist(), found.indices.tolist(), found.data.tolist(), strict=True)
    assert {(entity, names[column]): times for entity, column, times in held} == expected
    assert found.has_sorted_indices


def test_each_text_is_split_once_and_only_its_beginning() -> None:
    seen: list[str] = []

    def split(text: str) -> list[str]:
        seen.append(text)
        return text.split()

    texts = pa.array(["a b", "unused", "c " * 50_000], pa.large_string())
    entity, text = np.arange(4, dtype=np.int32), np.array([0, 2, 0, 2], dtype=np.int32)
    tokens = tokens_of(entity, text, texts, one_by_one(split), Vocabulary())
    assert [len(each) for each in seen] == [3, 20_000]
    assert np.diff(tokens.bounds).tolist() == [2, 0, 10_000]


def test_trigrams_of_many_texts_are_those_of_each() -> None:
    """More characters than are looked at together, and one text that is longer than a part."""
    texts = [fold(f"number {n} of many " * (1 + n % 7)) for n in range(12_000)]
    texts[500] = "word " * 200_000
    found = gram_rows(texts)
    some = [0, 1, 499, 500, 501, 5_000, 11_999]
    assert (found[some] != vstack([gram_rows([texts[n]]) for n in some], format="csr")).nnz == 0
    assert found.shape == (12_000, 1 << 20)
    assert (gram_rows(iter(texts)) != found).nnz == 0
