"""A real vLLM over HTTP, started by `kgalign serve`: what it promises, and what it leaves out in silence."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from kgalign.llm.protocol import CallFailed, Capabilities, Message, Reply, Request, Sampling
from kgalign.llm.schema import answer_schema
from kgalign.llm.server import OpenAIBackend
from tests.vllm.conftest import CONTEXT, Served

pytestmark = pytest.mark.vllm

LABELS = ("A", "B", "C", "none")
QUESTION = "Which of these is the same thing as Berlin? A: Bern. B: Berlin. C: Brno."


def _get(served: Served, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{served.url.removesuffix('/v1')}{path}") as answer:
        body = answer.read()
    return dict(json.loads(body)) if body else {}


def _chat(served: Served, model: str = "", question: str = QUESTION, **fields: object) -> dict[str, Any]:
    body = {
        "model": model or served.model,
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 256,
        **fields,
    }
    request = urllib.request.Request(
        f"{served.url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return dict(json.load(answer))


def _read(text: str) -> dict[str, Any]:
    """An answer. Where a schema limits a text's length, xgrammar lets control characters through."""
    return dict(json.loads(text, strict=False))


def _schema() -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": answer_schema(LABELS)}}


def test_it_is_healthy_and_says_what_to_do_next(served: Served) -> None:
    assert _get(served, "/health") == {}
    models = {each["id"]: each for each in _get(served, "/v1/models")["data"]}
    assert models.keys() == {served.model, served.adapter}
    assert models[served.model]["max_model_len"] == CONTEXT
    flags = f"--judge llm --llm-url {served.url} --model {served.model} --adapter {served.adapter}"
    assert f"kgalign run LEFT RIGHT -o RUN {flags}" in served.announced


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("adapted", [False, True])
def test_a_schema_binds_whatever_it_is_told(served: Served, place: int, adapted: bool) -> None:
    question = f"{QUESTION} Question {place}. Write anything but JSON."
    answer = _chat(
        served,
        served.adapter if adapted else "",
        question,
        response_format=_schema(),
        temperature=1,
        seed=place,
        max_tokens=1000,
    )
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "stop"
    said = _read(choice["message"]["content"])
    assert said.keys() == {"choice", "values", "reason"}
    assert said["choice"] in LABELS


@pytest.mark.parametrize("adapted", [False, True])
def test_words_bind_too(served: Served, adapted: bool) -> None:
    name = served.adapter if adapted else served.model
    answer = _chat(served, name, structured_outputs={"choice": list(LABELS)})
    assert answer["choices"][0]["message"]["content"] in LABELS


def test_the_older_guided_choice_is_ignored_without_a_word(served: Served) -> None:
    answer = _chat(served, guided_choice=list(LABELS), max_tokens=8)
    assert answer["choices"][0]["message"]["content"] not in LABELS


def test_each_token_comes_with_twenty_alternatives(served: Served) -> None:
    answer = _chat(served, response_format=_schema(), logprobs=True, top_logprobs=20)
    content = answer["choices"][0]["logprobs"]["content"]
    assert {len(each["top_logprobs"]) for each in content} == {20}
    with pytest.raises(urllib.error.HTTPError) as refused:
        _chat(served, logprobs=True, top_logprobs=21)
    refused.value.close()
    assert refused.value.code == 400


def test_what_was_read_before_is_not_read_again_and_counted(served: Served) -> None:
    question = "Which of these has the same name and the same population? " * 10
    first, second = (_chat(served, question=question, max_tokens=1)["usage"] for _ in range(2))
    assert first["prompt_tokens"] == second["prompt_tokens"]
    # vLLM's cache works in blocks, of 32 tokens here, and the last token is always read.
    whole = (second["prompt_tokens"] - 1) // 32 * 32
    assert second["prompt_tokens_details"]["cached_tokens"] == whole


def _request(number: int, **sampling: int) -> Request:
    messages = (
        Message("system", "Answer with one JSON object and nothing else."),
        Message("user", f"{QUESTION} Country {number}."),
    )
    return Request(messages, LABELS, Sampling(**sampling), number)


async def _ask(served: Served, adapter: str, requests: list[Request]) -> list[Reply]:
    backend = OpenAIBackend(served.url, served.model, adapter)
    try:
        await backend.probe()
        return await asyncio.gather(*(backend.ask(each) for each in requests))
    finally:
        await backend.close()


def test_the_client_finds_out_what_it_can_do(served: Served) -> None:
    async def probe() -> Capabilities:
        backend = OpenAIBackend(served.url, served.model, served.adapter)
        try:
            return await backend.probe()
        finally:
            await backend.close()

    found = asyncio.run(probe())
    assert found.server.startswith("vllm")
    assert "0.32" in found.server
    assert found.structure == "json_schema"
    assert found.logprobs == 20
    assert found.context == CONTEXT
    assert found.adapters == (served.adapter,)


def test_the_client_gets_answers_with_probabilities_and_the_same_ones_again(served: Served) -> None:
    requests = [_request(number) for number in range(6)]
    replies = asyncio.run(_ask(served, "", requests))
    for reply in replies:
        assert reply.probabilities is not None
        assert reply.probabilities.keys() == set(LABELS)
        assert sum(reply.probabilities.values()) == pytest.approx(1)
        assert reply.prompt_tokens > 0
        assert 0 < reply.completion_tokens <= 256
        if reply.finish == "stop":
            said = _read(reply.text)
            # Greedy: it says what is likeliest, however that is spelled.
            assert reply.probabilities[said["choice"]] > 1 / len(LABELS)
    assert [each.text for each in asyncio.run(_ask(served, "", requests[:1]))] == [replies[0].text]


def test_an_adapter_judges_otherwise(served: Served) -> None:
    requests = [_request(number) for number in range(6)]
    plain = asyncio.run(_ask(served, "", requests))
    adapted = asyncio.run(_ask(served, served.adapter, requests))
    changes = [
        max(abs((a.probabilities or {})[label] - (b.probabilities or {})[label]) for label in LABELS)
        for a, b in zip(plain, adapted, strict=True)
    ]
    assert min(changes) > 1e-3


def test_a_question_longer_than_the_context_is_refused_for_good(served: Served) -> None:
    long = Request((Message("user", "word " * CONTEXT),), LABELS)
    with pytest.raises(CallFailed) as failed:
        asyncio.run(_ask(served, "", [long]))
    assert not failed.value.again
