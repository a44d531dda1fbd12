"""What votes, messages and rows are known by: SHA-256 over JSON that has one spelling only.

The JSON is that of RFC 8785 in the points that matter here: members sorted, no blanks, characters as
themselves. It is encoded so that any Python text has bytes of its own, lone surrogates too, which a model's
answer may hold: other contents have another key.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

from kgalign.llm.protocol import Message, Sampling
from kgalign.records.votes import Question

canonical = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
"""The one spelling of a value in JSON; ValueError for numbers that JSON has not."""


def digest(value: object) -> str:
    """SHA-256 of the one spelling of a value, in hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def message_hash(message: Message) -> str:
    """What a message is known by: its role and its text."""
    return digest([message.role, message.content])


def sampling_fields(sampling: Sampling) -> dict[str, float | int]:
    """How an answer is drawn, as it is hashed and stored: equal settings are spelled the same.

    ``0`` and ``0.0`` are equal in Python and two spellings in JSON; so are ``0.0`` and ``-0.0``.
    """
    return {
        "temperature": float(sampling.temperature) + 0.0,
        "top_p": float(sampling.top_p) + 0.0,
        "max_tokens": int(sampling.max_tokens),
        "seed": int(sampling.seed),
        "logprobs": int(sampling.logprobs),
    }


def vote_key(
    model: str,
    adapter: str,
    template: str,
    template_hash: str,
    messages: Sequence[Message],
    labels: Sequence[str],
    sampling: Sampling,
    number: int,
) -> str:
    """What one vote is known by: everything that its answer depends on, and its number.

    The server's address is no part of it: the same model elsewhere gives the same answer.
    """
    return digest(
        {
            "model": model,
            "adapter": adapter,
            "template": template,
            "template_hash": template_hash,
            "messages": [[message.role, message.content] for message in messages],
            "labels": list(labels),
            "sampling": sampling_fields(sampling),
            "number": int(number),
        }
    )


def key_of(question: Question, model: str, adapter: str, sampling: Sampling) -> str:
    """The key of the vote on a question."""
    return vote_key(
        model,
        adapter,
        question.template,
        question.template_hash,
        question.messages,
        question.labels,
        sampling,
        question.number,
    )


def judging_name(model: str, adapter: str, settings: Mapping[str, object]) -> str:
    """What a judging is known by: 16 hexadecimal digits.

    :raises TypeError, ValueError: a setting has no JSON.
    """
    return digest({"model": model, "adapter": adapter, "settings": dict(settings)})[:16]
