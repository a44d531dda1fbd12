"""What is sent to a language model and what comes back, whatever it runs on.

A backend answers one request at a time; how many are under way at once, what is tried again and when to
give up is the business of :mod:`kgalign.llm.pool`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]

Structure = Literal["json_schema", "choice", "none"]
"""How far a server holds an answer to a form: to a JSON schema, to one of some words, not at all."""

Way = Literal["json", "choice", "pair", "likelihood"]
"""How a question is answered:

- ``json``: a JSON object with the choice, the values that it relies on and a reason.
- ``choice``: the label alone, its probability from the first token.
- ``pair``: the question is one text, given to the model as it is, without a chat template; it is answered by
  how probable " yes" and " no" are as its next token. Models that are trained on pairs are asked this way.
- ``likelihood``: no instruction at all: by how much more probable the text of each option is after the text
  of the record than by itself.
"""

NO_THINKING: Mapping[str, bool] = {"enable_thinking": False, "thinking": False}
"""What a chat template is told, so that the model does not think aloud before it answers: the words that
templates know for it, Qwen's and DeepSeek's; others ignore both. An answer has a form, and is short."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn; part of what a vote is known by."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 256
    seed: int = 0
    logprobs: int = 20
    """Alternatives asked for per token, 0 for none; a server may give fewer, or none."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question as it is sent."""

    messages: tuple[Message, ...]
    labels: tuple[str, ...]
    """The words of which ``choice`` must be one, ``none`` among them; none begins another."""
    sampling: Sampling = Sampling()
    number: int = 0
    """The vote number: the same messages asked again are another request only if this differs."""
    way: Way = "json"
    """How it is to be answered. In ``pair``, ``messages`` is one message of the user, whose text is the whole
    prompt, and ``labels`` are ``yes`` and ``no``."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; nothing of it is believed before it is checked against the question."""

    text: str
    finish: str
    """``stop``, ``length`` where it was cut off, or what else the server says."""
    probabilities: Mapping[str, float] | None = None
    """Label → probability that the choice begins with it, summed over all first tokens that spell it and
    normalised over the labels; None where the server gives no log-probabilities."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that the server had already read for another question, where it says so."""
    seconds: float = 0.0
    """From sending to the whole answer."""
    attempts: int = 1
    """How often it was sent until it was answered."""
    served: str = ""
    """The name that the server gives to the model that answered; empty where it is the one that was asked."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model's server was found to do when the run began, not what it says it does."""

    server: str
    """What serves the model, with a version where it tells: ``vllm 0.32.0``, ``scripted``, ``unknown``."""
    structure: Structure
    logprobs: int
    """Alternatives per token that it gives, 0 for none."""
    context: int
    """Tokens that a question and its answer may have together; 0 where it does not tell."""
    adapters: tuple[str, ...] = ()
    """Names of the LoRA adapters that it serves."""
    ways: tuple[Way, ...] = ("json",)
    """How it can be asked, first how if nothing tells what works; where the model was trained to be asked in
    one way, that one alone."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What else was found, in words, for ``run.json``."""


class Backend(Protocol):
    """A language model."""

    name: str
    """The model's name, as votes record it."""
    adapter: str
    """Name of the adapter on it, empty for none."""

    async def probe(self) -> Capabilities:
        """Find out what it can do.

        :raises KgalignError: it is not there, refuses the key, does not know the model or can't be used.
        """
        ...

    async def ask(self, request: Request) -> Reply:
        """Send one request, once, and wait for the answer.

        :raises CallFailed: there is no answer; it says whether to try again, and when.
        """
        ...

    async def close(self) -> None:
        """Let go of connections, processes and memory."""
        ...


class CallFailed(Exception):
    """A request got no answer.

    :param reason: what happened, for people; without keys.
    :param again: whether the same request may succeed later.
    :param after: seconds that the server asked to wait, if it did.
    :param gone: whether nothing listens there any more, in contrast to a server that answers badly.
    """

    def __init__(self, reason: str, *, again: bool, after: float | None = None, gone: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.again, self.after, self.gone = reason, again, after, gone
