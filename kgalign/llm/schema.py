"""The form of an answer, and how a server is told to hold to it."""

from functools import lru_cache
from typing import Any, Literal

from kgalign.llm.protocol import Way

Form = Literal["response_format", "response_format-simple", "structured_outputs", "choice", "none"]
"""How a server is told which form an answer must have: OpenAI's ``response_format`` with the whole schema,
the same without limits of lengths (some servers refuse these), vLLM's ``structured_outputs`` with the schema
or with the mere words, or not at all."""

FORMS: tuple[Form, ...] = (
    "response_format",
    "response_format-simple",
    "structured_outputs",
    "choice",
    "none",
)

_MOST_VALUES = 4
_VALUE_LENGTH = 80
_REASON_LENGTH = 160
"""Characters: four such values and a reason are some 200 tokens, and an answer may have 256."""


def answer_schema(labels: tuple[str, ...], *, limits: bool = True) -> dict[str, Any]:
    """JSON schema of an answer: the choice, the values that it relies on, a short reason.

    ``choice`` comes first, so that it is made before anything is said for it and its tokens carry the
    probabilities.

    :param labels: the words of which ``choice`` must be one.
    :param limits: whether to limit the number of values, their length and that of the reason.
    """
    value: dict[str, Any] = {"type": "string"}
    values: dict[str, Any] = {"type": "array", "items": value}
    reason: dict[str, Any] = {"type": "string"}
    if limits:
        # Under a limit of length xgrammar allows no escapes: of a value with a quotation mark in it only the
        # part before that can be cited. Without one, small models go on until the answer is cut off.
        value["maxLength"] = _VALUE_LENGTH
        values["maxItems"] = _MOST_VALUES
        reason["maxLength"] = _REASON_LENGTH
    properties = {"choice": {"type": "string", "enum": list(labels)}, "values": values, "reason": reason}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def choice_schema(labels: tuple[str, ...]) -> dict[str, Any]:
    """JSON schema of an answer that is the choice alone.

    :param labels: the words of which it must be one.
    """
    return {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(labels)}},
        "required": ["choice"],
        "additionalProperties": False,
    }


@lru_cache(maxsize=256)
def form_fields(
    form: Form, labels: tuple[str, ...], way: Way = "json", *, words: bool = False
) -> dict[str, Any]:
    """What is added to a chat request so that its answer has the form; shared, so not to be changed.

    :param way: ``json`` or ``choice``.
    :param words: whether the server is known to hold an answer to mere words, as vLLM does.
    """
    if form == "none":
        return {}
    if way == "choice" and (words or form == "structured_outputs"):
        form = "choice"
    if form == "structured_outputs":
        return {"structured_outputs": {"json": answer_schema(labels)}}
    if form == "choice":
        return {"structured_outputs": {"choice": list(labels)}}
    if way == "choice":
        schema = choice_schema(labels)
    else:
        schema = answer_schema(labels, limits=form == "response_format")
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        }
    }
