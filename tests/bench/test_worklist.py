"""Where people are told to look: what is counted as a mistake, and that the table is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.generate import generate
from bench.sets import find_sets
from bench.worklist import LOOKS, Kept, Row, as_markdown, measure

KEPT = Kept(links=10, expected=0.95, right=0.9)
SOME = Row("a", True, 100, 20, 10, 8, 4, 1, KEPT, 3.0, 4, KEPT)


def test_shares_are_of_the_mistakes_there_are() -> None:
    one, none = SOME, replace(SOME, mistakes=0, found=0, undecided_found=0)
    assert (one.share, one.ceiling, one.undecided_share) == (0.4, 0.5, 0.05)
    text = as_markdown([one, none], None)
    assert "over 1 sets that have some: on the list 0.400, at most 0.500, undecided 0.050" in text
    assert none.cells()[5:7] == ["", ""]


def test_a_set_is_aligned_and_its_mistakes_are_looked_for(tmp_path: Path) -> None:
    generate(tmp_path / "people", 300)
    told: list[Row] = []
    (found,) = measure(find_sets(tmp_path, closed=["people"]), None, told.append)
    assert told == [found]
    assert found.looks == found.left // LOOKS
    assert 0 <= found.found <= found.mistakes
    assert found.links.expected == pytest.approx(found.links.right, abs=0.05)
    assert found.promised.links <= found.links.links
    assert found.promised.expected >= 0.95
