"""The benchmark of many properties, on pairs that have few."""

import json
from pathlib import Path

from click.testing import CliRunner

from bench.properties import ENTITIES, HEAD, Row, as_markdown, generate, measure, properties
from kgalign.config import SelectConfig
from kgalign.rdf import read_graph
from kgalign.select import select


def test_there_are_as_many_properties_as_was_asked(tmp_path: Path) -> None:
    statements = generate(tmp_path, 700)
    for side in ("left", "right"):
        graph = read_graph([tmp_path / f"{side}.nt.gz"])
        paths = {each.path for each in select(graph, SelectConfig()).attributes}
        assert len([path for path in paths if "/p/" in path[0]]) == 700
        statements -= graph.statements_read
    assert statements == 0


def test_the_same_pair_comes_out_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate(tmp_path / name, 50, seed=3)
    for file in ("left.nt.gz", "right.nt.gz", "gold.tsv.gz"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_each_size_is_run_and_told() -> None:
    told: list[Row] = []
    (row,) = measure([40], 0, told.append)
    assert told == [row]
    assert (row.properties, row.error) == (40, "")
    assert row.triples > 2 * ENTITIES
    assert 0 < row.judge < row.seconds
    assert row.f1 > 0.9
    assert len(row.cells()) == len(HEAD)


def test_the_command_writes_its_section(tmp_path: Path) -> None:
    files = ["--results", str(tmp_path / "RESULTS.md"), "--json", str(tmp_path / "rows.json")]
    done = CliRunner().invoke(properties, ["--sizes", "30", *files])
    assert done.exit_code == 0, done.output
    assert "## Many properties" in (tmp_path / "RESULTS.md").read_text()
    assert json.loads((tmp_path / "rows.json").read_text())[0]["properties"] == 30
    assert CliRunner().invoke(properties, ["--sizes", "30,x"]).exit_code == 2


def test_a_failure_is_named_in_the_table() -> None:
    assert "| 9 | failed: no room |" in as_markdown([Row(9, 0, 0.0, 0.0, 0.0, 0, 0.0, "no room")])
