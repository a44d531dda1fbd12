"""What students are taught and tested on, and how they are scored; none is trained here."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from bench import student
from bench.questions import evidence, read_questions
from bench.student_data import Label, by_all, by_teacher, most_similar, read_test, write_examples
from bench.student_report import Found, as_json
from kgalign.errors import InputError
from kgalign.train.data import read_data
from tests.bench.student_folder import SETS, write_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "llm")


def test_the_examples_share_no_record_between_splits_and_say_what_the_teacher_said(
    folder: Path, tmp_path: Path
) -> None:
    questions = read_questions(folder)
    labels = by_teacher(questions, "qwen_32")
    labels[3] = None
    about = write_examples(tmp_path / "data", questions, labels, "qwen_32")
    _, splits = read_data(tmp_path / "data")  # it refuses leaks
    assert about.counts["train"] + about.counts["valid"] == len(questions) - 1
    assert 0 < about.counts["valid"] < 0.2 * len(questions)
    taught = {each.case: each for each in (*splits["train"], *splits["valid"])}
    for row, (question, label) in enumerate(zip(questions, labels, strict=True)):
        if label is None:
            assert f"{question.set} {row}" not in taught
            continue
        example = taught[f"{question.set} {row}"]
        assert example.labels.index(example.answer) == (label.answer - 1) % len(example.labels)
        assert "null" not in example.asker
    again = write_examples(tmp_path / "again", questions, labels, "qwen_32")
    assert again.digest == about.digest


def test_labels_of_all_models_are_weighed_and_never_see_the_gold(folder: Path) -> None:
    questions = read_questions(folder)
    labels = by_all(questions, "weighted")
    assert all(isinstance(each, Label) and 0 < each.weight <= 1 for each in labels)
    blind = [replace(each, gold=0) for each in questions]
    assert by_all(blind, "weighted") == labels
    assert by_all(questions, "unanimous") != labels


def test_the_most_similar_candidate_is_found_and_none_is_never_said(folder: Path) -> None:
    questions = read_questions(folder)
    chosen = most_similar(questions)
    assert all(chosen)
    linked = [(choice, each.gold) for choice, each in zip(chosen, questions, strict=True) if each.gold]
    assert sum(choice == gold for choice, gold in linked) > 0.9 * len(linked)


def test_the_trials_leave_each_set_out_once(folder: Path) -> None:
    trials = list(student.trials(folder, folder, ()))
    names = [each.name for each in trials]
    assert names == [
        "abt_buy",
        student.APART,
        *(f"holdout {name}" for name in SETS),
        *SETS,
        "abt_buy, all teachers",
    ]
    for trial in trials:
        if trial.name in SETS:
            assert {each.set for each in trial.test} == {trial.name}
            assert trial.name not in {each.set for each in trial.train}
        if trial.name == student.APART:
            assert {each.set for each in trial.train} == {"D4"}, "the test shows records of D2"
    with pytest.raises(InputError, match="no trial D3"):
        list(student.trials(folder, None, ["D3"]))


def test_scores_are_those_of_scikit_learn_and_tiers_share_the_questions(folder: Path) -> None:
    test = tuple(read_test(folder))
    trial = student.Trial("abt_buy", "all-sets", (), (), "qwen_32", test)
    priors = evidence(test)
    found = Found()
    rows = list(student.judged(found, trial, priors, 1.0))
    gold = np.array([each.gold for each in test])
    own = next(row for row in rows if row.system == "student")
    choice = np.array([int(each.argmax()) for each in priors])
    # "None" is no class of its own: micro F1 over the options.
    names = [str(k) for k in range(1, 4)]
    expected = f1_score(gold.astype(str), choice.astype(str), labels=names, average="micro")
    assert own.f1 == pytest.approx(expected)
    assert own.accuracy == pytest.approx(float((choice == gold).mean()))
    for row in rows:
        assert row.accuracy_interval[0] <= row.accuracy <= row.accuracy_interval[1]
    (chain,) = found.chains
    assert chain.evidence + chain.student + chain.llm == pytest.approx(1)
    assert chain.llm <= chain.llm_without == pytest.approx(1 - chain.evidence)
    assert {each.over for each in found.gains} == {"evidence", "student", "most similar by TF-IDF"}
    assert json.loads(as_json(found))["chains"][0]["test"] == "abt_buy"


def test_a_folder_without_questions_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_test(tmp_path)
