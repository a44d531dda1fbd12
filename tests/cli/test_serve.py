"""`kgalign serve` where no vLLM is needed: the scripted judge, and what is refused before anything starts."""

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from kgalign.cli import main


def _call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["serve", *map(str, arguments)])
    return result.exit_code, result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_scripted_judge_is_served_until_it_is_told_to_stop(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "kgalign", "serve", "--scripted", "--port", "0"]
    with subprocess.Popen(
        [*command, "--set", "accuracy=0.8", "--set", "seed=3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        try:
            first, second = process.stdout.readline(), process.stdout.readline()
            assert first.startswith("Serving scripted at http://127.0.0.1:")
            url = first.split()[3].rstrip(";")
            flags = f"--judge llm --llm-url {url} --model scripted"
            assert second == f"  kgalign run LEFT RIGHT -o RUN {flags}\n"
            with urllib.request.urlopen(f"{url}/models") as answer:
                assert [each["id"] for each in json.load(answer)["data"]] == ["scripted"]
        finally:
            process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "No model is given"),
        (("--scripted", "model"), "--scripted serves no model"),
        (("--scripted", "--adapter", "folder"), "--scripted serves no model"),
        (("model", "--set", "accuracy=1"), "--set is for the scripted judge"),
        (("--scripted", "--set", "wits=1"), "wits"),
        (("--scripted", "--set", "accuracy=2"), "accuracy"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(arguments: tuple[str, ...], told: str) -> None:
    code, text = _call(*arguments)
    assert code == 2
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    assert told in text


@pytest.mark.parametrize("port", [-1, 65536, "eighty"])
def test_a_port_that_is_none(port: object) -> None:
    code, text = _call("--scripted", "--port", port)
    assert code == 2
    assert "--port" in text


def test_a_port_that_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, text = _call("--scripted", "--port", taken.getsockname()[1])
    assert code == 2
    assert text.startswith("error: ")
    assert text.count("\n") == 1


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_it_says_what_to_install(tmp_path: Path) -> None:
    code, text = _call(tmp_path)
    assert code == 2
    assert "needs the extra 'vllm'" in text
    assert "pip install 'kgalign[vllm]'" in text
    assert text.count("\n") == 1
