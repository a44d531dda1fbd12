import json
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.llm.spelling import label_probabilities

LABELS = ("A", "B", "none")


def place(token: str, probability: float, **others: float) -> dict[str, Any]:
    """A token that was drawn, and what could have been."""
    listed = {token: probability} | others
    return {
        "token": token,
        "logprob": math.log(probability),
        "top_logprobs": [{"token": each, "logprob": math.log(p)} for each, p in listed.items()],
    }


def entry(token: str, probability: float, others: dict[str, float]) -> dict[str, Any]:
    return place(token, probability) | {
        "top_logprobs": [{"token": each, "logprob": math.log(p)} for each, p in others.items()]
    }


HEAD = [place('{"', 1.0), place("choice", 1.0), place('":', 1.0)]
TAIL = [place('",', 1.0, **{'"}': 1e-9}), place(' "values"', 1.0)]


def check(tokens: object, expected: dict[str, float], labels: Sequence[str] = LABELS) -> None:
    found = label_probabilities(tokens, labels)
    assert found is not None
    assert list(found) == list(labels)
    assert found == pytest.approx(expected)


def test_the_probability_of_an_answer_is_that_of_all_its_spellings() -> None:
    others = {"n": 0.05, "no": 0.05, "none": 0.2, 'none"': 0.05, "None": 0.05, "B": 0.3, 'B",': 0.1, "A": 0.2}
    tokens = [*HEAD, place(' "', 1.0), entry("B", 0.3, others), *TAIL]
    check(tokens, {"A": 0.2, "B": 0.4, "none": 0.4})


def test_the_quote_may_be_part_of_the_token() -> None:
    tokens = [
        *HEAD,
        entry(' "B', 0.5, {' "B': 0.5, ' "A': 0.2, ' "none': 0.1, '"none': 0.1, " none": 0.1}),
        *TAIL,
    ]
    check(tokens, {"A": 0.2, "B": 0.5, "none": 0.3})


def test_what_leaves_every_answer_possible_says_nothing() -> None:
    tokens = [
        *HEAD,
        entry(' "', 0.6, {' "': 0.6, '"': 0.3, " ": 0.05, "Z": 0.05}),
        entry("A", 0.9, {"A": 0.9, "B": 0.1}),
    ]
    check(tokens, {"A": 0.9, "B": 0.1, "none": 0.0})


def test_a_token_may_hold_the_colon_and_the_answer() -> None:
    tokens = [
        *HEAD[:2],
        entry('":', 0.7, {'":': 0.7, '":"none': 0.2, '": "A': 0.1, '"none': 0.3}),
        place(' "', 1.0),
        entry("B", 1.0, {"B": 1.0, "A": 1e-12}),
    ]
    check(tokens, {"A": 0.1, "B": 0.7, "none": 0.2})


def test_a_branch_that_was_not_taken_weighs_as_much_as_it_would_have_been() -> None:
    tokens = [
        *HEAD,
        entry(' "', 0.8, {' "': 0.8, ' "none': 0.2}),
        entry("B", 0.5, {"B": 0.5, "A": 0.5}),
        *TAIL,
    ]
    check(tokens, {"A": 0.4, "B": 0.4, "none": 0.2})


def test_answers_that_begin_alike_part_where_they_do() -> None:
    labels = ("yes", "none", "north")
    tokens = [
        *HEAD,
        place(' "', 1.0),
        entry("no", 0.6, {"no": 0.6, "yes": 0.4}),
        entry("ne", 0.75, {"ne": 0.75, "rth": 0.25}),
    ]
    check(tokens, {"yes": 0.4, "none": 0.45, "north": 0.15}, labels)
    tokens = [*HEAD, place(' "', 1.0), entry("yes", 0.6, {"yes": 0.6, "no": 0.4})]
    check(tokens, {"yes": 0.6, "none": 0.2, "north": 0.2}, labels)
    tokens = [*HEAD, place(' "', 1.0), entry("no", 0.6, {"no": 0.6, "yes": 0.4})]  # cut off
    check(tokens, {"yes": 0.4, "none": 0.3, "north": 0.3}, labels)


def test_an_unlikely_answer_that_is_not_listed_counts() -> None:
    tokens = [*HEAD, place(' "', 1.0), entry("B", 0.1, {"A": 0.6, "none": 0.3})]
    check(tokens, {"A": 0.6, "B": 0.1, "none": 0.3})


def test_labels_that_differ_in_case_alone_are_told_apart() -> None:
    tokens = [*HEAD, place(' "', 1.0), entry("a", 0.7, {"a": 0.7, "A": 0.3})]
    check(tokens, {"A": 0.3, "a": 0.7}, ("A", "a"))


@pytest.mark.parametrize("before", ["", " ", "\n\n", '"', "**", "(", "<think>\nA or B? A.</think>\n\n"])
def test_a_plain_answer_counts(before: str) -> None:
    drawn = entry("B", 0.6, {"B": 0.6, "none": 0.3, "A": 0.1})
    check([place(before, 1.0), drawn] if before else [drawn], {"A": 0.1, "B": 0.6, "none": 0.3})


def test_a_choice_that_was_announced_later_is_found() -> None:
    text = '{"reason": "not \\"choice\\": \\"A\\"", "choice": "'
    tokens = [place(text, 1.0), entry("B", 0.6, {"B": 0.6, "A": 0.4}), *TAIL]
    check(tokens, {"A": 0.4, "B": 0.6, "none": 0.0})


def test_words_that_only_begin_like_an_answer_are_none() -> None:
    tokens = [entry("B", 0.5, {"B": 0.5, "Because": 0.2, "Any": 0.2, "A.": 0.1})]
    check(tokens, {"A": 1 / 6, "B": 5 / 6, "none": 0.0})


@pytest.mark.parametrize(
    "tokens",
    [
        None,
        [],
        "B",
        [{"token": "B", "logprob": -0.1, "top_logprobs": []}],
        [{"token": "B", "logprob": -0.1}],
        [{"token": None}],
        [{"token": "B", "logprob": None, "top_logprobs": [{"token": "A"}, {"token": 3, "logprob": 1}, None]}],
        [{"token": "B", "logprob": math.nan, "top_logprobs": [{"token": "A", "logprob": -0.5}] * 3}][:0],
        [place("Paris", 0.9, London=0.1)],
        [place("B", 0.9)],
    ],
)
def test_what_cant_be_told_is_not_guessed(tokens: object) -> None:
    assert label_probabilities(tokens, LABELS) is None


@st.composite
def _drawn(draw: st.DrawFn) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """How probable labels are, and one of them as tokens, cut anywhere, each with all its alternatives."""
    firsts = draw(st.lists(st.sampled_from("ABCDEFnop12"), min_size=2, max_size=6, unique_by=str.casefold))
    labels = [first + draw(st.text("rstuvw", max_size=4)) for first in firsts]
    weights = [draw(st.floats(0.01, 1)) for _ in labels]
    truth = {label: weight / sum(weights) for label, weight in zip(labels, weights, strict=True)}
    head = draw(st.sampled_from(['{"choice":', '{ "choice" :', '{"reason": "no choice", "choice":']))
    before = {label: head + draw(st.sampled_from(['"', ' "', '\n  "'])) for label in labels}
    whole = {label: before[label] + label + '", "values": []}' for label in labels}
    answer = draw(st.sampled_from(labels))
    text = whole[answer]
    cuts = draw(st.sets(st.integers(1, len(text) - 1), max_size=12))
    edges = [0, *sorted(cuts), len(text)]
    tokens = []
    for start, end in pairwise(edges):
        going = [label for label in labels if whole[label].startswith(text[:start])]
        total = sum(truth[label] for label in going)
        listed: dict[str, float] = {}
        for label in going:
            piece = text[start:end]
            if not whole[label].startswith(text[:end]):
                # Another answer parts here: its token shows at least its first letter.
                if end < len(head):
                    raise AssertionError
                past = len(before[label]) + 1
                piece = whole[label][start : draw(st.integers(max(past, start + 1), len(whole[label])))]
            listed[piece] = listed.get(piece, 0.0) + truth[label] / total
        tokens.append(entry(text[start:end], listed[text[start:end]], listed))
    return truth, tokens


@given(_drawn())
def test_any_tokens_that_spell_an_answer_give_its_probability(
    drawn: tuple[dict[str, float], list[dict[str, Any]]],
) -> None:
    truth, tokens = drawn
    found = label_probabilities(tokens, tuple(truth))
    assert found is not None
    assert found == pytest.approx(truth)
    assert sum(found.values()) == pytest.approx(1)


@given(_drawn(), st.randoms(use_true_random=False))
def test_neither_order_nor_other_words_matter(
    drawn: tuple[dict[str, float], list[dict[str, Any]]],
    random: Any,  # noqa: ANN401
) -> None:
    truth, tokens = drawn
    for each in tokens:
        each["top_logprobs"] += [{"token": word, "logprob": -3.0} for word in ("%", "the", "?B", "_x", "-")]
        random.shuffle(each["top_logprobs"])
    assert label_probabilities(tokens, tuple(truth)) == pytest.approx(truth)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.sampled_from(["A", '"', "none", ":"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["token", "logprob", "top_logprobs"]), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.sampled_from(["token", "logprob", "top_logprobs"]), anything), max_size=5))
def test_whatever_a_server_sends_is_read_or_left(tokens: list[Any]) -> None:
    found = label_probabilities(tokens, LABELS)
    if found is not None:
        assert list(found) == list(LABELS)
        assert sum(found.values()) == pytest.approx(1)
        assert all(0 <= each <= 1 for each in found.values())


def test_the_answer_of_a_real_tokenizer() -> None:
    """As Qwen3's tokens cut it: ``{"``, ``choice``, ``":"``, ``B``, ``","``."""
    tokens = [place(each, 1.0) for each in ('{"', "choice", '":"')]
    tokens.append(entry("B", 0.7, {"B": 0.7, "none": 0.2, "A": 0.1}))
    tokens.append(place('","', 1.0))
    check(json.loads(json.dumps(tokens)), {"A": 0.1, "B": 0.7, "none": 0.2})
