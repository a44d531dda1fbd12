"""Likelihoods of a real model through a real vLLM: the numbers are those that the model itself gives."""

import asyncio
import json
import math
import re
from collections.abc import Iterator

import pytest

from kgalign.llm.protocol import Capabilities, Message, Reply, Request
from kgalign.llm.server import OpenAIBackend
from tests.vllm.conftest import START_LIMIT, Real, Served, read_until, start_serving

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]

QUESTIONS = (
    (
        "name: Bose Acoustimass 5 Series III Speaker System; price: 399",
        (
            "title: Sony Bravia 40 LCD television; price: 899",
            "title: Bose Acoustimass 5 Series III; manufacturer: Bose",
            "title: Bose 161 bookshelf speakers; price: 158",
        ),
        1,
    ),
    (
        "label: Der Untergang; director: Oliver Hirschbiegel; year: 2004",
        (
            "label: Das Boot; year: 1981",
            "label: 東京物語 “Tōkyō”; year: 1953",
            "label: Untergang, Der; year: 2004",
        ),
        2,
    ),
)
NEAR = 0.1
"""Numbers of 16 bits against those of 32, over some thirty tokens: three quarters of a nat, divided as scores
are."""


def _request(asker: str, options: tuple[str, ...]) -> Request:
    labels = (*"ABC"[: len(options)], "none")
    return Request(tuple(Message("user", each) for each in (asker, *options)), labels, way="likelihood")


@pytest.fixture(scope="module")
def url(real: Real, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The model served without adapters."""
    with (tmp_path_factory.mktemp("plain") / "log").open("w") as errors:
        process = start_serving(real.model, errors=errors)
        try:
            found = re.search(r"http://\S+/v1", read_until(process, "kgalign run", START_LIMIT))
            assert found
            yield found[0]
        finally:
            process.terminate()
            assert process.stdout
            process.stdout.close()
            process.wait(60)


def test_a_server_with_adapters_is_not_asked_for_it_and_lives(served: Served) -> None:
    async def work() -> Capabilities:
        backend = OpenAIBackend(served.url, served.model)
        try:
            await backend.probe()
            return await backend.probe()
        finally:
            await backend.close()

    assert asyncio.run(work()).ways == ("json", "choice")


@pytest.fixture(scope="module")
def replies(real: Real, url: str) -> list[Reply]:
    async def work() -> list[Reply]:
        backend = OpenAIBackend(url, real.model.name)
        try:
            found = await backend.probe()
            assert found.ways == ("json", "choice", "likelihood")
            return [await backend.ask(_request(asker, options)) for asker, options, _ in QUESTIONS]
        finally:
            await backend.close()

    return asyncio.run(work())


def test_scores_are_those_that_the_model_gives_by_itself(real: Real, replies: list[Reply]) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(real.model)
    model = AutoModelForCausalLM.from_pretrained(real.model, dtype=torch.float32)

    def log_probability(before: str, text: str) -> float:
        """Of the text after what stands before it, token by token."""
        first, ids = len(tokenizer(before).input_ids), tokenizer(before + text).input_ids
        with torch.no_grad():
            logs = torch.log_softmax(model(torch.tensor([ids])).logits[0], dim=-1)
        return sum(float(logs[place - 1, ids[place]]) for place in range(first, len(ids)))

    for (asker, options, _), reply in zip(QUESTIONS, replies, strict=True):
        scores = list(json.loads(reply.text)["scores"].values())
        alone = [log_probability("\n", each) for each in options]
        after = [log_probability(f"{asker}\n", each) for each in options]
        wanted = [(gain - own) / math.sqrt(-own) for gain, own in zip(after, alone, strict=True)]
        assert scores == pytest.approx(wanted, abs=NEAR)


def test_a_small_model_finds_the_same_thing_most_likely(replies: list[Reply]) -> None:
    for (_, _, right), reply in zip(QUESTIONS, replies, strict=True):
        scores = list(json.loads(reply.text)["scores"].values())
        assert scores.index(max(scores)) == right
        assert reply.prompt_tokens > reply.completion_tokens == 6
