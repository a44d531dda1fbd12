"""Connections to a server: what is sent where, by real sockets."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kgalign.llm.connection import Answer, Connection


class Handler(BaseHTTPRequestHandler):
    """Notes what comes, and answers or leads on."""

    protocol_version = "HTTP/1.1"
    leads_to = ""
    seen: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        self.seen.append((self.path, self.headers["authorization"], body))
        said = b"" if self.leads_to else b"answered"
        self.send_response(307 if self.leads_to else 200)
        if self.leads_to:
            self.send_header("location", self.leads_to)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is told."""


@contextmanager
def serving(leads_to: str = "") -> Iterator[tuple[str, list[tuple[str, str | None, bytes]]]]:
    handler = type("Leading", (Handler,), {"leads_to": leads_to, "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", handler.seen  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


def sent(url: str, *bodies: object) -> list[Answer]:
    async def work() -> list[Answer]:
        connection = Connection(url, "a-secret-key", 5.0)
        try:
            return [await connection.send("/chat", {"said": body}) for body in bodies]
        finally:
            await connection.close()

    return asyncio.run(work())


def test_a_body_goes_out_as_json_with_the_key() -> None:
    with serving() as (url, seen):
        [answer] = sent(f"{url}/v1", "Müller 東京")
    assert (answer.status, answer.body) == (200, b"answered")
    [(path, key, body)] = seen
    assert (path, key) == ("/v1/chat", "Bearer a-secret-key")
    assert json.loads(body) == {"said": "Müller 東京"}


def test_what_it_leads_to_is_asked_and_another_server_gets_no_key() -> None:
    with serving() as (other, seen), serving(f"{other}/elsewhere") as (url, first):
        [answer] = sent(url, "a")
    assert answer.body == b"answered"
    assert first[0][1] == "Bearer a-secret-key"
    assert [(path, key) for path, key, _ in seen] == [("/elsewhere", None)]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as (proxy, seen):
        monkeypatch.setenv("http_proxy", proxy)
        sent("http://model.example/v1", "a")
    assert [path for path, _, _ in seen] == ["http://model.example/v1/chat"]


def test_what_is_no_text_is_not_sent() -> None:
    with serving() as (url, seen), pytest.raises(UnicodeError):
        sent(url, "\ud800")
    assert not seen
