"""What the tests of Ray share: real clusters of real processes on this machine, and a pair of graphs."""

import gzip
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.generate import generate

# Clusters of the tests are their own, and nobody else's work is taken: not what the home folder says.
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
RAY = Path(sys.executable).with_name("ray")
STORE = 150_000_000
"""Bytes of a node's object store."""
ENTITIES = 5_000
"""Of a side: enough for several parts of everything that is heavy."""
FILES, REPEATED = 6, 12
"""Files of the left side, and times that each line stands there."""
START_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Graphs:
    """A generated pair, and what a run on this machine alone made of it."""

    left: Path
    right: Path
    local: Path


@dataclass(slots=True)
class Nodes:
    """A head without a core, and workers with one each; every node is a process and its children."""

    folder: Path
    port: int
    client_port: int
    """Where processes of other machines ask: ``ray://``."""
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, name: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
        """Begin to start a node."""
        variables = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **(environment or {})}
        common = ["--block", "--disable-usage-stats", f"--object-store-memory={STORE}"]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [RAY, "start", *words, *common],
                stdout=log,
                stderr=log,
                env=variables,
                start_new_session=True,
            )

    def add(self, *names: str, environment: Mapping[str, str] | None = None) -> None:
        """Start workers with one core each, one after the other: those of one machine look for free ports."""
        for name in names:
            self.start(name, f"--address={self.address}", "--num-cpus=1", environment=environment)
            self.wait_for(name)

    def servers_for_clients(self) -> set[int]:
        """Processes of the head of which each is there for one process of another machine."""
        found = set()
        for pid in children(self.processes["head"].pid):
            with suppress(OSError):
                if b"specific-server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.add(pid)
        return found

    def kill(self, name: str) -> None:
        """As a machine that loses its power."""
        for pid in [*children(self.processes[name].pid), self.processes[name].pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.processes.pop(name).wait(30)

    def working(self, name: str) -> bool:
        """Whether a node does a part just now: Ray names its processes after what they do."""
        return any(_title(pid) == "ray::work" for pid in children(self.processes[name].pid))

    def one_at_work(self, limit: float = 60) -> str:
        """The name of a node that does a part just now."""
        deadline = time.monotonic() + limit
        while True:
            for name in self.processes:
                if name != "head" and self.working(name):
                    return name
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def wait_for(self, name: str) -> None:
        """Wait until a node is there."""
        log, deadline = self.folder / f"{name}.log", time.monotonic() + START_LIMIT
        while "Ray runtime started" not in (said := log.read_text(errors="replace")):
            assert self.processes[name].poll() is None and time.monotonic() < deadline, said
            time.sleep(0.1)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def cluster(workers: int) -> Iterator[Nodes]:
    """A cluster for as long as it is needed."""
    folder = Path(tempfile.mkdtemp(prefix="kr", dir="/tmp"))  # paths of sockets must be short
    nodes = Nodes(folder, *_free_ports())
    try:
        nodes.start(
            "head",
            *("--head", "--num-cpus=0", "--include-dashboard=false", "--node-ip-address=127.0.0.1"),
            *(f"--port={nodes.port}", f"--ray-client-server-port={nodes.client_port}"),
            f"--temp-dir={folder / 'ray'}",
        )
        nodes.wait_for("head")
        nodes.add(*(f"worker{number}" for number in range(workers)))
        yield nodes
    finally:
        for name in [*nodes.processes]:
            nodes.kill(name)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def three() -> Iterator[Nodes]:
    """A head and three workers, not to be changed."""
    with cluster(3) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    folder = tmp_path_factory.mktemp("graphs")
    generate(folder, ENTITIES)
    _in_files(folder / "left.nt.gz", folder / "left")
    found = Graphs(folder / "left", folder / "right.nt.gz", folder / "local")
    done = kgalign("run", found.left, found.right, "-o", found.local, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    return found


def _in_files(path: Path, folder: Path) -> None:
    """Put lines into several files, each of them several times: enough to read for some workers."""
    folder.mkdir()
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    for number in range(FILES):
        text = b"".join(lines[number::FILES]) * REPEATED
        (folder / f"{number}.nt").write_bytes(text)


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "kgalign", *map(str, words)]


def kgalign(*words: object, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """The command as a user calls it."""
    return subprocess.run(
        command(*words),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=folder,
    )


def differing(one: Path, other: Path) -> list[str]:
    """Files that are not the same in two run folders; what tells of times and machines is left out."""
    left, right = (
        {
            str(path.relative_to(run)): path.read_bytes()
            for path in sorted(run.rglob("*"))
            if path.is_file() and path.name not in ("run.json", ".lock", "report.html")
        }
        for run in (one, other)
    )
    return sorted({name for name in left.keys() | right.keys() if left.get(name) != right.get(name)})


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


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\x00 ").decode()
    except OSError:
        return ""
