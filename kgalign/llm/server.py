"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, Ollama, OpenAI and others."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from kgalign.errors import KgalignError
from kgalign.llm.http import (
    KEYS,
    WAYS_NOT_TO_THINK,
    HttpFailed,
    Silent,
    causes_of,
    is_unreachable,
    message_of,
    seconds_asked_for,
)
from kgalign.llm.likelihood import Likelihood
from kgalign.llm.naming import name_given, name_in, notice
from kgalign.llm.pace import Pace
from kgalign.llm.pairs import pair_body, read_pair
from kgalign.llm.probe import probe
from kgalign.llm.protocol import (
    Capabilities,
    Message,
    Reply,
    Request,
    Sampling,
)
from kgalign.llm.schema import FORMS, Form, form_fields
from kgalign.llm.spelling import label_probabilities
from kgalign.rdf.text import shorten

if TYPE_CHECKING:
    import openai

NO_KEY = "no-key"
_SHORTEST_KEY = 8
"""Characters."""
_CONNECT = 10.0
"""Seconds in which a connection must come about."""
_CONNECTIONS = 4096
_IDLE = 3.0
"""Seconds after which an unused connection is closed: before servers do so (uvicorn: 5), since a request
on a connection that is just being closed is lost."""
_PASSES = frozenset({408, 409, 425, 429})
_NEVER = frozenset({501, 505})


class OpenAIBackend:
    """A model behind a URL; to be used in one event loop.

    Nothing is tried again here, see :mod:`kgalign.llm.pool`.

    :param url: what ``/chat/completions`` follows, mostly ending in ``/v1``.
    :param model: its name there; None for the only one that is served, which :meth:`probe` finds out.
    :param adapter: name of a LoRA adapter that is served on it, empty for none.
    :param timeout: seconds that an answer may take as a whole; None for what follows from what others took.
    :param context: tokens that a question and its answer may have together, 0 to ask the server.
    :param capabilities: what the server can do, where that is known; otherwise as much as OpenAI's own until
        :meth:`probe` has found out.
    :param pace: of a server that was asked before; None to learn it.
    :param strict: whether it is an error that another model answers than the one that is asked.
    :raises KgalignError: the key in the environment can't be one.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        adapter: str = "",
        *,
        timeout: float | None = None,
        context: int = 0,
        capabilities: Capabilities | None = None,
        pace: Pace | None = None,
        strict: bool = False,
    ) -> None:
        self.url = url.rstrip("/").removesuffix("/chat/completions")
        self.name = model or ""
        self.adapter = adapter
        self.timeout = timeout
        self.pace = pace or Pace(timeout)
        self.context = context
        self.capabilities = capabilities
        self._key = server_key()
        self._strict = strict
        self._served = ""
        """The name that was last given to what answers, where it is not the one that was asked."""
        self._client: openai.AsyncOpenAI | None = None
        self._likelihood = Likelihood(self.complete, self.failed)

    @property
    def has_key(self) -> bool:
        """Whether a key was set."""
        return self._key != NO_KEY

    async def probe(self) -> Capabilities:
        """Find out what the server can do; it is asked a few short questions.

        :raises KgalignError: it is not there, refuses the key, does not know the model or can't be used.
        """
        self.capabilities = await probe(self)
        return self.capabilities

    async def ask(self, request: Request) -> Reply:
        """Send one request, once, and wait for the answer.

        :raises CallFailed: there is no answer; it says whether to try again, and when.
        """
        began = time.monotonic()
        if request.way == "pair":
            told = await self.call("/completions", pair_body(request, self.adapter or self.name))
            reply = read_pair(told, request, time.monotonic() - began, self.failed)
            reply = replace(reply, served=self._notice(name_in(told)))
        elif request.way == "likelihood":
            scored = await self._likelihood.ask(request, self.adapter or self.name)
            reply = replace(scored, seconds=time.monotonic() - began, served=self._served)
        else:
            answer = await self.post(self._body(request))
            reply = self.read(answer, request.labels, time.monotonic() - began)
        self.pace.note(began)
        return reply

    async def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def chat(
        self, messages: tuple[Message, ...], sampling: Sampling, notes: Mapping[str, str]
    ) -> dict[str, Any]:
        """The body of a chat request, apart from the form of the answer and log-probabilities.

        :param notes: of the capabilities: which options the server does not take, and how it is told that
            the model is not to think aloud.
        """
        body: dict[str, Any] = {
            "model": self.adapter or self.name,
            "messages": [{"role": each.role, "content": each.content} for each in messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
        }
        for option in notes.get("without", "").split():
            del body[option]
            if option == "max_tokens":
                body["max_completion_tokens"] = sampling.max_tokens
        return {**body, **WAYS_NOT_TO_THINK.get(notes.get("no thinking", ""), {})}

    def read(self, answer: Mapping[str, Any], labels: tuple[str, ...], seconds: float) -> Reply:
        """A chat completion as a reply.

        :raises CallFailed: it is none.
        """
        choices = answer.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        message = first.get("message") if isinstance(first, dict) else None
        if not isinstance(first, dict) or not isinstance(message, dict):
            said = message_of(answer)
            reason = f"answers no choice{f' ({self._shown(said)})' if said else ''}"
            raise self.failed(reason, again=True, status=200, said=said)
        content = message.get("content")
        logprobs = first.get("logprobs")
        tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
        usage = _mapping(answer.get("usage"))
        return Reply(
            # Once more, since JSON can spell a character in several ways.
            text=self._without_key(content) if isinstance(content, str) else "",
            finish=self._without_key(str(first.get("finish_reason") or "")),
            probabilities=label_probabilities(tokens, labels) if tokens else None,
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            cached_tokens=_count(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
            seconds=seconds,
            served=self._notice(name_given(answer)),
        )

    def _notice(self, told: str) -> str:
        """The name that the server gives to what answers, empty where it is the one that was asked."""
        given = self._without_key(told)
        self._served = notice(self.url, self.adapter or self.name, given, strict=self._strict)
        return self._served

    async def post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What ``/chat/completions`` answers.

        :raises CallFailed: nothing, or no JSON object.
        """
        text = await self.call("/chat/completions", body)
        try:
            answer = from_json(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self.failed("answers something that is no JSON object", again=True, status=200)
        return answer

    async def complete(self, body: Mapping[str, Any]) -> str:
        """The text that ``/completions`` answers, the older half of the protocol.

        :raises CallFailed: it does not answer, or with the status of an error.
        """
        text = await self.call("/completions", body)
        self._notice(name_in(text))
        return text

    async def call(self, path: str, body: Mapping[str, Any] | None = None) -> str:
        """The text that a path answers with, to a POST if there is a body.

        :param path: below the URL, or a whole URL.
        :raises CallFailed: it does not answer, with the status of an error, or in bytes that are not UTF-8:
            JSON is (RFC 8259, 8.1), and what is put in the place of others would be taken for an answer.
        """
        import aiohttp
        import openai

        client = self._client or self._open()
        failure: HttpFailed
        began = time.monotonic()
        try:
            async with self.pace.waiting():
                # Not through the SDK's typed methods: they convert each field of the request and build models
                # of the answer's thousands of fields, which takes longer than all the rest.
                if body is None:
                    answer = await client.get(path, cast_to=bytes)
                else:
                    answer = await client.post(path, cast_to=bytes, body=body)
                return self._without_key(answer.decode("utf8"))
        except openai.APIStatusError as error:
            failure = self._refusal(error.status_code, error.response.headers, message_of(error.body))
        except openai.APIConnectionError as error:
            failure = self._no_answer(error, began)
        except TimeoutError:
            failure = self._silence(began)
        except openai.OpenAIError as error:
            failure = self.failed(f"can't be asked: {self._shown(str(error))}", again=False)
        except UnicodeDecodeError:
            failure = self.failed("answers in bytes that are not UTF-8", again=True, status=200)
        except UnicodeError:
            failure = self.failed("can't be asked: the question is no Unicode text", again=False)
        except aiohttp.ClientError as error:  # what is no HTTP at all comes through as it is
            failure = self._no_answer(error, began)
        # Outside of the handlers, so that no traceback shows what the server said: that may hold the key.
        raise failure

    def _open(self) -> "openai.AsyncOpenAI":
        import openai

        seconds = openai.Timeout(self.timeout, connect=min(self.timeout or _CONNECT, _CONNECT))
        limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
            max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS, keepalive_expiry=_IDLE
        )
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self.url,
            timeout=seconds,
            max_retries=0,
            # aiohttp takes two thirds of the time that httpx takes.
            http_client=openai.DefaultAioHttpClient(timeout=seconds, limits=limits),
        )
        return self._client

    def _body(self, request: Request) -> dict[str, Any]:
        found = self.capabilities
        body = self.chat(request.messages, request.sampling, found.notes if found else {})
        wanted = request.sampling.logprobs
        alternatives = min(wanted, found.logprobs) if found else wanted
        if alternatives:
            body["logprobs"] = True
            body["top_logprobs"] = alternatives
        words = found is not None and found.server.startswith("vllm")
        return body | form_fields(_form(found), request.labels, request.way, words=words)

    def _refusal(self, status: int, headers: Mapping[str, str], said: str) -> HttpFailed:
        again = status in _PASSES or (status >= 500 and status not in _NEVER)
        # What it says of keys is left out: some servers repeat them.
        told = f" ({self._shown(said)})" if said and status not in (401, 403) else ""
        return self.failed(
            f"answers with status {status}{told}",
            again=again,
            after=seconds_asked_for(headers) if again else None,
            status=status,
            said=said,
        )

    def _no_answer(self, error: Exception, began: float) -> HttpFailed:
        """What kept a request from being answered, from the innermost cause of an error."""
        causes = list(causes_of(error))
        if any(isinstance(each, TimeoutError) for each in causes):
            return self._silence(began)
        if any(is_unreachable(each) for each in causes):
            told = next((str(each) for each in reversed(causes) if is_unreachable(each)), "")
            return self.failed(f"can't be reached: {self._shown(told)}", again=True, gone=True)
        told = next((str(each) for each in reversed(causes) if str(each)), type(error).__name__)
        return self.failed(f"broke the connection off: {self._shown(told)}", again=True)

    def _silence(self, began: float) -> HttpFailed:
        seconds = time.monotonic() - began if self.timeout is None else self.timeout
        return Silent(f"{self.url} has not answered within {seconds:.3g} seconds", again=True)

    def failed(
        self,
        what: str,
        *,
        again: bool,
        after: float | None = None,
        gone: bool = False,
        status: int = 0,
        said: str = "",
    ) -> HttpFailed:
        """What is raised where the server can't be asked or read.

        :param what: what it does, after its URL.
        :param again: whether the same request may succeed later.
        :param after: seconds that it asked to wait.
        :param gone: whether nothing listens there.
        :param status: of HTTP, 0 for none.
        :param said: what the server said of it.
        """
        return HttpFailed(
            f"{self.url} {what}", again=again, after=after, gone=gone, status=status, said=self._shown(said)
        )

    def _without_key(self, text: str) -> str:
        """What a server says, without the key where it repeats that: it must get into no ledger and no log.

        What is shorter than a key stays: words such as "none" are set for servers that want none.
        """
        return text.replace(self._key, "…") if self.has_key and len(self._key) >= _SHORTEST_KEY else text

    def _shown(self, text: str) -> str:
        return shorten(text.replace(self._key, "…") if self.has_key else text).rstrip(".")


def server_key() -> str:
    """The server's key, or what those without one get.

    :raises KgalignError: what the environment holds can't be a key.
    """
    for name in KEYS:
        if key := os.environ.get(name, "").strip():
            if not (key.isascii() and key.isprintable()):
                raise KgalignError(f"{name} holds characters that no key has", "Set it anew")
            return key
    return NO_KEY


def _form(found: Capabilities | None) -> Form:
    """How to tell the server the form of an answer."""
    if found is None:
        return "response_format"
    noted = found.notes.get("form")
    if noted in FORMS:
        return noted
    return "response_format" if found.structure == "json_schema" else found.structure


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
