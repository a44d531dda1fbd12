import http.client
import json
import re
import socket

import pytest

from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from tests.llm.scripted_calls import CHAT, address, call, content_of, exchange, raw
from tests.llm.scripted_questions import body_of, select


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /health SPDY/3\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n" % (b"9" * 5000), 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
    ],
)
def test_what_is_no_usable_http_is_refused(sent: bytes, status: int) -> None:
    with running() as server:
        assert re.match(rb"HTTP/1\.[01] %d " % status, exchange(server, sent))
        assert call(server, "/health")[0] == 200


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
