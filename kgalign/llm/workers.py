"""Servers of this machine that are started for a run and stopped with it: one model, several engines."""

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import IO

from kgalign.config import LlmConfig
from kgalign.errors import ConfigError, KgalignError
from kgalign.llm.child import launch, stop
from kgalign.llm.protocol import CallFailed, Capabilities
from kgalign.llm.server import OpenAIBackend
from kgalign.llm.servers import Servers
from kgalign.llm.taught import taught_pairs

_HOST = "127.0.0.1"
_START = 1800.0
"""Seconds that the start of a worker may take; large models load for minutes."""
_STOPPING = 30.0
"""Seconds that a worker has to end: longer than it gives its engine."""
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker has of the machine."""

    gpu: str = ""
    """As ``CUDA_VISIBLE_DEVICES`` has it, empty for none of its own."""
    cores: tuple[int, ...] = ()
    """Empty for all."""


class Workers(Servers):
    """Servers that :meth:`probe` starts and :meth:`close` stops; with this process they end in any case.

    :param words: what ``kgalign serve`` is started with, without its port.
    :param shares: of the machine, one for each.
    """

    def __init__(
        self, words: Sequence[str], shares: Sequence[Share], config: LlmConfig, name: str, adapter: str = ""
    ) -> None:
        self._words, self._shares = tuple(words), tuple(shares)
        self._ports = _free_ports(len(shares))
        self._processes: list[tuple[Popen[str], IO[bytes]]] = []
        super().__init__(
            [
                OpenAIBackend(f"http://{_HOST}:{port}/v1", name, adapter, timeout=config.timeout)
                for port in self._ports
            ]
        )

    async def probe(self) -> Capabilities:
        """Start them, wait until they take questions, and find out what they can do.

        :raises KgalignError: one does not start, or can't be used.
        """
        if not self._processes:
            for port, share in zip(self._ports, self._shares, strict=True):
                self._start(port, share)
            async with asyncio.TaskGroup() as group:
                waiting = [group.create_task(self._healthy(number)) for number in range(len(self.servers))]
            if failed := next((each for task in waiting if (each := task.result())), None):
                raise failed
        return await super().probe()

    async def close(self) -> None:
        """Stop them."""
        await super().close()
        processes, self._processes = self._processes, []
        await asyncio.gather(*(asyncio.to_thread(stop, each, _STOPPING) for each, _ in processes))
        for _, said in processes:
            said.close()

    def _start(self, port: int, share: Share) -> None:
        words = ["-m", "kgalign", "serve", *self._words, "--host", _HOST, "--port", str(port)]
        environment = {"CUDA_VISIBLE_DEVICES": share.gpu} if share.gpu else {}
        said = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        self._processes.append((launch(words, environment, said, share.cores), said))

    async def _healthy(self, number: int) -> KgalignError | None:
        """Wait until a worker takes questions; why it does not."""
        server, (process, said) = self.servers[number], self._processes[number]
        until = time.monotonic() + _START
        while time.monotonic() < until:
            if process.poll() is not None:
                return KgalignError(f"Worker {number + 1} did not start: {_last(said)}")
            try:
                await server.call(f"http://{_HOST}:{self._ports[number]}/health")
            except CallFailed:
                await asyncio.sleep(_POLL)
            else:
                return None
        return KgalignError(
            f"Worker {number + 1} takes no questions after {_START:,.0f} seconds",
            "Start servers with kgalign serve, and give each one's --llm-url",
        )


def open_workers(judge: str, config: LlmConfig) -> Workers:
    """The workers that a value of ``judge.judge`` means; nothing is started yet.

    :param judge: ``vllm:MODEL``, or the scripted judge, for tests.
    :raises KgalignError: it can't have any, is not installed, or there are fewer GPUs than workers.
    """
    kind, _, rest = judge.partition(":")
    if kind == "scripted":
        settings = [word for each in rest.split(",") if each for word in ("--set", each)]
        return Workers(["--scripted", *settings], shares(config.workers, cpu=True), config, "scripted")
    if kind != "vllm" or not rest:
        raise ConfigError(
            ["llm.workers: only the judge vllm:MODEL has any; of a server's kind give several by --llm-url"],
            "the judge",
        )
    from kgalign.llm.vllm.engine import content_mark  # needs the extra
    from kgalign.llm.vllm.lora import read_adapter
    from kgalign.llm.vllm.setup import check_model, on_cpu, require_vllm, served_name

    cpu = on_cpu(require_vllm())
    folder = config.adapter or ""
    if rest == "builtin" or taught_pairs(Path(folder or rest)):
        raise ConfigError(
            ["llm.workers: a model that was taught pairs is asked in this process alone"], "the judge"
        )
    check_model(rest)
    adapter = read_adapter(Path(folder), rest).name if folder else ""
    # What is here is known by its content: votes of weights that were trained further are others.
    name = served_name(rest) + content_mark(Path(rest)) + (content_mark(Path(folder)) if folder else "")
    words = [rest, "--name", name, *(["--adapter", folder] if folder else [])]
    return Workers(words, shares(config.workers, cpu=cpu), config, name, adapter)


def shares(count: int, *, cpu: bool) -> list[Share]:
    """The machine in as many parts: a GPU each, or cores of its own; where cores are few they are shared.

    :raises KgalignError: there are fewer GPUs than parts.
    """
    if not cpu:
        gpus = _gpus()
        if len(gpus) < count:
            has = "1 GPU" if len(gpus) == 1 else f"{len(gpus)} GPUs"
            raise KgalignError(
                f"{count} workers need {count} GPUs, and kgalign sees {has}", "Give fewer --workers"
            )
        return [Share(gpu=gpu) for gpu in gpus[:count]]
    if not hasattr(os, "sched_getaffinity"):
        return [Share()] * count
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < count:
        return [Share(cores=(cores[number % len(cores)],)) for number in range(count)]
    ends = [len(cores) * number // count for number in range(count + 1)]
    return [Share(cores=tuple(cores[ends[number] : ends[number + 1]])) for number in range(count)]


def _gpus() -> list[str]:
    """NVIDIA's GPUs that may be used."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [each.strip() for each in named.split(",") if each.strip()]
    return [str(number) for number in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]


def _free_ports(count: int) -> list[int]:
    """Ports on which nothing listens; all differ."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server((_HOST, 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in found]


def _last(said: IO[bytes]) -> str:
    """The last line of what a process said."""
    said.seek(0)
    lines = said.read().decode("utf8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return last.removeprefix("error: ").rstrip(".")
