"""What is wrong with the input of `kgalign train student`, or with a student, is told in one sentence."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import Pair
from tests.train.student_questions import question, questions, write_questions

Command = Callable[..., CompletedProcess[str]]


def _refused(result: CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


def _train(kgalign: Command, data: Path, out: Path) -> CompletedProcess[str]:
    return kgalign("train", "student", "--data", data, "--encoder", "nowhere/at-all", "-o", out)


def test_no_examples(kgalign: Command, tmp_path: Path) -> None:
    _refused(
        _train(kgalign, write_questions(tmp_path / "data", []), tmp_path / "out"), "no examples to learn"
    )
    assert not (tmp_path / "out").exists()


def test_no_folder_of_examples(kgalign: Command, tmp_path: Path) -> None:
    _refused(_train(kgalign, tmp_path, tmp_path / "out"), "no finished folder of examples")


@pytest.mark.parametrize(("right", "missing"), [(True, "no wrong option"), (False, "no right one")])
def test_one_class_only(kgalign: Command, tmp_path: Path, right: bool, missing: str) -> None:
    examples = [question(number, none=not right, options=1) for number in range(6)]
    _refused(
        _train(kgalign, write_questions(tmp_path / "data", examples), tmp_path / "out"), missing, "one class"
    )


def test_an_entity_on_both_sides(kgalign: Command, tmp_path: Path) -> None:
    data = write_questions(tmp_path / "data", [*questions(range(5)), question(105)])
    _refused(_train(kgalign, data, tmp_path / "out"), "in train and in valid")


def test_options_that_are_not_those_of_the_labels(kgalign: Command, tmp_path: Path) -> None:
    broken = replace(question(3), options=())
    data = write_questions(tmp_path / "data", [*questions(range(3)), broken])
    _refused(_train(kgalign, data, tmp_path / "out"), "0 options and 4 labels")


def test_a_place_that_is_taken(kgalign: Command, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("something of the user's")
    _refused(_train(kgalign, write_questions(tmp_path / "data"), tmp_path / "out"), "is there already")
    assert (tmp_path / "out").read_text() == "something of the user's"


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed here")
def test_without_pytorch_the_extra_is_named(kgalign: Command, elements: Pair, tmp_path: Path) -> None:
    _refused(_train(kgalign, write_questions(tmp_path / "data"), tmp_path / "out"), "kgalign[train]")
    card = {
        "format": 1, "base": "b", "base_digest": "0", "data_digest": "0", "weights_digest": "0",
        "max_tokens": 64, "temperature": 1.0, "none": 0.0,
    }  # fmt: skip
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "student.json").write_text(json.dumps(card))
    run = kgalign(
        "run", elements.left, elements.right, "-o", tmp_path / "run", "--student", tmp_path / "student"
    )
    _refused(run, "kgalign[train]")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "holds no student"),
        ("{}", "can't be read"),
        ('{"format": 99}', "layout 99"),
        ("[]", "can't be read"),
        ('{"format": 1, "temperature": 0}', "can't be read"),
    ],
)
def test_a_run_with_a_student_that_is_none(
    kgalign: Command, elements: Pair, tmp_path: Path, content: str | None, words: str
) -> None:
    (tmp_path / "student").mkdir()
    if content is not None:
        (tmp_path / "student" / "student.json").write_text(content)
    judge = f"student:{tmp_path / 'student'}"
    run = kgalign("run", elements.left, elements.right, "-o", tmp_path / "run", "--judge", judge)
    _refused(run, words)


def test_two_students_are_one_too_many(kgalign: Command, elements: Pair, tmp_path: Path) -> None:
    run = kgalign(
        "run", elements.left, elements.right, "-o", tmp_path / "run", "--judge", "student:a", "--student", "b"
    )
    _refused(run, "both name a student")
