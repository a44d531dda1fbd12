"""How long a curator waits: a review with tens of thousands of open cases, asked as the page asks it."""

import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.generate import generate
from bench.sets import find_sets
from kgalign.errors import KgalignError
from kgalign.run import start

_SHARE = "0.9"
"""Of the questions, how many are drawn: so that nearly all entities are asked about."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds until each answer came, as the page sees it."""

    open: int
    """Cases that are open at first."""
    start: float
    """Seconds from the command to the start address."""
    next: list[float]
    answer: list[float]
    undo: list[float]

    def lines(self) -> Iterator[str]:
        """What to print."""
        yield f"{self.open:,} open cases; the page is there after {self.start:.1f} s"
        for name, each in (("next", self.next), ("answer", self.answer), ("undo", self.undo)):
            middle, high = np.percentile(each, [50, 95])
            yield (
                f"{name:6}  median {middle:6.1f} ms, 95 % within {high:6.1f} ms, slowest {max(each):6.1f} ms "
                f"({len(each)} times)"
            )


def measure(size: int, seed: int, times: int) -> Waits:
    """Generate a pair of graphs, align it, and answer some of the questions.

    :param size: entities of each side.
    :param times: questions that are answered; one in ten is undone.
    :raises KgalignError: the page did not come up.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        generate(folder / "sets" / "generated", size, seed)
        [each] = find_sets(folder / "sets")
        start.run(each.left, each.right, folder / "run")
        began = time.perf_counter()
        with _served(folder / "run") as (port, token):
            ready = time.perf_counter() - began
            return _asked(port, token, ready, times)


def _asked(port: int, token: str, ready: float, times: int) -> Waits:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    waits: dict[str, list[float]] = {"next": [], "answer": [], "undo": []}

    def ask(name: str, **content: str) -> Any:  # noqa: ANN401 - JSON
        headers = {"content-type": "application/json", "x-kgalign-token": token}
        began = time.perf_counter()
        connection.request("POST", f"/api/{name}", json.dumps({"by": "Ada", **content}), headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        waits.setdefault(name, []).append(1e3 * (time.perf_counter() - began))
        if answer.status != 200:
            raise KgalignError(f"The page answered {answer.status}: {told}")
        return told

    found = ask("begin")["left"]
    for number in range(times):
        question = ask("next")["question"]
        verdict = ("same", "different", "nothing", "unsure")[number % 4]
        right = question["candidates"][0]["iri"] if verdict != "nothing" else ""
        ask("answer", left=question["iri"], right=right, verdict=verdict)
        if number % 10 == 9:
            ask("undo")
    connection.close()
    return Waits(found, ready, waits["next"], waits["answer"], waits["undo"])


@contextmanager
def _served(run: Path) -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", "kgalign", "review", str(run), "--no-open", "--random", _SHARE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout or ():
                found = re.search(r"http://127\.0\.0\.1:(\d+)/#token=(\S+)", line)
                if found:
                    yield int(found[1]), found[2]
                    return
            raise KgalignError("The page did not come up")
        finally:
            process.kill()
