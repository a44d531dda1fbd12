"""vLLM as a child process: started with the flags that suit this job, watched, and never left behind."""

import http.client
import json
import logging
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from kgalign.errors import KgalignError
from kgalign.llm.child import kill_group, launch, stop
from kgalign.llm.vllm.faults import failure
from kgalign.llm.vllm.lora import Adapter, read_adapter
from kgalign.llm.vllm.merged import merge_into, reason_against
from kgalign.llm.vllm.setup import (
    BLOCK,
    STRUCTURED,
    check_model,
    number_format,
    on_cpu,
    require_vllm,
    served_name,
    server_environment,
)

log = logging.getLogger(__name__)

_STOPPING = 20.0
"""Seconds that vLLM has to stop by itself."""
_POLL = 0.25
_LINES = 400
"""Lines of its log that are kept to tell what was the matter."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What is served, where and how."""

    model: str
    """A folder, or a name on the hub."""
    name: str = ""
    """What requests call it; empty for the folder's name or the hub's."""
    adapter: Path | None = None
    merge: bool | None = None
    """Whether the adapter is merged into the model, which is then not served by itself; None for on a CPU."""
    host: str = "127.0.0.1"
    port: int = 8000
    """0 for one that is free."""
    context: int = 0
    """Tokens of a question and its answer together; 0 for what the model has."""
    seed: int = 0
    cpu: bool | None = None
    """None for what is found."""
    extra: tuple[str, ...] = ()
    """Further flags for vLLM; they go over those given here."""


def command(
    settings: ServerSettings, adapter: Adapter | None, cpu: bool, merged: Path | None = None
) -> list[str]:
    """The command line, beginning after the interpreter.

    :param settings: what is served; its port must be one.
    :param merged: folder of the model with the adapter merged into it; None to serve them apart.
    """
    name = adapter.name if adapter and merged else settings.name or served_name(settings.model)
    line = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(merged or settings.model)]
    line += ["--served-model-name", name]
    line += ["--host", settings.host, "--port", str(settings.port), "--seed", str(settings.seed)]
    line += ["--enable-prefix-caching", "--enable-prompt-tokens-details"]
    line += ["--structured-outputs-config", json.dumps(STRUCTURED, separators=(",", ":"))]
    # Otherwise the model's own temperature and the like would be taken where a request gives none.
    line += ["--generation-config", "vllm", "--disable-uvicorn-access-log"]
    if settings.context:
        line += ["--max-model-len", str(settings.context)]
    if adapter and not merged:
        module = json.dumps({"name": adapter.name, "path": str(adapter.folder)})
        line += ["--enable-lora", "--lora-modules", module, "--max-lora-rank", str(adapter.rank)]
    if cpu:
        line += ["--dtype", number_format(), "--enforce-eager", "--block-size", str(BLOCK)]
    return [*line, *settings.extra]


class VllmServer:
    """A vLLM that runs as a child for as long as the ``with`` block lasts.

    :raises MissingExtra: vLLM is not installed.
    :raises KgalignError: the model, the adapter or the port can't be used.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.version = require_vllm()
        check_model(settings.model)
        adapter = read_adapter(settings.adapter, settings.model) if settings.adapter else None
        self.name = settings.name or served_name(settings.model)
        if adapter and adapter.name == self.name:
            raise KgalignError(
                f"The model and its adapter have the same name, {self.name}", "Give another one with --name"
            )
        self.adapter = adapter.name if adapter else ""
        self.cpu = on_cpu(self.version) if settings.cpu is None else settings.cpu
        self._host = settings.host
        self.port = _free_port(settings.host, settings.port)
        self._settings, self._adapter = replace(settings, port=self.port), adapter
        merge = self.cpu if settings.merge is None else settings.merge
        self.apart = reason_against(adapter.folder, settings.model) if adapter and merge else ""
        """Why the adapter is not merged into the model, empty where it is or need not be."""
        self.merges = bool(adapter and merge and not self.apart)
        self._place: tempfile.TemporaryDirectory[str] | None = None
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        """What ``/chat/completions`` follows."""
        host = _reachable(self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    def __enter__(self) -> "VllmServer":
        line = command(self._settings, self._adapter, self.cpu, self._merged())
        log.debug("starting %s", " ".join(line))
        self._process = launch(line, server_environment(self.cpu), subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, name="vllm-log", daemon=True)
        self._reader.start()
        return self

    def _merged(self) -> Path | None:
        """The model with its adapter merged into it; its name tells both to who asks the server for it."""
        if not self.merges or self._adapter is None:
            return None
        self._place = tempfile.TemporaryDirectory(prefix="kgalign-merged-")
        out = Path(self._place.name) / f"{self.name}+{self.adapter}"
        try:
            merge_into(self._adapter.folder, Path(self._settings.model), out, number_format())
        except BaseException:
            self._place.cleanup()
            raise
        return out

    def __exit__(self, *_: object) -> None:
        self._stop()
        if self._place is not None:
            self._place.cleanup()
            self._place = None

    def _stop(self) -> None:
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        if not stop(process, _STOPPING):
            log.warning("vLLM does not stop by itself")
        reader.join(_STOPPING)
        if process.stdout:
            process.stdout.close()
        self._process = self._reader = None

    def died(self) -> KgalignError | None:
        """Why it is not running any more, None while it is."""
        process, reader = self._process, self._reader
        if process is None or reader is None or process.poll() is None:
            return None
        kill_group(process.pid)
        reader.join(_STOPPING)
        return failure(list(self._lines), process.returncode)

    def is_healthy(self) -> bool:
        """Whether it takes questions."""
        connection = http.client.HTTPConnection(_reachable(self._host), self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _read(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        for line in process.stdout:
            if line := line.rstrip():
                self._lines.append(line)
                log.debug("vllm: %s", line)


def serve(settings: ServerSettings, tell: Tell, ready: Callable[[VllmServer], None], limit: float) -> int:
    """Start vLLM, wait until it is healthy and keep it until SIGINT or SIGTERM; of the main thread only.

    :param settings: what is served.
    :param tell: called with a line on how the start goes, now and then.
    :param ready: called when it takes questions.
    :param limit: seconds that the start may take.
    :returns: The exit code: 0 for a server that was stopped, 128 + the signal for one that never got to
        start.
    :raises KgalignError: it can't be started, does not get healthy in time, or dies.
    """
    server = VllmServer(settings)
    place = f"the CPU in {number_format()}" if server.cpu else "the GPU"
    if server.merges:
        tell(f"Merging {server.adapter} into {server.name}, which is not served by itself (or --no-merge) …")
    elif server.apart:
        tell(f"{server.adapter} is served beside its model, which is slower: {server.apart}.")
    with _signals() as stopped, server:
        begun = time.monotonic()
        told = begun
        healthy = False
        tell(f"Starting vLLM {server.version} with {server.name} on {place} …")
        while not stopped.wait(1.0 if healthy else _POLL):
            if error := server.died():
                raise error
            if healthy:
                continue
            now = time.monotonic()
            if server.is_healthy():
                healthy = True
                tell(f"Healthy after {now - begun:.0f} s.")
                ready(server)
            elif now - begun > limit:
                raise KgalignError(
                    f"vLLM has not become healthy within {limit:.0f} seconds",
                    "Look at what it does with --log-level debug, or give it longer with --start-limit",
                )
            elif now - told >= 10:
                told = now
                tell(f"Still starting, {now - begun:.0f} s …")
    return 0 if healthy else 128 + stopped.number


class _Stopped:
    """Which signal came, if one did."""

    def __init__(self) -> None:
        self.number = 0
        self._event = threading.Event()

    def set(self, number: int, _: FrameType | None) -> None:
        self.number = number
        self._event.set()

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


@contextmanager
def _signals() -> Iterator[_Stopped]:
    """Catch SIGINT and SIGTERM, so that the child is stopped before this process ends."""
    stopped = _Stopped()
    before: Mapping[signal.Signals, object] = {
        number: signal.signal(number, stopped.set) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal() itself returned


def _reachable(host: str) -> str:
    """Where a server that listens on ``host`` can be reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def _free_port(host: str, port: int) -> int:
    """The port, after a look whether it is free; one that is for 0.

    :raises KgalignError: the port is taken or may not be used, or there is no such host.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise KgalignError(
            f"Nothing can listen on port {port} of {host}: {reason}",
            "Stop what listens there, or give another one with --port and --host",
        ) from error
