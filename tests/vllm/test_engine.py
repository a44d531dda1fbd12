"""The same model in this process: it speaks the same protocol as the server and says the same."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgalign.errors import KgalignError
from kgalign.llm.protocol import Backend, CallFailed, Message, Reply, Request, Sampling
from kgalign.llm.server import OpenAIBackend
from kgalign.llm.vllm.engine import VllmEngine
from tests.vllm.conftest import CONTEXT, Real, Served

# vLLM and what it imports warn of what they themselves use.
pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]

LABELS = ("A", "B", "C", "none")
NEAR = 0.06
"""How far probabilities may be apart where they were computed with numbers of 16 bits."""


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def engine(real: Real, loop: asyncio.Runner) -> Iterator[VllmEngine]:
    # In the environment and not by an argument, as for a user; the model is small and so is its cache.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("HF_HUB_OFFLINE", "1")
        made = VllmEngine(str(real.model), str(real.adapter))
        yield made
        loop.run(made.close())


def _request(number: int, words: int = 0, **sampling: int) -> Request:
    text = (
        f"Which of these is the same thing as Berlin? A: Bern. B: Berlin. C: Brno. {number}{' word' * words}"
    )
    messages = (Message("system", "Answer with one JSON object and nothing else."), Message("user", text))
    return Request(messages, LABELS, Sampling(**sampling), number)


def _ask(loop: asyncio.Runner, backend: Backend, requests: list[Request]) -> list[Any]:
    async def ask() -> list[Any]:
        return await asyncio.gather(*(backend.ask(each) for each in requests), return_exceptions=True)

    return loop.run(ask())


def test_it_finds_out_what_it_can_do(engine: VllmEngine, loop: asyncio.Runner) -> None:
    found = loop.run(engine.probe())
    assert found.server.startswith("vllm 0.32.0")
    assert (found.structure, found.logprobs, found.context) == ("json_schema", 20, CONTEXT)
    assert found.adapters == (engine.adapter,)
    assert engine.name.startswith("smollm2@")
    assert engine.adapter.startswith("tuned@")


def test_a_batch_is_answered_in_form_and_twice_nearly_the_same(
    engine: VllmEngine, loop: asyncio.Runner
) -> None:
    requests = [_request(number, words=number) for number in range(12)]
    replies = _ask(loop, engine, requests)
    for request, reply in zip(requests, replies, strict=True):
        assert isinstance(reply, Reply)
        assert reply.finish in ("stop", "length")
        assert reply.probabilities is not None
        assert list(reply.probabilities) == list(request.labels)
        assert sum(reply.probabilities.values()) == pytest.approx(1)
        assert reply.prompt_tokens > 0
        assert reply.seconds > 0
        if reply.finish == "stop":
            assert json.loads(reply.text, strict=False)["choice"] in LABELS
    again = _ask(loop, engine, requests)
    # What was read before is not computed again, so that numbers of 16 bits are rounded otherwise.
    for reply, other in zip(replies, again, strict=True):
        assert reply.probabilities == pytest.approx(other.probabilities, abs=NEAR)
    # All begin alike, and each was read before.
    assert all(each.cached_tokens > 0 for each in again)


def test_only_the_question_that_is_too_long_fails(engine: VllmEngine, loop: asyncio.Runner) -> None:
    short, long, greedy = _ask(
        loop, engine, [_request(0), _request(1, words=CONTEXT), _request(2, max_tokens=CONTEXT)]
    )
    assert isinstance(short, Reply)
    for failed in (long, greedy):
        assert isinstance(failed, CallFailed)
        assert not failed.again
        assert str(CONTEXT) in failed.reason


def test_a_question_that_nobody_waits_for_any_more_holds_up_no_other(
    engine: VllmEngine, loop: asyncio.Runner
) -> None:
    async def ask() -> Reply:
        first = asyncio.create_task(engine.ask(_request(0)))
        second = asyncio.create_task(engine.ask(_request(1)))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert loop.run(ask()).text


def test_it_says_what_the_server_says(engine: VllmEngine, served: Served, loop: asyncio.Runner) -> None:
    requests = [_request(number) for number in range(5)]
    backend = OpenAIBackend(served.url, served.model, served.adapter)

    async def ask() -> list[Reply]:
        try:
            await backend.probe()
            return await asyncio.gather(*(backend.ask(each) for each in requests))
        finally:
            await backend.close()

    for here, there in zip(_ask(loop, engine, requests), loop.run(ask()), strict=True):
        assert here.prompt_tokens == there.prompt_tokens
        assert here.probabilities == pytest.approx(there.probabilities, abs=NEAR)


def test_a_folder_that_changes_is_another_model(real: Real, engine: VllmEngine, tmp_path: Path) -> None:
    shutil.copytree(real.model, tmp_path / "smollm2")
    assert VllmEngine(str(tmp_path / "smollm2")).name == engine.name
    weights = tmp_path / "smollm2" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert VllmEngine(str(tmp_path / "smollm2")).name != engine.name


@pytest.mark.parametrize(
    ("model", "adapter", "told"),
    [
        ("./no-such-folder", "", "There is no folder"),
        ("{real}", "{real}", "There is no adapter in"),
        ("{real}", "{wrong}", "was trained on another model"),
    ],
)
def test_what_is_not_there_is_one_clear_error(real: Real, model: str, adapter: str, told: str) -> None:
    names = {"real": real.model, "wrong": real.wrong}
    with pytest.raises(KgalignError, match=told):
        VllmEngine(model.format(**names), adapter.format(**names))
