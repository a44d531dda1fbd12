"""``kgalign vocabularies`` on the example of the repository."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kgalign.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "countries"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabularies") / "run"
    sides = [str(EXAMPLE / "left.ttl"), str(EXAMPLE / "right.jsonld")]
    assert _call("run", *sides, "--config", str(EXAMPLE / "config.toml"), "-o", str(folder), "-q")[0] == 0
    return folder


def _call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.output


def test_the_table_names_what_corresponds_and_the_unit_that_differs(run: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in run.iterdir())
    code, text = _call("vocabularies", str(run))
    assert code == 0
    lines = text.splitlines()
    assert any("capital" in line and "capitale" in line for line in lines)
    assert any("area" in line.lower() and "superficie" in line for line in lines)
    assert "mile" in text
    assert sorted((path.name, path.stat().st_mtime_ns) for path in run.iterdir()) == before


def test_json_holds_everything_and_is_the_same_twice(run: Path) -> None:
    code, text = _call("vocabularies", str(run), "--json")
    assert code == 0
    assert _call("vocabularies", str(run), "--json") == (code, text)
    found = json.loads(text)
    pairs = {(each["left"].rsplit("#")[-1], each["right"].rsplit("#")[-1]) for each in found["properties"]}
    assert ("capital", "capitale") in pairs
    assert all(0 <= each["score"] <= 1 for each in found["properties"])
    chosen = [each["left"] for each in found["properties"] if each["chosen"]]
    assert len(chosen) == len(set(chosen))
    assert len(_call("vocabularies", str(run), "--all")[1]) >= len(_call("vocabularies", str(run))[1])


def test_what_is_no_run_is_one_sentence(tmp_path: Path) -> None:
    code, text = _call("vocabularies", str(tmp_path))
    assert code == 2
    assert text.count("\n") == 1
    assert text.startswith("error: ")
