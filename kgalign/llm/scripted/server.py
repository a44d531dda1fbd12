"""The scripted judge as an HTTP server that speaks as vLLM does, with faults on demand.

``/v1/models``, ``/v1/chat/completions``, ``/health`` and ``/version`` are vLLM's; ``/v1/scripted/log`` says
what was asked and answered. Nothing that is sent to it ends it: what it can't read is refused.
"""

import asyncio
import json
import logging
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest
from http import HTTPStatus

from aiohttp import web
from pydantic_core import to_json

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
from kgalign.llm.scripted.wire import Asked, Refused, completion, read_request

# aiohttp tells of every request that is no HTTP, with a traceback; the client is told anyway.
_QUIET = logging.getLogger(f"{__name__}.http")
_QUIET.setLevel(logging.CRITICAL)
_LINGER = 1.0
"""Seconds in which a client can send the rest of what is refused."""
_STOPPING = 0.01
"""Seconds that answers under way have when the server closes."""
_LONGEST_HEAD = 64 * 1024
_LONGEST_BODY = 64 * 1024 * 1024
"""Bytes."""
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
    _served: web.Server | None = field(default=None, init=False, repr=False)

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
        if self._served:
            await self._served.shutdown(_STOPPING)


async def start(
    settings: ScriptedSettings, host: str = "127.0.0.1", port: int = 0, *, truth: Truth | None = None
) -> Running:
    """Serve in this event loop until :meth:`Running.close` is called.

    :param settings: how the judge behaves.
    :param host: name or address to listen at.
    :param port: 0 for any that is free.
    :param truth: gives the right label; without it the option that is most like the asker is right.
    :raises KgalignError: it can't listen there.
    """
    running = Running(url="", settings=settings, truth=truth)
    served = web.Server(
        _Judge(running).respond,
        handler_cancellation=True,
        access_log=None,
        logger=_QUIET,
        lingering_time=_LINGER,
        max_line_size=_LONGEST_HEAD,
    )

    def connected() -> asyncio.Protocol:
        running.connections += 1
        return served()

    running._served = served
    try:
        running._server = await asyncio.get_running_loop().create_server(connected, host, port, backlog=1024)
    except (OSError, OverflowError, UnicodeError) as error:
        await running.close()
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

    :raises KgalignError: it can't listen there.
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

    :param settings: how the judge behaves.
    :param host: name or address to listen at.
    :param port: 0 for any that is free.
    :param ready: called with the URL, which ends in ``/v1``, as soon as it listens.
    :raises KgalignError: it can't listen there.
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


class _Judge:
    """Answers requests; one whose client goes away is cancelled."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """What is sent back."""
        if request.method == "POST" and request.path == _CHAT:
            return await self._answer(request)
        return self._page(request)

    def _page(self, request: web.BaseRequest) -> web.Response:
        """What stands at any other address."""
        settings = self._running.settings
        pages: dict[str, Callable[[], object]] = {
            "/health": dict,
            "/version": lambda: {"version": __version__},
            "/v1/models": lambda: _models(settings),
            "/v1/scripted/log": self._running.log,
        }
        if request.path not in (*pages, _CHAT):
            return _json(404, {"detail": "Not Found"})
        if request.path.startswith("/v1/") and not _has_key(settings, request.headers):
            return _json(401, _UNAUTHORIZED)
        if request.method != "GET" or request.path == _CHAT:
            return _json(405, {"detail": "Method Not Allowed"})
        return _json(200, pages[request.path]())

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        running = self._running
        try:
            body = await _read(request)
            running.requests += 1
            running.bodies.append(body)
            if not _has_key(running.settings, request.headers):
                running.refused[401] += 1
                return _json(401, _UNAUTHORIZED)
            asked = read_request(running.settings, body)
        except Refused as refusal:
            running.refused[refusal.status] += 1
            return _json(refusal.status, {"error": refusal.as_error()})
        digest = blake2b(body, digest_size=16)
        name = digest.hexdigest()
        found = bool(records(asked.request.messages))
        fault = draw_fault(running.settings, digest.digest(), running.attempts[name], asks=found)
        running.attempts[name] += 1
        if fault:
            running.faults[fault.value] += 1
        if running.settings.latency:
            await asyncio.sleep(running.settings.latency)
        if fault in _STATUS:
            return _failed(running.settings, fault)
        if fault in (Fault.CLOSED, Fault.SILENT):
            if fault is Fault.SILENT:
                await asyncio.sleep(running.settings.silence)
            return _hung_up(request)
        said = self._said(asked, fault, name, stray=found)
        if running.settings.repeats_key:
            _repeat_key(said, request.headers.get("Authorization", ""))
        response = _json(200, said)
        if fault in (Fault.HALF, Fault.GARBLED, Fault.BYTES):
            return await _broken(request, response, fault)
        running.answered[name] += 1
        return response

    def _said(self, asked: Asked, fault: Fault | None, name: str, *, stray: bool) -> dict[str, object]:
        """The completion."""
        settings = self._running.settings
        said = (
            decide(settings, asked.request, truth=self._running.truth, model=asked.model, stray=stray)
            if asked.request.labels
            else None
        )
        return completion(settings, asked, said, fault, name, prompt_tokens(asked.request))


def _repeat_key(said: dict[str, object], header: str) -> None:
    """Put a header into the texts of an answer."""
    said["model"] = f"{said['model']} {header}"
    for choice in said["choices"]:  # type: ignore[attr-defined]
        choice["finish_reason"] = header
        message = choice["message"]
        message["content"] = message["content"].replace('"reason": "', f'"reason": "{header} ')


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=_encoded(content),
        content_type="application/json",
        headers={"Server": "kgalign-scripted", **(headers or {})},
    )


def _encoded(content: object) -> bytes:
    try:
        return to_json(content)
    except ValueError:  # a lone surrogate, which JSON may hold as an escape
        return json.dumps(content).encode("ascii")


async def _read(request: web.BaseRequest) -> bytes:
    """The body of a request, as long as it says that it is.

    :raises Refused: its length is not given, or too much.
    """
    if "Transfer-Encoding" in request.headers:
        raise Refused(411, "Give the length of the body")
    if (request.content_length or 0) > _LONGEST_BODY:
        raise Refused(413, "The body is too long")
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.content.read()


def _failed(settings: ScriptedSettings, fault: Fault) -> web.Response:
    status, wait = _STATUS[fault], settings.retry_after
    headers = {"Retry-After": f"{wait:g}"} if fault is Fault.BUSY and wait is not None else None
    error = {"message": _SAYS[fault], "type": HTTPStatus(status).phrase, "param": None, "code": status}
    return _json(status, {"error": error}, headers)


def _hung_up(request: web.BaseRequest) -> web.Response:
    """No answer: what is written to a connection that is closed gets lost."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def _broken(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.StreamResponse:
    """Half of an answer: as half of the length that was told, or as if it were all. Or one with a byte that
    is in no text.
    """
    body = response.body
    assert isinstance(body, bytes)
    if fault is Fault.BYTES:
        response.body = body.replace(b'"content":"', b'"content":"\xff', 1)
        return response
    half = body[: len(body) // 2]
    if fault is Fault.GARBLED:
        response.body = half
        return response
    cut = web.StreamResponse(headers=response.headers)
    cut.content_length = len(body)
    cut.force_close()
    await cut.prepare(request)
    await cut.write(half)
    return cut


_UNAUTHORIZED = {"error": "Unauthorized"}


def _has_key(settings: ScriptedSettings, headers: Mapping[str, str]) -> bool:
    if not settings.key:
        return True
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    known = settings.key.encode("utf8", "surrogatepass")
    said = given.strip().encode("utf8", "surrogateescape")
    return scheme.lower() == "bearer" and compare_digest(said, known)


def _models(settings: ScriptedSettings) -> dict[str, object]:
    common = {"object": "model", "created": 0, "owned_by": NAME}
    models = [{"id": NAME, **common, "root": NAME, "parent": None, "max_model_len": settings.context}]
    if settings.adapter:
        models.append({"id": settings.adapter, **common, "root": settings.adapter, "parent": NAME})
    return {"object": "list", "data": models}
