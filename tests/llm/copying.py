"""A language model of one idea: what was said is said again. Its probabilities can be told by hand.

It is a cache model (Kuhn and De Mori 1990) over words: half of the time it repeats a word of what came
before, each as often as it stood there, and half of the time it says any of a thousand words.
"""

import math
import re
from typing import Any

VOCABULARY = 1000
_TOKEN = re.compile(r"\n| ?\w+| ?[^\w\s]|\s")


def tokens_of(text: str) -> list[str]:
    """A text in tokens; a line break is one of its own."""
    return _TOKEN.findall(text)


def log_probabilities(tokens: list[str]) -> list[float | None]:
    """Of each token after those before it; None for the first."""
    said = [each.strip().casefold() for each in tokens]
    return [None] + [
        math.log(0.5 * said[:place].count(word) / place + 0.5 / VOCABULARY)
        for place, word in enumerate(said)
        if place
    ]


def score(asker: str, option: str) -> float:
    """By how many nats the asker makes the option likelier, divided by the root of what it says alone."""
    alone = of(option)
    return (of(option, f"{asker}\n") - alone) / math.sqrt(-alone)


def of(option: str, before: str = "\n") -> float:
    """Log-probability of an option after what stands before it."""
    own = len(tokens_of(option))
    return math.fsum(each or 0.0 for each in log_probabilities(tokens_of(before + option))[-own:])


def completion(body: dict[str, Any]) -> dict[str, Any]:
    """The answer of a server to a completion: each prompt, where that is wanted, and the word "and"."""
    choices, read = [], 0
    prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
    for number, prompt in enumerate(prompts):
        shown = tokens_of(prompt)
        read += len(shown)
        logs = log_probabilities([*shown, " and"])
        kept = 0 if body.get("echo") else len(shown)
        choices.append(
            {
                "index": number,
                "text": "".join([*shown, " and"][kept:]),
                "finish_reason": "length",
                "logprobs": {"tokens": [*shown, " and"][kept:], "token_logprobs": logs[kept:]},
            }
        )
    usage = {"prompt_tokens": read, "completion_tokens": len(prompts), "total_tokens": read + len(prompts)}
    return {"object": "text_completion", "model": body["model"], "choices": choices, "usage": usage}
