"""What asking takes besides the model: votes per second with the ledger on, beside a bare load generator.

Without a URL the scripted judge answers at once, as a process on a core of its own, and the client has
another core to itself. The same prompts are then sent by a bare load generator, which does nothing but send
them over kept connections and read the answers to their end.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench.generate import generate
from bench.results import table
from kgalign import pipeline
from kgalign.config import Config, LlmConfig
from kgalign.judge.asking.cases import Case, find_cases
from kgalign.judge.asking.questions import Questions
from kgalign.judge.asking.session import Asking
from kgalign.judge.asking.templates import load_templates
from kgalign.ledger import FILE, Ledger
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import Reply, Request, Sampling
from kgalign.llm.server import OpenAIBackend
from kgalign.records import Profile
from kgalign.run import start

ENTITIES = 3_000
"""Entities a side of the generated graphs."""
HEAD = ("server", "sent by", "questions", "seconds", "per second", "CPU s", "share")


@dataclass(frozen=True, slots=True)
class Row:
    """One way of sending, on one server; medians over the rounds."""

    server: str
    by: str
    questions: int
    seconds: float
    cpu_seconds: float
    """Of this process, without the server."""
    share: float
    """Of the bare load generator's throughput; 1 for itself, 0 where there is none."""

    def cells(self) -> list[str]:
        """The row as it is shown."""
        return [
            self.server,
            self.by,
            f"{self.questions:,}",
            f"{self.seconds:.2f}",
            f"{self.questions / max(self.seconds, 1e-9):,.1f}",
            f"{self.cpu_seconds:.2f}",
            f"{self.share:.2f}" if self.share else "",
        ]


class _Recorder(OpenAIBackend):
    """Keeps the bodies that it sends."""

    def __init__(self, url: str, model: str | None, adapter: str) -> None:
        super().__init__(url, model, adapter, timeout=600)
        self.bodies: list[bytes] = []

    async def ask(self, request: Request) -> Reply:
        self.bodies.append(json.dumps(self._body(request), ensure_ascii=False).encode())
        return await super().ask(request)


def measure(
    url: str,
    model: str | None,
    adapter: str,
    votes: int,
    concurrency: int,
    rounds: int,
    tell: Callable[[Row], None],
) -> list[Row]:
    """Measure against a server, or against the scripted judge where ``url`` is empty.

    :param votes: after how many a round ends, about.
    :param rounds: of both ways of sending in turn; medians are shown.
    """
    with _inputs() as (left, right, cases):
        if url:
            rows = _measure(url, model, adapter, left, right, cases, votes, concurrency, rounds)
        else:
            with _scripted() as address, _on_core(0):
                rows = _measure(address, "scripted", "", left, right, cases, votes, concurrency, rounds)
    for row in rows:
        tell(row)
    return rows


@contextmanager
def _inputs() -> Iterator[tuple[Profile, Profile, list[Case]]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        generate(Path(folder), ENTITIES)
        config = Config.model_validate({"votes": {"ask": "all"}})
        work = start.evidence(Path(folder) / "left.nt.gz", Path(folder) / "right.nt.gz", None, config)
        left, right = work.get(pipeline.SELECT_LEFT), work.get(pipeline.SELECT_RIGHT)
        yield left, right, find_cases(work.get(pipeline.JUDGE), left, right, config.votes)


def _measure(
    url: str,
    model: str | None,
    adapter: str,
    left: Profile,
    right: Profile,
    cases: Sequence[Case],
    votes: int,
    concurrency: int,
    rounds: int,
) -> list[Row]:
    # What is asked depends on the answers, so the first round only finds out what is sent; the others find a
    # server that has read it all before, whoever sends it.
    bodies, name, *_ = asyncio.run(_ask(url, model, adapter, left, right, cases, votes, concurrency))
    ours, bare = [], []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), time.process_time()
        asyncio.run(_send(url, bodies, concurrency))
        bare.append((len(bodies), time.perf_counter() - began, time.process_time() - cpu))
        asked, _, seconds, cpu = asyncio.run(
            _ask(url, model, adapter, left, right, cases, votes, concurrency)
        )
        ours.append((len(asked), seconds, cpu))
    rate = [count / seconds for count, seconds, _ in ours], [count / seconds for count, seconds, _ in bare]
    share = median(a / b for a, b in zip(*rate, strict=True))
    return [_row(name, "bare load generator", bare, 1.0), _row(name, "the judge, ledger on", ours, share)]


def _row(server: str, by: str, took: Sequence[tuple[int, float, float]], share: float) -> Row:
    count, seconds, cpu = (median(each) for each in zip(*took, strict=True))
    return Row(server, by, int(count), seconds, cpu, share)


async def _ask(
    url: str,
    model: str | None,
    adapter: str,
    left: Profile,
    right: Profile,
    cases: Sequence[Case],
    votes: int,
    concurrency: int,
) -> tuple[list[bytes], str, float, float]:
    """Ask as a run does; the bodies that were sent, the server's name, seconds, CPU seconds."""
    config = Config.model_validate({"votes": {"ask": "all"}})
    llm = LlmConfig(concurrency=concurrency, timeout=600, answer_tokens=64)
    backend = _Recorder(url, model, adapter)
    try:
        found = await backend.probe()
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            Ledger.open(Path(folder) / FILE, write=True) as ledger,
        ):
            judging = ledger.begin(backend.name, adapter, {})
            questions = Questions(
                left, right, templates=load_templates(), budget_tokens=llm.question_tokens, seed=0
            )
            pool = Pool(backend, llm)
            sampling = Sampling(max_tokens=llm.answer_tokens, logprobs=min(found.logprobs, 10))
            asking = Asking(questions, ledger, judging, pool, config.votes, llm, sampling, seed=0)
            began, cpu = time.perf_counter(), time.process_time()
            # Some three votes a case; a limit on calls would make it ask one by one in the end.
            await asking.ask(cases[: max(1, votes // 3)])
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            await pool.close()
    finally:
        await backend.close()
    return backend.bodies, f"{found.server}, {concurrency} at once", seconds, cpu


async def _send(url: str, bodies: Sequence[bytes], concurrency: int) -> None:
    """Send all bodies over kept connections; nothing is read but the answers' ends."""
    parts = urlsplit(url)
    waiting = iter(bodies)
    head = (
        f"POST {parts.path.rstrip('/')}/chat/completions HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            for body in waiting:
                writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                lines = answer.decode("latin1").lower().split("\r\n")
                if " 200 " not in f"{lines[0]} ":
                    raise RuntimeError(f"the server answers {lines[0]}")
                length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
                await reader.readexactly(length)
        finally:
            writer.close()
            await writer.wait_closed()

    await asyncio.gather(*(connection() for _ in range(concurrency)))


@contextmanager
def _scripted() -> Iterator[str]:
    """The scripted judge as a process on a core of its own; its URL."""
    command = [sys.executable, "-m", "kgalign", "serve", "--scripted", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        _pin(process.pid, 1)
        line = process.stdout.readline()
        yield next(word for word in line.replace(";", " ").split() if word.startswith("http"))
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """Keep this process on one core, where the system can."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    _pin(0, core)
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


def _pin(process: int, core: int) -> None:
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(process, {core})


def as_markdown(rows: Sequence[Row]) -> str:
    """The table of the results."""
    note = (
        "The judge renders the question, looks it up in the ledger, sends it, reads and checks the answer, "
        "puts it on record and decides what to ask next; the bare load generator sends the same bodies and "
        "reads the answers to their end. CPU seconds are the client's. `share` is its throughput against "
        "the bare load generator's, median over the rounds."
    )
    return f"{note}\n\n{table(HEAD, [row.cells() for row in rows], words=2)}"


def as_json(rows: Sequence[Row]) -> str:
    """The rows as JSON, for other programs."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"
