"""`--judge vllm:MODEL --workers N`: engines that a run starts for itself, of a real vLLM."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from kgalign.config import Config
from kgalign.run import start
from tests.vllm.conftest import Real

pytestmark = pytest.mark.vllm

COUNTRIES = Path(__file__).parents[2] / "examples" / "countries"


def test_two_engines_answer_and_are_stopped(
    real: Real, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    config = {
        "judge": {"judge": f"vllm:{real.model}"},
        "llm": {"workers": 2, "answer": "choice"},
        "votes": {"ask": "all", "max_calls": 12, "ask_anyway": True},
    }
    graphs = COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld"
    start.run(*graphs, tmp_path / "run", Config.model_validate(config))
    asked = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf8"))["steps"]["ask"]
    assert asked["figures"]["calls_now"] == 12
    answers = [int(each.split()[1]) for each in asked["notes"]["answers of servers"].split(", ")]
    assert min(answers) > 0
    assert sum(answers) == 12
    assert asked["notes"]["model"].startswith("smollm2@")
    assert asked["notes"]["server"].startswith("vllm")
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            assert str(real.model).encode() not in words.read_bytes()
