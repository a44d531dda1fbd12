"""`kgalign serve` and `kgalign run` as a user gives them, with no option that is not needed; and the server
is killed in the middle.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.vllm.conftest import START_LIMIT, Real, children, read_until, start_serving

pytestmark = pytest.mark.vllm

COUNTRIES = Path(__file__).parents[2] / "examples" / "countries"
GRAPHS = COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld", "--config", COUNTRIES / "config.toml"
CALLS = 18
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@contextmanager
def _serving(real: Real, log: Path, port: int = 0) -> Iterator[tuple[str, int]]:
    """The model with its adapter, as `kgalign serve` does it by itself; its URL and the process's id."""
    with log.open("w") as errors:
        process = start_serving(real.model, "--adapter", real.adapter, errors=errors, port=port)
        try:
            url = re.search(r"http://\S+/v1", read_until(process, "kgalign run", START_LIMIT))
            assert url, log.read_text(errors="replace")[-5000:]
            yield url[0], process.pid
        finally:
            process.terminate()
            assert process.stdout
            process.stdout.close()
            process.wait(60)


def _answers(run: Path) -> list[tuple[str, str, str]]:
    """Key, model and adapter of all that was answered."""
    ledger = run / "votes.sqlite"
    if not ledger.exists():
        return []
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as votes:
        try:
            return list(votes.execute("SELECT key, model, adapter FROM call WHERE answered"))
        except sqlite3.OperationalError:
            return []  # it is just being made


def test_defaults_do_and_a_server_that_was_killed_is_gone_on_with(
    real: Real, kgalign: Command, tmp_path: Path
) -> None:
    log, whole, broken = tmp_path / "log", tmp_path / "whole", tmp_path / "broken"
    asks = ("--judge", "llm", "--adapter", real.adapter.name)
    long = ("--ask", "all", "--max-calls", CALLS)
    with _serving(real, log) as (url, server):
        said = log.read_text()
        assert f"Merging {real.adapter.name} into {real.model.name}" in said
        done = kgalign("run", *GRAPHS, "-o", whole, *asks, "--llm-url", url)
        assert done.returncode == 0, done.stderr
        # As it comes the model is hardly worth asking, which is told after what is known was asked.
        assert re.search("smollm2 is no better than chance|Asked smollm2 about 2 entities", done.stdout)
        assert len(_answers(whole)) >= 24
        assert {each[1:] for each in _answers(whole)} == {(real.model.name, real.adapter.name)}
        record = json.loads((whole / "run.json").read_text(encoding="utf8"))
        assert "merged into the model" in json.dumps(record)

        command = [
            sys.executable,
            "-m",
            "kgalign",
            "run",
            *GRAPHS,
            "-o",
            broken,
            *asks,
            *long,
            "--llm-url",
            url,
        ]
        with subprocess.Popen(
            [str(each) for each in command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as asking:
            while len(_answers(broken)) < CALLS // 3 and asking.poll() is None:
                time.sleep(0.2)
            for each in children(server):
                os.kill(each, signal.SIGKILL)
            _, told = asking.communicate(timeout=120)
        assert asking.returncode == 2
        assert re.search(r"error: The model smollm2 has not answered \d+ calls in a row since", told), told
        assert "What it answered is kept" in told
    kept = set(_answers(broken))
    assert CALLS // 3 <= len(kept) < CALLS
    with _serving(real, log, port=int(url.removesuffix("/v1").rpartition(":")[2])) as (again, _):
        assert again == url
        done = kgalign("run", *GRAPHS, "-o", broken, *asks, *long, "--llm-url", url)
    assert done.returncode == 0, done.stderr
    assert kept < set(_answers(broken))
    # What was under way when the server was killed was asked, and counts in the limit without an answer.
    assert CALLS // 2 <= len(_answers(broken)) <= CALLS
    now = len(_answers(broken)) - len(kept)
    assert re.search(rf"\d+ votes, {now} of them now", done.stdout), done.stdout
    assert kgalign("votes", "verify", broken).returncode == 0
