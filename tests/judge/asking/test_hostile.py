"""Hostile literals in what is sent: three hundred of them, in both records, in every form and direction."""

import json
import re
from typing import get_args

import pytest

from kgalign.judge.asking.questions import NO_OPTION, Questions
from kgalign.judge.asking.quoting import clean
from kgalign.judge.asking.templates import load_templates
from kgalign.llm.protocol import Way
from kgalign.records import Profile
from kgalign.records.votes import Direction, Question, QuestionKind, View
from tests.evaluate.small import profile
from tests.hostile import PAYLOAD, Hostile, hostile_literals

LITERALS = hostile_literals()
V = "http://v.example/"
TEMPLATES = load_templates()
TOKENS = re.compile(
    r"<\|?\w|</|<[｜▁]|＜|◁|[\[［]/?(?:INST|gMASK|TOOL_CALLS|e~\[)|\[\||\]~|<<SYS|[^\S \n]|"
    "[\u200b-\u200f\u2028-\u202e]"
)
"""What no value may spell in a prompt."""


def side(name: str, notes: list[Hostile] | None) -> Profile:
    """Entities with a name, a year, a neighbour and, perhaps, a hostile note; some are named so as well."""
    size = len(LITERALS)
    values = {
        number: {V + "label": [f"{name} {number}"], V + "year": [str(1000 + number)]}
        for number in range(size)
    }
    names = [f"{name} {number}" for number in range(size)]
    for number, each in enumerate(notes or ()):
        values[number][V + "note"] = [each.text, "harmless"]
        if number % 3 == 0:
            names[number] = each.text
            values[number][V + "label"].append(each.text)
    edges = [(number, V + "near", (number + 1) % size) for number in range(size)]
    iris = [f"http://{name}.example/{number}" for number in range(size)]
    return profile(iris, names, values=values, edges=edges)


SIDES = side("left", LITERALS), side("right", LITERALS[::-1])
CLEAN = side("left", None), side("right", None)


def asked(sides: tuple[Profile, Profile], way: Way) -> list[Question]:
    """Each entity as the one that asks, in both directions and each form that a way has."""
    made = Questions(*sides, templates=TEMPLATES, budget_tokens=3000, seed=0, way=way)
    kinds = {"pair": (QuestionKind.VERIFY,), "likelihood": (QuestionKind.SELECT,)}.get(
        way, tuple(QuestionKind)
    )
    return [
        made.question(
            case=0,
            number=0,
            kind=kind,
            direction=direction,
            view=View.BOTH,
            turn=number,
            asker=number,
            options=[
                (number + step) % len(LITERALS)
                for step in ((1, 2, 3) if kind is QuestionKind.SELECT else (1,))
            ],
        )
        for kind in kinds
        for direction in Direction
        for number in range(len(LITERALS))
    ]


@pytest.mark.parametrize("way", get_args(Way))
def test_no_order_and_no_token_is_in_what_is_sent(way: Way) -> None:
    sly = {clean(each.text) for each in LITERALS if each.kind == "sly"}
    for question in asked(SIDES, way):
        text = "\n".join(message.content for message in question.messages if message.role == "user")
        assert not TOKENS.search(text), TOKENS.search(text)
        assert {value for value in question.values if PAYLOAD in value} <= sly


@pytest.mark.parametrize("way", get_args(Way))
def test_a_question_has_the_same_lines_whatever_stands_in_the_values(way: Way) -> None:
    for hostile, plain in zip(asked(SIDES, way), asked(CLEAN, way), strict=True):
        assert [message.role for message in hostile.messages] == [message.role for message in plain.messages]
        for one, other in zip(hostile.messages, plain.messages, strict=True):
            assert list(map(_frame, one.content.split("\n"))) == list(map(_frame, other.content.split("\n")))
        assert hostile.labels == plain.labels
        assert (hostile.labels[-1] == NO_OPTION) == (hostile.kind is QuestionKind.SELECT)


def _frame(line: str) -> str:
    """A line without the record in it, which must be one whole object where it is JSON."""
    label, colon, record = line.partition(": {")
    if colon:
        assert isinstance(json.loads("{" + record), dict)
        return label
    if line.startswith(("Record 1: ", "Record 2: ")):
        assert line.count("Record ") == 1 and "Answer:" not in line
        return line[:10]
    return "record" if line.startswith("label: ") else line
