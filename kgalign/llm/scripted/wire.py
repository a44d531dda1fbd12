"""Requests and answers of the scripted judge over the wire: OpenAI's chat completions as vLLM has them."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgalign.llm.protocol import Message, Request, Role, Sampling
from kgalign.llm.scripted import (
    ANOTHER_LANGUAGE,
    MOST_LOGPROBS,
    NAME,
    TOKEN,
    Fault,
    Said,
    ScriptedSettings,
    prompt_tokens,
    records,
    tokens,
    wrap,
)

_TOLD = re.compile(r"(?:choose|one of|labels?)[^:\n]*: *([^\n{}]*?)\.?[ \t]*$", re.IGNORECASE | re.MULTILINE)
"""Where a question ends with the labels, such as "Choose one of: A, B, none."."""
_TAIL = 2000
"""Characters at the end of a question in which the labels are sought."""
_MOST_TOKENS = 1024
"""Of an answer where the request sets no limit."""
_ELSEWHERE = tuple(
    "The I Sure Answer Option It Based To This Looking Let We Record Given Both As An In ** ```".split()
)
"""What a model might have said instead."""
_RARE = 0.0005
"""Probability of each token that spells no label."""


class Refused(Exception):
    """A request that can't be answered, and the error that vLLM gives for it."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param = status, message, param

    def as_error(self) -> dict[str, object]:
        """What stands under ``error`` in the body."""
        kind = "NotFoundError" if self.status == 404 else "BadRequestError"
        return {"message": self.message, "type": kind, "param": self.param, "code": self.status}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The form that an answer must have."""

    form: Literal["schema", "choice", "free"]
    schema: Mapping[str, Any] | None = None
    """JSON schema of the answer, if the form is one."""
    labels: tuple[str, ...] = ()
    """The words to choose from, if the form has some."""


_FREE = Wanted("free")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was sent."""

    request: Request
    """Without labels if it asks for no choice."""
    model: str
    most: int
    """Tokens that the answer may have."""
    wanted: Wanted
    logprobs: int | None
    """Alternatives per token that are asked for, None if log-probabilities are not."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Part(_Strict):
    text: str


class _Message(_Strict):
    role: Role
    content: str | list[_Part]

    def as_message(self) -> Message:
        parts = self.content
        return Message(self.role, parts if isinstance(parts, str) else "".join(each.text for each in parts))


_Tokens = Annotated[float, Field(ge=0, le=2**31)]


class _Body(_Strict):
    """What a request says, as far as it is looked at; ``None`` stands for what is left out."""

    model: Any = None
    stream: Any = None
    messages: list[_Message] = Field(min_length=1)
    max_completion_tokens: _Tokens | None = None
    max_tokens: _Tokens | None = None
    temperature: Annotated[int | float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[int | float, Field(ge=0, le=1)] | None = None
    seed: Annotated[float, Field(ge=-(2**63), le=2**63)] | None = None
    logprobs: Any = None
    top_logprobs: Any = None
    structured_outputs: Any = None
    response_format: Any = None


def read_request(settings: ScriptedSettings, body: bytes) -> Asked:
    """A request from its body.

    :raises Refused: it is none, or asks for what there is not.
    """
    try:
        given = _Body.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Refused(400, f"{place or 'The body'}: {first['msg']}", place or None) from None
    model = given.model or NAME
    if not isinstance(model, str) or model not in {NAME, settings.adapter} - {""}:
        raise Refused(404, f"The model `{model}` does not exist.", "model")
    if given.stream:
        raise Refused(400, "Answers are not streamed here", "stream")
    messages = tuple(each.as_message() for each in given.messages)
    told = given.max_completion_tokens or given.max_tokens
    most = int(told or _MOST_TOKENS)
    sampling = Sampling(
        temperature=1.0 if given.temperature is None else given.temperature,
        top_p=1.0 if given.top_p is None else given.top_p,
        max_tokens=most,
        seed=int(given.seed or 0),
    )
    wanted = _wanted(given) if settings.structure else _FREE
    request = Request(messages, wanted.labels or _told_labels(messages), sampling)
    _fits(settings, request, not told)
    return Asked(request, model, most, wanted, _logprobs(settings, given))


def _fits(settings: ScriptedSettings, request: Request, free: bool) -> None:
    """Refuse a question that leaves no room for its answer, as vLLM does."""
    read, most = prompt_tokens(request), request.sampling.max_tokens
    limit = f"This model's maximum context length is {settings.context} tokens. However, "
    if read >= settings.context:
        raise Refused(
            400,
            f"{limit}your prompt contains {read} input tokens, which exceeds this limit even without any "
            "output tokens. Please reduce the length of the input prompt.",
            "input_tokens",
        )
    if not free and read + most > settings.context:
        raise Refused(
            400,
            f"{limit}you requested {most} output tokens and your prompt contains {read} input tokens, for a "
            f"total of {read + most} tokens. Please reduce the length of the input prompt or the number of "
            "requested output tokens.",
            "max_tokens",
        )


def _wanted(body: _Body) -> Wanted:
    """The form of the answer that is asked for."""
    given = body.structured_outputs
    if isinstance(given, dict):
        if labels := _words(given.get("choice")):
            return Wanted("choice", None, labels)
        schema = given.get("json")
        if isinstance(schema, dict):
            return Wanted("schema", schema, _enum(schema))
    given = body.response_format
    if isinstance(given, dict) and given.get("type") == "json_schema":
        named = given.get("json_schema")
        schema = named.get("schema") if isinstance(named, dict) else None
        if not isinstance(schema, dict):
            raise Refused(400, "response_format has no schema", "response_format")
        return Wanted("schema", schema, _enum(schema))
    return _FREE


def _enum(schema: Mapping[str, Any]) -> tuple[str, ...]:
    properties = schema.get("properties")
    choice = properties.get("choice") if isinstance(properties, dict) else None
    return _words(choice.get("enum")) if isinstance(choice, dict) else ()


def _words(given: object) -> tuple[str, ...]:
    found = given if isinstance(given, list) else ()
    return tuple(dict.fromkeys(each for each in found if isinstance(each, str) and each))


def _told_labels(messages: tuple[Message, ...]) -> tuple[str, ...]:
    """The labels that the question names, or those of its records and "none"; empty if it has no records."""
    found = records(messages)
    if len(found) < 2:
        return ()
    shown = tuple(dict.fromkeys(record.label for record in found[1:]))
    said = next(each.content for each in reversed(messages) if each.role == "user")
    for line in reversed(_TOLD.findall(said[-_TAIL:])):
        told = tuple(dict.fromkeys(each.strip("`'\" ") for each in re.split(r", *(?:or +)?| +or +", line)))
        if told[:-1] == shown or (told == ("yes", "no") and len(found) == 2):
            return told
    return (*shown, "none")


def _logprobs(settings: ScriptedSettings, body: _Body) -> int | None:
    if not settings.logprobs or body.logprobs is not True:
        return None
    wanted = body.top_logprobs or 0
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 0:
        raise Refused(400, "top_logprobs must be a number from 0 up", "top_logprobs")
    if wanted > MOST_LOGPROBS:
        raise Refused(
            400,
            f"Requested sample logprobs of {wanted}, which is greater than max allowed: {MOST_LOGPROBS}",
            "top_logprobs",
        )
    return wanted


def completion(
    settings: ScriptedSettings, asked: Asked, said: Said | None, fault: Fault | None, name: str, read: int
) -> dict[str, object]:
    """The body of an answer of status 200.

    :param settings: what the server can do.
    :param asked: the request.
    :param said: what the judge says; None where it is not asked to choose.
    :param fault: what is wrong with the content, if anything.
    :param name: what the answer's id ends in.
    :param read: tokens of the question.
    """
    text, start = _text(settings, asked, said)
    if fault in (Fault.LANGUAGE, Fault.EMPTY):
        text, start = ANOTHER_LANGUAGE if fault is Fault.LANGUAGE else "", -1
    most = asked.most * TOKEN
    finish = "length" if len(text) > most else "stop"
    text = text[:most]
    logprobs = None
    if asked.logprobs is not None:
        logprobs = {"content": list(_spelled(text, start, said, asked.logprobs))}
    message = {"role": "assistant", "content": text, "tool_calls": []}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": finish,
        "stop_reason": None,
    }
    written = tokens(text)
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": 0,
        "model": settings.called or asked.model,
        "choices": [choice],
        **({"usage": usage} if settings.usage else {}),
    }


def _text(settings: ScriptedSettings, asked: Asked, said: Said | None) -> tuple[str, int]:
    """What is answered, and where its choice stands, -1 for nowhere."""
    if said is None:
        if asked.wanted.schema is not None:
            return json.dumps(_instance(asked.wanted.schema)), -1
        return "I compare records. Ask me about some.", -1
    if asked.wanted.form == "choice":
        return said.choice, 0
    answer = said.as_json()
    if asked.wanted.form != "schema":
        answer = wrap(answer)
    return answer, answer.index('"choice": "') + len('"choice": "')


def _instance(schema: object, depth: int = 0) -> object:
    """The plainest value that a JSON schema allows, as far as it is one of the usual ones."""
    if not isinstance(schema, dict) or depth > 20:
        return None
    if "const" in schema:
        return schema["const"]
    options = schema.get("enum")
    if isinstance(options, list) and options:
        return options[0]
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties:
        named = properties if isinstance(properties, dict) else {}
        return {str(key): _instance(each, depth + 1) for key, each in named.items()}
    plain: dict[str, object] = {"array": [], "string": "", "integer": 0, "number": 0, "boolean": False}
    kind = schema.get("type")
    return plain.get(kind) if isinstance(kind, str) else None


def _spelled(text: str, start: int, said: Said | None, most: int) -> Iterator[dict[str, object]]:
    """The tokens of an answer, each with its log-probability; the first and the choice with all alternatives.

    The choice may be spelled as its label or with the quote behind it, and a longer label also by its first
    letters: what a label's probability is can be told from all of them together alone.
    """
    if said is None or not 0 <= start < len(text):
        start = end = len(text)
    else:
        end = start + len(said.choice)
    quote = text[end : end + 1] if text[end : end + 1] == '"' else ""
    if said and said.twist:
        end += len(quote)
    for place in range(0, start, TOKEN):
        yield _plain(text[place : min(place + TOKEN, start)], 0 if place else most)
    if said and start < end:
        chosen = text[start:end]
        spellings = _spellings(said, quote, chosen)
        yield _token(chosen, _top(spellings, chosen, most), spellings[chosen])
    for place in range(end, len(text), TOKEN):
        yield _plain(text[place : place + TOKEN], 0)


def _spellings(said: Said, quote: str, chosen: str) -> dict[str, float]:
    """Token → probability, over all ways to spell a label."""
    spelled: dict[str, float] = {}
    left = 1 - _RARE * MOST_LOGPROBS
    # What was not offered, or was cut off, is no label's spelling.
    if chosen.removesuffix(quote) not in said.probabilities:
        spelled[chosen] = 0.4
        left -= 0.4
    for label, probability in said.probabilities.items():
        ways = {label: 0.7}
        if quote:
            ways[label + quote] = 0.2
        short = label[:2]
        if len(label) > 2 and not any(
            other.startswith(short) for other in said.probabilities if other != label
        ):
            ways[short] = 0.1
        total = sum(ways.values())
        for token, share in ways.items():
            spelled[token] = spelled.get(token, 0.0) + left * probability * share / total
    return spelled


def _top(spellings: Mapping[str, float], chosen: str, most: int) -> dict[str, float]:
    """The most probable spellings, the chosen one among them as vLLM has it, filled up with other tokens."""
    best = sorted(spellings, key=lambda token: -spellings[token])[:most]
    if best and chosen not in best:
        best[-1] = chosen
    others = [token for token in _ELSEWHERE if token not in spellings][: most - len(best)]
    shares = {token: spellings[token] for token in best} | dict.fromkeys(others, _RARE)
    return {token: shares[token] for token in sorted(shares, key=lambda token: -shares[token])}


@lru_cache(maxsize=512)
def _plain(text: str, most: int) -> dict[str, object]:
    """A token at a place where there is no doubt; shared, so not to be changed."""
    return _token(text, _top({text: 1 - _RARE * MOST_LOGPROBS}, text, most), 1 - _RARE * MOST_LOGPROBS)


def _token(text: str, top: Mapping[str, float], probability: float) -> dict[str, object]:
    return {**_entry(text, probability), "top_logprobs": [_entry(each, share) for each, share in top.items()]}


def _entry(text: str, probability: float) -> dict[str, object]:
    return {
        "token": text,
        "logprob": round(math.log(max(probability, 1e-9)), 6),
        "bytes": list(text.encode("utf8", "replace")),
    }
