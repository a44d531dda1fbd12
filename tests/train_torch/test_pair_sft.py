"""A judge of pairs is trained, stopped and gone on with, on a model made in the test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from kgalign.cli import main

from kgalign.base.progress import NoProgress, Task
from kgalign.errors import InputError, RunError
from kgalign.llm.builtin.reader import load_reader
from kgalign.train.adapters import read_record
from kgalign.train.pair_items import mixed, plain
from kgalign.train.pair_sft import PairSettings, train_pairs
from tests.train.student_questions import question, questions, write_questions
from tests.train_torch.tiny_judge import write_judge

pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("one_thread"),
]

SETTINGS = PairSettings(pairs=60, epochs=30, rate=1e-2, half=False)
SHORT = replace(SETTINGS, epochs=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_judge(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {"codes": write_questions(tmp_path_factory.mktemp("examples") / "data")}


@pytest.fixture(scope="module")
def judge(base: Path, families: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("judges") / "judge"
    train_pairs(base, families, out, SETTINGS)
    return out


def margins(base: Path, adapter: Path | None) -> tuple[list[float], list[bool]]:
    pairs = mixed({"codes": questions(range(20))}, 60, 0)
    reader = load_reader(base, adapter, half=False)
    return reader.odds(reader.tokens([plain(each) for each in pairs])), [each.same for each in pairs]


def test_what_is_learned_is_told_by_the_adapter_and_not_by_the_base(base: Path, judge: Path) -> None:
    learned, same = margins(base, judge)
    before, _ = margins(base, None)
    right = [sum((value > 0) == answer for value, answer in zip(said, same, strict=True)) / len(same)
             for said in (learned, before)]  # fmt: skip
    assert right[0] >= 0.8, "of pairs that it learned, which it never saw twice alike"
    assert right[0] > right[1]


def test_the_adapter_says_what_it_was_made_of(judge: Path) -> None:
    record = read_record(judge)
    assert record is not None
    assert record.settings["form"] == "pair"
    assert 0.3 <= record.settings["temperature"] <= 10
    assert record.counts["pairs"] > record.counts["pairs that are the same"] > 0
    settings = json.loads((judge / "adapter_config.json").read_text(encoding="utf8"))
    assert settings["base_model_name_or_path"] == "tiny", "no path of this machine"
    assert record.losses[-1]["loss"] < record.losses[0]["loss"]
    assert {"accuracy", "auc", "ece", "first"} <= record.scores["valid"].keys()
    assert sorted(each.name for each in judge.parent.iterdir()) == ["judge"], "nothing is left beside it"


def test_the_same_seed_gives_the_same_bytes(base: Path, families: dict[str, Path], tmp_path: Path) -> None:
    one, two = (tmp_path / name / "judge" for name in ("one", "two"))
    for out in (one, two):
        train_pairs(base, families, out, SHORT)
    for name in ("adapter_model.safetensors", "adapter.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


class Stopped(Exception):
    pass


class StopsAt(NoProgress):
    """Stops the work after some steps."""

    def __init__(self, step: int) -> None:
        self.left = step

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        with super().task(name, total, unit) as task:
            yield _Counting(task, self)


class _Counting(Task):
    def __init__(self, task: Task, stops: StopsAt) -> None:
        self.task, self.stops = task, stops

    def advance(self, amount: int = 1) -> None:
        self.stops.left -= amount
        if self.stops.left < 0:
            raise Stopped

    def note(self, text: str) -> None:
        self.task.note(text)


def test_stopped_and_gone_on_with_it_is_the_same_judge(
    base: Path, families: dict[str, Path], tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole" / "judge", tmp_path / "parts" / "judge"
    train_pairs(base, families, whole, SHORT)
    with pytest.raises(Stopped):
        train_pairs(base, families, parts, SHORT, checkpoint_seconds=0, progress=StopsAt(9))
    assert not parts.exists()
    train_pairs(base, families, parts, SHORT)
    name = "adapter_model.safetensors"
    assert (whole / name).read_bytes() == (parts / name).read_bytes()


def test_where_memory_is_short_a_step_is_learned_in_parts(
    base: Path, families: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    whole = train_pairs(base, families, tmp_path / "whole" / "judge", SHORT, tell=said.append)
    monkeypatch.setattr("kgalign.train.pair_sft.available", lambda: 1)
    parts = train_pairs(base, families, tmp_path / "parts" / "judge", SHORT, tell=said.append)
    assert [each["loss"] for each in parts.record.losses] == pytest.approx(
        [each["loss"] for each in whole.record.losses], rel=0.05
    )
    assert all("minutes and" in text and "GiB of memory" in text for text in said)
    assert ["in 8 parts" in text for text in said] == [False, True]


def test_what_is_told_beforehand_changes_nothing(
    base: Path, families: dict[str, Path], tmp_path: Path
) -> None:
    one, two = tmp_path / "one" / "judge", tmp_path / "two" / "judge"
    train_pairs(base, families, one, SHORT)
    train_pairs(base, families, two, SHORT, tell=lambda _: None)
    name = "adapter_model.safetensors"
    assert (one / name).read_bytes() == (two / name).read_bytes()


def test_all_weights_are_trained_where_no_adapter_is_asked_for(
    base: Path, families: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "judge"
    train_pairs(base, families, out, replace(SHORT, rank=0, rate=1e-3))
    assert not (out / "adapter_config.json").exists()
    assert load_reader(out, half=False).odds([[5, 6, 7]]) != load_reader(base, half=False).odds([[5, 6, 7]])


def test_a_family_left_out_is_measured_and_not_learned_from(
    base: Path, families: dict[str, Path], tmp_path: Path
) -> None:
    other = write_questions(tmp_path / "other", [question(number) for number in range(300, 310)])
    out = tmp_path / "judge"
    record = train_pairs(base, families, out, SHORT, left_out={"other": other}).record
    assert record.scores["left out: other"]["pairs"] > 0
    assert list(record.settings["data"]) == ["codes"]


def test_pairs_of_one_class_teach_nothing(base: Path, tmp_path: Path) -> None:
    only = write_questions(tmp_path / "data", [question(number, none=True) for number in range(5)])
    with pytest.raises(InputError, match="are the same thing"):
        train_pairs(base, {"none": only}, tmp_path / "judge", SHORT)
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_what_lies_there_already_stays(base: Path, families: dict[str, Path], judge: Path) -> None:
    before = json.loads((judge / "adapter.json").read_text(encoding="utf8"))
    with pytest.raises(RunError, match="is there already"):
        train_pairs(base, families, judge, SHORT)
    assert json.loads((judge / "adapter.json").read_text(encoding="utf8")) == before


def test_a_small_base_is_taught_pairs_by_the_command_and_says_how_to_ask_it(
    base: Path, families: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "judge"
    words = ["train", "sft", "--base", base, "--data", families["codes"], "-o", out]
    words += ["--pairs", 20, "--epochs", 1, "--rank", 4]
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert f"--judge builtin:{base} --adapter {out}" in done.stdout
    record = read_record(out)
    assert record is not None
    assert (record.settings["form"], record.settings["rank"], record.counts["pairs"]) == ("pair", 4, 20)


def test_several_families_are_no_examples_of_json(
    base: Path, families: dict[str, Path], tmp_path: Path
) -> None:
    data = families["codes"]
    words = [
        "train",
        "sft",
        "--form",
        "json",
        "--base",
        base,
        "--data",
        data,
        "--data",
        data,
        "-o",
        tmp_path / "x",
    ]
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 2
    assert "Several folders with --data are for --form pair" in done.stderr
