"""Servers that a run starts for itself: they give the votes of one, and none of them is left behind."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from kgalign.config import Config, LlmConfig
from kgalign.errors import KgalignError, RunError
from kgalign.llm.pool import run_to_end
from kgalign.llm.scripted.server import running
from kgalign.llm.scripted.settings import parse
from kgalign.llm.workers import Workers, shares
from kgalign.run import start
from tests import commands
from tests.conftest import Pair
from tests.llm_runs import runs

Begun = Callable[[str], Path]


@pytest.fixture
def mark(tmp_path: Path) -> str:
    """What tells this test's workers from all other processes: a setting of theirs."""
    return f"seed={os.getpid()}{abs(hash(tmp_path)) % 1000:03}"


def alive(mark: str) -> list[int]:
    """The workers that there are."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"serve" in words and mark.encode() in words:
                found.append(int(folder.name))
    return sorted(found)


def asking(doubtful: Pair, out: Path, mark: str, workers: int, latency: float = 0.05) -> list[str]:
    """A run that asks all entities, a few at once; its answers do not depend on how long one takes."""
    config = out.parent / "few.toml"
    config.write_text("[llm]\nconcurrency = 4\n", encoding="utf8")
    judge = ("--judge", f"scripted:latency={latency},{mark}", "--answer", "json", "--ask", "all", "-q")
    return runs.command(doubtful, out, *judge, "--config", config, "--workers", workers)


def _wait_for_votes(out: Path, count: int) -> None:
    while True:
        with suppress(RunError):  # there is no ledger yet, or it is just being made
            if len(runs.answers(out)) >= count:
                return
        time.sleep(0.02)


def test_they_give_the_votes_of_one_and_end_with_the_run(doubtful: Pair, begun: Begun, mark: str) -> None:
    one, three = begun("one"), begun("three")
    with running(parse(mark)) as server:
        runs.run(doubtful, one, server.url, votes={"ask": "all"})
    config = {
        "judge": {"judge": f"scripted:latency=0.05,{mark}"},
        "llm": {"workers": 3, "answer": "json"},
        "votes": {"ask": "all"},
    }
    start.run(doubtful.left, doubtful.right, three, Config.model_validate(config))
    assert alive(mark) == []  # though the process that started them is still there
    assert runs.answers(three) == runs.answers(one)
    assert runs.results(three) == runs.results(one)
    assert runs.step(three).notes["answers of servers"].count("http://127.0.0.1:") == 3
    runs.assert_sound(three)


def test_they_end_where_the_run_is_killed(doubtful: Pair, begun: Begun, mark: str) -> None:
    out = begun("run")
    process = runs.begin(asking(doubtful, out, mark, 2))
    _wait_for_votes(out, 10)
    assert len(alive(mark)) == 2
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    while alive(mark):  # they are told by the kernel, and take a moment
        time.sleep(0.02)
    kept = len(runs.answers(out))
    assert runs.call(asking(doubtful, out, mark, 2)).returncode == 0
    assert runs.step(out).figures["calls_now"] == len(runs.answers(out)) - kept


def test_one_that_dies_leaves_the_work_to_the_others(doubtful: Pair, begun: Begun, mark: str) -> None:
    whole, out = begun("whole"), begun("run")
    assert runs.call(asking(doubtful, whole, mark, 2)).returncode == 0
    errors = out.parent / "errors"
    words = asking(doubtful, out, mark, 2, latency=0.2)  # seconds to go when one is killed, on any machine
    process = commands.begin(words[len(runs.COMMAND) :], errors=errors)
    _wait_for_votes(out, 10)
    os.kill(alive(mark)[0], signal.SIGKILL)
    process.join()
    assert process.exitcode == 0
    assert "it is left out until it answers again" in errors.read_text(encoding="utf8")
    assert alive(mark) == []
    assert runs.answers(out) == runs.answers(whole)
    assert runs.results(out) == runs.results(whole)


def test_one_that_does_not_start_is_told_with_what_it_said(mark: str) -> None:
    words = ["--scripted", "--set", "wits=1", "--set", mark]
    workers = Workers(words, shares(2, cpu=True), LlmConfig(), "scripted")

    async def work() -> None:
        try:
            await workers.probe()
        finally:
            await workers.close()

    with pytest.raises(KgalignError, match=r"Worker 1 did not start: .*'wits' is not a setting"):
        run_to_end(work())
    assert alive(mark) == []


def test_only_engines_of_this_machine_have_workers(doubtful: Pair, tmp_path: Path) -> None:
    options = ("--judge", "llm", "--workers", "2")
    done = runs.call(runs.command(doubtful, tmp_path / "run", *options))
    runs.assert_one_line(done, "--llm-url", "vllm:MODEL")


def test_each_has_cores_of_its_own_where_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 0, 7, 5, 6}, raising=False)
    assert [each.cores for each in shares(2, cpu=True)] == [(0, 3), (5, 6, 7)]
    assert [each.cores for each in shares(7, cpu=True)] == [(0,), (3,), (5,), (6,), (7,), (0,), (3,)]


def test_each_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-a1")
    assert [each.gpu for each in shares(2, cpu=False)] == ["2", "GPU-a1"]
    with pytest.raises(KgalignError, match=r"3 workers need 3 GPUs, and kgalign sees 2 GPUs"):
        shares(3, cpu=False)
