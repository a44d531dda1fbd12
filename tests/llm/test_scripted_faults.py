import http.client
import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from scipy import stats

from kgalign.llm.scripted import Fault, ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.llm.scripted_calls import CHAT, address, call, content_of, exchange, outcome, raw, until
from tests.llm.scripted_questions import body_of, select


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
    for word in ("429", "500", "503", "half", "garbled", "bytes"):
        assert stats.binomtest(found[word], len(bodies), share).pvalue > 1e-4
    assert stats.binomtest(found["gone"], len(bodies), 2 * share).pvalue > 1e-4
    on_the_way = 8 * share
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
