"""An adapter merged into its model, for CPUs: there vLLM takes three times as long where they are apart.

``W + s · B·A`` for each weight that the adapter changes, computed as float32 and written as it is served; all
other files of the model are linked to.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

from kgalign.errors import KgalignError
from kgalign.llm.vllm.lora import is_packed, tensor_shapes
from kgalign.llm.vllm.setup import NumberFormat

_MORE = (
    "alpha_pattern",
    "bias",
    "fan_in_fan_out",
    "modules_to_save",
    "rank_pattern",
    "target_parameters",
    "use_dora",
)
"""What an adapter may have beside two factors for each weight; it is served apart then."""
_FACTOR = re.compile(r"base_model\.model\.(.+)\.lora_A(?:\.default)?\.weight")
_WEIGHTS = "adapter_model.safetensors"


def reason_against(adapter: Path, model: str) -> str:
    """Why an adapter can't be merged into a model; empty if it can.

    :param adapter: its folder, in peft's format.
    :param model: a folder, or a name on the hub.
    """
    folder = Path(model)
    if not folder.is_dir():
        return "the model is no folder"
    if not list(folder.glob("*.safetensors")):
        return "the model has no weights as safetensors"
    if is_packed(folder):
        return "the model is quantised"
    settings = json.loads((adapter / "adapter_config.json").read_text(encoding="utf8"))
    more = [name for name in _MORE if settings.get(name) not in (None, False, "none", [], {})]
    if more:
        return f"the adapter has {', '.join(more)}"
    names = {name for path in folder.glob("*.safetensors") for name in tensor_shapes(path)}
    changed = [_FACTOR.fullmatch(name) for name in tensor_shapes(adapter / _WEIGHTS) if ".lora_B" not in name]
    fits = all(found and f"{found[1]}.weight" in names for found in changed)
    return "" if changed and fits else "the adapter names weights otherwise than the model"


def merge_into(adapter: Path, model: Path, out: Path, number_format: NumberFormat) -> None:
    """Write a model with an adapter merged into it.

    :param adapter: folder of the adapter, in peft's format, that fits the model.
    :param out: the new folder.
    :param number_format: what the weights are written as.
    :raises KgalignError: the disk is full.
    """
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    factors = load_file(adapter / _WEIGHTS)
    changes = {found[1]: name for name in factors if (found := _FACTOR.fullmatch(name))}
    scale = _scale(json.loads((adapter / "adapter_config.json").read_text(encoding="utf8")))
    wanted = getattr(torch, number_format)
    try:
        out.mkdir(parents=True)
        for path in sorted(model.iterdir()):
            if path.suffix != ".safetensors":
                (out / path.name).symlink_to(path.resolve())
                continue
            tensors: dict[str, Any] = {}
            with safe_open(path, framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 - it is no mapping
                    tensor = weights.get_tensor(name)
                    first = changes.pop(name.removesuffix(".weight"), None)
                    if first is not None:
                        second = factors[first.replace(".lora_A", ".lora_B")].float()
                        tensor = tensor.float() + scale * (second @ factors[first].float())
                    tensors[name] = tensor.to(wanted) if tensor.is_floating_point() else tensor
            save_file(tensors, out / path.name, metadata={"format": "pt"})
    except OSError as error:
        raise KgalignError(
            f"The adapter can't be merged into the model: {error.strerror}",
            "Make room there or name another place as TMPDIR, or give --no-merge",
        ) from error


def _scale(settings: dict[str, Any]) -> float:
    """By what the product of an adapter's factors is multiplied."""
    rank = settings["r"]
    return float(settings.get("lora_alpha", rank) / (math.sqrt(rank) if settings.get("use_rslora") else rank))
