"""Parts on all cores: in order, no more at once than asked, and what goes wrong in one is told."""

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.base import cores as module
from kgalign.base.cores import cores, in_order, slices


@given(st.integers(0, 200), st.integers(1, 50))
def test_slices_hold_every_row_once(size: int, most: int) -> None:
    cut = slices(size, most)
    assert [row for part in cut for row in range(size)[part]] == list(range(size))
    assert all(0 < part.stop - part.start <= most for part in cut)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_parts(workers: int) -> None:
    def late_first(number: int) -> int:
        time.sleep(0.02 if number % 5 == 0 else 0)
        return number * number

    assert list(in_order(late_first, range(20), workers=workers)) == [n * n for n in range(20)]


def test_parts_run_at_once_and_only_so_many_are_begun() -> None:
    together = threading.Barrier(2, timeout=30)
    begun: list[int] = []

    def meet(number: int) -> int:
        begun.append(number)
        together.wait()
        return number

    # Two parts wait for each other: one thread would never come back.
    assert list(in_order(meet, range(4), workers=2)) == [0, 1, 2, 3]
    begun.clear()
    results = in_order(begun.append, iter(range(1000)), workers=2)
    next(results)
    time.sleep(0.1)
    assert len(begun) <= 4
    results.close()
    assert len(begun) <= 4


def test_a_part_makes_no_further_threads() -> None:
    def name(_: int) -> str:
        return threading.current_thread().name

    def inside(number: int) -> list[str]:
        return [name(number), *in_order(name, [0, 1], workers=8)]

    for names in in_order(inside, range(3), workers=2):
        assert len(set(names)) == 1


def test_what_goes_wrong_in_a_part_is_raised() -> None:
    def fail(number: int) -> int:
        if number == 3:
            raise ValueError("part 3")
        return number

    results = in_order(fail, range(10), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="part 3"):
        next(results)


def test_a_container_allows_fewer_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(module, "_QUOTA", quota)
    free = cores()
    for said, expected in (("100000 100000", 1), ("max 100000", free), ("nonsense", free), ("1 0", free)):
        quota.write_text(said)
        assert cores() == expected
