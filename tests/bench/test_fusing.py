"""The benchmark of fusion at scale, on a pair that is small."""

from pathlib import Path

import pytest

from bench.fusing import HEAD, STAGES, Fused, as_markdown, fuse_files, measure
from bench.rivals import write_rivals


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_as_many_items_are_in_conflict_as_was_asked(tmp_path: Path, share: float) -> None:
    things = write_rivals(tmp_path, 900, share)
    found = fuse_files(tmp_path, "prov")
    counts = found["counts"]
    assert counts["groups"] == len((tmp_path / "links.tsv").read_text(encoding="utf8").splitlines()) == things
    assert counts["statements"] == pytest.approx(900, rel=0.2)
    assert (counts["conflicts"] > 0) == (counts["lost"] > 0) == (share > 0)
    assert found["rows"]["fused.ttl"] == counts["statements"]
    assert set(found["seconds"]) == set(found["peak_bytes"]) == set(STAGES)
    assert all((tmp_path / name).stat().st_size for name in STAGES[3:])


def test_the_same_pair_comes_out_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_rivals(tmp_path / name, 500, 0.3, seed=4)
    for file in ("left.nt", "right.nt", "links.tsv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_each_share_is_a_process_of_its_own_and_a_row() -> None:
    told: list[Fused] = []
    found = measure(400, [0.0, 0.5], "none", told.append)
    assert [each.share for each in found] == [each.share for each in told] == [0.0, 0.5]
    assert all(each.process_bytes > 0 and not each.error for each in found)
    assert [len(each.cells()) for each in found] == [len(HEAD)] * 2


def test_a_failure_is_named_in_the_table() -> None:
    assert "| 30% | failed: no room |" in as_markdown([Fused(0.3, {}, {}, {}, {}, 0, "no room")])
