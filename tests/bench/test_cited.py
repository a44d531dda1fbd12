"""What recorded answers rely on: read off their explanations, and held against the question."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import main
from bench.cited import invented
from bench.questions import Question
from tests.bench.recorded_folder import write

QUESTION = Question(
    set="X",
    query={"name": "Bose Acoustimass 5", "price": 399},
    candidates=({"title": "Bose AM-5", "color": "black"},),
    identifiers=("x",),
    gold=1,
    answers={"model": 1},
)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", []),
        ("Both are the same speaker.", []),
        ("Record and candidate [1] share 'Bose' and the price of 399.", []),
        ("Both have the code AM-6.", ["6"]),
        ('The colour is "bright red", the price 399.', ["bright red"]),
        ("'BLACK' says nothing.", []),
    ],
)
def test_what_is_not_in_the_question_is_found(said: str, found: list[str]) -> None:
    assert invented(replace(QUESTION, explanations={"model": said}), "model") == found


def test_links_against_the_evidence_are_checked(tmp_path: Path) -> None:
    """A model that now and then takes the second of two records alike, and invents a reason for it."""
    rows = []
    for number in range(60):
        names = [f"thing {number} amber", f"thing {number} amber", f"other {number} cobalt"]
        wrong = number % 5 == 0
        said = {"answer": 2 if wrong else 1, "explanation": "the code 'QQQ' is the same" if wrong else ""}
        rows.append(
            {
                "set": "X",
                "query": {"name": names[0]},
                "candidates": [{"title": name} for name in names],
                "candidate_ids": [f"{number} {place}" for place in range(3)],
                "gold": 1,
                "teachers": {"bold": said},
            }
        )
    folder, figures = write(tmp_path / "llm", rows), tmp_path / "figures.json"
    arguments = ["cited", "--data", str(folder), "--json", str(figures), "--results", str(tmp_path / "R.md")]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    [found] = json.loads(figures.read_text(encoding="utf8"))
    assert found["model"] == "bold"
    assert found["caught"] == found["against"] > 0
    assert found["right"] == found["caught_right"] == 0
    assert found["f1_checked"] > found["f1"]
    assert "python -m bench cited" in (tmp_path / "R.md").read_text(encoding="utf8")
