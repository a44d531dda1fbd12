"""Room: what is refused before the long steps, and what is only told."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.errors import KgalignError
from kgalign.pipeline.room import Size, estimate
from kgalign.run import room as rooms
from kgalign.run.room import Room, check_room

GB = 1_000_000_000
sizes = st.integers(0, 10**10)


class Disk(NamedTuple):
    """As of :func:`shutil.disk_usage`."""

    total: int
    used: int
    free: int


def disk_of(free: int) -> Callable[[Path], Disk]:
    return lambda _: Disk(100 * GB, 100 * GB - free, free)


def test_too_little_disk_is_refused_with_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", disk_of(3 * GB))
    with pytest.raises(KgalignError) as caught:
        check_room(Room(GB, 8 * GB), tmp_path, 4 * GB)
    assert f"no room on the disk of {tmp_path}: this run needs some 8.0 GB, and 3.0 GB are free" in str(
        caught.value
    )
    # An estimate may be too much.
    check_room(Room(GB, int(3.9 * GB)), tmp_path, 4 * GB)


def test_more_than_was_given_is_refused_and_more_than_is_free_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rooms, "available", lambda: GB)
    with pytest.raises(KgalignError, match=r"--memory 2.0 GB is too little for these graphs: some 3.5 GB"):
        check_room(Room(3_500_000_000, GB), tmp_path, 2 * GB)
    with caplog.at_level(logging.WARNING, "kgalign"):
        check_room(Room(2_500_000_000, GB), tmp_path, 2 * GB)
        assert not caplog.records
        check_room(Room(2_500_000_000, GB), tmp_path, None)
    assert [each.getMessage() for each in caplog.records] == [
        "some 2.5 GB of memory will be needed, and 1.0 GB are free here"
    ]


@given(sizes, sizes, sizes, sizes)
def test_what_is_larger_takes_no_less(statements: int, texts: int, pairs: int, more: int) -> None:
    least = estimate(Size(statements, texts, pairs))
    for size in (
        Size(statements + more, texts, pairs),
        Size(statements, texts + more, pairs),
        Size(statements, texts, pairs + more),
    ):
        found = estimate(size)
        assert found.memory >= least.memory
        assert found.disk >= least.disk
    assert least.memory > 100_000_000
