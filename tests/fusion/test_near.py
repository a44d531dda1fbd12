"""Texts that nearly are the same."""

import pytest

from kgalign.fusion.near import leaders_of_texts


@pytest.mark.parametrize(
    "texts",
    [("The Hague", "Hague, the"), ("Encyclopaedia Britannica", "Encyclopedia Britannica")],
)
def test_texts_with_a_slip_or_in_another_order_are_one(texts: tuple[str, str]) -> None:
    assert leaders_of_texts(texts).tolist() == [0, 0]


@pytest.mark.parametrize("texts", [("Apollo 11", "Apollo 12"), ("Rome", "Roma"), ("--", "!!")])
def test_other_texts_are_two(texts: tuple[str, str]) -> None:
    assert leaders_of_texts(texts).tolist() == [0, 1]


def test_the_first_stands_for_all() -> None:
    assert leaders_of_texts(["Jean-Paul Sartre", "Sartre, Jean Paul", "Camus"]).tolist() == [0, 0, 2]
    assert leaders_of_texts([]).tolist() == []
