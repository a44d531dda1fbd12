"""LoRA adapters in peft's format: what vLLM must be told of one, and whether it fits a model.

vLLM 0.32 takes an adapter that was trained on another model, says nothing and starts; its answers are
then worth nothing. So the shapes are compared before anything is started.
"""

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgalign.errors import KgalignError
from kgalign.llm.weights import weights_mark

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks that ``--max-lora-rank`` takes."""

_PEFT = "Give a folder that peft wrote, with adapter_config.json and adapter_model.safetensors"
_HEADER_LIMIT = 100_000_000
"""What safetensors itself takes as the longest header, in bytes."""

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter on disk."""

    name: str
    """What requests call it."""
    folder: Path
    rank: int
    """The smallest of :data:`RANKS` that is enough for it."""


def read_adapter(folder: Path, model: str) -> Adapter:
    """The adapter in a folder, checked against the model where that is a folder too.

    :raises KgalignError: there is none, it is damaged, or it was trained on another model.
    """
    path = folder / "adapter_config.json"
    try:
        settings = json.loads(path.read_text(encoding="utf8"))
        ranks = [settings["r"], *settings.get("rank_pattern", {}).values()]
        rank = max(ranks)
    except OSError as error:
        raise KgalignError(f"There is no adapter in {folder}: {error.strerror}", _PEFT) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise KgalignError(f"{path} does not describe a LoRA adapter", _PEFT) from error
    if not isinstance(rank, int) or not 0 < rank <= RANKS[-1]:
        raise KgalignError(f"{path} gives a rank that vLLM does not serve", f"Give one up to {RANKS[-1]}")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-") or "adapter"
    if Path(model).is_dir():
        _check_fit(folder, Path(model))
        _check_weights(folder, Path(model))
    return Adapter(name, folder.resolve(), next(each for each in RANKS if each >= rank))


def _check_fit(folder: Path, model: Path) -> None:
    """Compare the adapter's shapes with those of the weights that it changes."""
    pairs = tensor_shapes(folder / "adapter_model.safetensors")
    weights: dict[str, Shape] = {}
    for path in sorted(model.glob("*.safetensors")):
        weights.update(tensor_shapes(path))
    missing, found = "", False
    for name, shape in pairs.items():
        match = re.fullmatch(r"base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight", name)
        if not match:
            continue
        place, factor = match.groups()
        weight = weights.get(f"{place}.weight")
        if weight is None:
            missing = missing or place
            continue
        found = True
        # B·A is added to the weight: A has its columns, B its rows. Packed weights have other shapes.
        side = 1 if factor == "A" else 0
        if len(weight) == len(shape) == 2 and weight[side] != shape[side] and not is_packed(model):
            raise _misfit(folder, model, f"{place} is {weight[0]} × {weight[1]} there")
    if found and missing:
        raise _misfit(folder, model, f"{missing} is not there")


def _check_weights(folder: Path, model: Path) -> None:
    """Compare the model's weights with those that an adapter of `kgalign train` says it was trained on."""
    try:
        mark = json.loads((folder / "adapter.json").read_text(encoding="utf8"))["base_mark"]
    except (OSError, KeyError, TypeError, ValueError):
        return  # another tool made it
    # A quantised copy of the model has other weights and may be served with it.
    if mark and not is_packed(model) and mark != weights_mark(model):
        raise _misfit(folder, model, "the weights are others")


def _misfit(folder: Path, model: Path, why: str) -> KgalignError:
    return KgalignError(
        f"The adapter {folder} was trained on another model than {model}: {why}",
        "Give the model that is named in its adapter_config.json",
    )


def is_packed(model: Path) -> bool:
    """Whether weights are quantised, so that their shapes are not those of what they stand for."""
    try:
        return "quantization_config" in json.loads((model / "config.json").read_text(encoding="utf8"))
    except (OSError, TypeError, ValueError):
        return False


def tensor_shapes(path: Path) -> dict[str, Shape]:
    """The tensors' names and shapes; the weights themselves are not read."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _HEADER_LIMIT:
                raise ValueError("no safetensors")
            header = json.loads(file.read(length))
        return dict(_entries(header))
    except OSError as error:
        raise KgalignError(f"{path} can't be read: {error.strerror}", _PEFT) from error
    except (AttributeError, KeyError, TypeError, ValueError, struct.error) as error:
        raise KgalignError(f"{path} is damaged", "Copy it anew: it must be a file of safetensors") from error


def _entries(header: Any) -> Iterator[tuple[str, Shape]]:  # noqa: ANN401 - JSON
    for name, entry in header.items():
        if name != "__metadata__":
            yield name, tuple(int(size) for size in entry["shape"])
