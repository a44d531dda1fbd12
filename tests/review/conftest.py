"""Finished runs that are made once, and copies of them."""

import shutil
from pathlib import Path

import pytest

from kgalign.config import as_config
from kgalign.run import start
from tests.conftest import write_elements

COUNTRIES = Path(__file__).parents[2] / "examples" / "countries"


@pytest.fixture(scope="session")
def elements_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the elements, not to be changed."""
    folder = tmp_path_factory.mktemp("reviewed")
    pair = write_elements(folder / "inputs")
    start.run(pair.left, pair.right, folder / "run")
    return folder / "run"


@pytest.fixture
def run(elements_made: Path, tmp_path: Path) -> Path:
    """A copy of it for the test."""
    return Path(shutil.copytree(elements_made, tmp_path / "run"))


@pytest.fixture(scope="session")
def countries_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the example, not to be changed: 45 questions, most with five candidates."""
    out = tmp_path_factory.mktemp("countries") / "run"
    start.run(COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld", out, as_config(COUNTRIES / "config.toml"))
    return out


@pytest.fixture
def countries(countries_made: Path, tmp_path: Path) -> Path:
    """A copy of it for the test."""
    return Path(shutil.copytree(countries_made, tmp_path / "countries"))
