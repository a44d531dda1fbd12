"""What requests to a server have in common: its key, how they fail, and what one can be asked for."""

from collections.abc import Mapping
from typing import Any, Protocol

from kgalign.llm.protocol import NO_THINKING, CallFailed, Message, Reply, Sampling

KEYS = ("KGALIGN_LLM_KEY", "OPENAI_API_KEY")
"""Variables of the environment that may hold a server's key; the first one that is set counts."""
WAYS_NOT_TO_THINK: Mapping[str, Mapping[str, object]] = {
    "chat_template_kwargs": {"chat_template_kwargs": dict(NO_THINKING)},
    "reasoning_effort": {"reasoning_effort": "none"},
}
"""How servers are told that the model is not to think aloud: vLLM, SGLang and llama.cpp by what they give to
the chat template, OpenAI and Ollama by an effort."""


class HttpFailed(CallFailed):
    """A request got no answer from a server.

    :param status: the status it answered with, 0 where it did not answer, 200 where that makes no sense.
    :param said: what it said of that.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool,
        after: float | None = None,
        gone: bool = False,
        status: int = 0,
        said: str = "",
    ) -> None:
        super().__init__(reason, again=again, after=after, gone=gone)
        self.status, self.said = status, said


class Server(Protocol):
    """A server as it is probed; :class:`kgalign.llm.server.OpenAIBackend` is one."""

    url: str
    name: str
    """Of the model."""
    adapter: str
    context: int

    @property
    def has_key(self) -> bool:
        """Whether a key was set."""

    def chat(
        self, messages: tuple[Message, ...], sampling: Sampling, notes: Mapping[str, str]
    ) -> dict[str, Any]:
        """The body of a chat request."""

    def read(self, answer: Mapping[str, Any], labels: tuple[str, ...], seconds: float) -> Reply:
        """A chat completion as a reply."""

    async def post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What ``/chat/completions`` answers."""

    async def call(self, path: str, body: Mapping[str, Any] | None = None) -> str:
        """The text that a path answers with, to a POST if there is a body."""
