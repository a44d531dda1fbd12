"""What a model's folder is known by."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kgalign.llm.weights import folder_digest, weights_mark

_LARGE = 2 << 20


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_bytes(b"a" * _LARGE)
    (folder / "model.safetensors").write_bytes(b"a" * _LARGE)
    return folder


def _swap(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[_LARGE // 2 + 5000 : _LARGE // 2 + 5100] = b"b" * 100
    path.write_bytes(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "1_Pooling").rename(folder / "2_Pooling"),
        lambda folder: (folder / "1_Pooling" / "config.json").write_text("{ }"),
        lambda folder: (folder / "more.txt").write_text(""),
        lambda folder: _swap(folder / "tokenizer.json"),
        lambda folder: _swap(folder / "model.safetensors"),
    ],
)
def test_a_folder_that_was_changed_is_another(model: Path, change: Callable[[Path], object]) -> None:
    before = folder_digest(model)
    change(model)
    assert folder_digest(model) != before


def test_place_and_hidden_files_do_not_count(model: Path) -> None:
    before = folder_digest(model)
    (model / ".cache").mkdir()
    (model / ".cache" / "x").write_text("x")
    assert folder_digest(model.rename(model.with_name("moved"))) == before


def test_links_are_followed_and_may_lead_in_a_circle(model: Path, tmp_path: Path) -> None:
    (model / "1_Pooling").rename(tmp_path / "elsewhere")
    (model / "1_Pooling").symlink_to(tmp_path / "elsewhere")
    (model / "round").symlink_to(model)
    (model / "nowhere").symlink_to(model / "nothing")
    before = folder_digest(model)
    (tmp_path / "elsewhere" / "config.json").write_text("{ }")
    assert folder_digest(model) != before


def test_names_need_not_be_text(model: Path) -> None:
    before = folder_digest(model)
    with open(os.fsencode(model) + b"/bad\xff.safetensors", "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"x")
    assert folder_digest(model) != before
    assert len(weights_mark(model)) == 16
