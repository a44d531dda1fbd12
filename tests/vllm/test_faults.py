"""What `kgalign serve` says of a vLLM that can't be started, and that none is left behind."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vllm.conftest import Real, alive, children, read_until, start_serving

pytestmark = pytest.mark.vllm

Command = Callable[..., subprocess.CompletedProcess[str]]


def _fails(kgalign: Command, *arguments: object) -> str:
    result = kgalign("serve", *arguments)
    assert result.returncode == 2, result.stderr
    errors = [line for line in result.stderr.splitlines() if not line.startswith(("Starting", "Still"))]
    assert len(errors) == 1, result.stderr
    assert errors[0].startswith("error: ")
    assert result.stdout == ""
    return errors[0]


def test_no_such_folder(kgalign: Command, tmp_path: Path) -> None:
    assert "There is no folder" in _fails(kgalign, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "has no config.json" in _fails(kgalign, tmp_path / "empty")


def test_no_such_name_and_no_network(kgalign: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    told = _fails(kgalign, "nobody/has-this-model", "--port", 0)
    assert "there is no such model" in told
    assert "HF_HUB_OFFLINE" in told


def test_an_adapter_that_is_not_there_or_of_another_model(kgalign: Command, real: Real) -> None:
    assert "There is no adapter in" in _fails(kgalign, real.model, "--adapter", real.model)
    told = _fails(kgalign, real.model, "--adapter", real.wrong)
    assert "was trained on another model" in told
    assert re.search(r"\w+_proj is \d+ × \d+ there", told)


def test_a_port_that_is_in_use(kgalign: Command, real: Real) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Nothing can listen on port {port}" in _fails(kgalign, real.model, "--port", port)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--max-context", 10**7), "the model has no such context"),
        (("--", "--no-such-flag"), "unrecognized arguments: --no-such-flag"),
    ],
)
def test_what_vllm_refuses_is_said_in_one_line(
    kgalign: Command, real: Real, flags: tuple[object, ...], told: str
) -> None:
    assert told in _fails(kgalign, real.model, "--port", 0, *flags)


def test_memory_that_is_too_small_is_said(
    kgalign: Command, real: Real, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "100000")
    told = _fails(kgalign, real.model, "--port", 0)
    assert "memory is too small" in told
    assert "VLLM_CPU_KVCACHE_SPACE" in told


def _begun(real: Real) -> tuple["subprocess.Popen[str]", list[int]]:
    """A server that is about to start, and all processes under it."""
    process = start_serving(real.model, errors=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (found := children(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found
    return process, found


def _gone(processes: list[int]) -> bool:
    deadline = time.monotonic() + 30
    while alive(processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not alive(processes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_vllm_is_left_behind(real: Real, number: signal.Signals) -> None:
    process, processes = _begun(real)
    os.kill(process.pid, number)
    written, errors = process.communicate(timeout=60)
    assert _gone(processes)
    assert written == ""
    assert "error" not in errors
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)


def test_a_server_that_dies_while_it_works_is_told_of(real: Real) -> None:
    process = start_serving(real.model, errors=subprocess.PIPE)
    try:
        assert "kgalign run" in read_until(process, "kgalign run", 240)
        processes = children(process.pid)
        assert len(processes) > 1, "the engine is a process of its own"
        os.kill(processes[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 2
    assert "error: vLLM was killed" in errors
    assert _gone(processes)
