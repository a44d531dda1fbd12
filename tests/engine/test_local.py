"""Engines on this machine: who gets heavy work, and that nobody imports Ray who does not ask for it."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from kgalign.base.cores import alone, engaged, in_order, told
from kgalign.config import load_config
from kgalign.config.engine import EngineConfig
from kgalign.engine import opened
from kgalign.errors import ConfigError
from tests.commands import Kgalign
from tests.conftest import Pair


class Backwards:
    """An engine that does the last part first, and says how many it did."""

    def __init__(self) -> None:
        self.done = 0

    def in_order(
        self, function: Callable[[Any], Any], parts: Iterable[Any], *, streamed: bool = False
    ) -> Generator[Any, None, None]:
        made = [function(part) for part in reversed(list(parts))]
        self.done += len(made)
        yield from reversed(made)

    def told(self) -> dict[str, str]:
        return {"backwards": str(self.done)}


def test_heavy_work_goes_to_the_engine_and_light_work_does_not() -> None:
    engine = Backwards()
    with engaged(engine):
        assert list(in_order(str, range(4), heavy=True)) == ["0", "1", "2", "3"]
        assert list(in_order(str, range(4))) == ["0", "1", "2", "3"]
        assert told() == {"backwards": "4"}
    assert list(in_order(str, range(4), heavy=True)) == ["0", "1", "2", "3"]
    assert (engine.done, told()) == (4, {})


def test_a_part_sends_no_parts_of_its_own() -> None:
    engine = Backwards()
    with engaged(engine), alone():
        assert list(in_order(abs, [-1, -2], heavy=True)) == [1, 2]
    assert engine.done == 0


def test_threads_are_what_there_is_without_a_word() -> None:
    engine = Backwards()
    with engaged(engine), opened(EngineConfig()):
        assert told() == {"backwards": "0"}


def test_a_run_in_threads_imports_no_ray(elements: Pair, tmp_path: Path) -> None:
    words = ["run", str(elements.left), str(elements.right), "-o", str(tmp_path / "run"), "--quiet"]
    program = (
        "import sys\nfrom kgalign.cli import main\n"
        f"main({words!r}, standalone_mode=False)\n"
        "found = {each.partition('.')[0] for each in sys.modules}\n"
        "print('ray' in found, 'kgalign' in found)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "False True")


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray_one_sentence_says_what_to_install(
    elements: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    done = kgalign("run", elements.left, elements.right, "-o", tmp_path / "run", "--engine", "ray")
    assert done.returncode == 2
    assert "error: Ray is not installed here. Install it: pip install 'kgalign[ray]'" in done.stderr


@pytest.mark.parametrize("key", ["address", "partitions"])
def test_what_is_of_ray_is_refused_of_threads(key: str) -> None:
    with pytest.raises(ConfigError, match="name it, too"):
        load_config(None, {f"engine.{key}": "7"})
