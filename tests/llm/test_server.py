import asyncio
import datetime
import email.utils
import json
import logging
import traceback
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from kgalign.config import LlmConfig
from kgalign.errors import KgalignError
from kgalign.llm.backends import open_backend
from kgalign.llm.protocol import CallFailed, Capabilities, Message, Reply, Request, Sampling
from kgalign.llm.schema import answer_schema
from kgalign.llm.server import OpenAIBackend
from tests.llm import servers
from tests.llm.servers import Fault, ModelServer, free_port, serving

LABELS = ("A", "B", "none")
REQUEST = Request(
    (Message("system", "Decide."), Message("user", "Which is it? “Nara” ☕")),
    LABELS,
    Sampling(temperature=0.5, top_p=0.9, max_tokens=99, seed=7, logprobs=5),
)

T = TypeVar("T")
Ask = Callable[..., Reply]


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KGALIGN_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving() as served:
        yield served


@pytest.fixture
def ask() -> Ask:
    """Ask one question over a connection of its own."""

    def one(url: str, question: Request = REQUEST, **options: Any) -> Reply:  # noqa: ANN401
        return run(lambda: _ask(url, question, **options))

    return one


async def _ask(url: str, question: Request, **options: Any) -> Reply:  # noqa: ANN401
    backend = OpenAIBackend(url, "small", **{"timeout": 10.0, **options})
    try:
        return await backend.ask(question)
    finally:
        await backend.close()


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(work())


@pytest.mark.parametrize("suffix", ["", "/", "/chat/completions"])
def test_a_request_says_all_that_was_asked_for(server: ModelServer, ask: Ask, suffix: str) -> None:
    reply = ask(f"{server.url}{suffix}")
    assert reply.text == '{"choice": "A", "values": [], "reason": "so"}'
    assert (reply.finish, reply.prompt_tokens, reply.attempts) == ("stop", 100, 1)
    assert reply.completion_tokens > 5
    assert reply.seconds > 0
    assert reply.probabilities == {"A": 1.0, "B": 0.0, "none": 0.0}
    (body,) = server.asked
    form = body.pop("response_format")
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    assert form["json_schema"]["schema"] == answer_schema(LABELS)
    assert body == {
        "model": "small",
        "messages": [
            {"role": "system", "content": "Decide."},
            {"role": "user", "content": "Which is it? “Nara” ☕"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 99,
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 5,
    }


def _found(structure: Any, logprobs: int = 5, **notes: str) -> Capabilities:  # noqa: ANN401
    return Capabilities("any", structure, logprobs, 0, notes=notes)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (_found("json_schema"), {"response_format", "logprobs", "top_logprobs"}),
        (_found("json_schema", 0), {"response_format"}),
        (_found("json_schema", 0, form="structured_outputs"), {"structured_outputs"}),
        (_found("choice", 2), {"structured_outputs", "logprobs", "top_logprobs"}),
        (_found("none", 0), set()),
    ],
)
def test_only_what_the_server_can_do_is_asked_of_it(
    server: ModelServer, found: Capabilities, expected: set[str]
) -> None:
    run(lambda: _ask(server.url, REQUEST, capabilities=found))
    (body,) = server.asked
    assert set(body) - {"model", "messages", "temperature", "top_p", "max_tokens", "seed"} == expected
    assert body.get("top_logprobs", found.logprobs) == found.logprobs


def test_options_that_the_server_refuses_are_left_out(server: ModelServer) -> None:
    found = _found("none", 0, without="max_tokens seed")
    run(lambda: _ask(server.url, REQUEST, capabilities=found))
    (body,) = server.asked
    assert body["max_completion_tokens"] == 99
    assert not {"max_tokens", "seed"} & set(body)


def test_an_adapter_is_asked_by_its_name(server: ModelServer) -> None:
    run(lambda: _ask(server.url, REQUEST, adapter="tuned"))
    assert server.asked[0]["model"] == "tuned"


PASSING: dict[str, tuple[Fault, str]] = {
    "429": (servers.status(429), r"status 429 \(out of order\)"),
    "500": (servers.status(500, b"<html>oops</html>"), "status 500$"),
    "502": (servers.status(502), "status 502"),
    "503": (servers.status(503), "status 503"),
    "504": (servers.status(504), "status 504"),
    "529": (servers.status(529), "status 529"),
    "silence": (servers.silence, "has not answered within 0.3 seconds"),
    "drip": (servers.drip, "has not answered within 0.3 seconds"),
    "half": (servers.half, "broke the connection off: "),
    "garbled": (servers.garbled, "no JSON object"),
    "list": (servers.status(200, b"[1]"), "no JSON object"),
    "error": (servers.status(200, {"error": {"message": "no room"}}), r"no choice \(no room\)"),
    "no choice": (servers.status(200, {"choices": []}), "answers no choice$"),
    "odd choice": (servers.status(200, {"choices": [{"message": "A"}]}), "answers no choice$"),
    "hang up": (servers.hang_up, "broke the connection off: "),
    "reset": (servers.reset, "broke the connection off: "),
    "no HTTP": (servers.no_http, "broke the connection off: "),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_says_so(server: ModelServer, ask: Ask, name: str) -> None:
    fault, expected = PASSING[name]
    server.faults = [fault]
    with pytest.raises(CallFailed, match=expected) as caught:
        ask(server.url, timeout=0.3 if fault in (servers.silence, servers.drip) else 10.0)
    assert caught.value.reason.startswith(f"{server.url} ")
    assert (caught.value.again, caught.value.gone, caught.value.after) == (True, False, None)
    assert ask(server.url).text


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422, 501])
def test_what_stays_is_not_tried_again(server: ModelServer, ask: Ask, code: int) -> None:
    server.faults = [servers.status(code, Retry_After="1")]
    with pytest.raises(CallFailed, match=f"answers with status {code}") as caught:
        ask(server.url)
    assert (caught.value.again, caught.value.gone, caught.value.after) == (False, False, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nothing_listens_there(ask: Ask, host: str) -> None:
    with pytest.raises(CallFailed, match="can't be reached: ") as caught:
        ask(f"http://{host}:{free_port()}/v1")
    assert (caught.value.again, caught.value.gone) == (True, True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry_After": "2.5"}, 2.5),
        ({"Retry_After": "-3"}, 0.0),
        ({"Retry_After_ms": "1500"}, 1.5),
        ({"Retry_After": "Fri, 01 Jan 1999 00:00:00 GMT"}, 0.0),
        ({"Retry_After": "Fri, 31 Dec 9999 23:59:59 -2300"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "inf"}, None),
    ],
)
def test_the_time_to_wait_is_read(
    server: ModelServer, headers: dict[str, str], expected: float | None
) -> None:
    server.faults = [servers.status(503, **headers)]
    with pytest.raises(CallFailed) as caught:
        run(lambda: _ask(server.url, REQUEST))
    assert caught.value.after == expected


def test_the_time_to_wait_may_be_a_date(server: ModelServer) -> None:
    date = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=10)
    server.faults = [servers.status(429, Retry_After=email.utils.format_datetime(date, usegmt=True))]
    with pytest.raises(CallFailed) as caught:
        run(lambda: _ask(server.url, REQUEST))
    assert caught.value.after is not None
    assert 500 < caught.value.after <= 600


@pytest.mark.parametrize(
    ("content", "finish"),
    [("", "stop"), (None, "stop"), ("Ich weiß es nicht", "stop"), ('{"choice": "A', "length")],
)
def test_an_odd_answer_is_an_answer(server: ModelServer, content: str | None, finish: str) -> None:
    server.faults = [servers.text(content, finish)]
    reply = run(lambda: _ask(server.url, REQUEST))
    assert (reply.text, reply.finish) == (content or "", finish)


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": "many", "completion_tokens": None}, [3]])
def test_odd_counts_are_none(server: ModelServer, usage: object) -> None:
    server.usage = usage or {"prompt_tokens": None}
    reply = run(lambda: _ask(server.url, REQUEST))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (0, 0, 0)


def test_cached_tokens_are_counted(server: ModelServer) -> None:
    server.usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 7}}
    reply = run(lambda: _ask(server.url, REQUEST))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (9, 3, 7)


def test_the_key_is_sent_and_never_shown(
    server: ModelServer, ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-general")
    ask(server.url)
    monkeypatch.setenv("KGALIGN_LLM_KEY", "sk-for-kgalign\n")
    ask(server.url)
    assert server.keys == ["no-key", "sk-general", "sk-for-kgalign"]
    said = {"error": {"message": "not with sk-for-kgalign"}}
    shown = [caplog.text, repr(vars(OpenAIBackend(server.url, "small")).keys())]
    for code in (400, 401, 403, 429, 500, 200):
        server.faults = [servers.status(code, said)]
        with pytest.raises(CallFailed) as caught:
            ask(server.url)
        shown += traceback.format_exception(caught.value)
        shown += [repr(caught.value), repr(vars(caught.value))]
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
    shown.append(caplog.text)
    assert "not with …" in "".join(shown)
    assert "sk-" not in "".join(shown)


def test_a_key_that_an_answer_repeats_is_left_out_however_it_is_spelled(
    server: ModelServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGALIGN_LLM_KEY", "sk-for-kgalign")

    def repeat(handler: Any, body: dict[str, Any]) -> None:  # noqa: ANN401 - of the test's server
        answer = handler.served.completion(body)
        answer["choices"][0]["message"]["content"] = "sk-for-kgalign and SPELLED"
        text = json.dumps(answer).replace("SPELLED", "\\u0073k-for-kg\\u0061lign")
        handler.send(200, text.encode())

    server.faults = [repeat]
    assert ask(server.url).text == "… and …"


def test_a_key_that_can_be_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGALIGN_LLM_KEY", "sk-ключ")
    with pytest.raises(KgalignError, match="KGALIGN_LLM_KEY holds characters that no key has") as caught:
        OpenAIBackend("http://localhost:1/v1", "small")
    assert "sk-" not in str(caught.value)


def test_text_that_is_no_unicode_fails_alone(server: ModelServer, ask: Ask) -> None:
    question = Request((Message("user", "\ud800"),), LABELS)
    with pytest.raises(CallFailed, match="no Unicode text") as caught:
        ask(server.url, question)
    assert not caught.value.again
    assert not server.asked


def test_connections_are_kept_and_closed(server: ModelServer) -> None:
    async def work() -> None:
        backend = OpenAIBackend(server.url, "small")
        server.seconds = 0.02
        await asyncio.gather(*(backend.ask(REQUEST) for _ in range(200)))
        await backend.close()
        await backend.close()

    run(work)
    assert len(server.asked) == 200
    assert server.most_at_once > 20


def test_a_call_can_be_cancelled(server: ModelServer) -> None:
    server.faults = [servers.silence] * 3

    async def work() -> Reply:
        backend = OpenAIBackend(server.url, "small")
        tasks = [asyncio.create_task(backend.ask(REQUEST)) for _ in range(3)]
        while len(server.asked) < 3:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended)
        reply = await backend.ask(REQUEST)
        await backend.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return reply

    assert run(work).text


def test_what_is_asked_is_opened_by_name() -> None:
    config = LlmConfig(url="http://localhost:7/v1/", model="m", adapter="a", timeout=3)
    backend = open_backend("llm", config)
    assert isinstance(backend, OpenAIBackend)
    assert (backend.url, backend.name, backend.adapter) == ("http://localhost:7/v1", "m", "a")
    assert backend.timeout == 3
    for judge in ("evidence", "replay", "vllm:"):
        with pytest.raises(KgalignError, match="asks no language model"):
            open_backend(judge, config)
