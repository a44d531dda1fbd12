import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kgalign.judge.evidence.prior import FILE
from tests.bench.set_folder import write_set
from tests.conftest import Pair

ROOT = Path(__file__).parents[2]


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)


@pytest.fixture
def data(elements: Pair, tmp_path: Path) -> Path:
    """A folder with one set."""
    write_set(elements, tmp_path / "sets" / "elements")
    return tmp_path / "sets"


def test_help_names_every_command() -> None:
    text = bench("--help").stdout
    assert all(command in text for command in ("align", "scale", "read"))


def test_align_measures_every_system_and_writes_the_results(data: Path, tmp_path: Path) -> None:
    priors = tmp_path / "priors"
    priors.mkdir()
    shutil.copy(FILE, priors / "elements.json")
    results, rows = tmp_path / "RESULTS.md", tmp_path / "rows.json"
    done = bench("align", "--data", data, "--left-out", priors, "--json", rows, "--results", results)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(rows.read_text())
    systems = ["kgalign", "mnn", "hun", "family left out"]
    assert [row["system"] for row in told] == systems
    for row in told:
        assert row["f1"] > 0.8
        assert min(row["seconds"], row["peak_bytes"], row["triples"]) > 0
        assert (row["ece"] is None) == (row["undecided"] is None) == (row["system"] in ("mnn", "hun"))
    for name in ("f1", "ece", "sure", "sure_right", "undecided"):
        assert told[0][name] == told[3][name], f"{name} by the same prior"
    assert len(done.stdout.splitlines()) == 1 + 4 + 2
    text = results.read_text()
    assert "## Alignment: sets" in text
    assert [text.count(f"| {system} |") for system in systems] == [1] * 4
    assert "below the better baseline on" in text


def test_only_some_sets_leave_the_results_as_they_are(data: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    options = ("--only", "elements", "--no-baseline", "--runs", runs, "--results", tmp_path / "RESULTS.md")
    done = bench("align", "--data", data, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "RESULTS.md").exists()
    assert (runs / "elements" / "links.nt").is_file()
    assert len(done.stdout.splitlines()) == 2


def test_a_set_that_fails_is_named_and_the_others_go_on(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "elements", data / "broken")
    (data / "broken" / "left.nt.gz").write_bytes(gzip.compress(b"<http://l/1> <http://l/2>"))
    done = bench("align", "--data", data, "--no-baseline", "--results", tmp_path / "RESULTS.md")
    assert done.returncode == 1
    _, broken, good = done.stdout.splitlines()
    assert "failed: error: " in broken
    assert good.startswith("elements")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("align", "--data", "none"), "There is no folder none"),
        (("align", "--data", "bench"), "holds no set"),
        (("scale", "--sizes", "10,x"), "give numbers"),
        (("read", "none.nt"), "none.nt"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    done = bench(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_scale_runs_generated_graphs(tmp_path: Path) -> None:
    done = bench(
        "scale", "--sizes", "30,60", "--results", tmp_path / "RESULTS.md", "--json", tmp_path / "s.json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sizes = json.loads((tmp_path / "s.json").read_text())
    assert [each["entities"] for each in sizes] == [30, 60]
    assert {"read", "select", "retrieve", "judge", "assign", "fuse", "export"} <= set(sizes[0]["seconds"])
    assert "whole process" in (tmp_path / "RESULTS.md").read_text()


def test_scale_runs_values_that_are_all_different(tmp_path: Path) -> None:
    words = ("--sizes", "40", "--codes", "--results", tmp_path / "RESULTS.md")
    done = bench("scale", *words, "--json", tmp_path / "s.json")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads((tmp_path / "s.json").read_text())
    assert found["triples"] == 2 * 4 * 40
    assert found["f1"] == 1
    assert "scale --sizes 40 --codes\n" in (tmp_path / "RESULTS.md").read_text()
    assert bench("scale", *words, "--long").returncode == 2


def test_read_compares_with_the_parser(elements: Pair, tmp_path: Path) -> None:
    done = bench("read", elements.left, elements.right, "--results", tmp_path / "RESULTS.md")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n| ") == 4
