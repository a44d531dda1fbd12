"""What numbers things rather than measures them."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.values import are_padded, are_serials, is_code, is_padded
from kgalign.values.codes import are_codes


def test_serial_numbers_are_told_from_measures() -> None:
    assert are_serials(["004", "012", "840"], 0.5)
    assert are_serials(["200456", "310987", "4210003"], 1.0)
    assert not are_serials(["200456", "310987", "421000"], 0.6)
    assert not are_serials(["12", "480", "95000", "1200000"], 1.0)
    assert not are_serials(["12a", "004"], 1.0)


def test_one_slip_in_many_does_not_make_codes() -> None:
    assert are_padded(["007"] + ["12"] * 49)
    assert not are_padded(["007"] + ["12"] * 50)
    assert not are_padded(["07", "00"])


@pytest.mark.parametrize(
    ("word", "code"), [("tx8255", True), ("2001", True), ("a12", False), ("abcdef", False), ("http2x", False)]
)
def test_words_that_look_like_codes(word: str, code: bool) -> None:
    assert is_code(word) is code


@given(st.lists(st.text(st.one_of(st.sampled_from("htp1a٣²五Ⅷ "), st.characters(codec="utf8")), max_size=7)))
def test_many_words_look_like_codes_as_one_does(words: list[str]) -> None:
    assert are_codes(pa.array(words, pa.large_string())).tolist() == [is_code(word) for word in words]


@pytest.mark.parametrize(
    ("text", "padded"), [("007", True), ("+49", True), ("-01", True), ("0", False), ("0.5", False)]
)
def test_padding_is_what_no_measure_has(text: str, padded: bool) -> None:
    assert is_padded(text) is padded
