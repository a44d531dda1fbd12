"""Lines as packed files."""

import gzip
from collections.abc import Iterable
from pathlib import Path


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines and count them."""
    count = 0
    # A fixed time in the header, so that the same seed gives the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=4, fileobj=raw, mtime=0) as file:
        for line in lines:
            file.write(line.encode())
            count += 1
    return count
