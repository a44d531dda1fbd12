"""Files that appear whole or not at all, and the rows of tables in text."""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from kgalign.rdf.write import partial_beside


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes the place of ``path`` once it is complete; UTF-8, lines end in LF.

    Raises:
        OSError: no room, or no permission; what stood at ``path`` is as it was.
    """
    partial = partial_beside(path)
    try:
        with partial.open("x", encoding="utf8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    """Rows of cells as RFC 4180 has them."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
