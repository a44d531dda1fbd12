import asyncio
import http.client
import json
import math
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kgalign.errors import KgalignError
from kgalign.llm.protocol import Reply
from kgalign.llm.scripted import Fault, Scripted, ScriptedSettings
from kgalign.llm.scripted_server import Running, running
from kgalign.llm.server import OpenAIBackend
from tests.llm.scripted_questions import body_of, right_label, select, town, verify

CHAT = "/v1/chat/completions"


def address(server: Running) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").removesuffix("/v1").partition(":")
    return host, int(port)


def call(
    server: Running, path: str, body: object = None, *, key: str = "", method: str = ""
) -> tuple[int, Any, http.client.HTTPMessage]:
    """Status, content and headers of one answer."""
    connection = http.client.HTTPConnection(*address(server), timeout=10)
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        connection.request(method or ("GET" if data is None else "POST"), path, data, headers)
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text), response.headers
    finally:
        connection.close()


def content_of(answer: Any) -> str:  # noqa: ANN401
    text: str = answer["choices"][0]["message"]["content"]
    return text


def exchange(server: Running, sent: bytes) -> bytes:
    """All that comes back on a connection until it ends."""
    with socket.create_connection(address(server), timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


def raw(body: object, *headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = [f"POST {CHAT} HTTP/1.1", "Host: x", f"Content-Length: {len(data)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


def until(true: Callable[[], bool]) -> None:
    """Wait for what happens in the server's thread."""
    for _ in range(10_000):
        if true():
            return
        time.sleep(0.001)
    raise AssertionError("it has not happened")


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


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault.BUSY, 429), (Fault.ERROR, 500), (Fault.UNAVAILABLE, 503)]
)
def test_errors_have_their_status(fault: Fault, status: int) -> None:
    with running(ScriptedSettings(faults={fault: 1.0}, retry_after=0.5)) as server:
        got, said, headers = call(server, CHAT, body_of(select(1)))
    assert got == status
    assert said["error"]["message"]
    assert headers["Retry-After"] == ("0.5" if fault is Fault.BUSY else None)


def test_a_busy_server_need_not_say_how_long() -> None:
    with running(ScriptedSettings(faults={Fault.BUSY: 1.0}, retry_after=None)) as server:
        assert call(server, CHAT, body_of(select(1)))[2]["Retry-After"] is None


def test_half_a_body_is_shorter_than_its_length() -> None:
    with running(ScriptedSettings(faults={Fault.HALF: 1.0})) as server:
        with pytest.raises(http.client.IncompleteRead):
            call(server, CHAT, body_of(select(1)))
        head, _, body = exchange(server, raw(body_of(select(1)))).partition(b"\r\n\r\n")
    assert f"Content-Length: {2 * len(body)}".encode()[:-1] in head
    assert body.startswith(b'{"id"')


def test_a_garbled_body_is_complete_and_no_json() -> None:
    with (
        running(ScriptedSettings(faults={Fault.GARBLED: 1.0})) as server,
        pytest.raises(json.JSONDecodeError),
    ):
        call(server, CHAT, body_of(select(1)))


def test_a_closed_connection_says_nothing() -> None:
    with running(ScriptedSettings(faults={Fault.CLOSED: 1.0})) as server:
        assert exchange(server, raw(body_of(select(1)))) == b""


def test_silence_ends_after_its_time() -> None:
    with running(ScriptedSettings(faults={Fault.SILENT: 1.0}, silence=0.05)) as server:
        assert exchange(server, raw(body_of(select(1)))) == b""


def test_a_silent_server_can_be_left_and_closed() -> None:
    with running(ScriptedSettings(faults={Fault.SILENT: 1.0})) as server:
        with socket.create_connection(address(server), timeout=0.1) as connection:
            connection.sendall(raw(body_of(select(1))))
            with pytest.raises(TimeoutError):
                connection.recv(1)
        kept = socket.create_connection(address(server), timeout=10)
        kept.sendall(raw(body_of(select(2))))
        until(lambda: server.faults["silent"] == 2)
    with kept:
        assert kept.recv(1) == b""


@pytest.mark.parametrize(("fault", "has"), [(Fault.LANGUAGE, "记录"), (Fault.EMPTY, "")])
def test_an_answer_may_say_nothing_usable(fault: Fault, has: str) -> None:
    with running(ScriptedSettings(faults={fault: 1.0})) as server:
        status, answer, _ = call(server, CHAT, body_of(select(1), logprobs=3))
    assert status == 200
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert "{" not in content_of(answer)
    assert has in content_of(answer)
    assert bool(content_of(answer)) == bool(has)


def outcome(server: Running, body: object) -> str:
    """What came of one request, in a word."""
    try:
        status, answer, _ = call(server, CHAT, body)
    except http.client.IncompleteRead:
        return "half"
    except json.JSONDecodeError:
        return "garbled"
    except http.client.RemoteDisconnected:
        return "gone"
    if status != 200:
        return str(status)
    text = content_of(answer)
    return "answer" if "choice" in text else "language" if text else "empty"


def test_mixed_faults_come_as_often_as_they_are_set_to_and_in_the_same_places() -> None:
    share = 0.03
    how = ScriptedSettings(faults=dict.fromkeys(Fault, share), silence=0.0)
    bodies = [body_of(select(number)) for number in range(700)]
    seen = []
    for _ in range(2):
        with running(how) as server, ThreadPoolExecutor(4) as threads:
            seen.append(list(threads.map(lambda body: outcome(server, body), bodies)))
            assert server.faults.total() == len(bodies) - seen[-1].count("answer")
    assert seen[0] == seen[1]
    found = Counter(seen[0])
    for word in ("429", "500", "503", "half", "garbled"):
        assert stats.binomtest(found[word], len(bodies), share).pvalue > 1e-4
    assert stats.binomtest(found["gone"], len(bodies), 2 * share).pvalue > 1e-4
    on_the_way = 7 * share
    for word in ("language", "empty"):
        assert stats.binomtest(found[word], len(bodies), (1 - on_the_way) * share).pvalue > 1e-4


def test_asking_again_helps_against_faults_on_the_way_alone() -> None:
    how = ScriptedSettings(faults=dict.fromkeys(Fault, 0.06), silence=0.0)
    final = ("answer", "language", "empty")
    with running(how) as server:
        ends = []
        for number in range(100):
            tries = [outcome(server, body_of(select(number))) for _ in range(12)]
            assert any(each in final for each in tries)
            ends.append({each for each in tries if each in final})
        assert all(len(each) == 1 for each in ends)
        assert {"answer"} in ends
        assert {"language"} in ends
        assert len(server.attempts) == 100


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


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /health SPDY/3\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
        (b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
    ],
)
def test_what_is_no_usable_http_is_refused(sent: bytes, status: int) -> None:
    with running() as server:
        assert exchange(server, sent).startswith(f"HTTP/1.1 {status} ".encode())
        assert call(server, "/health")[0] == 200


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


def test_one_connection_serves_many_requests_however_they_are_cut() -> None:
    with running(ScriptedSettings(accuracy=1.0)) as server:
        connection = http.client.HTTPConnection(*address(server), timeout=10)
        for number in range(30):
            connection.request("POST", CHAT, json.dumps(body_of(select(number))))
            assert json.loads(content_of(json.loads(connection.getresponse().read())))["choice"] == "A"
        connection.close()
        assert server.connections == 1
        sent = raw(body_of(select(1))) * 2 + raw(body_of(select(2)), "Connection: close")
        with socket.create_connection(address(server), timeout=10) as pieces:
            for place in range(0, len(sent), 97):
                pieces.sendall(sent[place : place + 97])
            received = b""
            while piece := pieces.recv(65536):
                received += piece
        assert received.count(b"HTTP/1.1 200 OK") == 3
        assert server.repeated == 3


def test_a_long_body_may_be_announced() -> None:
    with running() as server, socket.create_connection(address(server), timeout=10) as connection:
        head, _, body = raw(body_of(select(1)), "Expect: 100-continue", "Connection: close").partition(
            b"\r\n\r\n"
        )
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        while connection.recv(65536):
            pass


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
from kgalign.llm.scripted_server import serve
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
