"""What the files of a run folder hold, as SHA-256 of their contents, and whether they still do."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from kgalign.base.cores import in_order


def digests_of(files: Mapping[str, Path]) -> dict[str, str]:
    """Digests of files, by the names that they are given here.

    :raises OSError: one can't be read.
    """
    return dict(zip(files, in_order(digest_of, files.values()), strict=True))


def digest_of(path: Path) -> str:
    """SHA-256 of a file's contents, in hexadecimal digits.

    :raises OSError: it can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged(root: Path, digests: Mapping[str, str]) -> Iterator[str]:
    """Names of the files that are gone, can't be read, or hold something else than was written.

    :param digests: what :func:`digests_of` gave when they were written.
    """
    for name, whole in zip(digests, in_order(partial(_is, root), digests.items()), strict=True):
        if not whole:
            yield name


def _is(root: Path, written: tuple[str, str]) -> bool:
    """Whether a file has a digest."""
    name, digest = written
    try:
        return digest_of(root / name) == digest
    except OSError:
        return False
