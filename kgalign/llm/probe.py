"""What a server can do, found out by a few short requests: what it says of itself is not enough.

Servers ignore options that they don't know, some without saying so. So each option is tried on a question
whose answer shows whether it had an effect.
"""

import asyncio
import difflib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic_core import from_json

from kgalign.errors import KgalignError
from kgalign.llm.http import KEYS, WAYS_NOT_TO_THINK, HttpFailed, Server, ServerDown, Silent
from kgalign.llm.likelihood import offers_likelihood
from kgalign.llm.protocol import CallFailed, Capabilities, Message, Sampling, Structure, Way
from kgalign.llm.schema import Form, form_fields
from kgalign.rdf.text import shorten

log = logging.getLogger(__name__)
T = TypeVar("T")

_TRIES = 6
_SILENT_TRIES = 2
"""The same where nothing comes in a time that is learned: each takes as long as a slow server may need."""
_PAUSE = 0.1
"""Seconds before the second try, doubled before each further one."""
_WAITS = 10.0
"""Most seconds to wait for a server that asks for patience while it is probed."""
_LOOKS = 3
"""How often an option is tried until it counts as ignored: an answer may fail for another reason."""
_LABELS = ("zq7", "xw4")
"""Words that no model gives by itself."""
_QUESTION = (
    Message("system", "You answer questions in one word."),
    Message("user", "What is the capital of France?"),
)
_SAMPLING = Sampling(max_tokens=24)
_DEPTHS = (20, 5)
_REFUSALS = (400, 404, 415, 422, 501)
_CHOICE = re.compile(r'\s*\{\s*"choice"\s*:\s*"(?:' + "|".join(_LABELS) + ')"')
_OPTIONS = ("max_tokens", "seed", "top_p", "temperature")
_WINDOWS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")
_SERVERS = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llama.cpp", "scripted": "scripted"}
"""``owned_by`` of a model → what serves it."""
_STRUCTURES: dict[Form, Structure] = {
    "response_format": "json_schema",
    "response_format-simple": "json_schema",
    "structured_outputs": "json_schema",
    "choice": "choice",
    "none": "none",
}


@dataclass(frozen=True, slots=True)
class _Model:
    """A model as a server lists it."""

    name: str
    owner: str
    parent: str
    """The model that it is an adapter of, empty for none."""
    root: str
    """Where it was loaded from, empty where that is not told."""
    context: int


async def probe(backend: Server) -> Capabilities:
    """Find out what a server can do, and which model it serves where none was named.

    The name of the model is set on the backend if it had none.

    :raises KgalignError: the server is not there, refuses the key, does not know the model or can't be used.
    """
    models = await _models(backend)
    _choose(backend, models)
    notes = await _notes(backend)
    form = await _form(backend, notes)
    depth = await _depth(backend, notes)
    notes["form"] = form
    context = _context(backend, models)
    merged = _merged(backend, models)
    if merged is not None:
        notes["adapter"] = "merged into the model"
    others = [each.name for each in models if not each.parent and each.name != backend.name]
    others = [each for each in others if merged is None or each != merged.name]
    if others:
        notes["other models"] = _list(others)
    found = Capabilities(
        server=await _server(backend, models),
        structure=_STRUCTURES[form],
        logprobs=depth,
        context=context,
        adapters=tuple(
            each.name for each in models if each is merged or each.parent in _own_names(backend, models)
        ),
        ways=await _ways(backend, depth, adapters=any(each.parent for each in models)),
        notes=notes,
    )
    log.info("%s serves %s: %s", backend.url, backend.name, found)
    return found


async def _models(backend: Server) -> list[_Model]:
    """What the server lists; empty where it lists nothing but may answer all the same."""
    try:
        text = await _patiently(lambda: backend.call("/models"), backend.pace.learned)
    except HttpFailed as failure:
        if failure.status in (404, 405, 501) and backend.name and not await _elsewhere(backend):
            return []
        raise await _unusable(backend, failure) from None
    entries = _json(text)
    data = entries.get("data") if isinstance(entries, dict) else None
    if not isinstance(data, list):
        raise await _not_an_api(backend)
    return [_model(each) for each in data if isinstance(each, dict) and isinstance(each.get("id"), str)]


def _model(entry: Mapping[str, Any]) -> _Model:
    places = [entry, entry.get("meta")]
    windows = [place.get(name) for place in places if isinstance(place, dict) for name in _WINDOWS]
    told = {name: each for name, each in entry.items() if isinstance(each, str)}
    return _Model(
        name=told["id"],
        owner=told.get("owned_by", ""),
        parent=told.get("parent", ""),
        root=told.get("root", ""),
        context=next((each for each in windows if isinstance(each, int) and each > 0), 0),
    )


def _choose(backend: Server, models: Sequence[_Model]) -> None:
    """Settle the model's name, and see whether the server has it and its adapter.

    :raises KgalignError: it has not, or it has several and none was named.
    """
    merged = _merged(backend, models)
    if merged is not None:
        backend.name = backend.name or merged.root.rpartition("/")[2].removesuffix(f"+{backend.adapter}")
        return
    names = [each.name for each in models]
    bases = [each.name for each in models if not each.parent] or names
    if not backend.name:
        if len(bases) != 1:
            has = (
                f"serves {len(bases)} models: {_list(bases)}"
                if bases
                else "does not say which models it serves"
            )
            raise _error(backend, has, "Name one with --model")
        backend.name = bases[0]
    elif models and backend.name not in names and f"{backend.name}:latest" not in names:
        raise _error(
            backend,
            f"has no model {shorten(backend.name)}{_nearest(backend.name, names)}; it has {_list(names)}",
            "Name one that it has with --model",
        )
    if not backend.adapter or not models:
        return
    chosen = next((each for each in models if each.name == backend.adapter), None)
    if chosen is None:
        adapters = [each.name for each in models if each.parent]
        has = f"it has {_list(adapters)}" if adapters else "it has none"
        raise _error(
            backend,
            f"has no adapter {shorten(backend.adapter)}{_nearest(backend.adapter, adapters)}; {has}",
            "Name one that it has with --adapter, or start the server with it",
        )
    if chosen.parent and chosen.parent not in _own_names(backend, models):
        raise _error(
            backend,
            f"has the adapter {shorten(chosen.name)} on another model, {shorten(chosen.parent)}",
            "Give that model with --model",
        )


def _merged(backend: Server, models: Sequence[_Model]) -> _Model | None:
    """The model with the adapter merged into it, if that is served: `kgalign serve` names its folder so."""
    for each in models:
        if backend.adapter and each.name == backend.adapter and not each.parent:
            root = each.root.rstrip("/")
            named = f"/{backend.name}+{backend.adapter}" if backend.name else f"+{backend.adapter}"
            if root.endswith(named):
                return each
    return None


def _own_names(backend: Server, models: Sequence[_Model]) -> list[str]:
    """What the adapters of the model may call it by."""
    return [backend.name, *(each.root for each in models if each.name == backend.name and each.root)]


async def _server(backend: Server, models: Sequence[_Model]) -> str:
    """What serves the model, with its version where it tells."""
    own = (backend.name, backend.adapter)
    owner = next((each.owner for each in models if each.name in own), "")
    kind = _SERVERS.get(owner.lower(), "unknown")
    root = backend.url.removesuffix("/v1")
    for path in ("/version", "/api/version"):  # vLLM's and others', Ollama's
        try:
            told = _json(await backend.call(f"{root}{path}"))
        except CallFailed:
            continue
        version = told.get("version") if isinstance(told, dict) else None
        if isinstance(version, str):
            if kind == "unknown" and path == "/api/version":
                kind = "ollama"
            return f"{kind} {shorten(version, 40)}"
    return kind


def _context(backend: Server, models: Sequence[_Model]) -> int:
    """Tokens that a question and its answer may have: the least of what was set and what it tells."""
    told = [each.context for each in models if each.name in (backend.name, backend.adapter) and each.context]
    return min(told + ([backend.context] if backend.context else []), default=0)


async def _notes(backend: Server) -> dict[str, str]:
    """What each request must leave out, and how the model is kept from thinking aloud.

    :raises KgalignError: it refuses a request whatever is left out, or answers nothing that can be read.
    """
    without: list[str] = []
    notes: dict[str, str] = {}
    while True:
        try:
            answer = await _answer(backend, backend.chat(_QUESTION, _SAMPLING, notes))
        except HttpFailed as failure:
            left = [option for option in _OPTIONS if option not in without]
            if failure.status not in (400, 422) or not left:
                raise await _unusable(backend, failure) from None
            without.append(next((option for option in left if option in failure.said), left[0]))
            notes["without"] = " ".join(sorted(without, key=_OPTIONS.index))
        else:
            way = await _way_not_to_think(backend, notes) if _thinks(answer) else ""
            return notes | {"no thinking": way} if way else notes


async def _way_not_to_think(backend: Server, notes: Mapping[str, str]) -> str:
    """How to keep the model from thinking aloud; empty where nothing helps."""
    for way in WAYS_NOT_TO_THINK:
        try:
            answer = await _answer(backend, backend.chat(_QUESTION, _SAMPLING, {**notes, "no thinking": way}))
        except HttpFailed as failure:
            if failure.status not in _REFUSALS:
                raise await _unusable(backend, failure) from None
        else:
            if not _thinks(answer):
                return way
    what = "%s thinks aloud before it answers, and can't be kept from it: raise llm.answer_tokens"
    log.warning(what, backend.name)
    return ""


def _thinks(answer: Mapping[str, Any]) -> bool:
    """Whether there are thoughts in front of an answer, apart from it or in its text."""
    message = answer["choices"][0]["message"]
    text = message.get("content")
    return bool(
        message.get("reasoning_content")  # vLLM's until 0.11, SGLang's, llama.cpp's, DeepSeek's
        or message.get("reasoning")  # vLLM's, Ollama's
        or (isinstance(text, str) and text.lstrip().startswith(("<think>", "</think>")))
    )


async def _form(backend: Server, notes: Mapping[str, str]) -> Form:
    """The strictest form that the server holds an answer to."""
    forms: tuple[Form, ...] = ("response_format", "response_format-simple", "structured_outputs", "choice")
    for form in forms:
        body = backend.chat(_QUESTION, _SAMPLING, notes) | form_fields(form, _LABELS)
        for _ in range(_LOOKS):
            try:
                answer = await _answer(backend, body)
            except HttpFailed as failure:
                if failure.status not in _REFUSALS:
                    raise await _unusable(backend, failure) from None
                log.debug("%s refuses %s: %s", backend.url, form, failure.said)
                break
            text = backend.read(answer, _LABELS, 0.0).text
            if text.strip() in _LABELS if form == "choice" else _CHOICE.match(text):
                return form
    return "none"


async def _depth(backend: Server, notes: Mapping[str, str]) -> int:
    """How many alternatives per token the server gives, 0 for none."""
    body = backend.chat(_QUESTION, _SAMPLING, notes)
    for depth in _DEPTHS:
        for _ in range(_LOOKS):
            try:
                answer = await _answer(backend, body | {"logprobs": True, "top_logprobs": depth})
            except HttpFailed as failure:
                if failure.status not in _REFUSALS:
                    raise await _unusable(backend, failure) from None
                break
            given = _given(answer)
            if given > 1:
                return min(given, depth)
    return 0


async def _ways(backend: Server, depth: int, *, adapters: bool) -> tuple[Way, ...]:
    """How the model can be asked, as far as that shows.

    :param depth: alternatives per token that the server gives.
    :param adapters: whether it serves any. It is then not asked for log-probabilities of a prompt: vLLM 0.32
        on a CPU dies of that (``einsum(): subscript b has size 2 …`` in ``bgmv_shrink``).
    """

    async def send(body: Mapping[str, Any]) -> str:
        return await _patiently(lambda: backend.complete(body), backend.pace.learned)

    ways: list[Way] = ["json"]
    if depth:
        ways.append("choice")
    if not adapters and await offers_likelihood(send, backend.failed, backend.adapter or backend.name):
        ways.append("likelihood")
    return tuple(ways)


def _given(answer: Mapping[str, Any]) -> int:
    """Alternatives per token in an answer."""
    logprobs = answer["choices"][0].get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    listed = [
        each["top_logprobs"]
        for each in (tokens if isinstance(tokens, list) else ())
        if isinstance(each, dict) and isinstance(each.get("top_logprobs"), list)
    ]
    return max((len(each) for each in listed), default=0)


async def _answer(backend: Server, body: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion that has a choice."""

    async def once() -> dict[str, Any]:
        began = time.monotonic()
        answer = await backend.post(body)
        backend.read(answer, _LABELS, 0.0)
        backend.pace.note_short(time.monotonic() - began)
        return answer

    return await _patiently(once, backend.pace.learned)


async def _patiently(ask: Callable[[], Awaitable[T]], learned: bool) -> T:
    """What a request gives; what may pass is waited for.

    :param learned: whether the time that an answer may take is learned, and so is long before any came.
    """
    for number in range(_TRIES):
        try:
            return await ask()
        except HttpFailed as failure:
            await _wait(failure, number, _SILENT_TRIES if learned and isinstance(failure, Silent) else _TRIES)
    raise AssertionError


async def _wait(failure: HttpFailed, number: int, tries: int) -> None:
    """Wait until a request may be tried again, or raise what it failed by.

    A server that is not there at all is not waited for: whoever starts the run is there to start it.
    """
    pause = _PAUSE * 2**number if failure.after is None else failure.after
    if not failure.again or failure.gone or number + 1 >= tries or pause > _WAITS:
        raise failure
    await asyncio.sleep(pause)


async def _unusable(backend: Server, failure: HttpFailed) -> KgalignError:
    """The error for a server that can't be used, told from the last thing that it did."""
    told = f" ({failure.said})" if failure.said else ""
    what = failure.reason.removeprefix(f"{backend.url} ")
    if failure.gone:
        return _down(backend, what, "Start it, or correct the URL in --llm-url")
    if failure.status in (401, 403):
        if backend.has_key:
            return _error(backend, "refuses the key", f"Set {KEYS[0]} or {KEYS[1]} to one that it knows")
        return _error(backend, "asks for a key", f"Set {KEYS[0]} to one that it knows")
    if failure.status in (404, 405, 501):
        if failure.said and "model" in failure.said.lower():
            return _error(backend, f"has no model {shorten(backend.name)}{told}", "Give another with --model")
        return await _not_an_api(backend)
    if failure.status == 429:
        return _down(backend, f"is too busy{told}", "Run the same command again later")
    if failure.status == 200:
        return _error(
            backend, f"answers nothing usable: it {what}", "Look at its log, or give another with --llm-url"
        )
    error = _down if failure.status == 0 or failure.status >= 500 else _error
    return error(backend, what, "Look at its log: the request or the model is at fault")


async def _not_an_api(backend: Server) -> KgalignError:
    better = await _elsewhere(backend)
    return _error(
        backend,
        "is not the URL of an OpenAI-compatible API: there is no list of models",
        f"Give --llm-url {better}" if better else "The URL in --llm-url mostly ends in /v1",
    )


async def _elsewhere(backend: Server) -> str:
    """Another URL on the same server that lists models, empty where there is none."""
    if backend.url.endswith("/v1"):
        return ""
    try:
        told = _json(await backend.call(f"{backend.url}/v1/models"))
    except CallFailed:
        return ""
    return f"{backend.url}/v1" if isinstance(told, dict) and "data" in told else ""


def _nearest(name: str, names: Sequence[str]) -> str:
    by_case = {each.casefold(): each for each in names}
    last = {each.casefold().rpartition("/")[2]: each for each in names}
    wanted = name.casefold()
    for known in (by_case, last):
        close = difflib.get_close_matches(wanted.rpartition("/")[2] if known is last else wanted, known, n=1)
        if close:
            return f" (did you mean {shorten(known[close[0]])}?)"
    return ""


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(shorten(each, 80) for each in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown or "none"


def _json(text: str) -> object:
    try:
        found: object = from_json(text)
    except ValueError:
        return None
    return found


def _error(backend: Server, what: str, remedy: str) -> KgalignError:
    return KgalignError(f"The language model server {backend.url} {what}", remedy)


def _down(backend: Server, what: str, remedy: str) -> KgalignError:
    """The same for one that may be up later."""
    return ServerDown(f"The language model server {backend.url} {what}", remedy)
