"""A judge of pairs in vLLM's engine says what it says in kgalign's own reader."""

import asyncio
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from kgalign.judge.asking.pair_form import shown_prompt
from kgalign.llm.builtin.reader import load_reader
from kgalign.llm.protocol import CallFailed, Capabilities, Message, Reply, Request
from kgalign.llm.vllm.engine import VllmEngine
from tests.vllm.conftest import Real

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]

TEMPERATURE = 2.0
NAMES = ("Berlin", "Bern", "Brno", "Barcelona", "Bergen")


def test_pairs_are_answered_as_the_model_was_taught_to(
    real: Real, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    adapter = tmp_path / "judge"
    shutil.copytree(real.adapter, adapter)
    record = {"settings": {"form": "pair", "temperature": TEMPERATURE}}
    (adapter / "adapter.json").write_text(json.dumps(record), encoding="utf8")
    prompts = [shown_prompt('{"name": "Berlin"}', json.dumps({"title": name})) for name in NAMES]

    async def ask() -> tuple[Capabilities, list[Any]]:
        engine = VllmEngine(str(real.model), str(adapter))
        try:
            found = await engine.probe()
            requests = [Request((Message("user", text),), ("yes", "no"), way="pair") for text in prompts]
            requests.append(Request((Message("user", "word " * 9000),), ("yes", "no"), way="pair"))
            return found, await asyncio.gather(*map(engine.ask, requests), return_exceptions=True)
        finally:
            await engine.close()

    found, replies = asyncio.run(ask())
    assert (found.ways, found.notes["temperature"]) == (("pair",), "2")
    reader = load_reader(real.model, adapter, half=False)
    for reply, odds in zip(replies, reader.odds(reader.tokens(prompts)), strict=False):
        assert isinstance(reply, Reply) and reply.probabilities is not None
        assert reply.probabilities["yes"] == pytest.approx(1 / (1 + math.exp(-odds / TEMPERATURE)), abs=0.06)
        assert reply.completion_tokens == 1
    assert isinstance(replies[-1], CallFailed) and "don't fit" in replies[-1].reason
