"""What the files of a run folder hold, as SHA-256 of their contents, and whether they still do."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path


def digests_of(root: Path, places: Iterable[Path]) -> dict[str, str]:
    """Digests of files, and of all files in folders, by their paths from ``root``.

    :param places: files and folders below ``root``.
    :raises OSError: one can't be read.
    """
    found: dict[str, str] = {}
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                found[path.relative_to(root).as_posix()] = digest_of(path)
    return found


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
    for name, digest in digests.items():
        try:
            whole = digest_of(root / name) == digest
        except OSError:
            whole = False
        if not whole:
            yield name
