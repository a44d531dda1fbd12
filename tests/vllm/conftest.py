"""What the tests of vLLM share: a tiny model, and one server of it for the session."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.vllm.tiny import make_adapter, make_model

ADAPTER = "tuned"
START_LIMIT = 240
"""Seconds that a start may take on a machine that is busy."""


@dataclass(frozen=True, slots=True)
class Tiny:
    """A model and adapters on disk."""

    model: Path
    adapter: Path
    wrong: Path
    """An adapter of another model."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server at work."""

    url: str
    """It ends in ``/v1``."""
    model: str
    adapter: str
    announced: str
    """What `kgalign serve` printed."""
    process: "subprocess.Popen[str]"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny model with an adapter of its own and one of another model."""
    folder = tmp_path_factory.mktemp("models")
    model = make_model(folder / "tiny")
    return Tiny(
        model, make_adapter(folder / ADAPTER, model), make_adapter(folder / "wrong", model, hidden=48)
    )


@pytest.fixture(scope="session")
def served(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The model and its adapter, served by `kgalign serve` in a process of its own."""
    log = tmp_path_factory.mktemp("served") / "log"
    with log.open("w") as errors:
        process = start_serving(tiny.model, "--adapter", tiny.adapter, "--log-level", "debug", errors=errors)
        try:
            announced = read_until(process, "kgalign run", START_LIMIT)
            url = re.search(r"http://\S+/v1", announced)
            assert url, f"{announced}\n{log.read_text(errors='replace')[-5000:]}"
            yield Served(url[0], tiny.model.name, tiny.adapter.name, announced, process)
        finally:
            process.terminate()
            assert process.stdout
            process.stdout.close()
            code = process.wait(60)
    assert code == 0, "a server that is asked to stop has done its work"


def start_serving(*arguments: object, errors: int | IO[str] = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    """`kgalign serve` on a free port; its standard output is to be read."""
    command = [sys.executable, "-m", "kgalign", "serve", *(str(each) for each in arguments)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    return subprocess.Popen(
        [*command, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=environment,
    )


def read_until(process: "subprocess.Popen[str]", text: str, limit: float) -> str:
    """What a process has written once ``text`` is in it, once it has ended, or at the limit of seconds."""
    assert process.stdout
    written, deadline = "", time.monotonic() + limit
    descriptor = process.stdout.fileno()
    while text not in written and (left := deadline - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            break
        piece = os.read(descriptor, 65536).decode()
        if not piece:
            break
        written += piece
    return written


def children(pid: int) -> list[int]:
    """Ids of all processes that descend from one, as Linux tells of them."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if fields[0] != "Z":
            parents[int(status.parent.name)] = int(fields[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each and child not in found]
    return found[1:]


def alive(processes: Sequence[int]) -> list[int]:
    """Those of the processes that still run."""
    running = []
    for pid in processes:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.append(pid)
    return running
