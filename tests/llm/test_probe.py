import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from kgalign.errors import KgalignError
from kgalign.llm.protocol import Capabilities, Message, Request
from kgalign.llm.server import OpenAIBackend
from tests.llm import servers
from tests.llm.servers import ModelServer, free_port, serving

VLLM: list[dict[str, Any]] = [
    {"id": "small", "owned_by": "vllm", "root": "/models/small", "parent": None, "max_model_len": 4096},
    {"id": "tuned", "owned_by": "vllm", "root": "/adapters/tuned", "parent": "small"},
    {"id": "other-tuned", "owned_by": "vllm", "root": "/adapters/other", "parent": "another"},
]


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KGALIGN_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kgalign.llm.probe._PAUSE", 0.01)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving() as served:
        yield served


def probe(url: str, model: str | None = "small", adapter: str = "", **options: Any) -> Capabilities:  # noqa: ANN401
    return _probe(url, model, adapter, **options)[0]


def _probe(
    url: str,
    model: str | None = "small",
    adapter: str = "",
    **options: Any,  # noqa: ANN401
) -> tuple[Capabilities, str]:
    async def work() -> tuple[Capabilities, str]:
        backend = OpenAIBackend(url, model, adapter, **{"timeout": 10.0, **options})
        try:
            return await backend.probe(), backend.name
        finally:
            await backend.close()

    return asyncio.run(work())


@pytest.mark.parametrize("model", ["small", None])
def test_a_model_with_the_adapter_merged_into_it_is_known_by_its_folder(
    server: ModelServer, model: str | None
) -> None:
    server.models = [{"id": "tuned", "owned_by": "vllm", "root": "/tmp/kgalign-merged-1/small+tuned"}]
    found, name = _probe(server.url, model, "tuned")
    assert (name, found.adapters, found.server) == ("small", ("tuned",), "vllm 0.32.0")
    assert found.notes["adapter"] == "merged into the model"
    assert "other models" not in found.notes
    assert {body["model"] for body in server.asked} == {"tuned"}
    with pytest.raises(KgalignError, match="has no model small"):
        probe(server.url, "small")
    with pytest.raises(KgalignError, match="has no model large"):
        probe(server.url, "large", "tuned")


def test_vllm_is_known_by_what_it_does(server: ModelServer) -> None:
    server.models = VLLM
    found = probe(server.url, adapter="tuned")
    assert found == Capabilities(
        server="vllm 0.32.0",
        structure="json_schema",
        logprobs=20,
        context=4096,
        adapters=("tuned",),
        ways=("json", "choice"),
        notes={"form": "response_format"},
    )
    assert {body["model"] for body in server.asked} == {"tuned"}
    assert all(body["max_tokens"] <= 24 for body in server.asked)
    assert len(server.asked) == 3


def test_a_server_that_does_nothing_but_answer_is_found_out(server: ModelServer) -> None:
    server.models = [{"id": "small", "owned_by": "someone"}]
    server.version = None
    server.forms = frozenset()
    server.depth = 0
    found = probe(server.url)
    assert found == Capabilities("unknown", "none", 0, 0, notes={"form": "none"})


def _asking_again(server: ModelServer, found: Capabilities) -> dict[str, Any]:
    """What a request looks like once it is known what the server can do."""

    async def work() -> None:
        backend = OpenAIBackend(server.url, "small", capabilities=found)
        await backend.ask(Request((Message("user", "?"),), ("A", "none")))
        await backend.close()

    asyncio.run(work())
    return server.asked[-1]


def test_limits_of_lengths_are_left_out_where_they_are_refused(server: ModelServer) -> None:
    server.refused = {"maxLength": "'maxLength' is not permitted"}
    found = probe(server.url)
    assert (found.structure, found.notes["form"]) == ("json_schema", "response_format-simple")
    body = _asking_again(server, found)
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["choice"] == {"type": "string", "enum": ["A", "none"]}
    assert "maxLength" not in str(schema)


@pytest.mark.parametrize("refused", [{}, {"response_format": "no such option"}])
def test_vllms_own_option_is_found_where_the_common_one_does_nothing(
    server: ModelServer, refused: dict[str, str]
) -> None:
    server.forms = frozenset({"structured_outputs"})
    server.refused = refused
    found = probe(server.url)
    assert (found.structure, found.notes["form"]) == ("json_schema", "structured_outputs")
    assert "json" in _asking_again(server, found)["structured_outputs"]


def test_a_server_that_knows_words_alone(server: ModelServer) -> None:
    server.forms = frozenset({"structured_outputs"})
    server.refused = {'"json"': "no grammar", "json_schema": "no grammar"}
    found = probe(server.url)
    assert found.structure == "choice"
    assert _asking_again(server, found)["structured_outputs"] == {"choice": ["A", "none"]}


@pytest.mark.parametrize(("depth", "expected"), [(20, 20), (5, 5), (2, 2), (1, 0), (0, 0)])
def test_alternatives_are_counted(server: ModelServer, depth: int, expected: int) -> None:
    server.depth = depth
    assert probe(server.url).logprobs == expected


@pytest.mark.parametrize(
    ("word", "expected"), [('"top_logprobs": 20', 5), ('"logprobs"', 0), ('"top_logprobs"', 0)]
)
def test_alternatives_that_are_refused_are_not_asked_for(
    server: ModelServer, word: str, expected: int
) -> None:
    server.refused = {word: "too many alternatives"}
    found = probe(server.url)
    assert found.logprobs == expected
    assert _asking_again(server, found).get("top_logprobs", 0) == expected


@pytest.mark.parametrize(
    ("refused", "without"),
    [
        (
            {'"max_tokens"': "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead"},
            "max_tokens",
        ),
        ({'"temperature"': "'temperature' does not support 0.0"}, "temperature"),
        ({'"seed"': "no", '"max_tokens"': "no"}, "max_tokens seed"),
    ],
)
def test_options_that_are_refused_are_left_out(
    server: ModelServer, refused: dict[str, str], without: str
) -> None:
    server.refused = refused
    found = probe(server.url)
    assert found.notes["without"] == without
    body = _asking_again(server, found)
    assert not set(without.split()) & set(body)
    assert ("max_completion_tokens" in body) == ("max_tokens" in without)


TEMPLATE = {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}
EFFORT = {"reasoning_effort": "none"}


@pytest.mark.parametrize("where", ["reasoning_content", "reasoning", "content"])
@pytest.mark.parametrize("quiet", [TEMPLATE, EFFORT])
def test_a_model_is_kept_from_thinking_aloud(server: ModelServer, where: str, quiet: dict[str, Any]) -> None:
    server.thinks, server.quiet = where, quiet
    found = probe(server.url)
    assert found.notes["no thinking"] == next(iter(quiet))
    body = _asking_again(server, found)
    assert {name: body.get(name) for name in quiet} == quiet
    assert len({"chat_template_kwargs", "reasoning_effort"} & set(body)) == 1


def test_a_way_not_to_think_that_is_refused_is_not_taken(server: ModelServer) -> None:
    server.thinks, server.quiet = "reasoning", EFFORT
    server.refused = {"chat_template_kwargs": "unknown option"}
    assert probe(server.url).notes["no thinking"] == "reasoning_effort"


def test_a_model_that_thinks_whatever_it_is_told_is_warned_of(
    server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.thinks = "reasoning"
    found = probe(server.url)
    assert "no thinking" not in found.notes
    assert "thinks aloud before it answers" in caplog.text
    assert not {"chat_template_kwargs", "reasoning_effort"} & set(_asking_again(server, found))


def test_who_does_not_think_aloud_is_told_nothing(server: ModelServer) -> None:
    probe(server.url)
    assert not any({"chat_template_kwargs", "reasoning_effort"} & set(body) for body in server.asked)


def test_faults_while_it_is_probed_do_no_harm(server: ModelServer) -> None:
    server.models = VLLM
    calm = probe(server.url)
    server.faults = [
        servers.status(429, Retry_After="0.05"),
        servers.half,
        servers.status(503),
        servers.reset,
        servers.status(500),
        servers.text("Paris"),
        servers.text(""),
        servers.garbled,
        servers.text("Je ne sais pas"),
        servers.hang_up,
    ]
    assert probe(server.url) == calm
    assert not server.faults


def test_the_only_model_need_not_be_named(server: ModelServer) -> None:
    server.models = VLLM[:2]
    found, name = _probe(server.url, None, "tuned")
    assert (name, found.adapters) == ("small", ("tuned",))


@pytest.mark.parametrize(("given", "expected"), [(0, 4096), (2000, 2000), (9000, 4096)])
def test_the_smaller_context_counts(server: ModelServer, given: int, expected: int) -> None:
    server.models = VLLM
    assert probe(server.url, context=given).context == expected


@pytest.mark.parametrize(
    "where", [{"meta": {"n_ctx": 512}}, {"context_length": 512}, {"context_window": 512}]
)
def test_other_servers_tell_the_context_elsewhere(server: ModelServer, where: dict[str, Any]) -> None:
    server.models = [{"id": "small", **where}]
    assert probe(server.url).context == 512


def test_a_tag_that_is_understood_may_be_left_out(server: ModelServer) -> None:
    server.models = [{"id": "small:latest"}, {"id": "other:latest"}]
    found, name = _probe(server.url)
    assert name == "small"
    assert "other:latest" in found.notes["other models"]


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "unknown model": (
        {"models": [{"id": "Qwen/Qwen3-8B"}, {"id": "meta-llama/Llama-3.1-8B"}]},
        {"model": "qwen3-8b"},
        r"has no model qwen3-8b \(did you mean Qwen/Qwen3-8B\?\); it has Qwen/Qwen3-8B, "
        r"meta-llama/Llama-3.1-8B\. Name one that it has with --model\.",
    ),
    "several models": (
        {"models": [{"id": "one"}, {"id": "two"}]},
        {"model": None},
        r"serves 2 models: one, two\. Name one with --model",
    ),
    "no models": ({"models": []}, {"model": None}, "does not say which models it serves"),
    "unknown adapter": (
        {"models": VLLM},
        {"adapter": "tunde"},
        r"has no adapter tunde \(did you mean tuned\?\)",
    ),
    "no adapters": ({}, {"adapter": "tuned"}, "has no adapter tuned; it has none"),
    "adapter of another": ({"models": VLLM}, {"adapter": "other-tuned"}, "on another model, another"),
    "key missing": ({"key": "k"}, {}, r"asks for a key\. Set KGALIGN_LLM_KEY"),
    "refuses all": ({"refused": {"Paris": "x", "capital": "I am broken"}}, {}, r"status 400 \(I am broken\)"),
    "nothing usable": (
        {"faults": [servers.garbled] * 6},
        {},
        "answers nothing usable: it answers something that is no JSON object",
    ),
    "no choices": ({"faults": [servers.status(200, {"a": 1})] * 6}, {}, "usable: it answers no choice"),
    "busy": ({"faults": [servers.status(429)] * 6}, {}, r"is too busy \(out of order\)"),
    "busy for long": ({"faults": [servers.status(429, Retry_After="3600")]}, {}, "is too busy"),
    "model gone": (
        {"faults": [servers.status(404, {"error": {"message": "The model `small` does not exist"}})]},
        {},
        r"has no model small \(The model `small` does not exist\)",
    ),
    "no chat": ({"faults": [servers.status(404)]}, {}, "is not the URL of an OpenAI-compatible API"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_error(name: str) -> None:
    settings, options, expected = BAD[name]
    with serving(**settings) as server, pytest.raises(KgalignError, match=expected) as caught:
        probe(server.url, **options)
    assert caught.value.message.startswith(f"The language model server {server.url} ")
    assert caught.value.remedy
    assert len(str(caught.value)) < 500


def test_a_wrong_model_costs_nothing(server: ModelServer) -> None:
    for model, adapter in (("large", ""), ("small", "a"), (None, "a")):
        with pytest.raises(KgalignError):
            probe(server.url, model, adapter)
    assert not server.asked


def test_no_server_is_said_at_once() -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(
        KgalignError, match=r"can't be reached: .*\. Start it, or correct the URL in --llm-url"
    ):
        probe(url)


def test_a_silent_server_is_one_clear_error(server: ModelServer) -> None:
    server.faults = [servers.silence] * 6
    with pytest.raises(KgalignError, match=r"has not answered within 0.05 seconds"):
        probe(server.url, timeout=0.05)


@pytest.mark.parametrize("model", ["small", None])
def test_a_wrong_url_is_told_with_the_right_one(server: ModelServer, model: str | None) -> None:
    root = server.url.removesuffix("/v1")
    with pytest.raises(KgalignError, match=rf"is not the URL of .*\. Give --llm-url {server.url}\.$"):
        probe(root, model)
    with pytest.raises(KgalignError, match=r"is not the URL of .*\. The URL in --llm-url mostly ends in /v1"):
        probe(f"{root}/v2/v1", model)


def test_a_web_page_is_no_server(server: ModelServer) -> None:
    server.page = b"<!DOCTYPE html><title>Welcome</title>"
    with pytest.raises(KgalignError, match="is not the URL of an OpenAI-compatible API"):
        probe(server.url)


def test_a_server_that_lists_nothing_is_asked_all_the_same(server: ModelServer) -> None:
    server.lists = False
    assert probe(server.url).structure == "json_schema"
    with pytest.raises(KgalignError, match="is not the URL of an OpenAI-compatible API"):
        probe(server.url, None)


def test_a_wrong_key_is_never_shown(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.key = "sk-right"
    monkeypatch.setenv("KGALIGN_LLM_KEY", "sk-wrong")
    with pytest.raises(KgalignError, match=r"refuses the key\. Set KGALIGN_LLM_KEY or") as caught:
        probe(server.url)
    assert not server.asked
    server.key = "sk-wrong"
    found = probe(server.url)
    for text in (str(caught.value), repr(caught.value.__cause__), str(found), caplog.text):
        assert "sk-" not in text


def test_what_a_server_says_is_shown_as_text(server: ModelServer) -> None:
    server.models = [{"id": "\x1b[31mred\n\x07"}, {"id": "x" * 10_000}]
    with pytest.raises(KgalignError) as caught:
        probe(server.url)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
