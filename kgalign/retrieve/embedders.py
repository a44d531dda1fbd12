"""What turns texts into vectors: a model in this process, or a server."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from pydantic import BaseModel, ValidationError

from kgalign.errors import KgalignError, MissingExtra
from kgalign.llm.http import KEYS
from kgalign.llm.server import server_key
from kgalign.rdf.text import shorten
from kgalign.records import Floats
from kgalign.retrieve.llm2vec import LLM2Vec
from kgalign.retrieve.models import PER_STEP, folder_identity, reason_of

if TYPE_CHECKING:
    import openai

log = logging.getLogger(__name__)

_TIMEOUT = 60.0
_RETRIES = 4
WHICH = (
    "Give a folder that holds a model of sentence-transformers, or a name on the hub, and HF_HUB_OFFLINE=1 "
    "where that was downloaded before and there is no network"
)
_TOO_MANY = (413, 422)
"""What servers with a limit on the texts of a request answer where it is passed."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def identity(self) -> str:
        """What its vectors depend on besides the text: part of the key that they are cached under."""

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dimensions) vectors of texts that are not empty, in their order.

        :raises KgalignError: the model or the server is not there, or gives no such vectors.
        """

    def close(self) -> None:
        """Let go of the model or the connection."""


def open_embedder(spec: str) -> Embedder:
    """The embedder that a value of ``retrieve.embedder`` means; nothing is loaded or asked yet.

    :param spec: ``sentence-transformers:MODEL``, ``llm2vec:MODEL``, ``llm2vec:MODEL#INSTRUCTION`` or
        ``openai:URL#MODEL``, as the configuration checked it.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "llm2vec":
        return LLM2Vec(rest)
    if scheme == "openai":
        url, _, model = rest.partition("#")
        return OpenAIServer(url, model)
    return SentenceTransformers(rest)


class SentenceTransformers:
    """A model in this process; it is loaded when the first text comes.

    :param model: a folder, or a name on the hub.
    """

    def __init__(self, model: str) -> None:
        self._name = model
        self._model: Any = None
        self.identity = f"sentence-transformers:{folder_identity(model, WHICH)}"

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dimensions) vectors of texts that are not empty, in their order.

        :raises MissingExtra: sentence-transformers is not installed.
        :raises KgalignError: there is no such model, it is damaged, or it fails on a text.
        """
        model = self._model = self._model or load_sentences(self._name)
        try:
            vectors = model.encode(
                list(texts), batch_size=PER_STEP, convert_to_numpy=True, show_progress_bar=False
            )
        except (IndexError, RuntimeError, ValueError) as error:
            raise KgalignError(
                f"The model {self._name} failed: {reason_of(error)}", "Give another model with --embedder"
            ) from error
        return np.asarray(vectors, dtype=np.float32)

    def close(self) -> None:
        """Let go of the model."""
        self._model = None


def load_sentences(name: str) -> Any:  # noqa: ANN401 - no types of its own
    """A model of sentence-transformers.

    :param name: a folder, or a name on the hub.
    :raises MissingExtra: sentence-transformers is not installed.
    :raises KgalignError: there is no such model, or it is damaged.
    """
    try:
        from huggingface_hub.utils import disable_progress_bars
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise MissingExtra("An embedder of sentence-transformers", "dense") from error
    disable_progress_bars()
    transformers_logging.disable_progress_bar()
    # Which of these is raised depends on which file of the model is missing or damaged.
    faults = (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)
    log.info("loading the model %s", name)
    try:
        return SentenceTransformer(name, local_files_only=Path(name).is_dir())
    except (*faults, SafetensorError) as error:
        raise KgalignError(f"The model {name} can't be loaded: {reason_of(error)}", WHICH) from error


class _Vector(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_Vector]


class OpenAIServer:
    """A server with OpenAI's /v1/embeddings: vLLM, llama.cpp, Ollama, TEI, OpenAI and others.

    Too many requests, faults of the server and silence are tried again by the SDK, with growing pauses
    that vary at random, or as long as the server asks for.

    :param url: what ``/embeddings`` follows, mostly ending in ``/v1``.
    :param timeout: seconds to wait for an answer.
    :param retries: how often a request is made again.
    """

    def __init__(self, url: str, model: str, *, timeout: float = _TIMEOUT, retries: int = _RETRIES) -> None:
        self._url = url.rstrip("/").removesuffix("/embeddings")
        self._model = model
        self._timeout = timeout
        self._retries = retries
        self._key = server_key()
        self._most: int | None = None
        self._client: openai.OpenAI | None = None
        self.identity = f"openai:{self._url}#{model}"

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dimensions) vectors of texts that are not empty, in their order.

        :raises KgalignError: the server is not there, refuses, or answers something else.
        """
        rows: list[list[float]] = []
        while len(rows) < len(texts):
            part = list(texts[len(rows) :][: self._most])
            answer = self._ask(part)
            if answer is None:
                self._most = len(part) // 2
            else:
                rows += self._vectors(answer, len(part))
        if len({len(row) for row in rows}) > 1:
            raise self._wrong("vectors of several lengths")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused later
            return np.array(rows, dtype=np.float64).astype(np.float32)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, texts: list[str]) -> bytes | None:
        """The body of the server's answer; None where these were too many texts for it."""
        import openai

        if self._client is None:
            self._client = openai.OpenAI(
                api_key=self._key, base_url=self._url, timeout=self._timeout, max_retries=self._retries
            )
        try:
            # Numbers and not base64: not every server knows the latter.
            answer = self._client.embeddings.with_raw_response.create(
                input=texts, model=self._model, encoding_format="float"
            )
        except openai.APIStatusError as error:
            if error.status_code in _TOO_MANY and len(texts) > 1:
                return None
            raise self._refusal(error.status_code, _said(error.body)) from error
        except openai.APITimeoutError as error:
            raise self._error(
                f"has not answered within {self._timeout:g} seconds, {self._retries + 1} times",
                "Look at its log, and run the same command again when it answers",
            ) from error
        except openai.APIConnectionError as error:
            raise self._error(
                f"can't be reached: {reason_of(error.__cause__ or error)}",
                "Start it, or correct the URL in --embedder openai:URL#MODEL",
            ) from error
        return answer.content

    def _vectors(self, answer: bytes, count: int) -> list[list[float]]:
        """The vectors of an answer in the order of the texts, whatever the order they came in."""
        try:
            vectors = _Answer.model_validate_json(answer).data
        except ValidationError as error:
            raise self._error(
                "does not answer with embeddings", "The URL must be what /embeddings follows, mostly …/v1"
            ) from error
        if len(vectors) != count:
            raise self._wrong(f"{len(vectors)} vectors to {count} texts")
        if {each.index for each in vectors} != set(range(count)):
            raise self._wrong("vectors whose numbers are not those of the texts")
        return [each.embedding for each in sorted(vectors, key=lambda each: each.index)]

    def _refusal(self, status: int, said: str) -> KgalignError:
        said = f" ({shorten(said.replace(self._key, '…')).rstrip('.')})" if said else ""
        if status in (401, 403):
            # What it says is left out: some servers repeat the key.
            return self._error("refuses the key", f"Set {KEYS[0]} or {KEYS[1]} to one that it knows")
        if status == 404:
            return self._error(
                f"has no model {self._model}, or no /embeddings there{said}",
                f"Look at {self._url}/models for what it has; the URL mostly ends in /v1",
            )
        if status == 429:
            return self._error(f"is too busy{said}", "Run the same command again later: what it gave is kept")
        return self._error(
            f"answers with status {status}{said}", "Look at its log: the request or the model is at fault"
        )

    def _wrong(self, what: str) -> KgalignError:
        return self._error(f"answers {what}", "Give another model or server: this one's can't be used")

    def _error(self, what: str, remedy: str) -> KgalignError:
        return KgalignError(f"The embedding server {self._url} {what}", remedy)


def _said(body: object) -> str:
    """What a server says of a refusal, in the forms that are common."""
    while isinstance(body, dict):
        body = body.get("message", body.get("error", body.get("detail")))
    return body if isinstance(body, str) else ""
