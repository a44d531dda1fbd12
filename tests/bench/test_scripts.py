"""The benchmark of scripts, on a few entities."""

from pathlib import Path

from click.testing import CliRunner

from bench.scripts import HEAD, SCRIPTS, generate, scripts
from kgalign.rdf import read_graph


def test_a_pair_holds_names_and_descriptions_and_comes_out_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate(tmp_path / name, SCRIPTS["Thai"], 20, seed=3)
    for file in ("left.nt.gz", "right.nt.gz", "gold.tsv.gz"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert read_graph([tmp_path / "one" / "left.nt.gz"]).statements_read == 40


def test_the_command_measures_a_script(tmp_path: Path) -> None:
    results = tmp_path / "RESULTS.md"
    words = ["--only", "Chinese", "--entities", "150", "--results", str(results)]
    done = CliRunner().invoke(scripts, words)
    assert done.exit_code == 0, done.output
    lines = [line for line in results.read_text(encoding="utf8").splitlines() if line.startswith("| ")]
    head, _, row = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines)
    assert head == list(HEAD)
    assert row[0] == "Chinese"
    assert float(row[3]) > 0.95
