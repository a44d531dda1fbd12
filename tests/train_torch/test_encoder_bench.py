"""`python -m bench encoder` on a small set, with an encoder made in the test."""

import json
from pathlib import Path

from click.testing import CliRunner

from bench.__main__ import main
from tests.bench.set_folder import write_set
from tests.train import judged_runs
from tests.train_torch.tiny_encoder import write_encoder


def test_an_encoder_is_trained_and_measured_on_links_that_are_held_out(tmp_path: Path) -> None:
    people = judged_runs.people(tmp_path / "people", 60)
    write_set(people, tmp_path / "sets" / "people")
    encoder, results = write_encoder(tmp_path / "tiny"), tmp_path / "RESULTS.md"
    words = ["encoder", "--data", tmp_path / "sets", "--encoder", encoder]
    words += ["--epochs", 2, "--json", tmp_path / "figures.json", "--results", results]
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    (figures,) = json.loads((tmp_path / "figures.json").read_text(encoding="utf8"))
    gold = len(people.gold.read_text(encoding="utf8").splitlines())
    assert 0 < figures["held_out"] < gold / 2
    assert 0 < figures["pairs"] <= gold - figures["held_out"]
    for name in ("recall@1", "recall@10", "MRR"):
        assert 0 <= figures["before"][name] <= 1
        assert figures["before"].keys() == figures["after"].keys()
    assert min(figures[name] for name in ("f1_without", "f1_before", "f1_after")) > 0.5
    text = results.read_text(encoding="utf8")
    assert "## Encoder" in text
    assert "Encoder `tiny`; 2 epochs" in text
