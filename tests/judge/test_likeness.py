"""How alike words are, among the options of one question."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.likeness import likeness, with_lead

WORDS = st.lists(st.sampled_from("bose sony acoustimass 5 v bravia 32 lcd name tv é x".split()), max_size=5)
TEXTS = WORDS.map(" ".join)


@given(TEXTS, st.lists(TEXTS, max_size=5))
def test_each_option_has_its_own_whatever_their_order(record: str, options: list[str]) -> None:
    found = likeness(record, options)
    assert found.shape == (len(options),)
    assert ((found >= 0) & (found <= 1 + 1e-12)).all()
    backwards = likeness(record, options[::-1])
    np.testing.assert_allclose(backwards[::-1], found, atol=1e-12)


@given(WORDS.filter(bool))
def test_the_same_words_are_fully_alike(words: list[str]) -> None:
    text = " ".join(words)
    found = likeness(text, [text.upper(), "something quite other"])
    assert found[0] == pytest.approx(1)
    assert found[1] < 0.5


def test_what_all_texts_share_says_next_to_nothing() -> None:
    plain = likeness("bose acoustimass", ["bose lifestyle", "sony bravia"])
    named = likeness("brand: bose acoustimass", ["brand: bose lifestyle", "brand: sony bravia"])
    assert named[1] == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(named, plain, atol=0.1)


def test_a_word_that_few_options_have_counts_more() -> None:
    options = ["canon camera x100", "canon camera z9", "canon camera q7", "x100 strap"]
    assert likeness("canon x100", options).argmax() == 0


def test_the_lead_is_over_the_best_of_the_others() -> None:
    np.testing.assert_allclose(
        with_lead(np.array([0.5, 0.2, 0.9])), [[0.5, -0.4], [0.2, -0.7], [0.9, 0.4]], atol=1e-12
    )
    np.testing.assert_allclose(with_lead(np.array([0.4, 0.4])), [[0.4, 0], [0.4, 0]])


def test_an_option_alone_leads_by_all_it_has() -> None:
    np.testing.assert_allclose(with_lead(np.array([0.3])), [[0.3, 0.3]])
    assert with_lead(np.zeros(0)).shape == (0, 2)
