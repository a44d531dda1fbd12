"""Likelihoods over HTTP: the scores are those of the model, and nobody is asked who can't give them."""

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from kgalign.llm.likelihood import THRESHOLD, Echo, default_probabilities, gained
from kgalign.llm.protocol import CallFailed, Capabilities, Message, Reply, Request
from kgalign.llm.server import OpenAIBackend
from tests.llm import copying
from tests.llm.servers import ModelServer, serving

ASKER = "name: Bose Acoustimass 5; price: 399"
OPTIONS = ("title: Sony Bravia 40", "title: Bose Acoustimass 5 Series III", "title: 399 Days of Rain")
LABELS = ("A", "B", "C", "none")
REQUEST = Request(tuple(Message("user", each) for each in (ASKER, *OPTIONS)), LABELS, way="likelihood")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(echo=copying.completion) as served:
        yield served


def _asked(url: str, *requests: Request) -> list[Reply]:
    async def work() -> list[Reply]:
        backend = OpenAIBackend(url, "small", timeout=10.0)
        try:
            return list(await asyncio.gather(*(backend.ask(each) for each in requests)))
        finally:
            await backend.close()

    return asyncio.run(work())


def _probed(url: str) -> Capabilities:
    async def work() -> Capabilities:
        backend = OpenAIBackend(url, "small", timeout=10.0)
        try:
            return await backend.probe()
        finally:
            await backend.close()

    return asyncio.run(work())


def test_scores_are_by_how_much_the_asker_makes_an_option_likelier(server: ModelServer) -> None:
    (reply,) = _asked(server.url, REQUEST)
    said = json.loads(reply.text)
    wanted = [copying.score(ASKER, each) for each in OPTIONS]
    assert list(said["scores"].values()) == pytest.approx(wanted, abs=1e-4)
    assert max(range(3), key=lambda number: wanted[number]) == 1
    assert reply.probabilities is not None
    assert list(reply.probabilities) == list(LABELS)
    assert sum(reply.probabilities.values()) == pytest.approx(1)
    assert list(reply.probabilities.values()) == pytest.approx(
        default_probabilities(wanted, said["threshold"]), abs=1e-4
    )
    assert said["threshold"] == THRESHOLD
    assert said["choice"] == max(LABELS, key=lambda label: (reply.probabilities or {})[label])
    assert reply.finish == "stop"
    assert reply.completion_tokens == 6
    assert reply.prompt_tokens == sum(
        len(copying.tokens_of(f"{before}\n{each}")) for before in ("", ASKER) for each in OPTIONS
    )


def test_a_text_is_not_likelier_for_being_long(server: ModelServer) -> None:
    """A text that says a few of the words among much else gains more than the partner, and scores less."""
    asker, partner = "Bose Acoustimass speaker system with remote", "Bose Acoustimass"
    long = "Sony speaker system with remote " + " ".join(f"word{number}" for number in range(40))
    request = Request(tuple(Message("user", each) for each in (asker, long, partner)), ("A", "B", "none"))
    (reply,) = _asked(server.url, replace(request, way="likelihood"))
    gains = [copying.of(each, f"{asker}\n") - copying.of(each) for each in (long, partner)]
    assert gains[0] > gains[1]
    scores = json.loads(reply.text)["scores"]
    assert scores["B"] > scores["A"]


def test_an_option_alone_is_asked_once(server: ModelServer) -> None:
    prompts: list[str] = []

    def counted(body: dict[str, Any]) -> dict[str, Any]:
        prompts.extend(body["prompt"])
        return copying.completion(body)

    server.echo = counted
    other = Request((Message("user", "name: Rain"), *REQUEST.messages[1:]), LABELS, way="likelihood")
    first, again, second = _asked(server.url, REQUEST, REQUEST, other)
    assert first.text == again.text != second.text
    assert sorted(each for each in prompts if each.startswith("\n")) == sorted(
        f"\n{each}" for each in OPTIONS
    )
    assert len(prompts) == 3 + 3 * 3


def test_after_a_failure_it_is_asked_again(server: ModelServer) -> None:
    bodies: list[dict[str, Any]] = []

    def first_silent(body: dict[str, Any]) -> dict[str, Any] | None:
        bodies.append(body)
        return None if len(bodies) == 1 else copying.completion(body)

    server.echo = first_silent

    async def work() -> Reply:
        backend = OpenAIBackend(server.url, "small", timeout=10.0)
        try:
            with pytest.raises(CallFailed):
                await backend.ask(REQUEST)
            return await backend.ask(REQUEST)
        finally:
            await backend.close()

    assert json.loads(asyncio.run(work()).text)["scores"].keys() == {"A", "B", "C"}


def test_the_probe_finds_out_whether_it_is_offered(server: ModelServer) -> None:
    assert _probed(server.url).ways == ("json", "choice", "likelihood")


def _without(field: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda body: copying.completion({key: value for key, value in body.items() if key != field})


def _no_logprobs(body: dict[str, Any]) -> dict[str, Any]:
    answer = copying.completion(body)
    return answer | {"choices": [each | {"logprobs": None} for each in answer["choices"]]}


def _nonsense(body: dict[str, Any]) -> dict[str, Any]:
    answer = copying.completion(body)
    logprobs = {"tokens": ["\n", "a"], "token_logprobs": [None, "NaN"]}
    return answer | {"choices": [each | {"logprobs": logprobs} for each in answer["choices"]], "usage": None}


@pytest.mark.parametrize(
    "echo", [None, _without("echo"), _no_logprobs, _nonsense, lambda _: {"choices": []}, lambda _: {}]
)
def test_a_server_that_gives_no_log_probabilities_of_prompts_is_not_asked_so(
    server: ModelServer, echo: Callable[[dict[str, Any]], dict[str, Any]] | None
) -> None:
    server.echo = echo
    assert _probed(server.url).ways == ("json", "choice")
    with pytest.raises(CallFailed) as failed:
        _asked(server.url, REQUEST)
    assert not failed.value.again


def test_tokens_that_differ_at_the_border_are_left_out() -> None:
    alone = Echo(("\n", "na", "me"), (None, -3.0, -2.0))
    assert gained(Echo(("x", "\n", "na", "me"), (None, -1.0, -1.0, -0.5)), alone) == pytest.approx(3.5)
    assert gained(Echo(("x", "\nna", "me"), (None, -1.0, -0.5)), alone) == pytest.approx(1.5)
    assert gained(Echo(("x", "\n", "nam", "e"), (None, -1.0, -1.0, -0.5)), alone) is None
    with_start = Echo(("<s>", "\n", "na", "me"), (None, -1.0, -3.0, -2.0))
    after = Echo(("<s>", "x", "\n", "na", "me"), (None, -1.0, -9.0, -1.0, -0.5))
    assert gained(after, with_start) == pytest.approx(3.5)


def test_scores_far_apart_are_still_probabilities() -> None:
    for scores in ([1e4, -1e4], [-1e4, -1e4], [0.0]):
        found = default_probabilities(scores, 18.0)
        assert sum(found) == pytest.approx(1)
        assert all(math.isfinite(math.log(each)) for each in found)
