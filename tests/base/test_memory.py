"""How much memory may be held: what a container allows, what people say."""

from pathlib import Path

import pyarrow as pa
import pytest

from kgalign.base import memory
from kgalign.run.measure import resident


def write_group(folder: Path, names: tuple[str, str, str], most: str, held: int, cached: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{most}\n")
    (folder / names[1]).write_text(f"{held}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cached}\nactive_file 9\n")


SECOND = ("memory.max", "memory.current", "inactive_file")
FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def test_a_container_allows_what_its_tightest_group_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = tmp_path / "cgroup"
    groups.write_text("0::/outer/inner\n")
    monkeypatch.setattr(memory, "_GROUPS", groups)
    monkeypatch.setattr(memory, "_TREE", tmp_path / "tree")
    alone = memory.available()
    write_group(tmp_path / "tree/outer/inner", SECOND, "max", 50_000, 10)
    free = memory.available()
    assert free is not None
    assert alone is not None
    assert abs(free - alone) < 1e9
    write_group(tmp_path / "tree/outer", SECOND, "90000", 50_000, 10_000)
    assert memory.available() == 50_000
    write_group(tmp_path / "tree/outer/inner", SECOND, "60000", 58_000, 0)
    assert memory.available() == 2_000
    write_group(tmp_path / "tree/outer/inner", SECOND, "60000", 70_000, 0)
    assert memory.available() == 0


def test_groups_of_version_1_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = tmp_path / "cgroup"
    groups.write_text("3:cpu:/x\n2:memory,hugetlb:/box\n")
    monkeypatch.setattr(memory, "_GROUPS", groups)
    monkeypatch.setattr(memory, "_TREE", tmp_path / "tree")
    write_group(tmp_path / "tree/memory/box", FIRST, "7000", 6_000, 500)
    assert memory.available() == 1_500


def test_what_people_say_counts() -> None:
    before = memory.limit()
    with memory.limited(1_600_000):
        assert memory.limit() == 1_600_000
        with memory.limited(None) as same:
            assert same == 1_600_000
    assert memory.limit() == pytest.approx(before, rel=0.5)


def test_without_a_word_a_share_of_what_is_free_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10_000_000_000)
    assert memory.limit() == 6_000_000_000
    with memory.limited(None):
        # What is free later, by what this process took itself, does not count.
        monkeypatch.setattr(memory, "available", lambda: 3_000_000_000)
        assert memory.limit() == 6_000_000_000
    monkeypatch.setattr(memory, "available", lambda: 5)
    assert memory.limit() == memory.LEAST


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not say what is held")
def test_what_arrow_no_longer_needs_is_given_back() -> None:
    texts = [pa.array([f"{number:x}" * 9 for number in range(20_000)]) for _ in range(300)]
    assert pa.total_allocated_bytes() > 100_000_000
    kept = texts[::30]
    held = resident()
    del texts
    memory.give_back()
    assert resident() < held - 80_000_000
    assert len(kept[-1]) == 20_000
