"""The models that are trained as encoders: sentence-transformers as a whole, decoders by LoRA.

A small encoder has so few weights that all but the vectors of its words learn; of a language model of
billions only an adapter of LoRA (Hu et al., 2022) does, which is added to the weights in the end, so that
the folder is a whole model again and needs no peft to be read.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from kgalign.base import files
from kgalign.base.memory import explained_memory
from kgalign.errors import KgalignError, MissingExtra
from kgalign.records import Floats
from kgalign.retrieve.embedders import load_sentences, open_embedder
from kgalign.retrieve.llm2vec import (
    SETTINGS,
    Decoder,
    load_decoder,
    read_reading,
    reading_text,
    split_spec,
)
from kgalign.retrieve.models import PER_STEP
from kgalign.train.checkpoints import Learned

RANK, ALPHA, LORA_DROPOUT = 16, 32, 0.05
"""Of the adapter, as LLM2Vec has them."""
ATTENTION_DROPOUT = 0.3
"""Of a decoder while it learns to know a text again (SimCSE), as LLM2Vec has it: most have none of their own,
and the two readings of a text would be the same."""
MASKED = 0.2
"""Share of a text's tokens that are masked, where masked words are learned, as LLM2Vec has it."""
_SCHEMES = ("sentence-transformers", "llm2vec")


How = Literal["links", "simcse", "mntp"]
"""From what: from links; from texts that are to find themselves; from their masked words."""


class Learner(Learned, Protocol):
    """A model that turns texts into vectors, and learns."""

    name: str
    """What it is called, without its place."""
    identity: str
    """What it is known by before it learns, see :class:`kgalign.retrieve.embedders.Embedder`."""
    device: str
    """``cuda`` or ``cpu``."""

    def __call__(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
        """(texts, dimensions) vectors as a tensor of 32 bits."""

    def guess(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
        """The loss of guessing masked words of texts, a tensor.

        :raises KgalignError: the model is no decoder.
        """

    def trained(self) -> list[Any]:
        """The weights that learn."""

    def finish(self) -> None:
        """Bring the weights into the form in which they are saved; it learns no more."""

    def save(self, folder: Path) -> None:
        """Write the model into a folder."""


def spec_of(encoder: str) -> str:
    """The specification of an embedder for a model: a bare name is one of sentence-transformers.

    :raises KgalignError: it is an embedder that can't be trained here, or names no model.
    """
    scheme, mark, _ = encoder.partition(":")
    if mark and scheme == "openai":
        raise KgalignError(
            "The model of a server can't be trained here", "Give --encoder sentence-transformers:MODEL"
        )
    spec = encoder if mark and scheme in _SCHEMES else f"sentence-transformers:{encoder}"
    scheme, _, model = spec.partition(":")
    if not (split_spec(model)[0] if scheme == "llm2vec" else model).strip():
        raise KgalignError(
            "The encoder has no name", "Give --encoder sentence-transformers:MODEL or llm2vec:MODEL"
        )
    return spec


def _only_decoders() -> KgalignError:
    return KgalignError(
        "Only decoders learn from masked words as the next ones (MNTP)", "Give --encoder llm2vec:MODEL"
    )


def open_learner(spec: str, *, seed: int, how: How = "links", threads: int | None = None) -> Learner:
    """Load a model to learn.

    :param spec: ``sentence-transformers:MODEL`` or ``llm2vec:MODEL#INSTRUCTION``.
    :param seed: draws what an adapter begins with.
    :param how: from what it will learn.
    :param threads: of the processor; None for as many as PyTorch takes.
    :raises MissingExtra: PyTorch, sentence-transformers or peft is not installed.
    :raises KgalignError: there is no such model, or it is damaged.
    """
    scheme, _, rest = spec.partition(":")
    try:
        import peft  # noqa: F401
        import sentence_transformers  # noqa: F401
        import torch
    except ImportError as error:
        raise MissingExtra("Training an encoder", "train") from error
    if how == "mntp" and scheme != "llm2vec":
        raise _only_decoders()
    identity = open_embedder(spec).identity
    torch.manual_seed(seed)
    if threads:
        torch.set_num_threads(threads)
    return _Adapted(rest, identity, how) if scheme == "llm2vec" else _Sentences(rest, identity)


class _Sentences:
    """A model of sentence-transformers. The vectors of its words stay: few links teach no word anew."""

    def __init__(self, name: str, identity: str) -> None:
        self.name, self.identity = Path(name).name, identity
        self._model = load_sentences(name)
        self.device = str(self._model.device.type)
        self._prompt = self._model.prompts.get(self._model.default_prompt_name or "", "")
        words = getattr(self._model[0], "auto_model", None)
        if words is not None:
            words.get_input_embeddings().weight.requires_grad_(False)

    def __call__(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
        cut = getattr(self._model, "preprocess", None) or self._model.tokenize
        batch = {
            name: value.to(self._model.device) if hasattr(value, "to") else value
            for name, value in cut([self._prompt + text for text in texts]).items()
        }
        return self._model(batch)["sentence_embedding"].float()

    def guess(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
        raise _only_decoders()

    def trained(self) -> list[Any]:
        return [each for each in self._model.parameters() if each.requires_grad]

    def train(self, learns: bool) -> None:
        self._model.train(learns)

    def state(self) -> dict[str, Any]:
        return _learned(self._model)

    def restore(self, state: Mapping[str, Any]) -> None:
        self._model.load_state_dict(state, strict=False)

    def finish(self) -> None:
        self._model.eval()

    def save(self, folder: Path) -> None:
        self._model.save(str(folder), create_model_card=False)


class _Adapted:
    """A decoder whose tokens see each other, with an adapter that learns."""

    def __init__(self, rest: str, identity: str, how: How) -> None:
        from peft import LoraConfig, get_peft_model

        name, instruction = split_spec(rest)
        self.name, self.identity = Path(name).name, identity
        self._decoder: Decoder = load_decoder(
            name,
            read_reading(name, instruction),
            dropout=ATTENTION_DROPOUT if how == "simcse" else None,
            words=how == "mntp",
        )
        model = self._decoder.model
        self.device = str(model.device.type)
        self._usual = _own_dropout(name)
        adapter = LoraConfig(
            r=RANK,
            lora_alpha=ALPHA,
            lora_dropout=LORA_DROPOUT,
            target_modules="all-linear",
            bias="none",
            task_type="FEATURE_EXTRACTION",
        )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # of names that peft reads and transformers renamed
            self._decoder.model = get_peft_model(model, adapter)
        if self.device == "cuda":
            # Of a model of billions only what stands between its layers is kept; the rest is made again.
            model.enable_input_require_grads()
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    def __call__(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
        return self._decoder(texts)

    def guess(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
        return masked_loss(self._decoder, texts)

    def trained(self) -> list[Any]:
        return [each for each in self._decoder.model.parameters() if each.requires_grad]

    def train(self, learns: bool) -> None:
        self._decoder.model.train(learns)

    def state(self) -> dict[str, Any]:
        return _learned(self._decoder.model)

    def restore(self, state: Mapping[str, Any]) -> None:
        self._decoder.model.load_state_dict(state, strict=False)

    def finish(self) -> None:
        model = self._decoder.model.merge_and_unload().eval()
        if self._usual is not None:
            model.config.attention_dropout = self._usual
        self._decoder = replace(self._decoder, model=model)

    def save(self, folder: Path) -> None:
        decoder = self._decoder
        decoder.model.save_pretrained(folder)
        decoder.tokenizer.save_pretrained(folder)
        files.write_text(folder / SETTINGS, reading_text(decoder.reading))


def masked_loss(decoder: Decoder, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
    """The mean cross-entropy of masked tokens, each predicted where the token before it stands (MNTP).

    There a decoder has learned to predict it; what is new is that it sees what follows. Which tokens are
    masked is drawn by PyTorch's own dice.
    """
    import torch

    ids, there, own = decoder.cut(texts)
    own[:, 0] = False  # before the first there is none
    drawn = torch.rand(own.shape).to(own.device).masked_fill(~own, 2.0)
    # At least one of each text, so that no step is without any.
    masked = own & ((drawn < MASKED) | (drawn == drawn.min(1, keepdim=True).values))
    row, place = masked.nonzero(as_tuple=True)
    mask = decoder.tokenizer.mask_token_id
    if mask is None:
        mask = decoder.tokenizer("_", add_special_tokens=False)["input_ids"][0]
    hidden = decoder.hidden(ids.masked_fill(masked, mask), there)
    said = decoder.words(hidden[row, place - 1])
    lost = torch.nn.functional.cross_entropy(said.float(), ids[row, place], reduction="sum")
    return lost / max(1, len(row))


def _own_dropout(name: str) -> Any:  # noqa: ANN401 - a number or None
    """The dropout that a decoder has of its own."""
    from transformers import AutoConfig

    return getattr(AutoConfig.from_pretrained(name), "attention_dropout", None)


def _learned(model: Any) -> dict[str, Any]:  # noqa: ANN401 - a module
    return {name: each.detach() for name, each in model.named_parameters() if each.requires_grad}


def vectors_of(learner: Learner, texts: Sequence[str]) -> Floats:
    """(texts, dimensions) vectors of unit length; each text is read once, beside those of like length.

    :raises KgalignError: there is not enough memory, or the vectors are no numbers.
    """
    import torch

    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    place = {text: number for number, text in enumerate(distinct)}
    learner.train(False)
    rows = []
    told = f"There is not enough memory to read {PER_STEP} texts at once"
    with explained_memory(told, "Free some memory, or take a smaller encoder"), torch.no_grad():
        for start in range(0, len(distinct), PER_STEP):
            part = learner(distinct[start : start + PER_STEP])
            rows.append(torch.nn.functional.normalize(part, dim=1).cpu().numpy())
    found = np.concatenate(rows)
    if not np.isfinite(found).all():
        raise KgalignError(
            "The encoder gives vectors that are no numbers", "Try a lower --lr, or take another encoder"
        )
    return np.asarray(found[[place[text] for text in texts]], np.float32)
