"""Decoder-only language models as embedders, in the manner of LLM2Vec.

BehnamGhader et al., "LLM2Vec: Large language models are secretly powerful text encoders" (COLM 2024): every
token attends to those after it as well; an instruction says what the text is wanted for; the vector of a
text is the mean over its own tokens, the instruction's left out. That paper trains a model to it first, by
masked words and by SimCSE: see :mod:`kgalign.train.encoder`, which writes folders that are read here.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kgalign.errors import KgalignError, MissingExtra
from kgalign.rdf.text import shorten
from kgalign.records import Floats
from kgalign.retrieve.models import PER_STEP, folder_identity, reason_of

log = logging.getLogger(__name__)

INSTRUCTION = "Retrieve records of the same thing"
"""What is put before a text where nothing else is said."""
SETTINGS = "llm2vec.json"
"""In a trained model's folder: what it was trained to read."""
MAX_TOKENS = 512
"""Most tokens of a text."""
WHICH = (
    "Give a folder that holds a decoder-only language model of transformers, or its name on the hub, and "
    "HF_HUB_OFFLINE=1 where that was downloaded before and there is no network"
)
_PROBE = ("the same start, one end", "the same start, two more words")
_MOVED = 1e-6


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts are read; a model gives other vectors where this is another."""

    instruction: str = INSTRUCTION
    """Put before each text; empty for none."""
    max_tokens: int = MAX_TOKENS


def split_spec(rest: str) -> tuple[str, str | None]:
    """Model and instruction of what follows ``llm2vec:``; None where it is left to the model.

    >>> split_spec("mistral-7b#Retrieve the same product")
    ('mistral-7b', 'Retrieve the same product')
    >>> split_spec("mistral-7b#"), split_spec("mistral-7b")
    (('mistral-7b', ''), ('mistral-7b', None))
    """
    model, mark, instruction = rest.partition("#")
    return model, instruction.strip() if mark else None


def read_reading(model: str, instruction: str | None) -> Reading:
    """How a model is to read: as it was trained to, unless an instruction is given.

    :raises KgalignError: the settings in its folder can't be read.
    """
    path = Path(model) / SETTINGS
    reading = Reading()
    try:
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf8"))
            reading = Reading(str(kept["instruction"]), max(1, int(kept["max_tokens"])))
    except (OSError, LookupError, ValueError, TypeError) as error:
        raise KgalignError(f"{path} can't be read: {reason_of(error)}", "Train the model again") from error
    return reading if instruction is None else Reading(instruction, reading.max_tokens)


def reading_text(reading: Reading) -> str:
    """The text of ``llm2vec.json``."""
    return json.dumps(asdict(reading), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class LLM2Vec:
    """A decoder-only model in this process, loaded when the first text comes.

    :param rest: ``MODEL`` or ``MODEL#INSTRUCTION``: a folder or a name on the hub, and what is put before
        each text.
    """

    def __init__(self, rest: str) -> None:
        self._name, instruction = split_spec(rest)
        self._decoder: Decoder | None = None
        self._reading = read_reading(self._name, instruction)
        how = json.dumps([self._reading.instruction, self._reading.max_tokens])
        self.identity = f"llm2vec:{folder_identity(self._name, WHICH)}#{how}"

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dimensions) vectors of texts that are not empty, in their order.

        :raises MissingExtra: transformers is not installed.
        :raises KgalignError: there is no such model, it is damaged, no decoder, or fails on a text.
        """
        decoder = self._decoder = self._decoder or load_decoder(self._name, self._reading)
        parts = [texts[start : start + PER_STEP] for start in range(0, len(texts), PER_STEP)]
        try:
            import torch

            with torch.inference_mode():
                vectors = [decoder(part).cpu().numpy() for part in parts]
        except (IndexError, MemoryError, RuntimeError, ValueError) as error:
            raise KgalignError(
                f"The model {self._name} failed: {reason_of(error)}", "Give another model with --embedder"
            ) from error
        return np.concatenate(vectors).astype(np.float32)

    def close(self) -> None:
        """Let go of the model."""
        self._decoder = None


@dataclass(slots=True)
class Decoder:
    """A model whose tokens see each other, and what cuts texts into tokens."""

    model: Any
    """The layers without what predicts words."""
    tokenizer: Any
    reading: Reading
    words: Any = None
    """What predicts words, where it was asked for."""

    def __call__(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
        """(texts, dimensions) means of each text's tokens, as a tensor of 32 bits; not of unit length."""
        ids, there, own = self.cut(texts)
        hidden = self.hidden(ids, there).float()
        share = own.unsqueeze(-1).float()
        return (hidden * share).sum(1) / share.sum(1).clamp(min=1)

    def cut(self, texts: Sequence[str]) -> tuple[Any, Any, Any]:
        """Tokens of texts with what is put before them; which are no padding; which are the text's own.

        Each is a tensor of (texts, tokens).
        """
        import torch

        before = self._before()
        rows = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        room = getattr(self.model.config, "max_position_embeddings", None) or self.reading.max_tokens
        rows = [row[: min(self.reading.max_tokens, room - len(before))] for row in rows]
        width = len(before) + max(map(len, rows), default=0)
        device = self.model.device
        # Padding stands at the end, so that positions begin at 0 in every row.
        pad = self.tokenizer.pad_token_id or 0
        ids = torch.tensor([[*before, *row] + [pad] * (width - len(before) - len(row)) for row in rows])
        place = torch.arange(width)
        there = place < torch.tensor([len(before) + len(row) for row in rows])[:, None]
        own = there & (place >= len(before))
        return ids.to(device), there.to(device), own.to(device)

    def hidden(self, ids: Any, there: Any) -> Any:  # noqa: ANN401 - tensors
        """(texts, tokens, dimensions) of the last layer; each token attends to all that are there.

        A mask of four dimensions is taken as it is by the attention of transformers, whatever the version
        and the architecture (but flash attention, which nobody gets unasked); of two it would be made causal.
        With it windows of attention don't count.

        :param ids: (texts, tokens) tokens.
        :param there: (texts, tokens) which of them are no padding.
        """
        import torch

        kind = self.model.dtype
        mask = torch.zeros(there.shape, dtype=kind, device=there.device)
        mask = mask.masked_fill(~there, torch.finfo(kind).min)
        mask = mask[:, None, None, :].expand(-1, 1, there.shape[1], -1)
        return self.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state

    def _before(self) -> list[int]:
        """The tokens before each text: the model's beginning, if it has one, and the instruction."""
        begin = self.tokenizer("a")["input_ids"][:1]
        found = begin if begin == [self.tokenizer.bos_token_id] else []
        if self.reading.instruction:
            # A line of its own: so the text's tokens are the same with and without it.
            said = f"{self.reading.instruction.rstrip(':')}:\n"
            found = [*found, *self.tokenizer(said, add_special_tokens=False)["input_ids"]]
        return list(found)


def load_decoder(
    name: str, reading: Reading, *, dropout: float | None = None, words: bool = False
) -> Decoder:
    """Load a decoder-only model, with every token attending to all others.

    :param name: a folder, or a name on the hub.
    :param dropout: of its attention, while it learns; None for what the model has.
    :param words: whether what predicts words is wanted too.
    :raises MissingExtra: PyTorch or transformers is not installed.
    :raises KgalignError: there is no such model, it is damaged, or its tokens can't see those after them.
    """
    try:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoConfig, AutoTokenizer
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise MissingExtra("An embedder of llm2vec", "dense") from error
    transformers_logging.disable_progress_bar()
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # that the layer that predicts words is not needed
    # Which of these is raised depends on which file of the model is missing or damaged.
    faults = (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)
    log.info("loading the model %s", name)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        config = AutoConfig.from_pretrained(name)
        if dropout is not None and hasattr(config, "attention_dropout"):
            config.attention_dropout = dropout
        kind = torch.bfloat16 if device == "cuda" else torch.float32
        model, head = _weights(name, config, kind, words)
        head = head.to(device) if words else None
        decoder = Decoder(model.to(device).eval(), AutoTokenizer.from_pretrained(name), reading, head)
        sees = not config.is_encoder_decoder and _sees_later(decoder)
    except (*faults, SafetensorError) as error:
        raise KgalignError(f"The model {shorten(name)} can't be loaded: {reason_of(error)}", WHICH) from error
    finally:
        transformers_logging.set_verbosity(before)
    if not sees:
        raise KgalignError(
            f"The model {shorten(name)} can't be read in both directions: its tokens don't see later ones",
            "Give a decoder with attention, such as a Llama, Mistral or Qwen",
        )
    return decoder


def _weights(name: str, config: Any, kind: Any, words: bool) -> tuple[Any, Any]:  # noqa: ANN401
    """The layers of a model, and what predicts words (None where it isn't wanted)."""
    from transformers import AutoModel, AutoModelForCausalLM

    if not words:
        return AutoModel.from_pretrained(name, config=config, dtype=kind), None
    whole, told = AutoModelForCausalLM.from_pretrained(
        name, config=config, dtype=kind, output_loading_info=True
    )
    if told["missing_keys"]:
        raise ValueError("it has nothing that predicts words: masked words (MNTP) come before other training")
    head = whole.get_output_embeddings()
    return getattr(whole, whole.base_model_prefix), head


def _sees_later(decoder: Decoder) -> bool:
    """Whether what comes later changes what is made of a token: state-space models ignore any mask."""
    import torch

    one, other = (decoder.tokenizer(text, add_special_tokens=False)["input_ids"] for text in _PROBE)
    ids = [torch.tensor([row], device=decoder.model.device) for row in (one, other)]
    if ids[0][0, 0] != ids[1][0, 0]:
        raise ValueError("its tokenizer cuts the same start in two ways")
    with torch.inference_mode():
        first = [decoder.hidden(each, torch.ones_like(each, dtype=torch.bool))[0, 0] for each in ids]
    return float((first[0] - first[1]).abs().max()) > _MOVED
