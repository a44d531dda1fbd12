"""Models that are read in this process, of whatever kind."""

from pathlib import Path

from kgalign.errors import KgalignError
from kgalign.llm.weights import folder_digest
from kgalign.rdf.text import shorten

PER_STEP = 32
"""Texts that a model in this process reads side by side: on a CPU more is not faster."""


def reason_of(error: BaseException) -> str:
    """What an error says, in a few words."""
    return shorten(str(error) or type(error).__name__).rstrip(".")


def folder_identity(model: str, remedy: str) -> str:
    """What a model's vectors depend on: the content of its folder, or its name on the hub.

    A model that was trained further gives other vectors, and one that was moved the same.

    :param remedy: what to do where the folder can't be read.
    :raises KgalignError: it can't.
    """
    try:
        return folder_digest(Path(model)) if Path(model).is_dir() else model
    except OSError as error:
        raise KgalignError(f"The model {shorten(model)} can't be read: {reason_of(error)}", remedy) from error
