"""A server with chat completions for tests: it does what it is told, and any fault on demand."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[["_Handler", dict[str, Any]], None]


@dataclass
class ModelServer:
    """What the server does, and what it was asked."""

    url: str = ""
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "small", "owned_by": "vllm"}])
    version: str | None = "0.32.0"
    key: str | None = None
    """The key that it asks for."""
    forms: frozenset[str] = frozenset({"response_format", "structured_outputs"})
    """Options that bind its answers; all others are ignored without a word."""
    refused: dict[str, str] = field(default_factory=dict)
    """Words of the request that it answers 400 to, and what it says then."""
    depth: int = 20
    """Most alternatives that it gives, however many are asked for."""
    plain: str = "Paris"
    """What it says where nothing binds it."""
    thinks: str | None = None
    """Where it puts its thoughts: a field of the message, or ``content`` for in front of the answer."""
    quiet: Mapping[str, Any] | None = None
    """Options that keep it from thinking aloud; None for no such."""
    usage: object = None
    page: bytes | None = None
    """What it shows instead of a list of models."""
    lists: bool = True
    """Whether it lists its models."""
    seconds: float = 0.0
    """How long an answer takes."""
    room: int = 10_000
    """Requests that it takes at once; it is too busy for more."""
    faults: list[Fault] = field(default_factory=list)
    """What is done to the next chat requests, one each; afterwards all goes well."""
    unlucky: Callable[[str, int], Fault | None] = lambda _question, _attempt: None
    """What is done to a question at an attempt, from 1."""
    echo: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None
    """What it answers to completions of prompts, the older half of the protocol; None for not having it."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of all chat requests, refused ones as well."""
    keys: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def questions(self) -> list[str]:
        """The last message of each chat request."""
        return [body["messages"][-1]["content"] for body in self.asked]

    def answer(self, body: Mapping[str, Any]) -> str:
        """What it says to a request."""
        if "response_format" in body and "response_format" in self.forms:
            return _of_schema(body["response_format"]["json_schema"]["schema"])
        outputs = body.get("structured_outputs", {}) if "structured_outputs" in self.forms else {}
        if "json" in outputs:
            return _of_schema(outputs["json"])
        if "choice" in outputs:
            return str(outputs["choice"][0])
        return self.plain

    def completion(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A whole answer."""
        text = self.answer(body)
        depth = min(self.depth, body.get("top_logprobs", 0)) if body.get("logprobs") else 0
        tokens = [
            {
                "token": token,
                "logprob": -0.1,
                "top_logprobs": [{"token": token, "logprob": -0.1}]
                + [{"token": f"~{number}", "logprob": -5.0 - number} for number in range(depth - 1)],
            }
            for token in _tokens(text)
        ]
        message = {"role": "assistant", "content": text}
        if self.thinks and not (self.quiet and self.quiet.items() <= body.items()):
            message[self.thinks] = "<think>Well, let me see: " + (text if self.thinks == "content" else "")
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "stop",
            "logprobs": {"content": tokens} if depth else None,
        }
        usage = self.usage or {"prompt_tokens": 100, "completion_tokens": len(tokens)}
        return {"object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}


def _of_schema(schema: Mapping[str, Any]) -> str:
    return json.dumps({"choice": schema["properties"]["choice"]["enum"][0], "values": [], "reason": "so"})


def _tokens(text: str) -> list[str]:
    return [text[start : start + 2] for start in range(0, len(text), 2)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: ModelServer

    def do_GET(self) -> None:
        served = self.served
        if not self._knows_key():
            return
        if served.page is not None:
            self.send(200, served.page)
        elif self.path == "/v1/models" and served.lists:
            self.send(200, {"object": "list", "data": served.models})
        elif self.path == "/version" and served.version:
            self.send(200, {"version": served.version})
        else:
            self.send(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        served = self.served
        if not self._knows_key():
            return
        if self.path == "/v1/completions":
            found = None if served.echo is None else served.echo(body)
            self.send(*((404, {"detail": "Not Found"}) if found is None else (200, found)))
            return
        with served.lock:
            served.asked.append(body)
            attempt = sum(question == body["messages"][-1]["content"] for question in served.questions)
            fault = served.faults.pop(0) if served.faults else None
            served.at_once += 1
            served.most_at_once = max(served.at_once, served.most_at_once)
            crowded = served.at_once > served.room
        try:
            fault = fault or served.unlucky(body["messages"][-1]["content"], attempt)
            if fault:
                fault(self, body)
            elif crowded:
                self.send(429, {"error": {"message": "too many"}})
            else:
                self._answer(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with served.lock:
                served.at_once -= 1

    def _answer(self, body: dict[str, Any]) -> None:
        served = self.served
        if self.path != "/v1/chat/completions":
            self.send(404, {"detail": "Not Found"})
            return
        text = json.dumps(body)
        for word, said in served.refused.items():
            if word in text:
                self.send(400, {"error": {"message": said}})
                return
        if served.seconds:
            time.sleep(served.seconds)
        self.send(200, served.completion(body))

    def _knows_key(self) -> bool:
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.served.keys.append(key)
        if self.served.key in (None, key):
            return True
        self.send(401, {"error": {"message": f"Incorrect key: {key}"}})
        return False

    def send(self, status: int, body: object, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def status(code: int, body: object = None, **headers: str) -> Fault:
    """Answer with a status and nothing else."""
    return lambda handler, _: handler.send(code, body or {"error": {"message": "out of order"}}, **headers)


def text(content: str | None, finish: str = "stop") -> Fault:
    """Answer with another text."""

    def answer(handler: _Handler, body: dict[str, Any]) -> None:
        completion = handler.served.completion(body)
        completion["choices"][0] |= {"message": {"content": content}, "finish_reason": finish}
        handler.send(200, completion)

    return answer


def half(handler: _Handler, body: dict[str, Any]) -> None:
    """Promise a whole answer, send half of it, and close."""
    content = json.dumps(handler.served.completion(body)).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True


def garbled(handler: _Handler, body: dict[str, Any]) -> None:
    """Send half of an answer as if it were all."""
    content = json.dumps(handler.served.completion(body)).encode()
    handler.send(200, content[: len(content) // 2])


def silence(handler: _Handler, body: dict[str, Any]) -> None:
    """Never answer."""
    handler.served.closing.wait(60)
    handler.close_connection = True


def drip(handler: _Handler, body: dict[str, Any]) -> None:
    """Send a byte now and then, and never come to an end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.served.closing.wait(0.05):
        handler.wfile.write(b" ")
    handler.close_connection = True


def hang_up(handler: _Handler, body: dict[str, Any]) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def reset(handler: _Handler, body: dict[str, Any]) -> None:
    """Break the connection off, so that it is reset and not closed."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def no_http(handler: _Handler, body: dict[str, Any]) -> None:
    """Answer in another protocol."""
    handler.wfile.write(b"220 mail.example ESMTP ready\r\n\r\n")
    handler.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that faults broke are no news."""


@contextmanager
def serving(port: int = 0, **settings: Any) -> Iterator[ModelServer]:  # noqa: ANN401 - fields of the server
    """Serve until the block ends, on a free port if none is named."""
    served = ModelServer(**settings)
    handler = type("Handler", (_Handler,), {"served": served})
    with _Server(("127.0.0.1", port), handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            served.closing.set()
            server.shutdown()
            thread.join()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
        return port
