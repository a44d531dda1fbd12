import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kgalign.export.rows import linked
from kgalign.export.tables import write_links_csv, write_links_parquet
from kgalign.records import Outcome
from tests.evaluate.small import alignment, profile
from tests.export.worlds import NASTY, nasty


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def test_parquet_keeps_everything_as_it_is(tmp_path: Path) -> None:
    left, right, decided, _ = nasty()
    assert write_links_parquet(tmp_path / "a", left, right, decided, linked(decided)) == len(decided)
    table = pq.read_table(tmp_path / "a")
    assert table.column_names == ["left", "right", "left_name", "right_name", "probability", "outcome"]
    assert table["left_name"].to_pylist() == NASTY
    assert table["left"].to_pylist() == left.entity_iri.to_pylist()
    assert table["probability"].to_pylist() == decided.probability.tolist()
    assert set(table["outcome"].to_pylist()) == {"match"}


def test_csv_has_the_same_rows_with_names_on_one_line(tmp_path: Path) -> None:
    left, right, decided, _ = nasty()
    write_links_csv(tmp_path / "a", left, right, decided, linked(decided))
    read = rows(tmp_path / "a")
    assert [row["left"] for row in read] == left.entity_iri.to_pylist()
    assert read[1]["left_name"] == "tab here"
    assert [float(row["probability"]) for row in read] == pytest.approx(decided.probability.tolist())
    assert (tmp_path / "a").read_bytes().count(b"\r\n") == len(decided) + 1


def test_csv_holds_no_formula_and_loses_no_sign(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@a", "'a", "\t=1", "a=1", "＝1"]
    side = profile([f"http://l/{n}" for n in range(len(names))], names)
    decided = alignment([(n, n, 0.5, Outcome.MATCH) for n in range(len(names))])
    write_links_csv(tmp_path / "a", side, side, decided, linked(decided))
    read = [row["left_name"] for row in rows(tmp_path / "a")]
    assert read == ["'=1+1", "'+1", "'-1", "'@a", "''a", "'=1", "a=1", "'＝1"]


def test_what_is_left_to_people_is_there_only_when_wanted(tmp_path: Path) -> None:
    side = profile([f"http://l/{n}" for n in range(4)])
    outcomes = [Outcome.CONFIRMED, Outcome.UNDECIDED, Outcome.NOT_ASKED, Outcome.REJECTED]
    decided = alignment([(n, n, 0.5, outcome) for n, outcome in enumerate(outcomes)])
    write_links_csv(tmp_path / "a", side, side, decided, linked(decided))
    assert [row["outcome"] for row in rows(tmp_path / "a")] == ["confirmed"]
    write_links_csv(tmp_path / "b", side, side, decided, linked(decided, undecided=True))
    assert [row["outcome"] for row in rows(tmp_path / "b")] == ["confirmed", "undecided", "not_asked"]


def test_no_links_are_a_heading(tmp_path: Path) -> None:
    side, decided = profile(["http://l/0"]), alignment([])
    assert write_links_csv(tmp_path / "a", side, side, decided, linked(decided)) == 0
    assert (tmp_path / "a").read_text().startswith("left,right,")
    assert write_links_parquet(tmp_path / "b", side, side, decided, linked(decided)) == 0
    assert pq.read_table(tmp_path / "b").num_rows == 0
