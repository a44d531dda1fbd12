"""How probable each answer was, read from the log-probabilities of the tokens that spell it.

The same answer can begin with several tokens: ``none`` as ``n``, ``no``, ``none``, ``"none"`` or ``None``.
So the probability of an answer is a sum over all tokens that spell a beginning of it, along the tokens that
were drawn; a single token's probability says little.
"""

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

_KEY = re.compile(r'(?<!\\)"choice"\s*:')
_THOUGHT = re.compile(r".*</think>", re.DOTALL)
_OPENING = " \t\r\n\"'`*(["
"""What may stand before a plain answer."""


def label_probabilities(tokens: object, labels: Sequence[str]) -> dict[str, float] | None:
    """Probability of each label, summed over all spellings and normalised over the labels.

    Whatever leaves all labels possible, such as a quote alone, says nothing and is passed over. What leaves
    several of them possible is followed along the tokens that were drawn, and shared evenly where another
    one was drawn.

    :param tokens: ``logprobs.content`` of a chat completion: a list of objects with ``token``, ``logprob``
        and ``top_logprobs``; it comes from a server, and may be anything.
    :param labels: the words of which the answer should be one; none begins another.
    :returns: Label → probability, in the order of the labels; None where it can't be told.
    """
    texts = _texts(tokens)
    text = "".join(texts)
    begin = _begin(text)
    fold = _folding(labels)
    folded = [fold(label) for label in labels]
    firsts = {label[:1] for label in folded}  # most tokens begin no label: it saves time to see that first
    mass = [0.0] * len(labels)
    told = False
    branch = 1.0
    found: list[int] = []
    end = 0
    for place, token in enumerate(texts):
        offset, end = end, end + len(token)
        if end < begin:
            continue  # what ends right there counts: another token could have held the value as well
        alternatives = _alternatives(tokens, place)
        told = told or len(alternatives) > 1
        chosen = sum(probability for other, probability in alternatives if other == token)
        for other, probability in alternatives:
            if other != token:
                written = _instead(text, offset, begin, other)
                if written and fold(written[0])[:1] in firsts:
                    _share(mass, _matching(fold(written), folded), branch * probability)
        branch *= chosen
        found = _matching(fold(text[begin:end].lstrip(_OPENING)), folded)
        if len(found) < 2:
            break
    if len(found) < len(folded):
        _share(mass, found, branch)
    total = sum(mass)
    if not told or not total > 0:
        return None
    return {label: each / total for label, each in zip(labels, mass, strict=True)}


def _texts(tokens: object) -> list[str]:
    """The tokens that were drawn, up to the first that is none."""
    texts: list[str] = []
    for each in tokens if isinstance(tokens, list) else ():
        token = each.get("token") if isinstance(each, dict) else None
        if not isinstance(token, str):
            break
        texts.append(token)
    return texts


def _alternatives(tokens: Any, place: int) -> list[tuple[str, float]]:  # noqa: ANN401 - anything
    """What could have been drawn at a place, each with its probability, the token that was drawn included."""
    entry = tokens[place]
    listed = entry.get("top_logprobs")
    others = listed if isinstance(listed, list) else []
    alternatives = [found for other in others if (found := _alternative(other))]
    # Not every server lists the token that was drawn if it was an unlikely one.
    own = _alternative(entry)
    if own and all(other != own[0] for other, _ in alternatives):
        alternatives.append(own)
    return alternatives


def _alternative(entry: object) -> tuple[str, float] | None:
    if not isinstance(entry, dict):
        return None
    token, logprob = entry.get("token"), entry.get("logprob")
    if not isinstance(token, str) or not isinstance(logprob, int | float) or math.isnan(logprob):
        return None
    return token, math.exp(min(logprob, 0.0))


def _begin(text: str) -> int:
    """Where the value of ``choice`` begins, spaces and quote included; in a plain answer, where that does."""
    key = _KEY.search(text)
    if key:
        return key.end()
    thought = _THOUGHT.match(text)
    return thought.end() if thought else 0


def _folding(labels: Sequence[str]) -> Callable[[str], str]:
    """How texts are compared: without case, unless some labels differ in nothing else."""
    folded = sorted(label.casefold() for label in labels)
    # In sorted order a text stands right before those that it begins.
    if any(after.startswith(before) for before, after in pairwise(folded)):
        return str
    return str.casefold


def _instead(text: str, offset: int, begin: int, other: str) -> str:
    """What the answer begins with if another token stands at an offset; empty where it can't be told."""
    if offset < begin:
        # The token holds the colon as well: only what goes the same way up to there says something.
        head = text[offset:begin]
        return other[len(head) :].lstrip(_OPENING) if other.startswith(head) else ""
    return (text[begin:offset] + other).lstrip(_OPENING)


def _matching(written: str, folded: Sequence[str]) -> list[int]:
    """Numbers of the labels that this begins, or that it holds whole and goes on after."""
    return [
        number
        for number, label in enumerate(folded)
        if label.startswith(written)
        or (written.startswith(label) and not (written[len(label)].isalnum() or written[len(label)] == "_"))
    ]


def _share(mass: list[float], numbers: Sequence[int], probability: float) -> None:
    for number in numbers:
        mass[number] += probability / len(numbers)
