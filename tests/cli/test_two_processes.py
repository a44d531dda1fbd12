"""Commands whose steps are done in two processes: the same files, sentences and exit codes as in one."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kgalign.pipeline import STAGE_OF, step_named
from tests.cli.run_folders import CARBON, files_of
from tests.commands import COMMAND, Kgalign, assert_one_line, begin, children_of, kill
from tests.conftest import Pair, write_elements

SHAPES = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix v: <http://elements.example/v/> .
[] a sh:NodeShape ; sh:targetClass v:Element ; sh:property [ sh:path v:symbol ; sh:minCount 1 ] .
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "countries"


def config(folder: Path, processes: int, more: str = "") -> Path:
    path = folder / f"{processes}.toml"
    path.write_text(f"{more}\n[limits]\nprocesses = {processes}\n", encoding="utf8")
    return path


def recorded(run: Path) -> dict[str, Any]:
    """What run.json says of the steps, but how long they took and how much they held."""
    steps = json.loads((run / "run.json").read_text(encoding="utf8"))["steps"]
    return {
        name: {key: value for key, value in step.items() if key not in ("seconds", "peak_bytes")}
        for name, step in steps.items()
    }


def same(one: Path, two: Path) -> None:
    """Two run folders hold the same, byte for byte, and say so in the same order."""
    assert files_of(one) == files_of(two)
    assert list(recorded(one).items()) == list(recorded(two).items())


def beside(said: str) -> set[str]:
    """Steps that were handed to a second process, by the log."""
    ending = ": begins in a second process"
    return {
        line.removeprefix("info: ").removesuffix(ending)
        for line in said.splitlines()
        if line.endswith(ending)
    }


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_elements(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def whole(pair: Pair, kgalign: Kgalign) -> Path:
    """The run of one process, not to be changed."""
    out = pair.left.parent / "whole"
    done = kgalign(*words(pair, out, 1))
    assert (done.returncode, done.stderr) == (0, "")
    return out


def words(pair: Pair, out: Path, processes: int, *more: object) -> Sequence[object]:
    shapes = pair.left.parent / "shapes.ttl"
    shapes.write_text(SHAPES, encoding="utf8")
    options = ("--config", config(pair.left.parent, processes), "--gold", pair.gold, "--shapes", shapes)
    return ("run", pair.left, pair.right, "-o", out, "-q", *options, *more)


def test_every_step_that_may_be_handed_over_is_and_the_same_comes_out(
    pair: Pair, whole: Path, tmp_path: Path, kgalign: Kgalign
) -> None:
    done = kgalign(*words(pair, tmp_path / "run", 2, "--log-level", "info"))
    assert done.returncode == 0, done.stderr
    same(whole, tmp_path / "run")
    may = {name for name in STAGE_OF if step_named(name).beside}
    # What is left at the end is done by whoever is free.
    assert {"read-right", "select-right", "recall", "candidates.parquet"} <= beside(done.stderr) <= may
    assert kgalign(*words(pair, tmp_path / "run", 2)).stderr == ""


def test_a_run_that_is_changed_and_one_that_grows_are_the_same(
    pair: Pair, tmp_path: Path, kgalign: Kgalign
) -> None:
    runs = {processes: tmp_path / f"run {processes}" for processes in (1, 2)}
    grown = {processes: tmp_path / f"grown {processes}" for processes in (1, 2)}
    inputs = [Path(shutil.copy(path, tmp_path / path.name)) for path in (pair.left, pair.right)]
    for processes, out in runs.items():
        options = ("-q", "--config", config(tmp_path, processes))
        assert kgalign("run", *inputs, "-o", out, *options).returncode == 0
        assert kgalign("unmerge", out, CARBON, "-q").returncode == 0
        assert kgalign("fuse", out, "--canonical", "right", "-q").returncode == 0
    same(runs[1], runs[2])
    text = inputs[0].read_text(encoding="utf8")
    inputs[0].write_text(text.replace("Carbon", "Carbonium"), encoding="utf8")
    for processes, out in grown.items():
        more = ("-q", "--config", config(tmp_path, processes), "--from", runs[1])
        assert kgalign("run", *inputs, "-o", out, *more).returncode == 0
    same(grown[1], grown[2])
    for out in runs.values():
        done = kgalign("update", out, "-q")
        assert done.returncode == 0, done.stderr
    assert files_of(runs[1] / "before") == files_of(runs[2] / "before")
    names = {name for name in files_of(runs[1]) if not name.startswith("before/") and "changes" not in name}
    for name in names:
        assert (runs[1] / name).read_bytes() == (runs[2] / name).read_bytes(), name


@pytest.mark.parametrize(
    ("broken", "text", "said"),
    [
        ("left", "<a", "left.nt"),
        ("right", "<a", "right.nt"),
        ("right", '<http://a.example/a> <http://a.example/b> "c" .\n' * 2, ""),
    ],
)
def test_what_is_wrong_with_an_input_is_told_the_same_way(
    broken: str, text: str, said: str, tmp_path: Path, kgalign: Kgalign
) -> None:
    paths = {side: tmp_path / f"{side}.nt" for side in ("left", "right")}
    for side, path in paths.items():
        good = f'<http://a.example/{side}> <http://www.w3.org/2000/01/rdf-schema#label> "a thing" .\n'
        path.write_text(text if side == broken else good, encoding="utf8")
    told = []
    for processes in (1, 2):
        out = tmp_path / f"run {processes}"
        done = kgalign("run", *paths.values(), "-o", out, "-q", "--config", config(tmp_path, processes))
        told.append((done.returncode, done.stderr.replace(str(out), "RUN")))
    assert told[0] == told[1]
    if said:
        assert_one_line(done, said)


def test_small_graphs_and_those_who_say_so_have_one_process(tmp_path: Path, kgalign: Kgalign) -> None:
    sides = EXAMPLE / "left.ttl", EXAMPLE / "right.jsonld"
    for number, options in enumerate([(), ("--config", config(tmp_path, 1))]):
        done = kgalign("run", *sides, "-o", tmp_path / f"{number}", "-q", "--log-level", "info", *options)
        assert (done.returncode, beside(done.stderr)) == (0, set())


def test_ctrl_c_ends_both_with_one_sentence(pair: Pair, tmp_path: Path) -> None:
    line = [*COMMAND, *map(str, words(pair, tmp_path / "run", 2))]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / "run" / "run.json").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode in (0, 130)
    if process.returncode:
        assert said.split("\n", 1)[1].startswith("Interrupted. What is finished is kept")
        assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.parametrize("seed", range(6))
def test_either_process_is_killed_at_any_moment_and_the_same_comes_out(
    pair: Pair, whole: Path, tmp_path: Path, seed: int, kgalign: Kgalign
) -> None:
    dice = random.Random(seed)
    out = tmp_path / "run"
    for _ in range(4):
        process = begin(words(pair, out, 2))
        process.join(dice.uniform(0.0, 3.0))
        second = dice.random() < 0.5
        if process.is_alive():
            kill(children_of(process.pid) if second else [process.pid or 0])
        process.join()
        # Whose second process is killed does its work alone.
        assert process.exitcode == 0 or not second
        process.close()
    done = kgalign(*words(pair, out, 2))
    assert done.returncode == 0, done.stderr
    same(whole, out)
    assert not [path for path in out.rglob("*") if path.name.endswith((".partial", ".old"))]
