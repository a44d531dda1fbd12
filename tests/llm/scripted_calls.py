"""What the tests of the scripted server send to it, and what they read of its answers."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from kgalign.llm.scripted.server import Running

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


def outcome(server: Running, body: object) -> str:
    """What came of one request, in a word."""
    try:
        status, answer, _ = call(server, CHAT, body)
    except http.client.IncompleteRead:
        return "half"
    except json.JSONDecodeError:
        return "garbled"
    except UnicodeDecodeError:
        return "bytes"
    except http.client.RemoteDisconnected:
        return "gone"
    if status != 200:
        return str(status)
    text = content_of(answer)
    return "answer" if "choice" in text else "language" if text else "empty"
