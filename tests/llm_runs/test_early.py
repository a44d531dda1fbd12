"""What would stop the questions is found out before the evidence takes its time."""

import importlib.util
import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

import kgalign
from kgalign.errors import KgalignError
from kgalign.ledger import Ledger
from tests.conftest import Pair
from tests.llm_runs import runs


def nothing_was_done(out: Path) -> bool:
    """Whether a run ended before its first step."""
    record = out / "run.json"
    return not record.exists() or json.loads(record.read_text(encoding="utf8"))["steps"] == {}


def without(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(package) is not None, reason=f"{package} is installed")


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        ("replay", "There is nothing to replay"),
        ("scripted:acuracy=0.9", "acuracy"),
        ("scripted:accuracy=2", "it must be between 0 and 1"),
        ("scripted:structure=no", "llm.unstructured = true"),
        ("scripted:context=300", "too few are left for a question"),
        pytest.param("vllm:some/model", "needs the extra 'vllm'", marks=without("vllm")),
        pytest.param("vllm:builtin", "needs the extra 'vllm'", marks=without("vllm")),
        pytest.param("builtin", "needs the extra 'judge'", marks=without("torch")),
        ("builtin:no/such/folder", "no/such/folder"),
    ],
)
def test_a_judge_that_can_not_be_asked_ends_the_command_before_its_first_step(
    doubtful: Pair, tmp_path: Path, judge: str, said: str
) -> None:
    out = tmp_path / "run"
    runs.assert_one_line(runs.call(runs.command(doubtful, out, "--judge", judge)), said)
    assert nothing_was_done(out)


def test_an_empty_ledger_holds_nothing_to_replay(doubtful: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert runs.call(runs.command(doubtful, out, "--judge", "scripted:acuracy=1")).returncode == 2
    Ledger.open(out / "votes.sqlite", write=True).close()
    runs.assert_one_line(runs.call(runs.command(doubtful, out, "--judge", "replay")), "holds no votes")
    assert nothing_was_done(out)


def test_other_prompts_than_those_of_a_replay_are_told_first(
    doubtful: Pair, undisturbed: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(undisturbed, tmp_path / "run"))
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    text = (files("kgalign.judge.asking") / "prompts" / "select-2.txt").read_text(encoding="utf8")
    (prompts / "select-2.txt").write_text(text + "\nThink well.\n", encoding="utf8")
    options = tmp_path / "options.toml"
    options.write_text(f'[votes]\ntemplates = "{prompts}"\n', encoding="utf8")
    words = runs.command(doubtful, out, "--judge", "replay", "--force", "--config", options)
    runs.assert_one_line(runs.call(words), "cast on other prompts")
    assert nothing_was_done(out)


@pytest.mark.parametrize("judge", ["replay", "scripted:acuracy=0.9"])
def test_in_python_it_is_said_before_the_graphs_are_read(tmp_path: Path, judge: str) -> None:
    for name in ("left.nt", "right.nt"):
        (tmp_path / name).write_text("no N-Triples at all", encoding="utf8")
    with pytest.raises(KgalignError, match=r"nothing to replay|acuracy"):
        kgalign.align(tmp_path / "left.nt", tmp_path / "right.nt", {"judge": {"judge": judge}})
