"""In which form a model is taught to answer: yes or no to a pair, or a JSON object to a question."""

from math import prod
from pathlib import Path
from typing import Literal

from kgalign.errors import InputError, MissingExtra
from kgalign.rdf.text import shorten

Form = Literal["pair", "json"]
SMALL = 1_000_000_000
"""Parameters below which a model is taught pairs: it reads instructions and ten options badly."""


def form_for(model: Path) -> Form:
    """The form that suits a model.

    :param model: its folder.
    :raises InputError: its weights can't be read.
    :raises MissingExtra: what reads them is not installed.
    """
    return "pair" if 0 < parameters(model) < SMALL else "json"


def parameters(model: Path) -> int:
    """Numbers in a model's weights, read from the heads of its files; 0 where it has none of safetensors.

    :param model: its folder.
    :raises InputError: a file is damaged.
    :raises MissingExtra: what reads it is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingExtra("Training an adapter", "train") from error
    count = 0
    for path in sorted(model.glob("*.safetensors")):
        try:
            with safe_open(path, "numpy") as file:
                count += sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path} can't be read: {shorten(str(error))}", "Give a whole model") from error
    return count
