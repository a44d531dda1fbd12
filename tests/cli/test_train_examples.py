"""``kgalign train examples``: what people see, and what is refused in one line."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from kgalign.cli import main

from kgalign.train.data import ABOUT, SPLITS, read_data
from tests.commands import Kgalign
from tests.conftest import Pair
from tests.train import judged_runs


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return judged_runs.people(tmp_path_factory.mktemp("train-examples") / "people")


@pytest.fixture(scope="module")
def run(pair: Pair) -> Path:
    return judged_runs.run(pair, pair.left.parent / "run")


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["train", "examples", *map(str, arguments)], terminal_width=200)
    return result.exit_code, result.output


def test_a_folder_of_examples_and_what_was_counted(run: Path, pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "data"
    code, text = call(
        run, "-o", out, "--gold", pair.gold, "--closed", "--target", "structured", "--synthetic", "0.2",
        "--choose", "blocking-max", "--size", "90%", "--none-share", "0.3", "--seed", "5",
    )  # fmt: skip
    assert code == 0, text
    about, splits = read_data(out)
    assert f"train {len(splits['train']):8,}" in text
    assert "none or no" in text
    assert f"Examples are in {out}" in text
    assert {path.name for path in out.iterdir()} == {ABOUT, *(f"{split}.jsonl" for split in SPLITS)}
    assert about.settings["share"] == 0.9
    assert about.settings["gold_is_complete"] is True
    assert about.settings["seed"] == 5
    quiet, nothing = call(run, "-o", out, "-q")
    assert (quiet, nothing) == (0, "")


def test_as_a_process(run: Path, tmp_path: Path, afresh: Kgalign) -> None:
    result = afresh(
        "train", "examples", run, "-o", tmp_path / "data", "--from", "votes", "--from", "evidence"
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "votes invented values" in result.stdout


def test_help_names_the_commands() -> None:
    result = CliRunner().invoke(main, ["train", "--help"])
    assert result.exit_code == 0
    assert "examples" in result.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--none-share", "0"], "one class only"),
        (["--from", "votes", "--min-confidence", "1"], "There are no examples"),
        (["--from", "gold"], "--gold FILE"),
        (["--gold", "missing.tsv"], "does not exist"),
        (["--choose", "errors"], "no gold links and no decisions"),
        (["--size", "many"], "no number of examples"),
        (["--size", "0"], "no number of examples"),
        (["--size", "150%"], "no number of examples"),
        (["--valid", "0.9"], "not in the range"),
    ],
)
def test_one_line_and_nothing_written(run: Path, tmp_path: Path, arguments: list[str], expected: str) -> None:
    code, text = call(run, "-o", tmp_path / "data", *arguments)
    assert code == 2
    assert expected in text
    assert len([line for line in text.splitlines() if "rror: " in line]) == 1
    assert not (tmp_path / "data").exists()


def test_what_is_no_finished_run_is_refused(run: Path, tmp_path: Path) -> None:
    code, text = call(tmp_path, "-o", tmp_path / "data")
    assert (code, len(text.splitlines())) == (2, 1)
    assert "is not a run folder" in text
    half = tmp_path / "half"
    shutil.copytree(run, half)
    record = (half / "run.json").read_text(encoding="utf8")
    begun = json.loads(record)
    del begun["steps"]["assign"], begun["digest"]
    (half / "run.json").write_text(json.dumps(begun), encoding="utf8")
    code, text = call(half, "-o", tmp_path / "data")
    assert (code, len(text.splitlines())) == (2, 1)
    assert "isn't finished" in text


def test_gold_that_leaks_is_refused(run: Path, pair: Pair, tmp_path: Path) -> None:
    code, text = call(run, "-o", tmp_path / "data", "--gold", pair.gold, "--test-gold", pair.gold)
    assert (code, len(text.splitlines())) == (2, 1)
    assert "must not be measured on itself" in text
    assert not (tmp_path / "data").exists()
