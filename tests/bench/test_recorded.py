"""Recorded answers as votes, on a small folder that the test makes up."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from bench import recorded
from bench.__main__ import main
from bench.questions import Question, evidence, read_questions
from bench.reliability import bins, ece, plot
from kgalign.errors import InputError
from tests.bench.recorded_folder import write

MODELS = {"large": 0.95, "middling": 0.8, "small": 0.7}
WORDS = "amber basalt cobalt dune ember fjord granite harbour indigo juniper kelp larch maple nettle".split()


def row(number: int, random: np.random.Generator, name: str) -> dict[str, Any]:
    """A question on goods with model codes; in three of ten its partner is not among the candidates."""
    good = f"{random.choice(WORDS)} {random.choice(WORDS)} {random.choice(WORDS)}"
    gold = 0 if random.random() < 0.3 else int(random.integers(1, 5))
    candidates = [
        {
            "title": f"{random.choice(WORDS)} {random.choice(WORDS)} {random.choice(WORDS)}",
            "code": f"Q-{random.integers(10**6)}",
        }
        for _ in range(4)
    ]
    if gold:
        candidates[gold - 1] = {"title": f"the {good}", "code": f"K-{number:04}"}
    answers = {
        model: gold if random.random() < share else int(random.integers(0, 5))
        for model, share in MODELS.items()
    }
    return {
        "set": name,
        "query": {"name": good, "model": f"K-{number:04}", "price": float(number)},
        "candidates": candidates,
        "gold": gold,
        "teachers": {model: {"answer": answer, "explanation": ""} for model, answer in answers.items()},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    return write(tmp_path / "llm", [row(n, random, "XY"[n % 2]) for n in range(160)])


def test_command_measures_and_writes(folder: Path, tmp_path: Path) -> None:
    results, figures = tmp_path / "RESULTS.md", tmp_path / "figures.json"
    arguments = ["recorded", "--data", str(folder), "--json", str(figures), "--results", str(results)]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(figures.read_text(encoding="utf8"))
    assert found["best"] == "large"
    by_name = {(each["system"], each["set"]): each for each in found["figures"]}
    ours, best = by_name[recorded.JOINED, "all"], by_name["large", "all"]
    assert ours["accuracy"] > best["accuracy"]
    assert ours["questions"] == 160
    assert by_name[recorded.JOINED, "X"]["questions"] == 80
    assert best["ece"] is None
    text = results.read_text(encoding="utf8")
    assert "recorded-llm.svg" in text
    assert recorded.JOINED in text
    root = ElementTree.parse(tmp_path / "recorded-llm.svg").getroot()
    assert root.tag.endswith("svg")


def test_evidence_knows_its_pairs_and_sees_no_gold(folder: Path) -> None:
    questions = [each for each in read_questions(folder) if each.set == "X"]
    found = evidence(questions)
    right = [prior.argmax() == each.gold for prior, each in zip(found, questions, strict=True)]
    assert np.mean(right) > 0.8
    assert all(prior.sum() == pytest.approx(1) for prior in found)
    hidden = [
        Question(each.set, each.query, each.candidates, each.identifiers, 0, {"none": None})
        for each in questions
    ]
    assert all((a == b).all() for a, b in zip(found, evidence(hidden), strict=True))


def test_a_record_without_values_is_no_trouble(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    rows = [row(n, random, "X") for n in range(20)]
    rows[0]["query"] = {}
    rows[1]["candidates"][0] = {"title": None, "a strange key": ["x", "y"]}
    rows[2]["candidates"] = [rows[2]["candidates"][0]] * 4
    found = evidence(read_questions(write(tmp_path / "llm", rows)))
    assert [len(prior) for prior in found] == [5] * 20
    assert found[2][1:] == pytest.approx(found[2][1])


def test_answers_out_of_reach_are_unread(tmp_path: Path) -> None:
    each = row(0, np.random.default_rng(3), "X")
    each["teachers"] = {model: {"answer": answer} for model, answer in zip("abc", (9, None, 2), strict=True)}
    assert read_questions(write(tmp_path / "llm", [each]))[0].answers == {"a": None, "b": None, "c": 2}


@pytest.mark.parametrize("rows", [[], ["no question"], [{"set": "X"}]])
def test_what_is_no_question_is_said(tmp_path: Path, rows: list[Any]) -> None:
    with pytest.raises(InputError, match=r"select_recorded\.jsonl\.gz"):
        read_questions(write(tmp_path / "llm", rows))


def test_no_file_is_said_in_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["recorded", "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "can't be read" in done.output


def test_gold_out_of_reach_is_refused(tmp_path: Path) -> None:
    each = row(0, np.random.default_rng(4), "X") | {"gold": 7}
    with pytest.raises(InputError, match="gold 7"):
        read_questions(write(tmp_path / "llm", [each]))


def test_calibration_error_of_known_claims() -> None:
    claimed = np.array([0.95, 0.95, 0.55, 0.55, 1.0])
    right = np.array([True, True, True, False, True])
    found = bins(claimed, right)
    assert [each.count for each in found] == [2, 3]
    assert ece(found) == pytest.approx((2 * 0.05 + 3 * abs((0.95 * 2 + 1) / 3 - 1)) / 5)
    assert ece([]) == 0


def test_names_in_the_plot_are_text() -> None:
    drawing = plot({"<script>": bins(np.array([0.9]), np.array([True])), "empty": []})
    assert ElementTree.fromstring(drawing) is not None
    assert "<script>" not in drawing
