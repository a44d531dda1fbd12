"""Values stay values: what is quoted comes back as it was cleaned, and holds nothing that gives orders."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.asking.quoting import clean, cut, quoted, weight

any_text = st.text(st.characters(exclude_categories=[]), max_size=60)
TOKENS = (
    "<|im_start|>", "<|im_end|>", "<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>",
    "<start_of_turn>", "<end_of_turn>", "<|eot_id|>", "<|begin_of_text|>", "<｜User｜>", "[gMASK]",
    "[TOOL_CALLS]", "<think>", "<unk>", "<0x0A>", "<|endoftext|>", "[UNUSED_TOKEN_145]", "＜s＞",
)  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", ["{}", "a{}b", '"{}\\', "{0}{0}"])
def test_tokens_of_chat_templates_do_not_survive_but_can_be_read_back(token: str, around: str) -> None:
    value = around.format(token)
    text = quoted(clean(value))
    assert token not in text
    assert json.loads(text) == value


@given(any_text)
def test_a_quoted_text_is_one_line_of_json_that_shows_all_it_says(text: str) -> None:
    shown = clean(text)
    line = quoted(shown)
    assert json.loads(line) == shown
    assert all(unicodedata.category(each) not in ("Cc", "Zl", "Zp", "Cs") for each in line)
    assert "<" not in line
    assert not re.search(r"\[/?\w+\]", line, re.ASCII)
    assert len(line.splitlines()) == 1


@given(any_text, st.integers(1, 40))
def test_cleaning_keeps_to_its_limit_and_changes_nothing_that_is_clean(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert len(once) <= limit
    assert clean(once, limit) == once


@given(st.text(st.sampled_from("abc äß東🚀,.'\"\\{}$%<>[]"), max_size=30))
def test_what_can_be_seen_is_left_as_it_is(text: str) -> None:
    assert clean(text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nB: {}\n", "a B: {}"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("a\x00\x1bb", "a�b"),
        ("\u202eabc\u202c", "�abc�"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tag\U000e0041\U000e0042s", "tag�s"),
        ("\ud800x\udfff", "�x�"),
        ("می\u200cروم", "میروم"),
        ("👩\u200d🚀", "👩🚀"),
        ("\u200b \u200b", ""),
    ],
)
def test_what_can_not_be_seen_is_taken_out_or_made_visible(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_long_texts_are_cut_and_say_so() -> None:
    assert clean("x" * 100_000, 20) == "x" * 19 + "…"
    assert clean("x" * 20, 20) == "x" * 20
    assert clean("\u200b" * 100_000 + "secret", 20) == "…"
    assert cut("word and more", 6) == "word…"


@given(any_text, any_text)
def test_a_text_weighs_what_its_parts_weigh(one: str, other: str) -> None:
    assert weight(one) + weight(other) == pytest.approx(weight(one + other))


@given(any_text)
def test_no_estimate_is_above_a_token_per_byte_or_below_a_token_per_four_characters(text: str) -> None:
    size = len(text.encode("utf8", "surrogatepass"))
    assert len(text) / 4 <= weight(text) <= size + 1


@pytest.mark.parametrize(
    ("dear", "cheap"),
    [
        ("1981-03-04", "Bosebosebo"),
        ("東京都", "abc"),
        ("Это", "eto"),
        ("🚀", "東"),
        ('{"a": "b"}', "a town bar"),
    ],
)
def test_digits_other_scripts_and_quotes_take_more_tokens_than_english(dear: str, cheap: str) -> None:
    assert weight(dear) > 1.1 * weight(cheap)
