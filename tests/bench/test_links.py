import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.links import Judged, Told, certainty, first_of, judge, read_told
from bench.sets import Set, find_sets

GOLD = {("l:1", "r:1"), ("l:2", "r:2"), ("l:3", "r:3")}
FOUND = [("l:1", "r:1"), ("l:2", "r:9"), ("l:7", "r:3"), ("l:8", "r:8")]
"""Right, wrong with a miss, wrong by its right entity (l:3 is missed), and one that the gold can't judge."""
CHANCE = dict(zip(FOUND, (0.97, 0.6, 0.98, 0.99), strict=True))


@pytest.fixture
def each(tmp_path: Path) -> Set:
    folder = tmp_path / "sets" / "made"
    folder.mkdir(parents=True)
    for name in ("left.nt.gz", "right.nt.gz"):
        (folder / name).write_bytes(gzip.compress(b""))
    rows = "".join(f"{a}\t{b}\n" for a, b in sorted(GOLD))
    (folder / "gold.tsv.gz").write_bytes(gzip.compress(rows.encode()))
    return find_sets(tmp_path / "sets")[0]


def test_what_is_sure_and_what_is_right_of_it() -> None:
    found = certainty(np.array([0.96, 0.98, 0.5]), np.array([True, False, True]))
    assert (found.sure, found.sure_right) == (2, 0.5)
    assert found.ece == pytest.approx((2 * (0.97 - 0.5) + 0.5) / 3)
    assert certainty(np.array([0.5]), np.array([True])).sure_right is None
    assert certainty(np.zeros(0), np.zeros(0, dtype=bool)).ece == 0


def test_links_that_the_gold_can_not_judge_do_not_count(each: Set) -> None:
    found = judge(FOUND, each, Told(CHANCE, undecided=5))
    assert found.precision == pytest.approx(1 / 3)
    assert (found.sure, found.sure_right, found.undecided) == (2, 0.5, 5)
    assert found.ece == pytest.approx((0.6 + abs(0.97 + 0.98 - 1)) / 3)
    closed = judge(FOUND, replace(each, closed=True), Told(CHANCE, undecided=5))
    assert (closed.precision, closed.sure) == (0.25, 3)
    assert closed.sure_right == pytest.approx(1 / 3)


def test_an_entity_that_is_wrong_and_missed_is_one_error(each: Set) -> None:
    assert judge(FOUND, each, Told()).errors == 3
    assert judge(FOUND, replace(each, closed=True), Told()).errors == 4
    found = judge(FOUND, each, Told(early=frozenset({"l:2", "l:1", "l:8"})))
    assert found.errors_early == pytest.approx(1 / 3)


def test_what_is_not_said_is_not_judged(each: Set) -> None:
    found = judge(sorted(GOLD), each, Told())
    assert found == Judged(1, 1, 1, errors=0)
    assert judge(sorted(GOLD), each, Told(early=frozenset({"l:1"}))).errors_early is None
    assert judge([], each, Told({}, undecided=0)) == Judged(ece=0, sure=0, undecided=0, errors=3)


def test_the_first_tenth_of_a_worklist_has_each_entity_once(tmp_path: Path) -> None:
    worklist = tmp_path / "worklist.csv"
    rows = ["l:4", "l:2", "l:4", "", "l:9", '"l:1,5"']
    worklist.write_text("rank,left,why\r\n" + "".join(f"{n},{row},x\r\n" for n, row in enumerate(rows)))
    assert first_of(worklist, 10) == {"l:4"}
    assert first_of(worklist, 30) == {"l:4", "l:2", "l:9"}
    assert first_of(worklist, 31) == {"l:4", "l:2", "l:9", "l:1,5"}
    assert first_of(worklist, 1000) == first_of(worklist, 31)


def test_reads_what_a_folder_says(tmp_path: Path) -> None:
    assert read_told(tmp_path) == Told()
    head = "left,right,left_name,right_name,probability,outcome\r\n"
    rows = ["l:1,r:1,a,b,0.75,match", "l:2,r:2,a,b,1.0,confirmed", 'l:3,r:3,"a,",b,0.4,undecided']
    rows += ["l:9,r:9,a,b,0.1,rejected"]
    rows += ["l:4,r:4,a,b,0.4,not_asked", "l:5,r:5,a,b,0.4,failed"]
    (tmp_path / "links.csv").write_text(head + "\r\n".join(rows) + "\r\n")
    told = read_told(tmp_path)
    assert told == Told({("l:1", "r:1"): 0.75, ("l:2", "r:2"): 1.0}, undecided=3)
    (tmp_path / "stages" / "select-left").mkdir(parents=True)
    np.save(tmp_path / "stages" / "select-left" / "described.npy", np.arange(25) < 11)
    (tmp_path / "worklist.csv").write_text("rank,left\n1,l:3\n2,l:4\n3,l:5\n")
    assert read_told(tmp_path) == replace(told, early=frozenset({"l:3", "l:4"}))
