"""``kgalign unmerge`` that is killed: the same command finishes."""

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kgalign.records.fused import Fusion
from kgalign.run import again as undoing
from kgalign.run.folder import RunFolder
from tests.cli.run_folders import CARBON, KOHLENSTOFF, files_of, steps_of
from tests.commands import Kgalign, begin


def _moments(run: Path) -> Iterator[Callable[[], bool]]:
    yield (run / "decisions.sqlite").exists
    yield lambda: "vocabularies" not in steps_of(run)
    yield (run / "stages" / ".fuse.partial").exists
    yield (run / ".fused.ttl.partial").exists


@pytest.fixture(scope="module")
def whole(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run from which the link was taken back at one go."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("whole") / "run"))
    undoing.take_back(folder, CARBON)
    return folder


@pytest.mark.parametrize("moment", range(4))
@pytest.mark.parametrize("words", [(CARBON,), (KOHLENSTOFF, CARBON)])
def test_killed_in_the_middle_the_same_command_finishes(
    run: Path, whole: Path, kgalign: Kgalign, moment: int, words: tuple[str, ...]
) -> None:
    reached = list(_moments(run))[moment]
    process = begin(["unmerge", run, *words, "-q"])
    while process.is_alive() and not reached():
        time.sleep(0.0005)
    process.kill()
    process.join()
    was_killed = process.exitcode == -signal.SIGKILL
    process.close()
    again = kgalign("unmerge", run, *words)
    # It may have ended before it was killed: then there is nothing left to do.
    assert again.returncode == 0 or not was_killed or "already" in again.stderr, again.stderr
    assert files_of(run) == files_of(whole)
    assert RunFolder(run).load("fuse", Fusion).counts == RunFolder(whole).load("fuse", Fusion).counts
