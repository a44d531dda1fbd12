"""Columns in mapped files: as arrays in memory are, gone with the process; no room for them is told."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.base import scratch, store
from kgalign.run.measure import resident


@dataclass(frozen=True, slots=True)
class Columns:
    numbers: npt.NDArray[np.int64]
    table: npt.NDArray[np.float32]
    texts: pa.StringArray


BIG = scratch.SMALL // 8 + 1
"""Numbers of 8 bytes that are not small."""


def is_mapped(array: npt.NDArray[np.generic]) -> bool:
    return not array.flags.owndata


def test_what_is_small_lies_in_memory_and_what_is_not_in_a_file_of_the_folder(tmp_path: Path) -> None:
    with scratch.under(tmp_path):
        small, large = scratch.empty(10, np.int32), scratch.full((BIG, 1), 7, np.int64)
    assert not is_mapped(small)
    assert is_mapped(large)
    assert large.shape == (BIG, 1)
    assert int(large.sum()) == 7 * BIG
    # The file has no name, so that nothing is left whatever becomes of the process.
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.sampled_from([0, 1, 100, 1 << 24]))
def test_parts_are_gathered_as_they_would_be_joined(lengths: list[int], small: int) -> None:
    parts = [(np.full(n, at, np.int32), np.full((n, 3), at + 0.5)) for at, n in enumerate(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "SMALL", small)
        found = scratch.gather_columns(iter(parts))
    for column, made in enumerate(found):
        wanted = np.concatenate([part[column] for part in parts])
        assert (made.dtype, made.shape) == (wanted.dtype, wanted.shape)
        assert (made == wanted).all()


def test_parts_of_several_types_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SMALL", 0)
    with pytest.raises(TypeError, match="several types"):
        scratch.gather([np.zeros(3, np.int32), np.zeros(3, np.int64)])


def test_what_is_let_go_is_held_no_longer_and_comes_back() -> None:
    numbers = scratch.gather(np.full(BIG, n, np.int64) for n in range(8))
    assert int(numbers.sum()) == 28 * BIG
    held = resident()
    scratch.release(numbers[5:])
    # Eight times 16 MB were looked at.
    assert held - resident() > 100_000_000
    assert int(numbers.sum()) == 28 * BIG
    held = resident()
    scratch.release_all()
    assert held - resident() > 100_000_000
    numbers[3] = 9
    scratch.release(numbers)
    assert numbers[3] == 9


def test_records_come_back_mapped_and_equal(tmp_path: Path) -> None:
    texts = pa.array(["a text that is long enough"] * 1_000_000)
    record = Columns(np.arange(BIG), np.asfortranarray(np.ones((BIG, 2), np.float32)), texts)
    store.save(tmp_path / "record", record)
    before = pa.total_allocated_bytes()
    found = store.load(tmp_path / "record", Columns)
    assert is_mapped(found.numbers)
    assert (found.numbers == record.numbers).all()
    assert found.table.flags.f_contiguous
    assert (found.table == record.table).all()
    assert found.texts == record.texts
    assert pa.total_allocated_bytes() - before < 1_000_000
    with pytest.raises(ValueError, match="read-only"):
        found.numbers[0] = 1


_NO_ROOM = """
import sys
from pathlib import Path
import numpy as np
from kgalign.base import scratch
from kgalign.errors import RunError
with scratch.under(Path(sys.argv[1])):
    try:
        {}
    except RunError as error:
        print(error)
"""


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no file system in memory to fill")
@pytest.mark.parametrize(
    "code",
    [
        "scratch.empty(1 << 40, np.int64)",
        "scratch.gather(np.zeros(1 << 24, np.int64) for _ in range(1 << 16))",
    ],
)
def test_a_full_disk_is_told(code: str) -> None:
    script = _NO_ROOM.format(code)
    # No file may grow beyond 1 GB: stands for a disk that is full.
    limited = f'ulimit -f 1000000; exec {sys.executable} -c "$0" /dev/shm'
    found = subprocess.run(["bash", "-c", limited, script], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "no room on the disk of /dev/shm" in found.stdout


def test_other_errors_of_the_disk_stay_as_they_are(tmp_path: Path) -> None:
    with scratch.under(tmp_path / "nowhere"), pytest.raises(FileNotFoundError):
        scratch.empty(BIG, np.int64)


@given(
    st.lists(st.lists(st.text(max_size=6), max_size=5), max_size=5),
    st.integers(0, 2),
    st.sampled_from([0, 1, 1 << 24]),
)
def test_texts_are_gathered_as_they_would_be_joined(parts: list[list[str]], cut: int, small: int) -> None:
    columns = [pa.array([*"xy"[:cut], *part], pa.large_string())[cut:] for part in parts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "SMALL", small)
        found = scratch.gather_texts(iter(columns))
    found.validate(full=True)
    assert found.type == pa.large_string()
    assert found.to_pylist() == [text for part in parts for text in part]
