"""What turns texts into vectors: a model in this process, or a server."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kgalign.errors import KgalignError, MissingExtra
from kgalign.records import Floats

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)

_KEYS = ("KGALIGN_LLM_KEY", "OPENAI_API_KEY")
"""Variables of the environment that may hold a server's key; the first one that is set counts."""
_TIMEOUT = 60.0
_RETRIES = 4
_PER_STEP = 32
"""Texts that a model in this process reads side by side: more is slower on a CPU and hardly faster on a GPU."""
_TOO_MANY = (413, 422)
"""What servers with a limit on texts per request answer when it is passed."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def identity(self) -> str:
        """What its vectors depend on besides the text: part of the key they are cached under."""

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dimensions) vectors of a batch, none of them empty, in the order of the texts.

        :raises KgalignError: the model or the server is not there, or gives no usable vectors.
        """


def open_embedder(spec: str) -> Embedder:
    """The embedder that a value of ``retrieve.embedder`` means; nothing is loaded or asked yet.

    :param spec: ``sentence-transformers:MODEL`` or ``openai:URL#MODEL``, as the configuration checks it.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "openai":
        url, _, model = rest.partition("#")
        return OpenAIServer(url, model)
    return SentenceTransformers(rest)


class SentenceTransformers:
    """A model that runs in this process, loaded when the first text comes.

    :param model: a folder, or a name on the hub.
    """

    def __init__(self, model: str) -> None:
        self._name = model
        self._model: Any = None
        # A folder is known by its content: a model that is trained on gives other vectors, and one that
        # is moved the same.
        content = _digest(Path(model)) if Path(model).is_dir() else model
        self.identity = f"sentence-transformers:{content}"

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dimensions) vectors."""
        if self._model is None:
            self._model = self._load()
        try:
            vectors = self._model.encode(
                list(texts), batch_size=_PER_STEP, convert_to_numpy=True, show_progress_bar=False
            )
        except (RuntimeError, ValueError, IndexError) as error:
            raise KgalignError(
                f"The model {self._name} failed on a text: {_line(error)}", "Give another model"
            ) from error
        return np.asarray(vectors, dtype=np.float32)

    def _load(self) -> Any:  # noqa: ANN401 - no types
        try:
            import sentence_transformers
            import transformers
        except ImportError as error:
            raise MissingExtra("The embedder sentence-transformers", "dense") from error
        transformers.utils.logging.disable_progress_bar()
        log.info("loading the model %s", self._name)
        try:
            return sentence_transformers.SentenceTransformer(self._name)
        # What a damaged folder raises depends on which of its files is damaged; none has a class in common.
        except Exception as error:  # noqa: BLE001 - the border to a library
            self._refuse(error)
