"""A served review for tests: a process of its own, and requests as bare as they can be."""

import http.client
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Served:
    """A page that is up."""

    process: "subprocess.Popen[str]"
    address: str
    port: int
    token: str

    def ask(self, name: str, content: object = None, *, by: str = "Ada") -> Any:  # noqa: ANN401 - JSON
        """What the page asks, as it asks it; the answer has to be one."""
        body = {"by": by, **(content if isinstance(content, dict) else {})}
        status, _, text = self.request("POST", f"/api/{name}", json.dumps(body))
        assert status == 200, (status, text)
        return json.loads(text)

    def request(
        self,
        method: str,
        path: str,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
    ) -> tuple[int, Mapping[str, str], str]:
        """A request with the headers of the page; those that are given replace them, None leaves one out."""
        own = {
            "host": f"127.0.0.1:{self.port}",
            "origin": f"http://127.0.0.1:{self.port}",
            "sec-fetch-site": "same-origin",
            "content-type": "application/json",
            "x-kgalign-token": self.token,
            "content-length": str(len(body.encode())),
            **(headers or {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in own.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body.encode() or None)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text
        finally:
            connection.close()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it; its exit code."""
        self.process.send_signal(how)
        return self.process.wait(20)


@contextmanager
def serving(run: Path, *options: str) -> Iterator[Served]:
    """Serve a run's review at a free port."""
    command = [sys.executable, "-m", "kgalign", "review", str(run), "--no-open", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                found = re.search(r"Open (http://127\.0\.0\.1:(\d+)/#token=(\S+))", line)
                if found:
                    yield Served(process, found[1], int(found[2]), found[3])
                    break
            else:
                raise AssertionError("".join(said))
        finally:
            process.kill()
