"""Servers of the scripted judge as processes of their own, which can be killed."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from typing import Any

from tests import commands
from tests.llm.servers import free_port

Serve = Callable[..., "Served"]


@dataclass
class Served:
    """A server as a process."""

    port: int
    process: ForkServerProcess = field(repr=False)

    @property
    def url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def log(self) -> dict[str, Any]:
        """What it was asked."""
        with urllib.request.urlopen(f"{self.url}/scripted/log", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def wait_for(self, answers: int) -> None:
        """Come back once it has given so many."""
        while self.log()["answers"] < answers:
            time.sleep(0.01)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.join()


@contextmanager
def serving() -> Iterator[Serve]:
    """Starts servers, which end with the block."""
    begun: list[Served] = []

    def start(port: int = 0, **settings: object) -> Served:
        words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        port = port or free_port()
        served = Served(port, commands.begin(["serve", "--scripted", "--port", port, *words]))
        begun.append(served)
        while True:
            try:
                served.log()
            except OSError:
                assert served.process.is_alive(), "the server has ended"
                time.sleep(0.02)
            else:
                return served

    try:
        yield start
    finally:
        for each in begun:
            each.kill()
