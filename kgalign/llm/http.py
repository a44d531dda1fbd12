"""Servers over HTTP: their key, how they are told not to think aloud, and what their refusals say."""

import datetime
import email.utils
import errno
import math
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from kgalign.errors import KgalignError
from kgalign.llm.pace import Pace
from kgalign.llm.protocol import NO_THINKING, CallFailed, Message, Reply, Sampling

_UNREACHABLE = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH})
KEYS = ("KGALIGN_LLM_KEY", "OPENAI_API_KEY")
"""Variables of the environment that may hold a server's key; the first one that is set counts."""
WAYS_NOT_TO_THINK: Mapping[str, Mapping[str, object]] = {
    "chat_template_kwargs": {"chat_template_kwargs": dict(NO_THINKING)},
    "reasoning_effort": {"reasoning_effort": "none"},
}
"""How servers are told that the model is not to think aloud: vLLM, SGLang and llama.cpp by what they give to
the chat template, OpenAI and Ollama by an effort."""


class HttpFailed(CallFailed):
    """A request got no answer from a server.

    :param status: the status it answered with, 0 where it did not answer, 200 where that makes no sense.
    :param said: what it said of that.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool,
        after: float | None = None,
        gone: bool = False,
        status: int = 0,
        said: str = "",
    ) -> None:
        super().__init__(reason, again=again, after=after, gone=gone)
        self.status, self.said = status, said


class Silent(HttpFailed):
    """No answer came in the time that there was for it."""


class ServerDown(KgalignError):
    """A server is not there, or gives no answer for now."""


class Server(Protocol):
    """A server as it is probed; :class:`kgalign.llm.server.OpenAIBackend` is one."""

    url: str
    name: str
    """Of the model."""
    adapter: str
    context: int
    pace: Pace

    @property
    def has_key(self) -> bool:
        """Whether a key was set."""

    def chat(
        self, messages: tuple[Message, ...], sampling: Sampling, notes: Mapping[str, str]
    ) -> dict[str, Any]:
        """The body of a chat request."""

    def read(self, answer: Mapping[str, Any], labels: tuple[str, ...], seconds: float) -> Reply:
        """A chat completion as a reply."""

    async def post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What ``/chat/completions`` answers."""

    async def call(self, path: str, body: Mapping[str, Any] | None = None) -> str:
        """The text that a path answers with, to a POST if there is a body."""

    async def complete(self, body: Mapping[str, Any]) -> str:
        """The text that ``/completions`` answers."""

    def failed(self, what: str, *, again: bool, status: int = 0) -> "HttpFailed":
        """What is raised where an answer can't be read."""


def seconds_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, given as such or as a date (RFC 9110, 10.2.3)."""
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        else:
            seconds = float(headers["retry-after"])
    except KeyError:
        return None
    except ValueError:
        try:
            date = email.utils.parsedate_to_datetime(headers["retry-after"]).astimezone(datetime.UTC)
        except (KeyError, ValueError, OverflowError):
            return None
        seconds = (date - datetime.datetime.now(datetime.UTC)).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error, and what caused it, the innermost last."""
    seen: set[int] = set()
    left = [error]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            left += each.exceptions
        left += [cause for cause in (each.__cause__, each.__context__) if cause is not None]


def is_unreachable(error: BaseException) -> bool:
    """Whether nothing listens there."""
    if not isinstance(error, OSError):
        return False
    # asyncio joins the errors of a host's several addresses into one text.
    return (
        isinstance(error, socket.gaierror)
        or error.errno in _UNREACHABLE
        or "Connect call failed" in str(error)
    )


def message_of(body: object) -> str:
    """What a server says of a refusal, in the forms that are common."""
    for _ in range(4):
        if not isinstance(body, dict):
            break
        body = body.get("message", body.get("error", body.get("detail")))
    return body if isinstance(body, str) and not body.lstrip().startswith("<") else ""
