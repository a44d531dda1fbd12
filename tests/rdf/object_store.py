"""A real S3 server on this machine, moto's, in a process of its own."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

_WHO = "test/20260101/us-east-1/s3/aws4_request"
_SIGNED = f"AWS4-HMAC-SHA256 Credential={_WHO}, SignedHeaders=host, Signature=0"
_AGAIN = 4
"""Times that the server is asked again where it stumbles."""


@dataclass(frozen=True, slots=True)
class Store:
    """A server with one bucket."""

    url: str
    environment: dict[str, str]
    """What who asks it has in the environment."""

    def put(self, key: str, content: bytes) -> str:
        """Store an object.

        :returns: its address.
        """
        self._ask("PUT", f"/{key}", content)
        return f"s3://bucket/{key}"

    def remove(self, key: str) -> None:
        """Take an object away."""
        self._ask("DELETE", f"/{key}")

    def read(self, key: str) -> bytes:
        """What an object holds."""
        return self._ask("GET", f"/{key}")

    def names(self, prefix: str) -> list[str]:
        """Keys that begin so, at most a thousand."""
        listed = self._ask("GET", "", query=f"?list-type=2&prefix={quote(prefix)}").decode("utf8")
        return [unescape(key) for key in re.findall("<Key>(.*?)</Key>", listed)]

    def make(self) -> None:
        """Make the bucket."""
        self._ask("PUT", "")

    def _ask(self, method: str, path: str, content: bytes | None = None, query: str = "") -> bytes:
        address = f"{self.url}/bucket{quote(path)}{query}"
        # Without a type it would be read as a form; that somebody signs is looked at, not what is signed.
        headers = {"Content-Type": "application/octet-stream", "Authorization": _SIGNED}
        request = Request(address, content, headers, method=method)
        for _ in range(_AGAIN):
            try:
                return _answer(request)
            except HTTPError as error:
                # It stumbles where it lists keys while others change them: clients of S3 ask again, too.
                if error.code < 500:
                    raise
        return _answer(request)


def _answer(request: Request) -> bytes:
    with urlopen(request, timeout=60) as answer:
        assert answer.status < 300
        return bytes(answer.read())


@contextmanager
def object_store(log: Path) -> Iterator[Store]:
    """Serve S3 until the end of the block; what the server says goes to ``log``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        log.open("wb") as said,
        subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=dict(os.environ)) as process,
    ):
        try:
            _wait(port, process)
            environment = {
                "AWS_ENDPOINT_URL": url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
            store = Store(url, environment)
            store.make()
            yield store
        finally:
            process.kill()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the S3 server ended") from None
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the S3 server did not begin")
