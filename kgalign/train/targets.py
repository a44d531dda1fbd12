"""The answers that are wanted: in the judge's own form, short, and true to what the question shows.

Three targets: the answer alone; with a structured explanation that is computed from the evidence, no teacher
needed (TailorMatch, 2409.08185, section 4: attribute, importance, values, similarity); with the explanation
that a teacher gave in the run's votes. All of them are JSON that a served judge is held to by its schema.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from kgalign.explain.values import compared_attributes
from kgalign.judge.asking.answers import read_answer
from kgalign.judge.asking.quoting import ELLIPSIS, clean, quoted
from kgalign.judge.asking.rendering import MOST_CHARACTERS
from kgalign.llm.protocol import Reply
from kgalign.llm.schema import answer_schema
from kgalign.records import Feature, Profile
from kgalign.records.votes import Answer, Question, Status
from kgalign.train.questions import Posed
from kgalign.train.runs import Run
from kgalign.values import is_code
from kgalign.values.text import fold, words

Target = Literal["answer", "structured", "explained"]

_LIMITS = answer_schema(("none",))["properties"]
MOST_VALUES = int(_LIMITS["values"]["maxItems"])
LONGEST_REASON = int(_LIMITS["reason"]["maxLength"])
_CITED = 60
"""Most characters of a cited value."""
_SHOWN = 24
"""Most characters of a value within a structured reason."""
_MOST_FEATURES = 3
_PARTS = re.compile(r'"([^"]{2,})"|“([^”]{2,})”|«([^»]{2,})»')
"""What a reason quotes."""
_NUMBERED = re.compile(r"[^\W_]*\d[^\W_]*(?:[-./][^\W_]+)*")
_SHORTEST = 3
"""A number with fewer characters may count something: it cites nothing."""
_BEYOND_EVIDENCE = frozenset({"prior", "rivals", "alone", "votes"})
"""Kinds of features that compare no values."""


def answer_text(choice: str, values: Sequence[str] = (), reason: str = "") -> str:
    """An answer as a served judge gives it: JSON with the choice first.

    :param values: at most :data:`MOST_VALUES` of them are kept.
    :param reason: at most :data:`LONGEST_REASON` characters of it are kept.
    """
    cited = ", ".join(quoted(clean(each)) for each in values[:MOST_VALUES])
    told = quoted(clean(reason, LONGEST_REASON))
    return f'{{"choice": {quoted(choice)}, "values": [{cited}], "reason": {told}}}'


def read_back(question: Question, text: str) -> Answer:
    """What the judge would read an answer as."""
    return read_answer(question, Reply(text, "stop"))


def invents(question: Question, reason: str) -> bool:
    """Whether a reason quotes something, or names a number or a code, that the question does not show."""
    quotes = ["".join(each) for each in _PARTS.findall(reason)]
    numbers = [each for each in _NUMBERED.findall(reason) if len(each) >= _SHORTEST]
    return not all(_stands(question, each) for each in (*quotes, *numbers))


def _stands(question: Question, value: str) -> bool:
    text = json.dumps({"choice": question.labels[-1], "values": [value], "reason": ""})
    return read_back(question, text).status is Status.OK


class Structured:
    """Explains pairs of a run by their evidence, in the manner of TailorMatch.

    The reason has up to three parts ``attribute|importance|left value ~ right value|similarity``: importance
    is the feature's share of the evidence of the pair, negative where it speaks against it; similarity the
    level that was reached, from 0 to 1. Values stand in it as far as there is room; all that stand in the
    question are cited.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._features = [
            (number, each)
            for number, each in enumerate(run.evidence.features)
            if each.kind not in _BEYOND_EVIDENCE
        ]

    def explain(self, posed: Posed) -> tuple[tuple[str, ...], str]:
        """Values to cite and a reason; both empty where nothing of the evidence can be told."""
        left, right = posed.about
        rows = self._run.rows(left)
        places = np.flatnonzero(self._run.evidence.right[rows.start : rows.stop] == right)
        if not len(places):
            return (), ""
        parts, cited = list[str](), list[str]()
        for name, importance, values, similarity in self._lines(
            rows.start + int(places[0]), left, right, posed.question
        ):
            text = " ~ ".join(_short(each) for each in values) if values else ""
            for shown in (text, ""):
                part = f"{name}|{importance:.2f}|{shown}|{similarity:.2f}"
                if len("; ".join([*parts, part])) <= LONGEST_REASON:
                    parts.append(part)
                    cited += [each for each in values if each not in cited]
                    break
        return tuple(cited[:MOST_VALUES]), "; ".join(parts)

    def _lines(
        self, row: int, left: int, right: int, question: Question
    ) -> Iterator[tuple[str, float, tuple[str, ...], float]]:
        """The weightiest features: name, importance, values as they are shown, similarity."""
        shares = self._run.evidence.contribution[row].astype(np.float64)
        levels = self._run.evidence.level[row]
        compared = [(number, each) for number, each in self._features if levels[number] >= 0]
        whole = float(sum(abs(shares[number]) for number, _ in compared))
        if not whole:
            return
        compared.sort(key=lambda pair: (-abs(shares[pair[0]]), pair[0]))
        for number, feature in compared[:_MOST_FEATURES]:
            top = max(len(feature.levels) - 1, 1)
            values = self._values(feature, left, right, question)
            name = clean(feature.name, 40).replace("|", "/")
            yield name, float(shares[number]) / whole, values, min(int(levels[number]) / top, 1.0)

    def _values(self, feature: Feature, left: int, right: int, question: Question) -> tuple[str, ...]:
        """A value of each side that the feature compares, as the question shows it."""
        sides = (self._run.left, left), (self._run.right, right)
        if feature.kind in ("code", "text") and feature.left_attribute < 0:
            left_texts, right_texts = (entity_texts(*side, None) for side in sides)
            return _shared(left_texts, right_texts, question, codes=feature.kind == "code")
        found = []
        for number, (profile, entity) in enumerate(sides):
            attributes = compared_attributes(profile, feature, number)
            texts = entity_texts(profile, entity, attributes)
            shown = next(filter(None, (_as_shown(each, question) for each in texts)), "")
            if not shown:
                return ()
            found.append(shown)
        return tuple(found)


def entity_texts(profile: Profile, entity: int, attributes: Sequence[int] | None) -> list[str]:
    """Values of an entity: of some of its attributes, or of all."""
    return [
        text
        for attribute, text in entity_values(profile, entity)
        if attributes is None or attribute in attributes
    ]


def entity_values(profile: Profile, entity: int) -> list[tuple[int, str]]:
    """(attribute, text) of all values of an entity."""
    start, end = np.searchsorted(profile.value_entity, [entity, entity + 1])
    texts = profile.texts.take(pa.array(profile.value_text[start:end])).to_pylist()
    return list(zip(profile.value_attribute[start:end].tolist(), texts, strict=True))


def _as_shown(value: str, question: Question) -> str:
    """A value as the question shows it, not too long to cite; empty where it does not."""
    wanted = clean(value, MOST_CHARACTERS)
    for shown in question.values:
        if shown == wanted or (shown.endswith(ELLIPSIS) and wanted.startswith(shown[:-1])):
            return _head(shown, _CITED)
    return ""


def _head(value: str, limit: int) -> str:
    """The beginning of a value, whole words of it where there are any."""
    if len(value) <= limit:
        return value
    head = value[:limit]
    at = head.rfind(" ")
    return (head[:at] if at > limit // 2 else head).rstrip()


def _short(value: str) -> str:
    return _head(value, _SHOWN).replace("|", "/")


def _shared(left: list[str], right: list[str], question: Question, *, codes: bool) -> tuple[str, ...]:
    """The longest word, or code, that both sides hold, as the question spells it; once."""
    both = set().union(*map(words, left)) & set().union(*map(words, right))
    if codes:
        both = {each for each in both if is_code(each)}
    for wanted in sorted(both, key=lambda each: (-len(each), each)):
        for shown in question.values:
            for piece in shown.split():
                spelt = piece.strip("()[]{},.;:!?/\"'")
                if spelt and fold(spelt).replace(" ", "") == wanted:
                    return (spelt,)
    return ()
