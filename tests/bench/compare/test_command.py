"""``python -m bench compare``: what people see, and what is refused in one line."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import main
from kgalign.train.data import About, read_data, write_data
from tests.train.student_questions import question, questions, write_questions

HAS_TORCH = importlib.util.find_spec("torch") is not None


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_questions(tmp_path / "codes")


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["compare", *map(str, arguments)], terminal_width=250)
    return result.exit_code, result.output


def test_a_table_a_file_and_json(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = (data, "-o", out, "--judge", "scripted", "--judge", "scripted:hallucination=1", "--seed", "3")
    code, text = call(*words)
    assert code == 0, text
    assert "scripted:hallucination=1" in text
    assert "Differences on the same questions" in text
    assert f"The comparison is in {out}" in text
    code, text = call(*words, "--json")
    assert code == 0
    content = json.loads(text)
    assert text == (out / "comparison.json").read_text(encoding="utf8")
    assert (content["seed"], [each["system"] for each in content["rows"]]) == (
        3, ["scripted", "scripted:hallucination=1"],
    )  # fmt: skip
    markdown = (out / "comparison.md").read_text(encoding="utf8")
    assert "## Scores" in markdown
    assert "| codes | scripted |" in markdown
    assert call(*words, "-q") == (0, "")


def test_several_sets_and_their_mean(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "others"
    splits = {"train": questions(range(50, 60)), "valid": [], "test": questions(range(300, 320))}
    write_data(other, splits, About({}, {}, {}))  # type: ignore[arg-type]
    code, text = call(data, other, "-o", tmp_path / "out", "--judge", "scripted", "--json")
    assert code == 0, text
    rows = {each["test"]: each for each in json.loads(text)["rows"]}
    assert rows.keys() == {"codes", "others", "mean of all"}
    mean = (rows["codes"]["accuracy"] + rows["others"]["accuracy"]) / 2
    assert rows["mean of all"]["accuracy"] == pytest.approx(mean)
    assert rows["mean of all"]["questions"] == 30


def test_no_name_reaches_the_terminal_raw(tmp_path: Path) -> None:
    data = write_questions(tmp_path / "códes\u202e\x9b")
    code, text = call(data, "-o", tmp_path / "out", "--judge", "scripted", "--json")
    assert (code, text.isascii()) == (0, True)
    content = json.loads(text)
    assert content["sets"][0]["name"] == data.name
    assert content == json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf8"))


def test_as_a_process(data: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "bench", "compare", data, "-o", tmp_path / "out", "--judge", "scripted"]
    result = subprocess.run(
        [str(each) for each in words],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        encoding="utf8",
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "scripted" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "no system is named"),
        (["--judge", "oracle"], "oracle is no language model"),
        (["--judge", "evidence"], "evidence is no language model"),
        (["--judge", "scripted:accuracy=2"], "accuracy"),
        (["--judge", "vllm:"], "is no language model"),
        (["--judge", "llm", "--llm-url", "nowhere"], "--llm-url"),
        (["--judge", "llm", "--llm-url", "http://127.0.0.1:9/v1"], "127.0.0.1:9"),
        (["--adapter", "a"], "--judge llm or --judge vllm:MODEL"),
        (["--leave-one-out"], "Give --encoder"),
        (["--judge", "scripted", "--config", "missing.toml"], "missing.toml"),
        (["--run", "missing"], "missing"),
        (["--judge", "scripted", "--choose", "uncertain"], "no run to make examples of"),
        (["--encoder", ""], "--encoder is empty"),
        (["--base", " "], "--base is empty"),
        (["--judge", "llm", "--adapter", ""], "--adapter is empty"),
        (["--base", "nowhere/at-all"], "" if HAS_TORCH else "kgalign[train]"),
    ],
)
def test_one_line_and_nothing_written(
    data: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    code, text = call(data, "-o", tmp_path / "out", *arguments)
    assert code == 2, text
    assert expected in text
    assert len([line for line in text.splitlines() if "rror: " in line]) == 1
    assert not (tmp_path / "out").exists()


def test_what_is_no_folder_of_examples(tmp_path: Path) -> None:
    code, text = call(tmp_path, "-o", tmp_path / "out", "--judge", "scripted")
    assert (code, len(text.splitlines())) == (2, 1)
    assert "no finished folder of examples" in text
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_test(tmp_path: Path) -> None:
    splits = {"train": questions(range(10)), "valid": [], "test": []}
    write_data(tmp_path / "data", splits, About({}, {}, {}))  # type: ignore[arg-type]
    code, text = call(tmp_path / "data", "-o", tmp_path / "out", "--judge", "scripted")
    assert (code, len(text.splitlines())) == (2, 1)
    assert "its test split is empty" in text
    assert not (tmp_path / "out").exists()


def test_an_entity_on_both_sides(tmp_path: Path) -> None:
    data = write_questions(tmp_path / "data", [*questions(range(5)), question(205)])
    code, text = call(data, "-o", tmp_path / "out", "--judge", "scripted")
    assert (code, len(text.splitlines())) == (2, 1)
    assert "in train and in test" in text


def test_a_place_that_holds_something_else(data: Path, tmp_path: Path) -> None:
    before = read_data(data)
    code, text = call(data, "-o", data, "--judge", "scripted")
    assert (code, len(text.splitlines())) == (2, 1)
    assert "holds no comparison" in text
    assert read_data(data) == before


@pytest.mark.skipif(HAS_TORCH, reason="PyTorch is installed here")
@pytest.mark.parametrize("option", ["--student", "--encoder"])
def test_without_pytorch_the_extra_is_named(data: Path, tmp_path: Path, option: str) -> None:
    code, text = call(data, "-o", tmp_path / "out", option, tmp_path / "nothing")
    assert (code, len(text.splitlines())) == (2, 1)
    assert "kgalign[train]" in text
    assert not (tmp_path / "out").exists()
