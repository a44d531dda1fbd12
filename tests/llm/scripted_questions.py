"""Questions for the scripted judge: towns, of which one option has the name of the one that asks."""

import json
from collections.abc import Sequence

from kgalign.llm.protocol import Message, Request, Sampling
from kgalign.llm.schema import form_fields

LETTERS = "ABCDEFGHIJ"
_SYLLABLES = ("bar", "del", "fin", "gou", "kam", "lor", "mis", "nep", "ros", "tuv")


def town(number: int) -> dict[str, object]:
    """A record unlike the others."""
    name = "".join(_SYLLABLES[int(digit)] for digit in f"{number:04d}")
    return {"name": name.title(), "founded": [str(100 + number)], "lies on": f"river {name[::-1]}"}


def select(
    number: int = 0,
    *,
    options: int = 5,
    order: Sequence[int] | None = None,
    there: bool = True,
    vote: int = 0,
) -> Request:
    """A select question in which option 0, wherever it is shown, has most in common with what asks."""
    asker = town(10 * number) | {"population": "12 345"}
    known = [town(10 * number + each + (0 if there else 5555)) for each in range(options)]
    shown = [known[each] for each in (order or range(options))]
    labels = (*LETTERS[: len(shown)], "none")
    lines = "\n".join(f"{label}: {json.dumps(record)}" for label, record in zip(labels, shown, strict=False))
    text = (
        f"Record: {json.dumps(asker)}\n\nOptions\n{lines}\n\nWhich is it? Choose one of: {', '.join(labels)}."
    )
    return Request((Message("system", "You compare records."), Message("user", text)), labels, number=vote)


def verify(left: object, right: object) -> Request:
    """A question for yes or no."""
    text = f"First: {json.dumps(left)}\n\nSecond: {json.dumps(right)}\n\nSame? Choose one of: yes, no."
    return Request((Message("user", text),), ("yes", "no"))


def right_label(request: Request) -> str:
    """The label of option 0 of a select question: the one with the asker's name."""
    lines = request.messages[-1].content.split("\n")
    name = json.loads(lines[0].partition(": ")[2])["name"]
    return next((line[0] for line in lines[3:] if f'"name": "{name}"' in line), request.labels[-1])


def body_of(request: Request, *, form: bool = True, logprobs: int = 0, **more: object) -> dict[str, object]:
    """A question as it is sent to a server."""
    sampling: Sampling = request.sampling
    body: dict[str, object] = {
        "model": "scripted",
        "messages": [{"role": each.role, "content": each.content} for each in request.messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
    if form:
        body |= form_fields("response_format", request.labels)
    if logprobs:
        body |= {"logprobs": True, "top_logprobs": logprobs}
    return body | more
