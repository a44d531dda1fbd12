"""The model that is trained upon: where it lies, how it spells a conversation, and how its answers end.

Nothing is fetched unless it is asked for. Torch and transformers are imported in the functions.
"""

import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgalign.errors import InputError, KgalignError, MissingExtra
from kgalign.llm.protocol import NO_THINKING
from kgalign.llm.vllm.setup import check_model
from kgalign.llm.weights import weights_mark
from kgalign.rdf.text import shorten

IGNORED = -100
"""Label of a token from which nothing is learned."""
_LIBRARIES = ("torch", "transformers", "trl", "peft", "datasets")
_HERE = "\ue000here\ue001"
"""Stands for an answer while the text around it is looked at."""

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Spelled:
    """A question and its answer in tokens."""

    prompt: tuple[int, ...]
    """Just what a server makes of the question before the model writes."""
    answer: tuple[int, ...]
    """The answer and the token at which servers stop."""

    @property
    def row(self) -> dict[str, list[int]]:
        """All tokens, and as labels those of the answer alone."""
        ids = [*self.prompt, *self.answer]
        return {"input_ids": ids, "labels": [IGNORED] * len(self.prompt) + list(self.answer)}

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True, slots=True)
class Base:
    """A model on disk, with its tokenizer."""

    name: str
    folder: Path
    mark: str
    """What its weights are known by."""
    tokenizer: Any
    end: int
    """Token that an answer ends with: a server stops at it."""
    stops: tuple[int, ...]
    """All tokens at which a server stops."""

    @property
    def end_token(self) -> str:
        """The end token in words."""
        return str(self.tokenizer.convert_ids_to_tokens(self.end))

    def prompt(self, question: Messages) -> tuple[int, ...]:
        """The tokens of a question as a server spells it, up to where the answer begins.

        Raises:
            InputError: the model's chat template refuses it.
        """
        text = _rendered(self.tokenizer, self.name, question, answering=True)
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def spell(self, question: Messages, answer: str) -> Spelled:
        """A question and its answer in tokens.

        The two are spelled apart, since a model that answers has the question's tokens fixed; and the answer
        ends with the end token and nothing else, whatever the template puts between two messages.
        """
        ids = self.tokenizer(answer, add_special_tokens=False)["input_ids"]
        return Spelled(self.prompt(question), (*ids, self.end))


def find_base(name: str, *, allow_download: bool = False) -> Path:
    """The folder of a model: the one that is named, or where the hub's client keeps it.

    Raises:
        KgalignError: it is not there, and nothing may be fetched; or it can't be fetched.
        MissingExtra: it is no folder, and the hub's client is not installed.
    """
    check_model(name)
    if Path(name).is_dir():
        return Path(name)
    if importlib.util.find_spec("huggingface_hub") is None:
        raise MissingExtra(f"The model {name}, which is no folder here,", "train")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=not allow_download))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        remedy = "Give its folder" + (
            "" if allow_download else ", or --allow-download to fetch it from the hub"
        )
        raise InputError(f"The model {shorten(name)} is not on this machine", remedy) from error


def require_training() -> dict[str, str]:
    """The versions of what trains.

    Raises:
        MissingExtra: a part of it is not installed.
    """
    if any(importlib.util.find_spec(name) is None for name in _LIBRARIES):
        raise MissingExtra("Training an adapter", "train")
    # What would ask the hub, or tell it something, or fork after tokenizers have begun to use threads.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def open_base(name: str, folder: Path) -> Base:
    """Read a model's tokenizer and find out how its answers end; the weights are not loaded.

    Raises:
        InputError: it has no tokenizer, no chat template, or no token at which servers stop.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The tokenizer of {name} can't be read: {shorten(str(error))}", "Give a whole model"
        ) from error
    if not tokenizer.chat_template:
        raise InputError(
            f"The model {name} has no chat template: it was not made to be asked",
            "Take one that follows instructions, such as one with Instruct in its name",
        )
    stops = _stops(folder, tokenizer)
    end = _end(tokenizer, name, stops)
    _set_pad(tokenizer, end, stops)
    shown = Path(name).resolve().name if Path(name).is_dir() else name
    return Base(shown, folder, weights_mark(folder), tokenizer, end, stops)


def load_model(base: Base, *, four_bit: bool = False) -> Any:  # noqa: ANN401 - a model of transformers
    """The weights: on a GPU in bfloat16 or 4 bit where there is one, else in 32 bit on the CPU.

    Raises:
        KgalignError: 4 bit is asked for without CUDA, or the weights can't be read.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    cuda = torch.cuda.is_available()
    options: dict[str, Any] = {"dtype": torch.bfloat16 if cuda else torch.float32, "local_files_only": True}
    if four_bit:
        if not cuda or importlib.util.find_spec("bitsandbytes") is None:
            lacks = "bitsandbytes, which is not installed" if cuda else "CUDA, which is not here"
            raise KgalignError(f"4 bit needs {lacks}", "Give --no-four-bit, or the preset of another machine")
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        options["device_map"] = {"": 0}
    try:
        return AutoModelForCausalLM.from_pretrained(base.folder, **options)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The weights of {base.name} can't be loaded: {shorten(str(error))}", "Give a whole model"
        ) from error


def _rendered(tokenizer: Any, name: str, messages: Messages, *, answering: bool) -> str:  # noqa: ANN401
    from jinja2 import TemplateError

    try:
        text = tokenizer.apply_chat_template(
            [dict(each) for each in messages],
            tokenize=False,
            add_generation_prompt=answering,
            **NO_THINKING,
        )
    except (TemplateError, ValueError) as error:
        raise InputError(
            f"The chat template of {name} takes no question of kgalign: {shorten(str(error))}",
            "Take a model whose template has system messages",
        ) from error
    return str(text)


def _stops(folder: Path, tokenizer: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Where a server stops: at what ``generation_config.json`` names, and at the tokenizer's own end."""
    found: list[int] = []
    for file in ("generation_config.json", "config.json"):
        try:
            named = json.loads((folder / file).read_text(encoding="utf8")).get("eos_token_id")
        except (OSError, ValueError, AttributeError):
            continue
        found += [named] if isinstance(named, int) else list(named or ())
        if found:
            break
    own = tokenizer.eos_token_id
    return tuple(dict.fromkeys(each for each in (*found, own) if isinstance(each, int)))


def _end(tokenizer: Any, name: str, stops: tuple[int, ...]) -> int:  # noqa: ANN401
    """The token after an answer in the model's own template, or else the tokenizer's end.

    A token at which no server stops teaches nothing: models were published whose answers never end.
    """
    messages = ({"role": "user", "content": "?"}, {"role": "assistant", "content": _HERE})
    after = _rendered(tokenizer, name, messages, answering=False).rpartition(_HERE)[2]
    following = tokenizer(after, add_special_tokens=False)["input_ids"] if after else []
    if following and following[0] in stops:
        return int(following[0])
    if isinstance(tokenizer.eos_token_id, int):
        return int(tokenizer.eos_token_id)
    raise InputError(
        f"The model {name} names no token at which an answer ends",
        "Add eos_token to its tokenizer_config.json",
    )


def _set_pad(tokenizer: Any, end: int, stops: tuple[int, ...]) -> None:  # noqa: ANN401
    """See to a padding token that ends no answer: whoever masks padding must not mask an end with it."""
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id not in (end, *stops):
        return
    special = (tokenizer.unk_token_id, tokenizer.bos_token_id, *sorted(tokenizer.added_tokens_decoder), 0)
    pad = next((each for each in special if each is not None and each not in (end, *stops)), None)
    if pad is not None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad)
