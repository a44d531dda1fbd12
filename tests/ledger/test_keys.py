"""What a vote is known by."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.ledger import judging_name, key_of, vote_key
from kgalign.ledger.keys import canonical
from kgalign.llm.protocol import Message, Sampling
from tests.ledger.made import a_question

# Few and short, so that Hypothesis meets equal ones and ones that differ by where a boundary lies; with
# surrogates and the characters that JSON escapes.
TEXT = st.text(st.sampled_from('aA0 ",:[]{}\\\n\0é\ud83d\ude00😀'), max_size=3)
SAMPLING = st.builds(
    Sampling,
    temperature=st.sampled_from([0, 0.0, -0.0, 0.7, 1]),
    top_p=st.sampled_from([1, 1.0, 0.9]),
    max_tokens=st.integers(16, 18),
    seed=st.integers(0, 2),
    logprobs=st.sampled_from([0, 20]),
)
MESSAGE = st.builds(Message, role=st.sampled_from(["system", "user"]), content=TEXT)
CONTENT = st.tuples(
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    st.lists(MESSAGE, max_size=2).map(tuple),
    st.lists(TEXT, max_size=2).map(tuple),
    SAMPLING,
    st.integers(0, 2),
)


@given(CONTENT, CONTENT)
def test_two_contents_have_the_same_key_only_if_they_are_equal(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    assert (vote_key(*one) == vote_key(*other)) == (one == other)


@given(CONTENT, st.data())
def test_a_change_in_any_part_is_another_key(content: tuple, data: st.DataObject) -> None:  # type: ignore[type-arg]
    part = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(CONTENT.filter(lambda drawn: drawn[part] != content[part]))
    changed = (*content[:part], other[part], *content[part + 1 :])
    assert vote_key(*changed) != vote_key(*content)


def test_the_key_is_the_sha256_of_json_with_sorted_members() -> None:
    question = a_question("Zürich")
    written = {
        "adapter": "lora",
        "labels": ["A", "B", "C", "none"],
        "messages": [[message.role, message.content] for message in question.messages],
        "model": "m",
        "number": 0,
        "sampling": {"logprobs": 20, "max_tokens": 256, "seed": 3, "temperature": 0.5, "top_p": 1.0},
        "template": "select-1",
        "template_hash": "ab" * 32,
    }
    text = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
    assert key_of(question, "m", "lora", Sampling(temperature=0.5, seed=3)) == (
        hashlib.sha256(text.encode()).hexdigest()
    )


def test_a_key_never_changes_from_one_version_to_the_next() -> None:
    """A ledger that was filled by an older version must still be found by its keys."""
    found = vote_key("m", "", "select-1", "00", (Message("user", "é"),), ("A", "none"), Sampling(), 2)
    assert found == "cda042daa67c30b6414cbaf45ad11cc60e3b1167708cb053ce133bd3aabd0275"


def test_a_judging_is_known_by_its_settings_in_any_order() -> None:
    name = judging_name("m", "", {"a": 1, "b": [1, 2]})
    assert name == judging_name("m", "", {"b": [1, 2], "a": 1})
    assert len(name) == 16
    others = [
        judging_name("n", "", {"a": 1}),
        judging_name("m", "x", {"a": 1}),
        judging_name("m", "", {"a": 2}),
        judging_name("m", "", {"a": "1"}),
    ]
    assert len({name, *others}) == 5


def test_a_number_that_json_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})
