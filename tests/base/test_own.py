"""Processes of our own do without pandas, which Arrow imports wherever it is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Pair

ROOT = Path(__file__).parents[2]
SECOND = """
from pathlib import Path
from kgalign.base.own import without_pandas
without_pandas()
from tests.run import handed
handed.go(Path("run"))
assert handed.makers(Path("run"))["turned"] == [False], "nothing was made in a second process"
"""


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that is there once somebody has imported pandas: one that lies first on the path."""
    mark = tmp_path / "imported"
    folder = tmp_path / "path" / "pandas"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        f"from pathlib import Path\nPath({str(mark)!r}).touch()\n__version__ = '9.9.9'\n", encoding="utf8"
    )
    return mark


def call(mark: Path, *words: object) -> None:
    place = mark.parent
    environment = {**os.environ, "PYTHONPATH": f"{place / 'path'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=place,
    )
    assert done.returncode == 0, done.stderr


def test_arrow_alone_imports_pandas_with_its_first_array(mark: Path) -> None:
    """Else the other tests here could not fail."""
    call(
        mark,
        "-W",
        "ignore",
        "-c",
        "import contextlib, pyarrow as pa\nwith contextlib.suppress(Exception): pa.array([''])",
    )
    assert mark.exists()


def test_a_run_does_not_import_pandas(mark: Path, elements: Pair) -> None:
    call(mark, "-m", "kgalign", "run", elements.left, elements.right, "-o", mark.parent / "out", "-q")
    assert not mark.exists()


def test_nor_does_an_update(mark: Path, elements: Pair) -> None:
    left = mark.parent / elements.left.name
    shutil.copy(elements.left, left)
    call(mark, "-m", "kgalign", "run", left, elements.right, "-o", mark.parent / "out", "-q")
    with left.open("a", encoding="utf8") as file:
        file.write('\n<http://new.example/e> <http://www.w3.org/2000/01/rdf-schema#label> "Newest" .\n')
    call(mark, "-m", "kgalign", "update", mark.parent / "out", "-q")
    assert "Newest" in (mark.parent / "out" / "fused.ttl").read_text(encoding="utf8")
    assert not mark.exists()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core, and so no second process")
def test_nor_does_its_second_process(mark: Path) -> None:
    call(mark, "-c", SECOND)
    assert not mark.exists()


def test_who_asks_arrow_for_a_frame_later_gets_one() -> None:
    """A plugin of a command may."""
    pytest.importorskip("pandas")
    program = """
import sys
from kgalign.base.own import without_pandas
without_pandas()
import pyarrow as pa
assert pa.array(["a", "b"]).to_pylist() == ["a", "b"]
assert "pandas" not in sys.modules
frame = pa.table({"a": [1, 2]}).to_pandas()
assert list(frame["a"]) == [1, 2]
assert pa.Table.from_pandas(frame).column("a").to_pylist() == [1, 2]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
