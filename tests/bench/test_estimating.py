"""Estimates are played through with gold as the person, and the table is told."""

from pathlib import Path

from bench.estimate import FIXED, Needed, Row, as_markdown, measure
from bench.generate import generate
from bench.sets import find_sets

SOME = Needed(0.9, 30, 100, 0.96, 0.95)
WORSE = Needed(0.9, 90, 100, 0.92, 0.95)


def test_the_table_says_where_it_falls_short() -> None:
    rows = [Row("a", 10, 5, SOME, WORSE, 1000, ((0.99, 0.91),) * len(FIXED), 1.0, 0.0)]
    text = as_markdown(rows, ["b: a run takes 500 s"], 200)
    assert "Precision: 0.30 of the plain looks in the median, a third or less on 1 of 1 sets" in text
    assert "Recall: 0.90 of the plain looks in the median, a third or less on 0 of 1 sets" in text
    assert "recall takes 0.09 in the median, a third or less on 1." in text
    assert "0.910 at least, below .93 in 3 of 3" in text
    assert "Left out: b: a run takes 500 s." in text


def test_a_set_is_run_and_estimated(tmp_path: Path) -> None:
    generate(tmp_path / "sets" / "people", 150)
    told: list[object] = []
    sets = find_sets(tmp_path / "sets", closed=["people"])
    [row], skipped = measure(sets, 4, tmp_path / "runs", 1000, told.append)
    assert (told, skipped) == ([row], [])
    assert (tmp_path / "runs" / "people" / "links.nt").exists()
    assert row.links <= row.cases
    assert 0 < row.precision.looks <= row.links
    assert row.precision.covered >= 0.5
    assert row.wrongly <= 0.25
    rows, skipped = measure(sets, 4, tmp_path / "runs", 0, told.append)
    assert rows == []
    assert skipped[0].startswith("people: a run takes")
