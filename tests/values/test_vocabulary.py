"""Numbers of words against a dictionary of plain Python."""

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.values import vocabulary
from kgalign.values.folding import one_by_one
from kgalign.values.vocabulary import Vocabulary

WORDS = ["a", "b", "", "é", "中", "c\x00", "d", "e"]
parts = st.lists(st.lists(st.lists(st.sampled_from(WORDS), max_size=4)))


@given(
    parts,
    st.lists(st.sampled_from("aéxy"), unique=True),
    st.sampled_from([0, 1, 4, 1 << 18]),
    st.sampled_from([1, 2, 5, 1 << 18]),
    st.sampled_from([1, 3, 1 << 17]),
)
def test_words_are_numbered_as_they_come_first(
    every: list[list[list[str]]], known: list[str], least: int, shard: int, at_once: int
) -> None:
    expected = {word: number for number, word in enumerate(known)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "_LEAST", least)
        patch.setattr(vocabulary, "_SHARD", shard)
        patch.setattr(vocabulary, "_AT_ONCE", at_once)
        made = Vocabulary(pa.array(known, pa.large_string()))
        places = []
        for number, texts in enumerate(every):
            listed = iter(texts)
            split = one_by_one(lambda _, rows=listed: next(rows))  # type: ignore[misc]
            places.append(made.add(split(pa.array([""] * len(texts), pa.large_string()))))
            for word in (word for text in texts for word in text):
                expected.setdefault(word, len(expected))
            if number % 2:  # what is asked in between changes nothing
                assert made.names.to_pylist() == list(expected)
    assert made.names.to_pylist() == list(expected)
    numbers = made.numbers()
    for texts, part in zip(every, places, strict=True):
        assert numbers[part].tolist() == [expected[word] for text in texts for word in text]


@pytest.mark.parametrize("shape", ["{:08x}", "w{}", "{}", "naïve{}é"])
def test_no_shard_gets_much_more_than_its_share(shape: str) -> None:
    dice = random.Random(1)
    words = pa.array({shape.format(dice.randrange(1 << 32)) for _ in range(20_000)}, pa.large_string())
    shards = vocabulary._Shards(words, 8)
    places = [shards.places(number) for number in range(8)]
    assert sorted(each for some in places for each in some.tolist()) == list(range(len(words)))
    assert max(map(len, places)) < 1.5 * len(words) / 8
