"""What is known of an adapter: ``adapter.json`` beside peft's files, and ``README.md`` for people.

No time and no path of this machine is in it: trained again from the same, an adapter has the same record.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from kgalign.base.files import replacing
from kgalign.errors import InputError
from kgalign.llm.vllm.lora import read_adapter
from kgalign.llm.weights import weights_mark
from kgalign.train.data import fault_of

RECORD = "adapter.json"
CARD = "README.md"
FORMAT = 1
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


@dataclass(frozen=True, slots=True)
class AdapterRecord:
    """What an adapter was made of, and what it is worth."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    how: str
    """``sft``, ``dpo`` or ``merge``."""
    base: str
    """Name of the model that it changes."""
    base_mark: str
    """What the model's weights are known by, see :func:`~kgalign.llm.weights.weights_mark`."""
    settings: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    """SHA-256 of what it learned from."""
    counts: dict[str, int] = field(default_factory=dict)
    """Examples learned from, left out and why, steps, tokens."""
    templates: dict[str, str] = field(default_factory=dict)
    """Name and version of each prompt that it learned → SHA-256 of its text."""
    end_token: str = ""
    """What it writes at the end of an answer."""
    training: str = ""
    """What the training is known by: the same in all adapters that it left on its way."""
    losses: list[dict[str, float]] = field(default_factory=list)
    """``step``, ``epoch`` and ``loss`` or ``valid_loss``, in order."""
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    """``valid`` and, on the same questions, ``base``: accuracy, share of answers that stop, and so on."""
    versions: dict[str, str] = field(default_factory=dict)
    """Library → version."""
    parents: list[dict[str, Any]] = field(default_factory=list)
    """The adapters that it was begun from or merged of."""
    format: int = FORMAT


def write_record(folder: Path, record: AdapterRecord, name: str = "") -> None:
    """Write ``adapter.json`` and the card for people.

    :param name: what the card calls the adapter; else it is called by its folder.
    :raises RunError: there is no room or no permission.
    """
    content = json.dumps(asdict(record), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    for file_name, text in ((RECORD, content), (CARD, card(record, name or folder.name))):
        with replacing(folder / file_name) as file:
            file.write(text.encode("utf-8", "replace"))


def read_record(folder: Path) -> AdapterRecord | None:
    """What is known of the adapter in a folder; None where it was not made by kgalign.

    Raises:
        InputError: there is no adapter, or the record can't be read.
    """
    if not (folder / CONFIG).is_file():
        raise InputError(
            f"There is no adapter in {folder}: it has no {CONFIG}",
            "Give the folder that `train sft -o` wrote",
        )
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        return TypeAdapter(AdapterRecord).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read: {fault_of(error)}", "Train or merge it again") from error


def check_base(folder: Path, record: AdapterRecord | None, model: Path) -> None:
    """See that an adapter fits a model.

    :param record: what is known of the adapter.
    :param model: the model's folder.
    :raises KgalignError: it was trained on another.
    """
    if record is not None and record.base_mark != weights_mark(model):
        raise InputError(
            f"The adapter {folder} was trained on {record.base}, whose weights are not those of {model}",
            "Give the model that it was trained on",
        )
    read_adapter(folder, str(model))


def card(record: AdapterRecord, name: str) -> str:
    """The model card, in Markdown with the header that hubs read."""
    head = ["---", f"base_model: {json.dumps(record.base)}", "library_name: peft"]
    head += ["tags: [entity-resolution, kgalign, lora]", "---", "", f"# {name}", "", _summary(record), ""]
    if record.scores:
        head += ["## What it is worth", "", *_scores(record), ""]
    if record.losses:
        head += ["## Losses", "", *_losses(record), ""]
    head += ["## What it was made of", "", f"- Base: `{record.base}`, weights `{record.base_mark}`"]
    if record.data:
        head.append(f"- Data: SHA-256 `{record.data}`")
    head += [f"- {name.replace('_', ' ')}: {count:,}" for name, count in record.counts.items()]
    head += [f"- Prompt `{name}`: SHA-256 `{digest}`" for name, digest in sorted(record.templates.items())]
    head += [f"- End of an answer: `{record.end_token}`"] if record.end_token else []
    head += [f"- From `{each.get('name', '')}`, weight {each.get('weight', 1):g}" for each in record.parents]
    head += ["", "## Settings", "", "| setting | value |", "| --- | ---: |"]
    head += [f"| {name.replace('_', ' ')} | {value} |" for name, value in sorted(record.settings.items())]
    head += [
        "",
        "Made with " + ", ".join(f"{name} {each}" for name, each in sorted(record.versions.items())) + ".",
    ]
    return "\n".join(head) + "\n"


def _summary(record: AdapterRecord) -> str:
    made = {"sft": "trained on answers", "dpo": "trained on pairs of answers", "merge": "merged of others"}
    return (
        f"A LoRA adapter for `{record.base}`, {made.get(record.how, record.how)}: it says which records of "
        "two graphs describe the same thing, asked as kgalign asks. Serve it with `kgalign serve MODEL "
        "--adapter DIR`."
    )


def _scores(record: AdapterRecord) -> list[str]:
    names = sorted({name for scores in record.scores.values() for name in scores})
    rows = ["| | " + " | ".join(names) + " |", "| --- " + "| ---: " * len(names) + "|"]
    for what, scores in sorted(record.scores.items(), reverse=True):
        cells = (f"{scores[name]:.4g}" if name in scores else "" for name in names)
        rows.append(f"| {what} | " + " | ".join(cells) + " |")
    return rows


def _losses(record: AdapterRecord, most: int = 20) -> list[str]:
    """The losses, thinned out to about ``most`` rows; the first and the last are among them."""
    step = max(1, -(-len(record.losses) // most))
    kept = [each for at, each in enumerate(record.losses) if at % step == 0 or at == len(record.losses) - 1]
    rows = ["| step | epoch | loss | on valid |", "| ---: | ---: | ---: | ---: |"]
    for each in kept:
        loss, valid = (f"{each[name]:.4f}" if name in each else "" for name in ("loss", "valid_loss"))
        rows.append(f"| {each['step']:.0f} | {each['epoch']:.2f} | {loss} | {valid} |")
    return rows
