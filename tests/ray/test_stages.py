"""Each stage that has work on workers gives the same there, though one of them dies in it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.ray.conftest import Graphs, Nodes, cluster

pytestmark = pytest.mark.ray


STAGES = ("assign", "export", "prefixes")


def _large(folder: Path, *address: str) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "tests.ray.large", str(folder), *address]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def _said(process: "subprocess.Popen[str]", nodes: Nodes | None = None) -> list[tuple[str, int]]:
    """The digest of what each stage made, and in how many tasks; if there are nodes one dies in each."""
    said = []
    assert process.stdout
    for line in process.stdout:
        word, *rest = line.split() or [""]
        if word == "made":  # Ray says on the same output that a task is done again
            said.append((rest[0], int(rest[1])))
        elif word == "begins" and nodes is not None:
            nodes.kill(nodes.one_at_work())
    assert process.wait(200) == 0
    process.stdout.close()
    return said


def test_a_worker_that_dies_in_each_stage_by_itself_changes_nothing(graphs: Graphs, tmp_path: Path) -> None:
    (tmp_path / "graph.nt").write_bytes(b"".join(path.read_bytes() for path in sorted(graphs.left.iterdir())))
    here = _large(tmp_path)
    with cluster(len(STAGES) + 1) as nodes:
        there = _said(_large(tmp_path, nodes.address), nodes)
        assert len(nodes.processes) == 2
    assert [digest for digest, _ in there] == [digest for digest, _ in _said(here)]
    assert len(there) == len(STAGES) and min(tasks for _, tasks in there) > 3
