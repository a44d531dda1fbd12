"""Files that appear whole or not at all, and the rows of tables in text."""

import csv
import errno
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from kgalign.errors import RunError
from kgalign.rdf.write import partial_beside

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ELSEWHERE = "Name another file with -o"
"""What to do where a file can't be written."""


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes the place of ``path`` once it is complete; UTF-8, lines end in LF.

    :raises OSError: no room, or no permission; what stood at ``path`` is as it was.
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


@contextmanager
def written_to(path: Path) -> Iterator[None]:
    """Turn what the operating system says against writing to ``path`` into a :class:`RunError`."""
    try:
        yield
    except BrokenPipeError:  # who reads has seen enough: the command line knows what to do
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise RunError(f"There is no room to write {path}", "Make room and export again") from error
        reason = (error.strerror or str(error)).lower()
        raise RunError(f"{path} can't be written: {reason}", ELSEWHERE) from error
