"""A run that was judged, and examples made of it: fixtures for all that is tested by them."""

from pathlib import Path

import pytest

from kgalign.train.examples import make_examples
from kgalign.train.settings import Settings
from tests.conftest import Pair
from tests.train import judged_runs


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return judged_runs.people(tmp_path_factory.mktemp("compare") / "people")


@pytest.fixture(scope="session")
def run(pair: Pair) -> Path:
    return judged_runs.run(pair, pair.left.parent / "run")


@pytest.fixture(scope="session")
def data(pair: Pair, run: Path) -> Path:
    out = pair.left.parent / "data"
    settings = Settings(test=0.4, target="structured")
    make_examples([run], out, settings, gold=[pair.gold], complete=True)
    return out
