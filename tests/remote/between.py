"""A server between a client and an object store that passes requests on, holds them, or breaks them off."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "expect", "keep-alive", "transfer-encoding", "content-length"}


class Between(ThreadingHTTPServer):
    """Counts what is written, and stops at a write that the test names."""

    daemon_threads = True

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(url).netloc
        self.writes: list[str] = []
        """Paths to which something was written, or which were taken away."""
        self.hold_at: int | None = None
        """The write from which on none is passed on; they are broken off when :attr:`go` is set."""
        self.lose_at: int | None = None
        """The write that is passed on, and of which nobody hears."""
        self.break_at: int | None = None
        """The write from which on nothing is answered any more."""
        self.reached, self.go = threading.Event(), threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that was killed is no error."""

    def is_broken(self, write: bool, path: str) -> bool:
        """Count a request, hold it if it is the one; whether it is not to be answered."""
        with self.lock:
            if write:
                self.writes.append(path)
            number = len(self.writes)
            held = self.hold_at is not None and number >= self.hold_at
            broken = self.break_at is not None and number >= self.break_at
        if held or broken:
            self.reached.set()
        if held and write:
            self.go.wait()
            return True  # who asked is gone, or asks again
        return broken


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Between

    def _pass_on(self) -> None:
        # Parts of one file and the lease are no steps forward.
        write = self.command in {"PUT", "POST", "DELETE"} and "lease.json" not in self.path
        body = self._body()
        if self.server.is_broken(write, self.path):
            self.close_connection = True
            return
        link = http.client.HTTPConnection(self.server.behind, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        link.request(self.command, self.path, body or None, headers)
        answer = link.getresponse()
        content = answer.read()
        if self._is_lost(write):
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        size = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", size or str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        link.close()

    def _is_lost(self, write: bool) -> bool:
        """Whether nobody is to hear of what was just done."""
        lost = write and self.server.lose_at is not None and len(self.server.writes) >= self.server.lose_at
        if lost:
            self.server.reached.set()
            self.server.go.wait()
        return lost

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # what stands behind the last part
            pass
        return b"".join(parts)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def between(url: str) -> Iterator[Between]:
    """Serve until the end of the block."""
    with Between(url) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.go.set()
            with suppress(OSError):
                server.shutdown()
            thread.join()
