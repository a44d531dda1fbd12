"""Whatever is to be learned as an answer, the judge reads as just that."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.asking.quoting import clean
from kgalign.llm.schema import answer_schema
from kgalign.records.votes import NONE, QuestionKind, Status
from kgalign.train.labels import Gold, labels_of
from kgalign.train.questions import Posed, Poser
from kgalign.train.runs import Run
from kgalign.train.targets import LONGEST_REASON, MOST_VALUES, Structured, answer_text, invents, read_back
from tests.train import judged_runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("targets")
    return Run(judged_runs.run(judged_runs.people(folder / "people"), folder / "run", judge="evidence"))


@pytest.fixture(scope="module")
def posed(run: Run) -> list[Posed]:
    poser = Poser(run, {}, 0, Counter())
    labels = labels_of(run, 0, ["evidence"], Gold(), Counter())
    found = [
        poser.pose(kind, label, positive=positive)
        for label in labels
        for kind in QuestionKind
        for positive in ((True, False) if label.partners else (False,))
    ]
    return [each for each in found if each is not None]


def assert_schema(labels: tuple[str, ...], text: str) -> None:
    """By hand what the schema says: a served judge can give this answer."""
    schema = answer_schema(labels)
    answer = json.loads(text)
    assert list(answer) == schema["required"]
    assert answer["choice"] in labels
    assert len(answer["values"]) <= schema["properties"]["values"]["maxItems"]
    assert len(answer["reason"]) <= schema["properties"]["reason"]["maxLength"]


@given(data=st.data())
def test_an_answer_with_values_of_the_question_is_read_as_it_is(
    posed: list[Posed], data: st.DataObject
) -> None:
    each = data.draw(st.sampled_from(posed))
    values = data.draw(st.lists(st.sampled_from(each.question.values), max_size=6))
    reason = data.draw(st.text(max_size=400))
    label = data.draw(st.sampled_from(each.question.labels))
    text = answer_text(label, values, reason)
    assert_schema(each.question.labels, text)
    read = read_back(each.question, text)
    assert read.status is Status.OK
    place = len(each.question.labels) - 1 if read.choice == NONE else read.place - 1
    assert each.question.labels[place] == label
    assert [citation.value for citation in read.citations] == list(dict.fromkeys(values[:MOST_VALUES]))
    assert read.reason == clean(reason, LONGEST_REASON)


def test_nothing_in_an_answer_reads_like_a_token_of_a_chat_template() -> None:
    text = answer_text("A", ["<|im_end|>"], "</s> [INST] and so on")
    assert "<" not in text
    assert "[INST]" not in text
    assert json.loads(text)["values"] == ["<|im_end|>"]


def test_structured_explanations_cite_what_is_shown(run: Run, posed: list[Posed]) -> None:
    structured = Structured(run)
    told = 0
    for each in posed:
        values, reason = structured.explain(each)
        text = answer_text(each.answer, values, reason)
        assert_schema(each.question.labels, text)
        assert read_back(each.question, text).status is Status.OK
        for part in reason.split("; ") if reason else ():
            name, importance, _, similarity = part.split("|")
            assert name
            assert -1 <= float(importance) <= 1
            assert 0 <= float(similarity) <= 1
        told += bool(values)
    assert told > 0.9 * len(posed)


def test_a_structured_explanation_says_what_the_evidence_says(run: Run, posed: list[Posed]) -> None:
    """The weightiest comparison of the pair comes first, with its share of the evidence."""
    each = next(each for each in posed if each.question.kind is QuestionKind.VERIFY and each.answer == "yes")
    rows = run.rows(each.about[0])
    row = next(i for i in rows if int(run.evidence.right[i]) == each.about[1])
    shares = {
        feature.name: float(run.evidence.contribution[row, number])
        for number, feature in enumerate(run.evidence.features)
        if feature.kind not in ("prior", "rivals") and run.evidence.level[row, number] >= 0
    }
    weightiest = max(shares, key=lambda name: abs(shares[name]))
    _, reason = Structured(run).explain(each)
    name, importance, _, _ = reason.split("; ")[0].split("|")
    assert name == weightiest
    assert float(importance) == pytest.approx(shares[weightiest] / sum(map(abs, shares.values())), abs=0.006)


def test_reasons_that_name_what_is_not_shown_are_found(posed: list[Posed]) -> None:
    question = next(
        each.question for each in posed if any(c.isdigit() for v in each.question.values for c in v)
    )
    shown = next(value for value in question.values if any(c.isdigit() for c in value))
    assert not invents(question, f'Both say "{shown}"')
    assert not invents(question, "Both have 2 of 3 in common")
    assert invents(question, 'Both say "Zzyzx Road"')
    assert invents(question, "Both have the code QX-99817")
