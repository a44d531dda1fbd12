"""What a model's weights are known by, wherever they lie: an adapter fits the weights it was trained on."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from kgalign.errors import KgalignError

_WHOLE = 1 << 20
"""Bytes up to which a file is read as a whole."""
_SAMPLES, _SAMPLE = 64, 4096
_KINDS = ("*.safetensors", "pytorch_model*.bin")


def weights_mark(folder: Path) -> str:
    """The first 16 digits of a SHA-256 over the files that hold a model's weights.

    Other files don't count: a model keeps its mark when its card or its tokenizer's settings are edited.

    :raises KgalignError: the folder holds no weights, or they can't be read.
    """
    paths = sorted(path for kind in _KINDS for path in folder.glob(kind))
    if not paths:
        raise KgalignError(
            f"The folder {folder} holds no weights", "Give a model's folder with its files of safetensors"
        )
    return files_digest(paths)[:16]


def folder_digest(folder: Path) -> str:
    """A SHA-256 over all files of a folder and their names in it, hidden ones left out.

    :raises OSError: a file can't be read.
    """
    content = hashlib.sha256()
    for path in folder_files(folder):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = path.relative_to(folder).as_posix()
        # A name need not be UTF-8.
        content.update(f"{name}\0{digest}\n".encode(errors="surrogateescape"))
    return content.hexdigest()


def folder_files(folder: Path) -> list[Path]:
    """All files under a folder, hidden ones left out; folders that are linked to are gone into once."""
    found: list[Path] = []
    seen: set[str] = set()
    for place, inner, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(place)
        inner[:] = [] if here in seen else [each for each in inner if not each.startswith(".")]
        if here not in seen:
            found += [Path(place, name) for name in names if not name.startswith(".")]
        seen.add(here)
    return sorted(each for each in found if each.is_file())


def files_digest(paths: Sequence[Path]) -> str:
    """A SHA-256 over the names and contents of files.

    Of a large file the length and evenly spread samples are read: training changes weights everywhere.

    :raises KgalignError: a file can't be read.
    """
    content = hashlib.sha256()
    for path in paths:
        try:
            size = path.stat().st_size
            content.update(f"{path.name}\0{size}\n".encode(errors="surrogateescape"))
            with path.open("rb") as file:
                if size <= _WHOLE:
                    content.update(file.read())
                    continue
                for sample in range(_SAMPLES):
                    file.seek(sample * (size - _SAMPLE) // (_SAMPLES - 1))
                    content.update(file.read(_SAMPLE))
        except OSError as error:
            raise KgalignError(
                f"{path} can't be read: {error.strerror}", "Look at its permissions"
            ) from error
    return content.hexdigest()
