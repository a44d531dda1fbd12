"""Files that appear whole or not at all, also where two are written to one name."""

import errno
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kgalign.base.files import (
    explained,
    partial_of,
    replacing,
    replacing_folder,
    replacing_text,
    sweep,
    write_text,
)
from kgalign.errors import RunError


def test_two_that_write_to_one_name_at_once_are_both_whole(tmp_path: Path) -> None:
    target = tmp_path / "links.nt"
    with replacing_text(target) as one:
        one.write("one\n" * 1000)
        with replacing_text(target) as two:
            two.write("two\n")
        assert target.read_text(encoding="utf8") == "two\n"
    assert target.read_text(encoding="utf8") == "one\n" * 1000
    assert list(tmp_path.iterdir()) == [target]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "links.nt"
    target.write_text("old", encoding="utf8")
    with pytest.raises(KeyboardInterrupt), replacing_text(target) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert target.read_text(encoding="utf8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_no_room_leaves_the_old_file_and_no_half_of_a_new_one(tmp_path: Path) -> None:
    target = tmp_path / "out.ttl"
    target.write_text("old")
    with pytest.raises(RunError, match=r"no room to write .*out\.ttl"), replacing(target) as file:
        file.write(b"new")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["out.ttl"]
    assert target.read_text() == "old"


def test_a_full_disk_is_said_alike_and_by_the_name_that_people_know(tmp_path: Path) -> None:
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        with pytest.raises(RunError) as said, explained(partial_of(tmp_path / "links.nt")):
            raise OSError(number, "No space left on device")
        assert said.value.message == f"There is no room to write {tmp_path / 'links.nt'}"
    with (
        pytest.raises(RunError, match=r"can't be written: permission denied\. Go elsewhere"),
        explained(tmp_path, "Go elsewhere"),
    ):
        raise PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(BrokenPipeError), explained(tmp_path):
        raise BrokenPipeError


def test_a_folder_is_replaced_once_the_new_one_is_whole(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "stage"
    with replacing_folder(place) as folder:
        (folder / "one").write_text("1")
    with pytest.raises(KeyboardInterrupt), replacing_folder(place) as folder:
        (folder / "half").write_text("2")
        assert [each.name for each in place.iterdir()] == ["one"]
        raise KeyboardInterrupt
    with replacing_folder(place) as folder:
        (folder / "two").write_text("2")
    assert [each.name for each in place.iterdir()] == ["two"]
    assert [each.name for each in place.parent.iterdir()] == ["stage"]


def test_a_long_name_is_no_longer_while_it_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("ö" * 126 + ".nt")
    with replacing(target) as file:
        file.write(b"")
    assert list(tmp_path.iterdir()) == [target]


def test_text_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_text(path, "old")
    write_text(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


_WRITER = """
import sys, time
from pathlib import Path
from kgalign.base.files import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(600)
"""


@contextmanager
def a_writer(target: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that is in the middle of writing a file."""
    words = [sys.executable, "-c", _WRITER, str(target)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "writing\n"
            yield process
        finally:
            process.kill()


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path: Path) -> None:
    target = tmp_path / "links.nt"
    with a_writer(target) as process:
        process.kill()
        process.wait()
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".partial")
    with replacing_text(target) as file:
        file.write("whole")
    assert list(tmp_path.iterdir()) == [target]


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    target = tmp_path / "links.nt"
    with a_writer(target):
        (theirs,) = tmp_path.iterdir()
        # As seen from a container whose processes have other numbers: only the lock tells then.
        strange = theirs.with_name(re.sub(r"\.\d+-", ".4194305-", theirs.name))
        strange.hardlink_to(theirs)
        with replacing_text(target) as file:
            file.write("whole")
        assert sweep(tmp_path) == []
        assert set(tmp_path.iterdir()) == {target, theirs, strange}
    assert set(sweep(tmp_path)) == {theirs, strange}
    assert list(tmp_path.iterdir()) == [target]


def test_files_of_others_are_never_swept(tmp_path: Path) -> None:
    names = [
        "links.nt",
        ".hidden",
        "big.partial",
        ".a.partial",
        ".b.4194305-xyz.partial",
        ".c.1-00000000.partial",
    ]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".d.4194305-00000000.partial").symlink_to(tmp_path / "links.nt")
    assert sweep(tmp_path) == []
    assert [each.name for each in sweep(tmp_path, locked=True)] == [".a.partial", ".b.4194305-xyz.partial"]


def test_an_array_that_a_full_disk_cuts_off_is_told_as_any_other_file(tmp_path: Path) -> None:
    """NumPy says it in words of its own, and passes no number of an error on."""
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, was[1]))
        with pytest.raises(RunError) as told, replacing_folder(tmp_path / "stage") as folder:
            np.save(folder / "left.npy", np.arange(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
    assert str(told.value) == (
        f"There is no room to write {tmp_path / 'stage'}. "
        "Make room and run the same command again: what is finished is kept."
    )
