"""--memory on the command line: the same bytes with little, and sentences for what is no size."""

import json
from pathlib import Path

import pytest

from tests.commands import Kgalign
from tests.conftest import Pair


@pytest.mark.parametrize(
    ("given", "bytes_"), [("4GB", 4_000_000_000), ("2 GiB", 2 << 30), ("900000000", 900_000_000)]
)
def test_sizes_are_read_as_people_write_them(
    given: str, bytes_: int, elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    done = kgalign("run", elements.left, elements.right, "-o", tmp_path / "run", "--memory", given)
    assert done.returncode == 0
    record = json.loads((tmp_path / "run/run.json").read_text(encoding="utf8"))
    assert record["config"]["limits"]["memory"] == bytes_


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a lot", "--memory must be a size such as 4GB, not 'a lot'"),
        ("4 elephants", "--memory must be a size such as 4GB, not '4 elephants'"),
        ("1MB", "--memory must be greater than or equal to 200000000, not '1MB'"),
    ],
)
def test_what_is_no_size_or_too_little_is_told(
    given: str, said: str, elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    done = kgalign("run", elements.left, elements.right, "-o", tmp_path / "run", "--memory", given)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "run").exists()


def test_who_holds_more_than_was_asked_is_told(elements: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    # Python and its libraries take more than that.
    done = kgalign("run", elements.left, elements.right, "-o", tmp_path / "little", "-q", "--memory", "200MB")
    assert done.returncode == 0
    assert "retrieve: held 0." in done.stderr
    assert "more than the 0.2 GB of --memory" in done.stderr
    done = kgalign("run", elements.left, elements.right, "-o", tmp_path / "much", "-q", "--memory", "4GB")
    assert done.stderr == ""
    assert (tmp_path / "little/links.nt").read_bytes() == (tmp_path / "much/links.nt").read_bytes()
