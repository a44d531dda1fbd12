"""``worklist.csv``: every row can be read back, and none is a formula."""

import csv
from pathlib import Path

import numpy as np
import pytest

from kgalign.export import write_worklist
from kgalign.records import Worklist
from kgalign.records.tables import worklist_table
from tests.evaluate.small import profile

HEADING = [
    *("rank", "left", "right", "linked", "probability", "second", "second_probability", "doubt"),
    *("left_name", "right_name", "second_name"),
]


def work(rows: list[tuple[int, int, bool, float, int, float, float]]) -> Worklist:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    left, right, linked, probability, second, runner_up, doubt = columns
    return Worklist(
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(linked, np.bool_),
        np.array(probability, np.float32),
        np.array(second, np.int32),
        np.array(runner_up, np.float32),
        np.array(doubt, np.float32),
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_rows_are_those_of_the_list_in_its_order(tmp_path: Path) -> None:
    left, right = profile(["http://l/0", "http://l/1"]), profile(["http://r/0", "http://r/1"])
    listed = work([(1, 0, False, 0.25, 1, 0.125, 0.9), (0, 1, True, 0.875, -1, 0.0, 0.125)])
    assert write_worklist(tmp_path / "a", listed, left, right) == 2
    first, second = rows(tmp_path / "a")
    assert list(first) == HEADING
    assert first | {"doubt": ""} == {
        "rank": "1",
        "left": "http://l/1",
        "right": "http://r/0",
        "linked": "no",
        "probability": "0.25",
        "second": "http://r/1",
        "second_probability": "0.125",
        "doubt": "",
        "left_name": "1",
        "right_name": "0",
        "second_name": "1",
    }
    assert float(first["doubt"]) == pytest.approx(0.9)
    assert (second["rank"], second["linked"]) == ("2", "yes")
    assert second["second"] == second["second_probability"] == second["second_name"] == ""
    assert (tmp_path / "a").read_bytes().count(b"\r\n") == 3
    assert worklist_table(listed, left, right)["second"].to_pylist() == ["http://r/1", None]


def test_no_cell_is_a_formula_and_no_name_breaks_a_line(tmp_path: Path) -> None:
    nasty = ["=1+1", "@a", "a\nb", "\t=1", "＝1", 'x",y']
    side = profile([f"={n}:x" for n in range(len(nasty))], nasty)
    listed = work([(n, n, True, 0.5, 0, 0.5, 0.5) for n in range(len(nasty))])
    write_worklist(tmp_path / "a", listed, side, side)
    read = rows(tmp_path / "a")
    names = ["'=1+1", "'@a", "a b", "'=1", "'＝1", 'x",y']
    assert [row["left_name"] for row in read] == [row["right_name"] for row in read] == names
    assert {row["second_name"] for row in read} == {"'=1+1"}
    for column in ("left", "right", "second"):
        assert all(row[column].startswith("'=") for row in read)


def test_nothing_to_look_at_is_a_heading(tmp_path: Path) -> None:
    side = profile(["http://l/0"])
    assert write_worklist(tmp_path / "a", work([]), side, side) == 0
    assert (tmp_path / "a").read_text().splitlines() == [",".join(HEADING)]
