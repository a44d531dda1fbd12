"""Asking without an instruction: by how much more probable a text becomes after another one.

A language model finds a record less surprising after a record of the same thing. ``log P(option | asker) -
log P(option)``, in nats, is the pointwise mutual information of the two texts, by which multiple choice can
be put to models that follow no instruction (Holtzman et al. 2021, "Surface Form Competition", arXiv
2104.08315). It is a sum over tokens and so spreads with the root of what there is to be said: a long text may
gain more by chance than a partner does. So the score of an option is that sum divided by the root of
``-log P(option)``.

``/completions`` gives the log-probabilities of a prompt's own tokens where it is told to ``echo`` it; vLLM
does, many others do not, and :func:`offers_likelihood` finds out. A request holds the text of the asker as
its first message and that of each option as a further one. All prompts go in one call; the log-probability of
an option alone is asked once and remembered.
"""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from kgalign.llm.protocol import CallFailed, Reply, Request

SCALE = 1.0
"""Difference of scores that counts as one natural log-odds, until controls tell it better."""
THRESHOLD = 4.0
"""Score of "none", until controls tell it better: the middle of what SmolLM2-135M gave to partners and to
look-alikes among products and films."""
_BETWEEN = "\n"
"""Stands between the texts, and before an option alone: so both are cut into the same tokens."""
_PROBED = "The capital of France is Paris."
_KEPT = 4096
"""Options whose log-probabilities are remembered."""

Send = Callable[[Mapping[str, Any]], Awaitable[str]]
"""Sends a body to ``/completions`` and gives the text of the answer."""
Failed = Callable[..., CallFailed]
"""Makes the error for what can't be read."""


@dataclass(frozen=True, slots=True)
class Echo:
    """A prompt as the model read it."""

    tokens: tuple[str, ...]
    logs: tuple[float | None, ...]
    """Natural log-probability of each token after those before it; None for the first."""


class Likelihood:
    """Scores the options of requests; to be used in one event loop.

    :param send: sends a body.
    :param failed: makes the error for what can't be read.
    """

    def __init__(self, send: Send, failed: Failed) -> None:
        self._send, self._failed = send, failed
        self._alone: dict[str, asyncio.Future[Echo]] = {}

    async def ask(self, request: Request, model: str) -> Reply:
        """Score the options of a request.

        :param request: one whose way is ``likelihood``.
        :param model: its name at the server.
        :returns: A reply whose text is the likeliest label and all scores, as JSON, and whose probabilities
            are those that the scores come to as long as nothing is known of the model.
        :raises CallFailed: the server can't be asked, or gives no log-probabilities of a prompt.
        """
        asker, *options = [message.content for message in request.messages]
        own, new = self._to_ask(options)
        prompts = [f"{_BETWEEN}{option}" for option in new] + [
            f"{asker}{_BETWEEN}{option}" for option in options
        ]
        try:
            text = await self._send(echo_body(prompts, model, request.sampling.seed))
            echoes, (read, written) = read_echoes(text, len(prompts), self._failed)
        except BaseException as error:
            for option, future in new.items():
                if self._alone.get(option) is future:
                    del self._alone[option]
                if not future.done():
                    future.set_exception(
                        error if isinstance(error, CallFailed) else CallFailed("it was stopped", again=True)
                    )
                    future.exception()  # it is no fault if nobody waits for it
            raise
        for future, echo in zip(new.values(), echoes, strict=False):
            future.set_result(echo)
        alone = [await asyncio.shield(own[option]) for option in options]
        scores = [
            round(self._score(after, before), 4)
            for after, before in zip(echoes[len(new) :], alone, strict=True)
        ]
        return _reply(request, scores, (read, written))

    def _to_ask(
        self, options: Sequence[str]
    ) -> tuple[dict[str, asyncio.Future[Echo]], dict[str, asyncio.Future[Echo]]]:
        """Where the log-probabilities of the options alone come to be, and those nobody asked for yet."""
        new: dict[str, asyncio.Future[Echo]] = {}
        for option in options:
            if option not in self._alone:
                if len(self._alone) >= _KEPT:
                    oldest = next((each for each, future in self._alone.items() if future.done()), None)
                    if oldest is not None and oldest not in options:
                        del self._alone[oldest]
                self._alone[option] = new[option] = asyncio.get_running_loop().create_future()
        return {option: self._alone[option] for option in options}, new

    def _score(self, after: Echo, alone: Echo) -> float:
        gain = gained(after, alone)
        if gain is None:
            told = "cuts the same text into other tokens after another one"
            raise self._failed(told, again=False, status=200)
        return gain / math.sqrt(max(surprise(alone), 1.0))


async def offers_likelihood(send: Send, failed: Failed, model: str) -> bool:
    """Whether a server gives the log-probabilities of prompts; it is asked one short question.

    :param send: sends a body.
    :param failed: makes the error for what can't be read.
    :param model: its name at the server.
    """
    prompts = [f"{_BETWEEN}{_PROBED}", f"{_PROBED}{_BETWEEN}{_PROBED}"]
    try:
        alone, after = read_echoes(await send(echo_body(prompts, model)), len(prompts), failed)[0]
    except CallFailed:
        return False
    return gained(after, alone) is not None


def echo_body(prompts: Sequence[str], model: str, seed: int = 0) -> dict[str, Any]:
    """The body of a request for the log-probabilities of prompts; a token is written that nobody needs."""
    return {
        "model": model,
        "prompt": list(prompts),
        "max_tokens": 1,
        "temperature": 0.0,
        "seed": seed,
        "echo": True,
        "logprobs": 1,
    }


def read_echoes(text: str, prompts: int, failed: Failed) -> tuple[list[Echo], tuple[int, int]]:
    """The prompts of a completion as they were read, and how many tokens were read and written.

    :param text: what the server answered.
    :param prompts: how many there were.
    :param failed: makes the error for what can't be read.
    :raises CallFailed: it is no completion that repeats its prompts with log-probabilities.
    """
    try:
        answer = from_json(text)
        choices = sorted(answer["choices"], key=lambda each: int(each["index"]))
        echoes = [_echo(each["logprobs"]) for each in choices]
        usage = answer.get("usage") or {}
        read, written = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise failed("gives no log-probabilities of a prompt", again=False, status=200) from None
    whole = sum(len(each.tokens) for each in echoes)
    if len(echoes) != prompts or not whole or (read and read != whole):
        raise failed("does not repeat its prompts", again=False, status=200)
    return echoes, (read or whole, written or prompts)


def _echo(logprobs: Mapping[str, Any]) -> Echo:
    """A prompt without the token that was written after it."""
    tokens = [str(each) for each in logprobs["tokens"]][:-1]
    logs = [None if each is None else float(each) for each in logprobs["token_logprobs"]][:-1]
    if len(tokens) != len(logs) or any(log is not None and not log <= 0 for log in logs[1:]):
        raise ValueError("no log-probabilities")
    return Echo(tuple(tokens), tuple(logs))


def gained(after: Echo, alone: Echo) -> float | None:
    """By how many nats a text is likelier after another one than alone; None where it can't be told.

    Compared are the tokens of the option, from the end of both prompts as far as they are the same: where a
    tokenizer joins the line break with what follows, a token may differ.
    """
    own = len(alone.tokens) - _first(alone.tokens)
    total, same = 0.0, 0
    for token, log, other, other_log in zip(
        after.tokens[::-1], after.logs[::-1], alone.tokens[::-1], alone.logs[::-1], strict=False
    ):
        if same == own or token != other or log is None or other_log is None:
            break
        total += log - other_log
        same += 1
    return total if same and 2 * same >= own else None


def surprise(alone: Echo) -> float:
    """How much an option says by itself: -log of its probability, in nats.

    :param alone: a line break and the option.
    """
    return -math.fsum(log or 0.0 for log in alone.logs[_first(alone.tokens) :])


def _first(tokens: Sequence[str]) -> int:
    """Where the option begins in a prompt that is a line break and the option."""
    for place, token in enumerate(tokens):
        if _BETWEEN in token:
            return place + 1 if token.endswith(_BETWEEN) else place
    return 0


def default_probabilities(scores: Sequence[float], threshold: float = THRESHOLD) -> list[float]:
    """(options + 1,) what scores come to before anything is known of the model: of each option, last of none.

    :param scores: of the options.
    :param threshold: the score of none.
    """
    odds = [*((score - threshold) / SCALE for score in scores), 0.0]
    most = max(odds)
    weights = [math.exp(max(each - most, -500.0)) for each in odds]
    total = math.fsum(weights)
    return [each / total for each in weights]


def _reply(request: Request, scores: Sequence[float], tokens: tuple[int, int]) -> Reply:
    """The scores as a reply.

    :param tokens: read and written.
    """
    found = dict(zip(request.labels, default_probabilities(scores), strict=True))
    said = {
        "choice": max(found, key=lambda label: found[label]),
        "scores": dict(zip(request.labels, scores, strict=False)),
        "threshold": THRESHOLD,
    }
    return Reply(
        text=json.dumps(said),
        finish="stop",
        probabilities=found,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
    )
