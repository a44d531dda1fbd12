"""What a model's weights are known by, wherever they lie: an adapter fits the weights it was trained on."""

import hashlib
from pathlib import Path

from kgalign.errors import KgalignError

_WHOLE = 1 << 20
"""Bytes up to which a file is read as a whole."""
_SAMPLES, _SAMPLE = 64, 4096
_KINDS = ("*.safetensors", "pytorch_model*.bin")


def weights_mark(folder: Path) -> str:
    """The first 16 digits of a SHA-256 over the files that hold a model's weights.

    Of a large file the length and evenly spread samples are read: training changes weights everywhere. Other
    files don't count, so that a model keeps its mark when its card or its tokenizer's settings are edited.

    Raises:
        KgalignError: the folder holds no weights, or they can't be read.
    """
    content = hashlib.sha256()
    try:
        paths = sorted(path for kind in _KINDS for path in folder.glob(kind))
        for path in paths:
            size = path.stat().st_size
            content.update(f"{path.name}\0{size}\n".encode())
            with path.open("rb") as file:
                if size <= _WHOLE:
                    content.update(file.read())
                    continue
                for sample in range(_SAMPLES):
                    file.seek(sample * (size - _SAMPLE) // (_SAMPLES - 1))
                    content.update(file.read(_SAMPLE))
    except OSError as error:
        raise KgalignError(f"{folder} can't be read: {error.strerror}", "Look at its permissions") from error
    if not paths:
        raise KgalignError(
            f"The folder {folder} holds no weights", "Give a model's folder with its files of safetensors"
        )
    return content.hexdigest()[:16]
