"""A run on a cluster has a second process, too: it makes what is light, and knows no Ray."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.commands import children_of
from tests.ray.conftest import Graphs, Nodes, differing


@pytest.mark.ray
def test_the_second_process_connects_to_no_cluster(three: Nodes, graphs: Graphs, tmp_path: Path) -> None:
    config, out = tmp_path / "run.toml", tmp_path / "run"
    config.write_text(
        f'[engine]\nname = "ray"\naddress = "{three.address}"\n[limits]\nprocesses = 2\n', encoding="utf8"
    )
    words = ["run", graphs.left, graphs.right, "-o", out, "--config", config, "-q", "--log-level", "info"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kgalign", *map(str, words)], stderr=subprocess.PIPE, text=True
    )
    knows_ray = set()
    while process.poll() is None:
        for each in children_of(process.pid):
            with suppress(OSError):  # it has just ended
                if b"serve(connection" in Path(f"/proc/{each}/cmdline").read_bytes():
                    knows_ray.add("_raylet" in Path(f"/proc/{each}/maps").read_text(encoding="utf8"))
        time.sleep(0.05)
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert process.returncode == 0, said
    assert differing(graphs.local, out) == []
    assert knows_ray == {False}
    beside = {
        line.split(": ")[1] for line in said.splitlines() if line.endswith("begins in a second process")
    }
    assert {"read-right", "candidates.parquet"} <= beside
    assert not beside & {"retrieve", "learn", "judge"}
