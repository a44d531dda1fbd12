"""A server with /v1/embeddings for tests: vectors made of character n-grams, and faults on demand."""

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH = 64


def vector_of(text: str, width: int = WIDTH) -> npt.NDArray[np.float32]:
    """Counts of character trigrams, hashed: similar texts have similar vectors, on every machine."""
    vector = np.zeros(width, dtype=np.float32)
    padded = f"  {text.casefold()} "
    for start in range(len(padded) - 2):
        vector[zlib.crc32(padded[start : start + 3].encode()) % width] += 1
    return vector


class EmbeddingServer:
    """What the server does, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[list[str]] = []
        """The texts of each request that reached it, refused ones as well."""
        self.keys: list[str] = []
        self.faults: list[Fault] = []
        """What is done to the next requests, one each; afterwards all goes well."""
        self.after: Callable[[int], None] = lambda _: None
        """Called with the number of answers so far, each time one was sent."""
        self.limit = 10_000
        """Most texts of a request."""
        self.key: str | None = None
        """The key that is asked for."""
        self.closing = threading.Event()
        self.answers = 0

    @property
    def spec(self) -> str:
        """The value of ``retrieve.embedder`` that means this server."""
        return f"openai:{self.url}#grams"

    @property
    def texts(self) -> list[str]:
        """All texts that it was asked for."""
        return [text for request in self.asked for text in request]


Fault = Callable[["_Handler", list[str]], None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: EmbeddingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = body["input"]
        served = self.served
        served.asked.append(texts)
        key = self.headers["Authorization"].removeprefix("Bearer ")
        served.keys.append(key)
        if served.faults:
            served.faults.pop(0)(self, texts)
        elif served.key not in (None, key):
            self.send(401, {"error": {"message": f"Incorrect key: {key}"}})
        elif self.path != "/v1/embeddings" or body["model"] != "grams":
            self.send(404, {"error": {"message": f"The model `{body['model']}` does not exist."}})
        elif len(texts) > served.limit:
            self.send(413, {"error": f"batch size {len(texts)} > maximum {served.limit}"})
        else:
            self.send_vectors([vector_of(text) for text in texts], range(len(texts)))

    def send_vectors(self, vectors: list[npt.NDArray[np.float32]], numbers: Any) -> None:  # noqa: ANN401
        data = [
            {"object": "embedding", "index": number, "embedding": vector.tolist()}
            for number, vector in zip(numbers, vectors, strict=True)
        ]
        self.send(200, {"object": "list", "data": data, "model": "grams"})
        self.served.answers += 1
        self.served.after(self.served.answers)

    def send(self, status: int, body: object, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def status(code: int, body: object = None, **headers: str) -> Fault:
    """Answer with a status and nothing else."""
    return lambda handler, _: handler.send(code, body or {"error": {"message": "out of order"}}, **headers)


def shuffled(handler: _Handler, texts: list[str]) -> None:
    """Give the vectors in another order than asked, with their numbers."""
    order = sorted(range(len(texts)), key=lambda i: zlib.crc32(texts[i].encode()))
    handler.send_vectors([vector_of(texts[i]) for i in order], order)


def too_few(handler: _Handler, texts: list[str]) -> None:
    """Leave the last text out."""
    handler.send_vectors([vector_of(text) for text in texts[:-1]], range(len(texts) - 1))


def wrong_numbers(handler: _Handler, texts: list[str]) -> None:
    """Call each vector the first."""
    handler.send_vectors([vector_of(text) for text in texts], [0] * len(texts))


def not_a_number(handler: _Handler, texts: list[str]) -> None:
    """Break the last vector."""
    vectors = [vector_of(text) for text in texts]
    vectors[-1][3] = np.nan
    handler.send_vectors(vectors, range(len(texts)))


def narrow(handler: _Handler, texts: list[str]) -> None:
    """Give vectors of half the width."""
    handler.send_vectors([vector_of(text, WIDTH // 2) for text in texts], range(len(texts)))


def ragged(handler: _Handler, texts: list[str]) -> None:
    """Give vectors of several widths."""
    vectors = [vector_of(text, WIDTH - number % 2) for number, text in enumerate(texts)]
    handler.send_vectors(vectors, range(len(texts)))


def empty(handler: _Handler, texts: list[str]) -> None:
    """Give vectors without numbers."""
    handler.send_vectors([np.zeros(0, dtype=np.float32) for _ in texts], range(len(texts)))


def silence(handler: _Handler, texts: list[str]) -> None:
    """Never answer."""
    handler.served.closing.wait(60)
    handler.close_connection = True


def hang_up(handler: _Handler, texts: list[str]) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    handler.wfile.close()
    handler.connection.close()


@contextmanager
def serving() -> Iterator[EmbeddingServer]:
    """Serve on a free port until the block ends."""
    served = EmbeddingServer()
    handler = type("Handler", (_Handler,), {"served": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        served.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            served.closing.set()
            server.shutdown()
            thread.join()
