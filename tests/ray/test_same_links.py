"""Runs on a cluster give the bytes of runs on one machine, whatever becomes of the cluster."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.ray.conftest import Graphs, Nodes, children, cluster, command, differing, kgalign

HEAVY = ("read-left", "retrieve", "learn")
"""Steps that have work done by Ray; the right side is one small file, and read here."""


@pytest.mark.ray
@pytest.mark.parametrize("partitions", [1, 3, 17])
def test_any_number_of_partitions_gives_the_same_bytes(
    partitions: int, three: Nodes, graphs: Graphs, tmp_path: Path
) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        f'[engine]\nname = "ray"\naddress = "{three.address}"\npartitions = {partitions}\n', encoding="utf8"
    )
    out = tmp_path / "run"
    done = kgalign("run", graphs.left, graphs.right, "-o", out, "--config", config, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert differing(graphs.local, out) == []
    tasks = _notes(out, "ray tasks")
    assert set(tasks) == set(HEAVY)
    # Of the three channels, both ways, each in so many tasks at most.
    assert tasks["retrieve"] >= partitions
    put = _notes(out, "ray bytes put")
    assert put.pop("read-left") == 0 and all(count > 0 for count in put.values())


@pytest.mark.ray
def test_from_outside_the_cluster_the_same_bytes_come_back(
    three: Nodes, graphs: Graphs, tmp_path: Path
) -> None:
    out, address = tmp_path / "run", f"ray://127.0.0.1:{three.client_port}"
    words = ("run", graphs.left, graphs.right, "-o", out, "--quiet", "--engine", "ray")
    done = kgalign(*words, "--address", address)
    assert (done.returncode, done.stderr) == (0, "")
    assert differing(graphs.local, out) == []


@pytest.mark.ray
def test_a_server_for_clients_that_is_lost_as_it_begins_is_asked_again(
    three: Nodes, graphs: Graphs, tmp_path: Path
) -> None:
    """Ray's own hang now and then; this one is killed."""
    out, address = tmp_path / "run", f"ray://127.0.0.1:{three.client_port}"
    words = ("run", graphs.left, graphs.right, "-o", out, "--quiet", "--engine", "ray")
    before = three.servers_for_clients()
    with subprocess.Popen([*command(*words, "--address", address)], stderr=subprocess.PIPE) as process:
        while not (new := three.servers_for_clients() - before) and process.poll() is None:
            time.sleep(0.005)
        for pid in new:
            os.kill(pid, signal.SIGKILL)
        said = process.communicate(timeout=200)[1]
    assert new, "one was killed"
    assert (process.returncode, said) == (0, b"")
    assert differing(graphs.local, out) == []


@pytest.mark.ray
def test_workers_that_die_in_each_step_change_nothing(graphs: Graphs, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("run", graphs.left, graphs.right, "-o", out, "--quiet", "--engine", "ray")
    said: list[str] = []
    with cluster(len(HEAVY) + 1) as nodes:
        process = subprocess.Popen(
            [*command(*words, "--address", nodes.address, "--log-level", "info")],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        for line in process.stderr:
            said.append(line)
            if any(f"{step}: begins" in line for step in HEAVY):
                nodes.kill(nodes.one_at_work())
        assert process.wait(200) == 0, said
        process.stderr.close()
        assert len(nodes.processes) == 2, "the head, and one that was left"
    assert differing(graphs.local, out) == []
    assert not [line for line in said if "info" not in line.lower()], "nothing of Ray's own"


@pytest.mark.ray
def test_a_store_that_is_too_small_spills_and_says_so(three: Nodes, tmp_path: Path) -> None:
    script = tmp_path / "large.py"
    script.write_text(LARGE, encoding="utf8")
    done = subprocess.run(
        [command()[0], str(script), three.address], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[3000000.0,", "3000000.0,", "3000000.0,", "3000000.0]"]
    assert done.stderr.count("Ray's object store has 150 MB, and 2") == 1
    assert "moves some of it to disk" in done.stderr


LARGE = """
import sys
import numpy as np
from kgalign.base.cores import in_order
from kgalign.config.engine import EngineConfig
from kgalign.engine import opened

columns = [np.full(3_000_000, number, dtype=np.float64) for number in range(1, 11)]

def held(part):
    return float(sum(column.sum() for column in columns) / 55 * part / part)

if __name__ == "__main__":
    with opened(EngineConfig(name="ray", address=sys.argv[1])):
        print(list(in_order(held, [1, 2, 3, 4], heavy=True)))
"""


@pytest.mark.ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"])
def test_where_there_is_no_cluster_one_sentence_says_so(address: str, graphs: Graphs, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("run", graphs.left, graphs.right, "-o", out, "--engine", "ray", "--address", address, "--quiet")
    done = kgalign(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert address in done.stderr


@pytest.mark.ray
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_an_open_port_that_is_not_ray_is_no_cluster(answer: bytes, graphs: Graphs, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_answering, args=(server, answer), daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert _refused(address, graphs, tmp_path) == ("is not Ray" if answer else "does not answer")


def _answering(server: socket.socket, answer: bytes) -> None:
    """Somebody who says the same to everybody, or nothing to anybody."""
    held = []
    with suppress(OSError):
        while True:
            there, _ = server.accept()
            there.sendall(answer)
            held.append(there)


@pytest.mark.ray
def test_the_port_for_clients_is_not_taken_for_the_head_or_back(
    three: Nodes, graphs: Graphs, tmp_path: Path
) -> None:
    for address in (f"127.0.0.1:{three.client_port}", f"ray://{three.address}"):
        assert _refused(address, graphs, tmp_path).startswith("is not what answers at")


def _refused(address: str, graphs: Graphs, folder: Path) -> str:
    """What a run says of who is at an address."""
    words = ("run", graphs.left, graphs.right, "-o", folder / "run", "--engine", "ray", "--quiet")
    done = kgalign(*words, "--address", address)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: No Ray cluster at {address}: who is there ")
    assert done.stderr.count("\n") == 1
    return done.stderr.partition("who is there ")[2].partition(". ")[0]


@pytest.mark.ray
def test_a_node_of_another_version_is_refused(graphs: Graphs, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(Path(__file__).parents[2] / "kgalign", other / "kgalign")
    version = other / "kgalign/base/version.py"
    version.write_text('__version__ = "0.0.7"\n', encoding="utf8")
    with cluster(1) as nodes:
        nodes.add("other", environment={"PYTHONPATH": str(other)})
        out = tmp_path / "run"
        words = ("run", graphs.left, graphs.right, "-o", out, "--engine", "ray", "--quiet")
        # Ray's workers look for modules where the driver stands first.
        done = kgalign(*words, "--address", nodes.address, folder=tmp_path)
    assert done.returncode == 2
    assert "with kgalign 0.0.7, and here is Python" in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.ray
def test_interrupted_it_leaves_no_process(graphs: Graphs, tmp_path: Path) -> None:
    words = ("run", graphs.left, graphs.right, "-o", tmp_path / "run", "--engine", "ray", "--quiet")
    process = subprocess.Popen(
        command(*words, "--log-level", "info"), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr
    for line in process.stderr:
        if "learn: begins" in line:
            break
    started = children(process.pid)
    assert len(started) > 2, "a head, a store and workers"
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    process.stderr.close()
    _until(lambda: not [pid for pid in started if Path(f"/proc/{pid}").exists()])


@pytest.mark.ray
def test_what_is_asked_of_threads_asks_no_cluster(graphs: Graphs, tmp_path: Path) -> None:
    words = ("run", graphs.left, graphs.right, "-o", tmp_path / "run", "--address", "auto")
    done = kgalign(*words)
    assert done.returncode == 2
    assert "--engine ray" in done.stderr


def _notes(run: Path, name: str) -> dict[str, int]:
    steps = json.loads((run / "run.json").read_text(encoding="utf8"))["steps"]
    return {step: int(each["notes"][name]) for step, each in steps.items() if name in each["notes"]}


def _until(true: Callable[[], bool], limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
