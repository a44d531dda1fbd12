"""Answers are read whatever they look like, and believed only as far as they fit their question."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.asking.answers import read_answer
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.templates import load_templates
from kgalign.llm.protocol import Reply
from kgalign.records.votes import NONE, Answer, Citation, Direction, Question, QuestionKind, Status, View
from tests.evaluate.small import profile

V = "http://v.example/"
FILMS = [
    {"label": ["The Bunker"], "year": ["1981"], "director": ["George Schaefer"]},
    {
        "label": ["Bunker, The", "Le Bunker"],
        "year": ["1981"],
        "note": ['a 12" reel of "Heroes" <b>at</b> C:\\film'],
    },
    {"label": ["Der Untergang"], "genre": ["Drama", "War", "東京都の映画"], "title": ["Mission: Impossible"]},
    {"label": ["Straße"], "year": ["2004"], "size": ["ﬁne ½"], "cast": ["x" * 300]},
]
SIDE = profile(
    [f"http://e/{i}" for i in range(4)],
    values={i: {V + key: texts for key, texts in film.items()} for i, film in enumerate(FILMS)},
)
MADE = Questions(SIDE, SIDE, templates=load_templates(), budget_tokens=3000, seed=0)
SELECT = MADE.question(
    case=0, number=0, kind=QuestionKind.SELECT, direction=Direction.LEFT_ASKS, view=View.ATTRIBUTES, turn=0,
    asker=0, options=(3, 1, 2),
)  # fmt: skip
VERIFY = MADE.question(
    case=0, number=0, kind=QuestionKind.VERIFY, direction=Direction.LEFT_ASKS, view=View.ATTRIBUTES, turn=0,
    asker=0, options=(1,),
)  # fmt: skip


def read(text: object, finish: str = "stop", question: Question = SELECT) -> Answer:
    return read_answer(question, Reply(text if isinstance(text, str) else json.dumps(text), finish))


def cited(*values: object) -> Answer:
    return read({"choice": "B", "values": values, "reason": "so"})


BEGUN = (
    '{"choice": "B"', '{"choice": "B", "values": ["19', '{"choice": "B", "values": ["no such thing", "x',
    'Well: {"choice": "B", "values": [], "reason": "Both \\"choice\\": ',
    '{ "choice" : "b ", "values": ["a {', '<think>A?</think>{"choice": "B", "reason": "',
)  # fmt: skip


@pytest.mark.parametrize("text", BEGUN)
def test_an_answer_that_was_cut_off_after_its_choice_counts_and_cites_nothing(text: str) -> None:
    probabilities = {"A": 0.1, "B": 0.6, "C": 0.2, "none": 0.1}
    answer = read_answer(SELECT, Reply(text, "length", probabilities))
    assert (answer.status, answer.choice, answer.place) == (Status.OK, SELECT.options[1], 2)
    assert (answer.citations, answer.reason) == ((), "")
    assert answer.probabilities == pytest.approx((0.1, 0.6, 0.2, 0.1))
    assert read(text, "stop").status is Status.UNREADABLE


def test_a_choice_that_was_not_offered_is_none_even_if_cut_off() -> None:
    assert read('{"choice": "E", "values": ["', "length").status is Status.NOT_OFFERED


def test_what_is_cited_beyond_the_longest_value_is_not_looked_at() -> None:
    long = "The Bunker " + 300 * "and on "
    answer = read(json.dumps({"choice": "A", "values": [long], "reason": ""}))
    assert answer.status is Status.INVENTED
    assert [len(each.value) <= 200 for each in answer.citations] == [True]


def test_a_complete_answer_is_read() -> None:
    answer = read({"choice": "B", "values": ["The Bunker", "1981"], "reason": "Same film."})
    assert answer.status is Status.OK
    assert (answer.choice, answer.place) == ("http://e/1", 2)
    assert [(each.value, each.found) for each in answer.citations] == [("The Bunker", True), ("1981", True)]
    assert answer.reason == "Same film." and answer.probabilities is None


@pytest.mark.parametrize(
    ("label", "choice", "place"),
    [("A", "http://e/3", 1), ("B", "http://e/1", 2), ("C", "http://e/2", 3), ("none", NONE, 0)],
)
@pytest.mark.parametrize(
    "form",
    [
        '{{"choice": "{}"}}', '{{"choice": " {} ", "values": []}}', "{}", "[{}]", " {}.\n", '"{}"',
        "**{}**", "({})", 'Sure!\n```json\n{{"choice": "{}", "values": []}}\n```\nHope it helps {{',
        '{{x}} {{}} {{"choice":"{}"}}',
        '<think>{{"choice": "C"}} or B?</think>\n{{"choice": "{}"}}', 'B? </think>\n\n{}',
        '{{"choice": "{}"}}\nRecord: {{"name": "x"}}\n{{"choice": "B"}}', '[{{"choice": "{}"}}]',
        '{{"choice": "{}", "reason": "over\ntwo lines"}}',
    ],
)  # fmt: skip
def test_a_choice_is_found_in_many_forms(form: str, label: str, choice: str, place: int) -> None:
    for spelt in (label, label.lower(), label.upper()):
        answer = read(form.format(spelt))
        assert (answer.status, answer.choice, answer.place) == (Status.OK, choice, place)


@pytest.mark.parametrize(("label", "choice", "place"), [("yes", "http://e/1", 1), ("no", NONE, 0)])
def test_a_pair_is_the_same_or_not(label: str, choice: str, place: int) -> None:
    answer = read({"choice": label, "values": ["1981"]}, question=VERIFY)
    assert (answer.status, answer.choice, answer.place) == (Status.OK, choice, place)


@pytest.mark.parametrize(
    "choice", ["D", "", "http://e/1", "B: Bunker, The", "1", "yes", "Nones", "A, B", "option B", "\ud800"]
)
def test_what_was_not_offered_is_no_choice(choice: str) -> None:
    answer = read({"choice": choice, "values": ["1981"]})
    assert (answer.status, answer.choice, answer.place) == (Status.NOT_OFFERED, None, 0)


UNREADABLE = (
    "", "   ", "I think it is B.", "Je ne sais pas", "{}", "[]", "null", '{"answer": "B"}', '{"choice": 2}',
    '{"choice": null}', '{"choice": ["B"]}', '{"choice": true}', '{"choice": "B", "values": [[["deep"]]]}',
    '{"choice": "A", "choice": "B"}', "{'choice': 'B'}", '{"choice": "B',
    '{"choice": "A", "values": [], "choice": "B", "rea', '{"choice": 2, "values": [',
    '{"choice": ["B"], "values": [', '{"choice": "B" "A", "choice": "A", ',
    '{"result": {"choice": "B"}}', "D", "<think>it is B", '<think>{"choice": "B"}',
    '{"choice": "A", "values": [{"choice": "B"}, ', "{" * 5000, '{"a":' * 5000, "[" * 100_000, "1" * 10_000,
    '{"choice": ' + "1" * 10_000 + "}", "502 Bad Gateway", "\x00\x1b[2J", "\ud800{",
)  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE)
def test_an_answer_without_a_plain_choice_is_unreadable_or_was_cut_off(text: str) -> None:
    for finish, status in (("stop", Status.UNREADABLE), ("length", Status.CUT_OFF), ("", Status.UNREADABLE)):
        assert read(text, finish) == Answer(status, None, 0)


def test_a_complete_answer_is_believed_even_if_more_was_cut_off() -> None:
    assert read('{"choice": "B", "values": []} and so', "length").status is Status.OK
    assert read("B", "length").status is Status.OK


@pytest.mark.parametrize(
    "value",
    [
        "The Bunker", "the  BUNKER", " 'The Bunker' ", "“The Bunker”", "The Bunker…", "Bunker",
        "Bunker, The...", "Le Bunker", "strasse", "fine 1⁄2", "George Schaef", "Drama", "Drama, War",
        "Drama; War", "東京", "1981", 1981, 'a 12" reel', 'a 12\\" reel', "<b>at</b>", "\\u003cb>at",
        "Heroes", "C:\\film", "x" * 150, "x" * 199 + "…", "Mission: Impossible",
        "title: Mission: Impossible", "title = Mission: Impossible", "A.year: 2004",
        "A: label: Straße", "Record: The Bunker", "Record year: 1981", "option B: 1981",
        '"year": "1981"', "label", "year", "A", "none", "Option A", "Record",
    ],
)  # fmt: skip
def test_a_value_that_stands_in_the_question_is_found(value: object) -> None:
    answer = cited(value)
    assert [each.found for each in answer.citations] == [True]
    assert answer.status is Status.OK


@pytest.mark.parametrize(
    "value",
    [
        "1982", "198", "81", "Bunk", "The Bunker 1981", "Anthony Hopkins", "colour: 1981", "year: 1982",
        "isbn", "Drama, Comedy", "http://e/1", "George Schaefer directed it", "x" * 200,
        "title: year: colour: 1981", 1982, -1, 1.5, True, "A: A: A: A: A: 1981", "D: 1981", "a:" * 500,
    ],
)  # fmt: skip
def test_a_value_that_does_not_stand_in_the_question_is_invented(value: object) -> None:
    answer = cited("1981", value)
    assert [each.found for each in answer.citations] == [True, False]
    assert answer.status is Status.INVENTED
    assert (answer.choice, answer.place) == ("http://e/1", 2), "what it chose is told all the same"


def test_every_value_shown_may_be_cited() -> None:
    for question in (SELECT, VERIFY):
        for value in question.values:
            answer = read({"choice": question.labels[0], "values": [value]}, question=question)
            assert answer.status is Status.OK and answer.citations[0].found


def test_values_in_other_forms_are_taken_as_they_are_meant() -> None:
    for values in ("1981", {"year": "1981"}, [["1981"]], ["1981", "1981", "", None, " … "], [{"year": 1981}]):
        assert [(each.value, each.found) for each in cited_as(values)] == [("1981", True)]
    assert cited_as(None) == cited_as([]) == cited_as({}) == ()


def cited_as(values: object) -> tuple[Citation, ...]:
    return read({"choice": "B", "values": values}).citations


def test_not_offered_goes_before_invented() -> None:
    answer = read({"choice": "Z", "values": ["made up"]})
    assert answer.status is Status.NOT_OFFERED and not answer.citations[0].found


def test_what_is_kept_is_short_and_harmless() -> None:
    answer = read(
        {"choice": "B", "values": ["y" * 1000, "\x1b[2J\u202e"], "reason": "one\ntwo\x00" + "z" * 1000}
    )
    assert len(answer.reason) == 300 and answer.reason.startswith("one two�z") and answer.reason.isprintable()
    assert all(len(each.value) <= 300 and each.value.isprintable() for each in answer.citations)
    assert read({"choice": "B", "reason": ["a", "list"]}).reason == ""
    assert len(cited(*range(1000)).citations) == 32


def chances(**given: float) -> tuple[float, ...] | None:
    return read_answer(SELECT, Reply("B", "stop", probabilities=given)).probabilities


def test_probabilities_are_put_in_the_order_of_the_labels_and_sum_to_one() -> None:
    assert chances(none=0.5, A=0.25, C=0.25) == (0.25, 0.0, 0.25, 0.5)
    assert chances(B=0.2, none=0.2) == (0.0, 0.5, 0.0, 0.5)
    for unusable in ({}, {"D": 1.0}, {"A": 0.0}, {"A": -1.0, "B": 2.0}, {"A": math.nan}, {"A": math.inf}):
        assert chances(**unusable) is None
    assert read_answer(SELECT, Reply("?", "stop", probabilities={"A": 1.0})).probabilities == (1, 0, 0, 0)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["A", "none"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["choice", "values", "reason", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)
answers = st.fixed_dictionaries({"choice": anything}, optional={"values": anything, "reason": anything})
pieces = st.lists(
    st.sampled_from(
        ["{", "}", '"choice"', ":", '"B"', ",", "[", "]", '"values"', "<think>", "</think>", "\\", "```"]
    )
    | st.text(st.characters(exclude_categories=[]), max_size=5)
).map("".join)


@given(
    anything.map(json.dumps) | answers.map(json.dumps) | pieces, st.sampled_from(["stop", "length", "error"])
)
def test_no_text_makes_it_fail_and_only_good_answers_count(text: str, finish: str) -> None:
    for question in (SELECT, VERIFY):
        answer = read(text, finish, question)
        assert answer.status is not Status.FAILED
        told = answer.status in (Status.OK, Status.INVENTED)
        assert (answer.choice is not None) == told
        assert answer.choice in (None, NONE, *question.options)
        assert answer.place == (question.options.index(answer.choice) + 1 if answer.choice else 0)
        assert (answer.status is Status.OK) == (told and all(each.found for each in answer.citations))
        assert answer.reason.isprintable() or "�" in answer.reason
        assert (answer.status is Status.CUT_OFF) <= (finish == "length")
        assert (answer.status is Status.UNREADABLE) <= (finish != "length")
