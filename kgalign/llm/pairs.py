"""Pairs over HTTP: a prompt that is given as it is, answered by the probabilities of its next token.

``/completions`` is the older half of OpenAI's protocol; vLLM, SGLang and llama.cpp have it. Its
log-probabilities are a mapping of tokens; the token that was drawn is of no account.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic_core import from_json

from kgalign.llm.protocol import CallFailed, Reply, Request

_DEPTH = 20
"""Alternatives asked for: " yes" and " no" are among them wherever a model was trained on pairs."""


def pair_body(request: Request, model: str) -> dict[str, Any]:
    """The body of a request for ``/completions``.

    :param request: one whose way is ``pair``.
    """
    return {
        "model": model,
        "prompt": request.messages[-1].content,
        "max_tokens": 1,
        "temperature": 0.0,
        "seed": request.sampling.seed,
        "logprobs": min(_DEPTH, request.sampling.logprobs or _DEPTH),
    }


def read_pair(text: str, request: Request, seconds: float, failed: Callable[..., CallFailed]) -> Reply:
    """A completion as a reply.

    :param text: what the server answered.
    :param failed: makes the error for what can't be read.
    :raises CallFailed: it is no completion with log-probabilities.
    """
    try:
        answer = from_json(text)
        top = answer["choices"][0]["logprobs"]["top_logprobs"][0]
        logs = {str(token): float(log) for token, log in top.items()}
        usage: Mapping[str, Any] = answer.get("usage") or {}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise failed("answers no completion with log-probabilities", again=False, status=200) from None
    reply = pair_reply(
        logs,
        request.labels,
        read=int(usage.get("prompt_tokens") or 0),
        cached=int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0),
    )
    if reply is None:
        raise failed("answers neither yes nor no to a pair", again=False, status=200)
    return replace(reply, seconds=seconds)


def pair_reply(logs: Mapping[str, float], labels: tuple[str, ...], *, read: int, cached: int) -> Reply | None:
    """What the next token says of a pair; None where no label is among the tokens.

    :param logs: token → natural log-probability.
    :param read: tokens of the prompt.
    :param cached: how many of these were known from prompts before it.
    """
    found = probabilities(logs, labels)
    if found is None:
        return None
    return Reply(
        text=max(found, key=lambda label: found[label]),
        finish="stop",
        probabilities=found,
        prompt_tokens=read,
        completion_tokens=1,
        cached_tokens=cached,
    )


def probabilities(logs: Mapping[str, float], labels: tuple[str, ...]) -> dict[str, float] | None:
    """Probability of each label as the next token, normalised over them; None where none is among the tokens.

    :param logs: token → natural log-probability; tokens begin with a space, as in the middle of a text.
    """
    weight = {label: math.exp(min(0.0, logs.get(f" {label}", -math.inf))) for label in labels}
    total = math.fsum(weight.values())
    return {label: each / total for label, each in weight.items()} if total > 0 else None
