"""``kgalign profile``: of a file and of a run."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Pair

Kgalign = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_profile_of_a_file(elements: Pair, kgalign: Kgalign) -> None:
    result = kgalign("profile", elements.left)
    assert result.returncode == 0, result.stderr
    assert "27 entities" in result.stdout
    (row,) = [line.split() for line in result.stdout.splitlines() if line.startswith("symbol")]
    assert row[-5:] == ["27", "1.000", "1.000", "1.000", "1.000"]


def test_iris_in_full_and_json(elements: Pair, kgalign: Kgalign) -> None:
    assert "http://elements.example/v/symbol" in kgalign("profile", elements.left, "--full").stdout
    data = json.loads(kgalign("profile", elements.left, "--json").stdout)
    assert data["entities"] == 27
    (symbol,) = [row for row in data["attributes"] if row["path"] == "http://elements.example/v/symbol"]
    assert symbol["coverage"] == symbol["inverse_functionality"] == 1


def test_the_profile_of_a_run_has_both_sides(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    run = tmp_path / "run"
    assert kgalign("run", elements.left, elements.right, "-o", run, "-q").returncode == 0
    sides = [json.loads(line) for line in kgalign("profile", run, "--json").stdout.splitlines()]
    assert [side["side"] for side in sides] == ["left", "right"]
    assert "zeichen" in kgalign("profile", run).stdout


def test_only_nodes_of_a_type(elements: Pair, kgalign: Kgalign) -> None:
    result = kgalign("profile", elements.left, "--type", "http://elements.example/v/None")
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert (
        "27 entities"
        in kgalign("profile", elements.left, "--type", "http://elements.example/v/Element").stdout
    )


def test_more_of_the_same_graph(elements: Pair, kgalign: Kgalign) -> None:
    assert "54 entities" in kgalign("profile", elements.left, "--also", elements.right).stdout


def test_long_paths_are_cut_in_the_middle_and_whole_where_that_is_wanted(
    tmp_path: Path, kgalign: Kgalign, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, long = tmp_path / "long.nt", f"http://a.example/begin{'x' * 300}end"
    others = [f"http://{host}.example/{'y' * 90}/same" for host in ("b", "c")]
    lines = [
        f'<http://a.example/{n}> <{iri}> "value {n} {place}" .'
        for n in range(5)
        for place, iri in enumerate((long, *others))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        told = kgalign("profile", path).stdout
        assert all(len(line) <= columns for line in told.splitlines() if str(tmp_path) not in line)
        assert [line for line in told.splitlines() if line.startswith("begin") and "xend " in line]
        assert [
            line
            for line in told.splitlines()
            if line.startswith("http:") and "…" in line and "y/same " in line
        ]
    full = "".join(kgalign("profile", path, "--full").stdout.split())
    assert "…" not in full
    monkeypatch.delenv("COLUMNS")
    rows = json.loads(kgalign("profile", path, "--json").stdout)["attributes"]
    assert {row["path"] for row in rows} == {long, *others}


def test_a_graph_is_not_taken_for_markup(tmp_path: Path, kgalign: Kgalign) -> None:
    path = tmp_path / "odd.nt"
    lines = [f'<http://a.example/{n}> <http://a.example/[bold]%5B/[red]x> "{n} [/bold]" .' for n in range(5)]
    path.write_text("\n".join(lines).replace("[", "%5B").replace("]", "%5D") + "\n", encoding="utf8")
    result = kgalign("profile", path)
    assert result.returncode == 0, result.stderr
    assert "%5Bred%5Dx" in result.stdout


def test_a_missing_file_is_named(tmp_path: Path, kgalign: Kgalign) -> None:
    result = kgalign("profile", tmp_path / "none.ttl")
    assert (result.returncode, result.stdout) == (2, "")
    assert "none.ttl" in result.stderr
