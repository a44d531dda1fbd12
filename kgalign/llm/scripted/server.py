"""The scripted judge as an HTTP server that speaks as vLLM does, with faults on demand.

``/v1/models``, ``/v1/chat/completions``, ``/health`` and ``/version`` are vLLM's; ``/v1/scripted/log`` says
what was asked and answered. Nothing that is sent to it ends it: what it can't read is refused.
"""

import asyncio
import contextlib
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest
from http import HTTPStatus

from kgalign.base.version import __version__
from kgalign.errors import KgalignError
from kgalign.llm.scripted import (
    NAME,
    Fault,
    ScriptedSettings,
    Truth,
    decide,
    draw_fault,
    prompt_tokens,
    records,
)
from kgalign.llm.scripted.http import LONGEST_HEAD, Head, Response, json_response, read_body, read_head
from kgalign.llm.scripted.wire import Asked, Refused, completion, read_request

_LINGER = 1.0
"""Seconds in which a client can send the rest of what is refused."""
_KEPT_BODIES = 1000
_CHAT = "/v1/chat/completions"
_STATUS = {Fault.BUSY: 429, Fault.ERROR: 500, Fault.UNAVAILABLE: 503}
_SAYS = {
    Fault.BUSY: "Too many requests",
    Fault.ERROR: "Internal server error",
    Fault.UNAVAILABLE: "The model is overloaded",
}


@dataclass(slots=True)
class Running:
    """A server at work, and what it was asked."""

    url: str
    """What a client is given: ``http://127.0.0.1:8000/v1``."""
    settings: ScriptedSettings
    truth: Truth | None = None
    requests: int = 0
    """Requests for an answer that came, refused ones and those that met a fault as well."""
    attempts: Counter[str] = field(default_factory=Counter)
    """Hash of a request's body → how often it came."""
    answered: Counter[str] = field(default_factory=Counter)
    """Hash of a request's body → how often it got a complete answer of status 200."""
    faults: Counter[str] = field(default_factory=Counter)
    """Name of a fault → how often it was met."""
    refused: Counter[int] = field(default_factory=Counter)
    """Status → requests that were refused with it for what they were."""
    bodies: deque[bytes] = field(default_factory=lambda: deque(maxlen=_KEPT_BODIES))
    """The last 1,000 bodies as they came."""
    connections: int = 0
    """Connections that were opened."""
    _server: asyncio.Server | None = field(default=None, init=False, repr=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False)

    @property
    def repeated(self) -> int:
        """Answers that were given although the same request had got one before."""
        return self.answered.total() - len(self.answered)

    def log(self) -> dict[str, object]:
        """What ``/v1/scripted/log`` says."""
        return {
            "requests": self.requests,
            "distinct": len(self.attempts),
            "answers": self.answered.total(),
            "answered": len(self.answered),
            "repeated": self.repeated,
            "times": dict(self.answered),
            "faults": dict(self.faults),
            "refused": {str(status): count for status, count in self.refused.items()},
            "connections": self.connections,
        }

    async def close(self) -> None:
        """Stop listening and end all connections, answered or not."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()


async def start(
    settings: ScriptedSettings, host: str = "127.0.0.1", port: int = 0, *, truth: Truth | None = None
) -> Running:
    """Serve in this event loop until :meth:`Running.close` is called.

    Args:
        settings: how the judge behaves.
        host: name or address to listen at.
        port: 0 for any that is free.
        truth: gives the right label; without it the option that is most like the asker is right.

    Raises:
        KgalignError: it can't listen there.
    """
    running = Running(url="", settings=settings, truth=truth)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _Connection(running, reader, writer).serve()

    try:
        running._server = await asyncio.start_server(connected, host, port, limit=LONGEST_HEAD, backlog=1024)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise KgalignError(
            f"Can't listen at {host}:{port}: {reason}", "Give another --host or --port"
        ) from error
    number = running._server.sockets[0].getsockname()[1]
    running.url = f"http://{f'[{host}]' if ':' in host else host}:{number}/v1"
    return running


@contextmanager
def running(
    settings: ScriptedSettings | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    truth: Truth | None = None,
) -> Iterator[Running]:
    """A server in a thread of its own for as long as the block lasts; see :func:`start` for the arguments.

    Raises:
        KgalignError: it can't listen there.
    """
    started: Future[tuple[Running, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        try:
            server = await start(settings or ScriptedSettings(), host, port, truth=truth)
        except KgalignError as error:
            started.set_exception(error)
            return
        stop = asyncio.Event()
        started.set_result((server, asyncio.get_running_loop(), stop))
        await stop.wait()
        await server.close()

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="scripted-judge", daemon=True)
    thread.start()
    try:
        server, loop, stop = started.result()
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()


def serve(
    settings: ScriptedSettings,
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM comes; to be called in the main thread.

    Args:
        settings: how the judge behaves.
        host: name or address to listen at.
        port: 0 for any that is free.
        ready: called with the URL, which ends in ``/v1``, as soon as it listens.

    Raises:
        KgalignError: it can't listen there.
    """

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        server = await start(settings, host, port)
        try:
            if ready:
                ready(server.url)
            await stop.wait()
        finally:
            await server.close()

    asyncio.run(main())


class _Connection:
    """One client; its requests are answered one after the other."""

    def __init__(self, running: Running, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._running, self._reader, self._writer = running, reader, writer

    async def serve(self) -> None:
        """Answer until the client or a fault ends the connection, or the server closes."""
        task = asyncio.current_task()
        assert task is not None
        self._running._tasks.add(task)
        self._running.connections += 1
        try:
            while await self._next():
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass  # the client is gone, or the server closes
        finally:
            self._writer.close()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self._writer.wait_closed()
            self._running._tasks.discard(task)

    async def _next(self) -> bool:
        """Answer one request; False ends the connection."""
        try:
            head = await read_head(self._reader)
            body = await read_body(head, self._reader, self._writer)
        except Refused as refusal:
            return await self._turn_away(refusal)
        if head.method == "POST" and head.path == _CHAT:
            return await self._answer(head, body)
        return await self._send(self._page(head), last=head.last)

    def _page(self, head: Head) -> Response:
        """What stands at any other address."""
        settings = self._running.settings
        pages: dict[str, Callable[[], object]] = {
            "/health": dict,
            "/version": lambda: {"version": __version__},
            "/v1/models": lambda: _models(settings),
            "/v1/scripted/log": self._running.log,
        }
        if head.path not in (*pages, _CHAT):
            return json_response(404, {"detail": "Not Found"})
        if head.path.startswith("/v1/") and not _has_key(settings, head):
            return _UNAUTHORIZED
        if head.method != "GET" or head.path == _CHAT:
            return json_response(405, {"detail": "Method Not Allowed"})
        return json_response(200, pages[head.path]())

    async def _answer(self, head: Head, body: bytes) -> bool:
        running = self._running
        running.requests += 1
        running.bodies.append(body)
        if not _has_key(running.settings, head):
            running.refused[401] += 1
            return await self._send(_UNAUTHORIZED, last=head.last)
        try:
            asked = read_request(running.settings, body)
        except Refused as refusal:
            return await self._send(_refusal(running, refusal), last=head.last)
        digest = blake2b(body, digest_size=16)
        attempt = running.attempts[digest.hexdigest()]
        running.attempts[digest.hexdigest()] += 1
        found = bool(records(asked.request.messages))
        fault = draw_fault(running.settings, digest.digest(), attempt, asks=found)
        if fault:
            running.faults[fault.value] += 1
        if running.settings.latency:
            await asyncio.sleep(running.settings.latency)
        if fault in _STATUS or fault in (Fault.CLOSED, Fault.SILENT):
            return await self._fail(fault, last=head.last)
        response = json_response(200, self._said(asked, fault, digest.hexdigest(), stray=found))
        if fault in (Fault.HALF, Fault.GARBLED):
            return await self._break(response, fault, last=head.last)
        # Who has gone in the meantime has not been answered.
        if self._reader.at_eof():
            return False
        running.answered[digest.hexdigest()] += 1
        return await self._send(response, last=head.last)

    def _said(self, asked: Asked, fault: Fault | None, name: str, *, stray: bool) -> dict[str, object]:
        """The completion."""
        settings = self._running.settings
        said = (
            decide(settings, asked.request, truth=self._running.truth, model=asked.model, stray=stray)
            if asked.request.labels
            else None
        )
        return completion(settings, asked, said, fault, name, prompt_tokens(asked.request))

    async def _fail(self, fault: Fault, *, last: bool) -> bool:
        settings = self._running.settings
        if fault is Fault.SILENT:
            # Wakes up when the client gives up, so that its connection is let go.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reader.read(1), settings.silence)
        if fault not in _STATUS:
            return False
        status = _STATUS[fault]
        wait = settings.retry_after
        header = f"Retry-After: {wait:g}\r\n" if fault is Fault.BUSY and wait is not None else ""
        error = {"message": _SAYS[fault], "type": HTTPStatus(status).phrase, "param": None, "code": status}
        return await self._send(json_response(status, {"error": error}, header), last=last)

    async def _break(self, response: Response, fault: Fault, *, last: bool) -> bool:
        """Send half of an answer: as half of the length that was told, or as if it were all."""
        half = response.body[: len(response.body) // 2]
        if fault is Fault.GARBLED:
            return await self._send(Response(200, half), last=last)
        self._writer.write(response.head(last=True) + half)
        await self._writer.drain()
        return False

    async def _turn_away(self, refusal: Refused) -> bool:
        """Refuse what can't be read to its end; False, for where the next request begins is not known."""
        await self._send(_refusal(self._running, refusal), last=True)
        self._writer.write_eof()
        # A connection that is closed with something unread is reset, and the client never sees the answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                while await self._reader.read(LONGEST_HEAD):
                    pass
        return False

    async def _send(self, response: Response, *, last: bool) -> bool:
        self._writer.write(response.head(last=last) + response.body)
        await self._writer.drain()
        return not last


_UNAUTHORIZED = json_response(401, {"error": "Unauthorized"})


def _refusal(running: Running, refusal: Refused) -> Response:
    running.refused[refusal.status] += 1
    return json_response(refusal.status, {"error": refusal.as_error()})


def _has_key(settings: ScriptedSettings, head: Head) -> bool:
    if not settings.key:
        return True
    scheme, _, given = head.headers.get("authorization", "").partition(" ")
    known = settings.key.encode("utf8", "surrogatepass")
    return scheme.lower() == "bearer" and compare_digest(given.strip().encode("latin-1"), known)


def _models(settings: ScriptedSettings) -> dict[str, object]:
    common = {"object": "model", "created": 0, "owned_by": NAME}
    models = [{"id": NAME, **common, "root": NAME, "parent": None, "max_model_len": settings.context}]
    if settings.adapter:
        models.append({"id": settings.adapter, **common, "root": settings.adapter, "parent": NAME})
    return {"object": "list", "data": models}
