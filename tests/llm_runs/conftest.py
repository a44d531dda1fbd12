"""Graphs and evidence that are made once, and run folders that begin from them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from kgalign.run.start import evidence as go_as_far_as_the_evidence
from tests.conftest import Pair
from tests.llm_runs import runs


@pytest.fixture(scope="session")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two small graphs of which some thirty entities are in doubt."""
    return runs.doubtful(tmp_path_factory.mktemp("doubtful"))


@pytest.fixture(scope="session")
def evidence(doubtful: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder that went as far as the evidence: nobody was asked yet."""
    out = tmp_path_factory.mktemp("evidence") / "run"
    go_as_far_as_the_evidence(doubtful.left, doubtful.right, out, runs.config("http://localhost:1/v1"))
    return out


@pytest.fixture
def begun(evidence: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes run folders in which only the asking is left to do."""

    def make(name: str) -> Path:
        return Path(shutil.copytree(evidence, tmp_path / name))

    return make


@pytest.fixture(scope="session")
def undisturbed(doubtful: Pair, evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: the judge answered everything at once."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    shutil.copytree(evidence, out)
    with running(ScriptedSettings()) as server:
        runs.run(doubtful, out, server.url)
    return out
