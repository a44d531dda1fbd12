import asyncio
import json
import math
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kgalign.errors import KgalignError
from kgalign.llm.protocol import Reply
from kgalign.llm.scripted import Fault, Scripted, ScriptedSettings
from kgalign.llm.scripted.server import Running, running
from kgalign.llm.server import OpenAIBackend
from tests.llm.scripted_calls import CHAT, address, call, content_of, outcome, raw, until
from tests.llm.scripted_questions import body_of, right_label, select, town, verify


def test_it_says_what_it_serves() -> None:
    with running(ScriptedSettings(context=4096, adapter="tuned")) as server:
        status, models, headers = call(server, "/v1/models")
        assert status == 200
        assert headers["Content-Type"] == "application/json"
        base, adapter = models["data"]
        assert (base["id"], base["owned_by"], base["max_model_len"]) == ("scripted", "scripted", 4096)
        assert (adapter["id"], adapter["parent"]) == ("tuned", "scripted")
        assert call(server, "/health")[0] == 200
        assert "version" in call(server, "/version")[1]
        assert call(server, "/v1/nothing")[0] == 404
        assert call(server, CHAT)[0] == 405
        assert call(server, "/v1/models", {})[0] == 405


def test_an_answer_has_the_form_that_the_sdk_knows() -> None:
    request = select(1, order=[2, 1, 0])
    with (
        running(ScriptedSettings(accuracy=1.0)) as server,
        openai.OpenAI(base_url=server.url, api_key="x") as sdk,
    ):
        assert [model.id for model in sdk.models.list()] == ["scripted"]
        answer = sdk.chat.completions.create(**body_of(request, logprobs=5))  # type: ignore[call-overload]
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    content = json.loads(choice.message.content)
    assert list(content) == ["choice", "values", "reason"]
    assert content["choice"] == "C"
    assert all(value in request.messages[-1].content for value in content["values"])
    assert content["values"]
    assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens == math.ceil(len(choice.message.content) / 4)


def test_over_http_and_in_process_it_is_the_same_judge() -> None:
    how = ScriptedSettings(accuracy=0.6, bias=0.2, hallucination=0.1, seed=3)

    async def both() -> list[tuple[Reply, Reply]]:
        backend, judge = OpenAIBackend(server.url, "scripted", ""), Scripted(how)
        try:
            return [(await backend.ask(each), await judge.ask(each)) for each in map(select, range(60))]
        finally:
            await backend.close()

    with running(how) as server:
        pairs = asyncio.run(both())
    for there, here in pairs:
        assert (there.text, there.finish) == (here.text, here.finish)
        assert (there.prompt_tokens, there.completion_tokens) == (here.prompt_tokens, here.completion_tokens)
        assert there.probabilities is not None
        assert here.probabilities is not None
        assert there.probabilities == pytest.approx(here.probabilities, abs=0.01)


def choice_token(answer: Any) -> Any:  # noqa: ANN401
    """The token at which the choice begins."""
    tokens = answer["choices"][0]["logprobs"]["content"]
    start = content_of(answer).index('"choice": "') + len('"choice": "')
    place = 0
    for token in tokens:
        if place == start:
            return token
        place += len(token["token"])
    raise AssertionError("no token begins with the choice")


def test_a_label_is_spelled_in_several_ways() -> None:
    spelled: Counter[str] = Counter()
    with running(ScriptedSettings(accuracy=1.0)) as server:
        for number in range(20):
            _, answer, _ = call(server, CHAT, body_of(select(number, order=[1, 0]), logprobs=20))
            token = choice_token(answer)
            assert len(token["top_logprobs"]) == 20
            shares = {each["token"]: math.exp(each["logprob"]) for each in token["top_logprobs"]}
            assert {"B", 'B"', "none", 'none"', "no"} <= set(shares)
            assert math.isclose(sum(shares.values()), 1, abs_tol=0.02)
            logprobs = [each["logprob"] for each in token["top_logprobs"]]
            assert logprobs == sorted(logprobs, reverse=True)
            assert bytes(token["bytes"]).decode() == token["token"]
            spelled[token["token"]] += 1
    assert set(spelled) == {"B", 'B"'}


def test_fewer_alternatives_are_the_best_and_the_chosen() -> None:
    with running(ScriptedSettings(hallucination=1.0)) as server:
        for number in range(6):
            _, answer, _ = call(server, CHAT, body_of(select(number), logprobs=2))
            token = choice_token(answer)
            assert token["token"] in [each["token"] for each in token["top_logprobs"]]
            assert len(token["top_logprobs"]) == 2
        refused, said, _ = call(server, CHAT, body_of(select(1), logprobs=21))
        assert refused == 400
        assert "max allowed: 20" in said["error"]["message"]


def test_vllms_words_for_a_form_are_understood() -> None:
    request = verify(town(1), town(1))
    plain = body_of(request, form=False)
    schema = body_of(request)["response_format"]["json_schema"]["schema"]  # type: ignore[index]
    with running(ScriptedSettings(accuracy=1.0)) as server:
        words = call(server, CHAT, plain | {"structured_outputs": {"choice": ["yes", "no"]}})[1]
        assert content_of(words) == "yes"
        form = call(server, CHAT, plain | {"structured_outputs": {"json": schema}})[1]
        assert json.loads(content_of(form))["choice"] == "yes"
        old = call(server, CHAT, plain | {"guided_choice": ["yes", "no"]})[1]
        assert content_of(old).startswith("Sure!")
        assert '"choice": "yes"' in content_of(old)


def test_without_structure_and_logprobs_the_options_are_ignored() -> None:
    how = ScriptedSettings(accuracy=1.0, structure=False, logprobs=False)
    with running(how) as server:
        status, answer, _ = call(server, CHAT, body_of(select(1, order=[1, 2, 0]), logprobs=20))
    assert status == 200
    assert answer["choices"][0]["logprobs"] is None
    text = content_of(answer)
    assert text.startswith("Sure!")
    assert json.loads(text[text.index("{") : text.rindex("}") + 1])["choice"] == "C"


@pytest.mark.parametrize(
    ("structure", "logprobs", "found"),
    [(True, True, ("json_schema", 20)), (False, True, ("none", 20)), (True, False, ("json_schema", 0))],
)
def test_what_it_can_do_is_found_by_a_probe(structure: bool, logprobs: bool, found: tuple[str, int]) -> None:
    # The habits of the judge must not look like what the server can't do.
    how = ScriptedSettings(
        hallucination=0.5, structure=structure, logprobs=logprobs, context=5000, adapter="tuned"
    )

    async def probed() -> tuple[str, int]:
        backend = OpenAIBackend(server.url, None, "tuned")
        try:
            capabilities = await backend.probe()
        finally:
            await backend.close()
        assert capabilities.server.startswith("scripted")
        assert capabilities.context == 5000
        return capabilities.structure, capabilities.logprobs

    with running(how) as server:
        assert asyncio.run(probed()) == found


def test_an_adapter_is_another_judge() -> None:
    with running(ScriptedSettings(accuracy=0.5, adapter="tuned")) as server:
        answers = [
            [content_of(call(server, CHAT, body_of(select(each), model=model))[1]) for each in range(12)]
            for model in ("scripted", "tuned")
        ]
    assert answers[0] != answers[1]


def test_a_truth_can_be_given() -> None:
    with running(ScriptedSettings(accuracy=1.0), truth=lambda request: request.labels[-1]) as server:
        answer = call(server, CHAT, body_of(select(1)))[1]
    assert json.loads(content_of(answer))["choice"] == "none"


def test_the_log_says_what_was_answered_more_than_once() -> None:
    with running(ScriptedSettings(faults={Fault.ERROR: 0.5})) as server:
        for number in range(20):
            while outcome(server, body_of(select(number))) != "answer":
                pass
        log = call(server, "/v1/scripted/log")[1]
        assert (log["distinct"], log["answered"], log["answers"], log["repeated"]) == (20, 20, 20, 0)
        assert log["requests"] == 20 + log["faults"]["error"]
        assert set(log["times"].values()) == {1}
        while outcome(server, body_of(select(7))) != "answer":
            pass
        log = call(server, "/v1/scripted/log")[1]
        assert (log["answered"], log["answers"], log["repeated"]) == (20, 21, 1)
        assert sorted(log["times"].values())[-2:] == [1, 2]
        assert json.loads(server.bodies[-1]) == body_of(select(7))


def test_who_went_away_was_not_answered() -> None:
    with running(ScriptedSettings(latency=0.5)) as server:
        with socket.create_connection(address(server)) as connection:
            connection.sendall(raw(body_of(select(1))))
            until(lambda: server.requests > 0)
        assert outcome(server, body_of(select(2))) == "answer"
        assert server.answered.total() == 1


def test_a_key_is_asked_for() -> None:
    with running(ScriptedSettings(key="hush hush")) as server:
        for key in ("", "other", "hush"):
            for path, body in (("/v1/models", None), (CHAT, body_of(select(1))), ("/v1/scripted/log", None)):
                assert call(server, path, body, key=key)[0] == 401
        assert call(server, "/health")[0] == 200
        assert call(server, "/v1/models", key="hush hush")[0] == 200
        assert call(server, CHAT, body_of(select(1)), key="hush hush")[0] == 200
        assert server.answered.total() == 1


def test_an_unknown_model_does_not_exist() -> None:
    with running() as server:
        for model in ("gpt", ["scripted"], {"a": 1}):
            status, said, _ = call(server, CHAT, body_of(select(1), model=model))
            assert status == 404
            assert "does not exist" in said["error"]["message"]
            assert said["error"]["type"] == "NotFoundError"


@pytest.mark.parametrize("context", [100, 400])
def test_a_question_that_is_too_long_is_refused_as_vllm_does(context: int) -> None:
    with running(ScriptedSettings(context=context)) as server:
        status, said, _ = call(server, CHAT, body_of(select(1)))
    assert status == 400
    assert said["error"]["message"].startswith(f"This model's maximum context length is {context} tokens.")
    assert said["error"]["type"] == "BadRequestError"


def test_an_answer_that_is_too_long_is_cut_off() -> None:
    with running() as server:
        for most in range(1, 12):
            answer = call(server, CHAT, body_of(select(1), logprobs=20, max_tokens=most))[1]
            assert answer["choices"][0]["finish_reason"] == "length"
            assert answer["usage"]["completion_tokens"] == most
            tokens = answer["choices"][0]["logprobs"]["content"]
            assert "".join(token["token"] for token in tokens) == content_of(answer)


BAD = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"[" * 100_000,
    json.dumps({"model": "scripted"}).encode(),
]
BAD_PARTS: list[dict[str, object]] = [
    {"messages": "hello"},
    {"messages": []},
    {"messages": [1]},
    {"messages": [{"role": ["user"], "content": "x"}]},
    {"messages": [{"role": "user"}]},
    {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
    {"temperature": "hot"},
    {"temperature": float("nan")},
    {"max_tokens": -1},
    {"max_tokens": True},
    {"seed": 1e300},
    {"top_p": 2},
    {"stream": True},
    {"logprobs": True, "top_logprobs": "many"},
    {"response_format": {"type": "json_schema"}},
]


def test_bad_requests_are_refused_and_the_server_stays() -> None:
    with running() as server:
        for body in [*BAD, *(body_of(select(1)) | part for part in BAD_PARTS)]:
            status, said, _ = call(server, CHAT, body)
            assert status == 400, body
            assert said["error"]["message"]
        assert outcome(server, body_of(select(1))) == "answer"
        assert server.refused == {400: len(BAD) + len(BAD_PARTS)}


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    """One server for many examples."""
    with running(ScriptedSettings(hallucination=0.3)) as server:
        yield server


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(
        [
            "response_format",
            "structured_outputs",
            "messages",
            "model",
            "max_tokens",
            "seed",
            "logprobs",
            "top_logprobs",
        ]
    ),
)
def test_whatever_stands_in_a_request_is_answered_or_refused(
    shared: Running, value: object, field: str
) -> None:
    status, answer, _ = call(shared, CHAT, body_of(select(1), logprobs=2) | {field: value})
    assert status in (200, 400, 404)
    assert "choices" in answer or "error" in answer


@settings(max_examples=60)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=5, unique=True), st.integers(1, 30))
def test_any_labels_are_spelled(shared: Running, labels: list[str], most: int) -> None:
    form = json.loads(json.dumps(body_of(select(1))["response_format"]))
    form["json_schema"]["schema"]["properties"]["choice"]["enum"] = labels
    body = body_of(select(1), logprobs=20, max_tokens=most, response_format=form)
    status, answer, _ = call(shared, CHAT, body)
    assert status == 200
    tokens = answer["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == content_of(answer)


def test_accuracy_over_http() -> None:
    requests = [select(number, order=[(number + each) % 4 for each in range(4)]) for number in range(300)]
    with running(ScriptedSettings(accuracy=0.7)) as server:
        right = sum(
            json.loads(content_of(call(server, CHAT, body_of(each))[1]))["choice"] == right_label(each)
            for each in requests
        )
    assert stats.binomtest(right, len(requests), 0.7).pvalue > 1e-4


SERVE = """
from kgalign.llm.scripted import parse
from kgalign.llm.scripted.server import serve
serve(parse("silent=1"), ready=lambda url: print(url, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_cleanly_with_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        server = Running(url=url, settings=ScriptedSettings())
        assert call(server, "/health")[0] == 200
        with socket.create_connection(address(server), timeout=10) as connection:
            connection.sendall(raw(body_of(select(1))))
            process.send_signal(number)
            assert process.wait(timeout=20) == 0
            assert process.stderr.read() == ""


def test_an_address_that_is_taken_or_is_none_is_told() -> None:
    with running() as server:
        host, port = address(server)
        for bad in ((host, port), (host, 70_000), ("256.0.0.1", 0)):
            with pytest.raises(KgalignError, match="Can't listen at"), running(None, *bad):
                pass
