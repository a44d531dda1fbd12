"""A curator's whole way, on a small pair of graphs and the example."""

import json
from pathlib import Path

from click.testing import CliRunner

from bench.__main__ import main
from tests.bench.set_folder import write_set
from tests.conftest import write_elements


def test_it_ends_certain_and_with_what_gold_says(tmp_path: Path) -> None:
    write_set(write_elements(tmp_path / "inputs"), tmp_path / "sets" / "elements")
    results, figures = tmp_path / "RESULTS.md", tmp_path / "figures.json"
    options = ["--data", tmp_path / "sets", "--only", "elements", "--doubts", "3", "--results", results]
    done = CliRunner().invoke(main, ["walk", *map(str, options), "--json", str(figures)])
    assert done.exit_code == 0, done.output
    elements, countries = json.loads(figures.read_text(encoding="utf8"))
    assert (elements["name"], countries["name"]) == ("elements", "examples/countries")
    for each in (elements, countries):
        assert each["doubts"] == 3
        assert each["looks"] > 3
        assert each["after"]["precision"] >= each["before"]["precision"]
        assert each["after"]["f1"] >= 0.97
    assert countries["certified"] >= 0.95 * 390
    assert "A curator's whole way" in results.read_text(encoding="utf8")
