"""`python -m bench student` on a small folder, with an encoder made in the test."""

import json
from pathlib import Path

from click.testing import CliRunner

from bench.__main__ import main
from tests.bench.set_folder import write_set
from tests.bench.student_folder import write_folder
from tests.conftest import Pair
from tests.train_torch.tiny_encoder import write_encoder


def test_a_quick_bench_measures_all_systems_and_goes_on_where_it_was_stopped(
    elements: Pair, tmp_path: Path
) -> None:
    data, encoder = write_folder(tmp_path / "llm"), write_encoder(tmp_path / "encoder")
    results, figures = tmp_path / "RESULTS.md", tmp_path / "figures.json"
    words = ["student", "--data", data, "--holdout", data, "--encoder", encoder, "--quick", "--threads", 1]
    words += ["--cache", tmp_path / "cache", "--json", figures, "--results", results]
    first = CliRunner().invoke(main, [str(word) for word in words])
    assert first.exit_code == 0, first.output
    found = json.loads(figures.read_text(encoding="utf8"))
    systems = {row["system"] for row in found["rows"] if row["test"] == "abt_buy"}
    assert {"most similar by TF-IDF", "evidence", "student", "student + evidence", "qwen2.5:32b"} == systems
    assert {row["test"] for row in found["rows"]} == {"abt_buy", "holdout D2", "holdout D4"}
    assert list(found["cards"]) == ["all-sets"], "one student for all three"
    assert found["seen"]["holdout D2"] == 30, "it was trained on the same folder"
    assert not results.exists(), "a slice is no result"

    made = (tmp_path / "cache" / "all-sets" / "model.safetensors").stat().st_mtime_ns
    second = CliRunner().invoke(main, [str(word) for word in words])
    assert second.exit_code == 0, second.output
    assert (tmp_path / "cache" / "all-sets" / "model.safetensors").stat().st_mtime_ns == made
    again = json.loads(figures.read_text(encoding="utf8"))
    for row in (*found["rows"], *again["rows"]):
        row.pop("seconds")
    assert again == found

    other = CliRunner().invoke(main, [str(word) for word in [*words, "--max-pairs", 30]])
    assert other.exit_code == 2
    assert "of other examples or settings" in other.output

    write_set(elements, tmp_path / "sets" / "elements")
    words = ["align", "--data", tmp_path / "sets", "--student", tmp_path / "cache" / "all-sets"]
    aligned = CliRunner().invoke(main, [str(word) for word in [*words, "--results", results]])
    assert aligned.exit_code == 0, aligned.output
    text = results.read_text(encoding="utf8")
    assert "## Alignment: sets, with a student" in text
    assert text.count("| kgalign |") == text.count("| kgalign + student |") == 1
