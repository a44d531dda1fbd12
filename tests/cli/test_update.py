"""``kgalign update``: a run that is brought up to date in place, also where it is killed on the way."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kgalign.run import start
from kgalign.run.update import update
from tests.cli.run_folders import CARBON, files_of, links_of
from tests.commands import Kgalign, assert_one_line, begin
from tests.conftest import Pair, write_elements

HYDROGEN = "http://elements.example/Hydrogen"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with input files and a finished run of them, not to be changed."""
    folder = tmp_path_factory.mktemp("begun")
    pair = write_elements(folder / "inputs")
    start.run(pair.left, pair.right, folder / "run")
    return folder


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """A run like it, of which the left file has an element more and one less since."""
    pair = write_elements(tmp_path / "inputs")
    start.run(pair.left, pair.right, tmp_path / "run")
    _change(pair)
    return tmp_path / "run"


def _change(pair: Pair) -> None:
    lines = pair.left.read_text(encoding="utf8").splitlines()
    kept = [line for line in lines if not line.startswith("e:Carbon")]
    kept.append('e:Hydrogen a v:Element ; v:name "Hydrogen"@en ; v:symbol "H" ; v:number 1 .')
    pair.left.write_text("\n".join(kept) + "\n", encoding="utf8")


def _outputs(run: Path) -> dict[str, bytes]:
    """What was written, but for what the run was before, and where its inputs lie."""
    return {
        name: each for name, each in files_of(run, wherever=True).items() if not name.startswith("before/")
    }


def test_what_changed_in_the_files_changes_in_the_run(run: Path, kgalign: Kgalign) -> None:
    before = files_of(run)
    assert CARBON in {a for a, _ in links_of(run)}
    done = kgalign("update", run)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Changed: {run.parent / 'inputs' / 'left.ttl'}" in done.stdout
    assert "Grown: 1 new, 0 changed and 1 gone on the left; 0 new" in done.stdout
    linked = {a for a, _ in links_of(run)}
    assert HYDROGEN in linked
    assert CARBON not in linked
    assert files_of(run / "before") == before, "what it was is kept"
    verified = kgalign("verify", run)
    assert verified.returncode == 0, verified.stdout


def test_where_nothing_changed_nothing_is_done(begun: Path, tmp_path: Path, kgalign: Kgalign) -> None:
    run = Path(shutil.copytree(begun / "run", tmp_path / "run"))
    before = files_of(run), (run / "run.json").read_bytes()
    done = kgalign("update", run)
    assert done.returncode == 0, done.stderr
    assert "Nothing to do: no input file of" in done.stdout
    assert (files_of(run), (run / "run.json").read_bytes()) == before


def test_it_is_the_same_as_growing_into_another_folder(run: Path, tmp_path: Path, kgalign: Kgalign) -> None:
    old = Path(shutil.copytree(run, tmp_path / "old"))
    inputs = run.parent / "inputs"
    other = tmp_path / "other"
    assert (
        kgalign("run", inputs / "left.ttl", inputs / "right.nt", "-o", other, "--from", old).returncode == 0
    )
    assert kgalign("update", run, "-q").returncode == 0
    assert _outputs(run) == _outputs(other)


def test_files_that_changed_twice_are_followed_twice(run: Path, kgalign: Kgalign) -> None:
    assert kgalign("update", run, "-q").returncode == 0
    left = run.parent / "inputs" / "left.ttl"
    left.write_text(left.read_text(encoding="utf8").replace("e:Iron a", "e:Ferrum a"), encoding="utf8")
    assert kgalign("update", run, "-q").returncode == 0
    linked = {a for a, _ in links_of(run)}
    assert {HYDROGEN, "http://elements.example/Ferrum"} <= linked
    assert "http://elements.example/Iron" not in linked
    assert not (run / "before" / "before").exists()


def _moments(run: Path) -> Iterator[Callable[[], bool]]:
    yield (run / ".before.partial").exists
    yield (run / "before" / "run.json").exists
    yield lambda: "retrieve" not in json.loads((run / "run.json").read_bytes())["steps"]
    yield (run / "stages" / ".fuse.partial").exists
    yield (run / ".fused.ttl.partial").exists


@pytest.mark.parametrize("moment", range(5))
def test_killed_in_the_middle_the_same_command_finishes(
    run: Path, tmp_path: Path, kgalign: Kgalign, moment: int
) -> None:
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    update(whole)
    reached = list(_moments(run))[moment]
    process = begin(["update", run, "-q"])
    while process.is_alive() and not reached():
        time.sleep(0.0005)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    process.close()
    again = kgalign("update", run, "-q")
    assert again.returncode == 0, again.stderr
    assert files_of(run) == files_of(whole)


def test_a_file_that_is_gone_is_said_and_the_run_stays(run: Path, kgalign: Kgalign) -> None:
    before = files_of(run)
    (run.parent / "inputs" / "right.nt").unlink()
    assert_one_line(kgalign("update", run), "There is no file", "right.nt")
    assert files_of(run) == before


def test_a_run_that_is_not_finished_is_not_updated(run: Path, kgalign: Kgalign) -> None:
    shutil.rmtree(run / "stages" / "fuse")
    assert_one_line(kgalign("update", run), "isn't finished: it has no 'fuse' yet")
