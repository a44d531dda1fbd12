"""The command as these tests call it, and a finished run that is made once."""

import shutil
import subprocess
from pathlib import Path

import pytest

from kgalign.run import start
from tests import commands
from tests.commands import Kgalign
from tests.conftest import Pair, write_elements
from tests.llm_runs import runs


@pytest.fixture(scope="session")
def kgalign() -> Kgalign:
    """Run the command in a process of its own in which everything is imported already."""

    def call(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return commands.call(arguments, folder=cwd)

    return call


@pytest.fixture(scope="session")
def afresh() -> Kgalign:
    """Run the command as a user does, which imports everything anew: for one call of each kind."""

    def call(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return commands.call_afresh(arguments, folder=cwd)

    return call


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the elements, not to be changed; its input files are gone."""
    folder = tmp_path_factory.mktemp("made")
    pair = write_elements(folder / "inputs")
    start.run(pair.left, pair.right, folder / "run")
    shutil.rmtree(folder / "inputs")
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of it for the test."""
    return Path(shutil.copytree(made, tmp_path / "run"))


@pytest.fixture(scope="session")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two small graphs of which 27 entities are in doubt."""
    return runs.doubtful(tmp_path_factory.mktemp("doubtful"))
