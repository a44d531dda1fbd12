"""A SPARQL endpoint over a small store, which fails as servers do when it is told to."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pyoxigraph as ox

NT = "application/n-triples"


class Endpoint(ThreadingHTTPServer):
    """Answers CONSTRUCT queries; ``faults`` says how each of the next requests fails, empty for none."""

    daemon_threads = True

    def __init__(self, store: ox.Store) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = store
        self.faults: list[str] = []
        self.always = ""
        """How each request fails that no fault is named for."""
        self.cap = 1 << 30
        """Most rows of an answer, whatever was asked for."""
        self.queries: list[str] = []
        self.agents: set[str] = set()
        self.released = threading.Event()
        """When answers that are held go on."""
        self.other = ""
        """Where redirects lead."""

    @property
    def source(self) -> str:
        """What it is called as an input."""
        return f"sparql:http://127.0.0.1:{self.server_address[1]}/sparql"

    def answer(self, query: str) -> bytes:
        """N-Triples."""
        query = re.sub(r"LIMIT (\d+)", lambda found: f"LIMIT {min(int(found[1]), self.cap)}", query)
        result = self.store.query(query)
        assert isinstance(result, ox.QueryTriples)
        return result.serialize(format=ox.RdfFormat.N_TRIPLES) or b""


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, form: str) -> None:
        query = parse_qs(form)["query"][0]
        self.server.queries.append(query)
        self.server.agents.add(self.headers["User-Agent"])
        fault = self.server.faults.pop(0) if self.server.faults else self.server.always
        if fault.isdigit():
            self._send(b"Rejected: try another query", "text/plain", int(fault))
        elif fault == "page":
            self._send(b"<!DOCTYPE html><html></html>", "text/html")
        elif fault == "garbage":
            self._send(b"this is no RDF at all", NT)
        elif fault == "cut":
            whole = self.server.answer(query)
            self._send(whole[: whole.rstrip().rfind(b"\n") + 1], NT, length=len(whole))
        elif fault == "torn":
            self._send(self.server.answer(query)[:-5], NT)
        elif fault == "slow":
            time.sleep(1)
        elif fault == "hold":
            self.server.released.wait(60)
        elif fault == "redirect":
            self._send(b"", NT, 302, headers={"Location": f"{self.server.other}?{form}"})
        elif fault == "endless":
            self._endless()
        else:
            again = query if fault != "repeat" else re.sub(r"OFFSET \d+", "OFFSET 0", query)
            self._send(self.server.answer(again), NT)

    def _send(
        self,
        body: bytes,
        content: str,
        status: int = 200,
        length: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {"Retry-After": "0"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", NT)
        self.end_headers()
        line = b'<http://e/a> <http://e/b> "' + b"x" * 65_000 + b'" .\n'
        while True:
            try:
                self.wfile.write(line)
            except OSError:
                return

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def serving(store: ox.Store) -> Iterator[Endpoint]:
    """An endpoint on a port of its own."""
    with Endpoint(store) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
