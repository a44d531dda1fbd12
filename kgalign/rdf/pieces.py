"""Files read in pieces by others: stretches of lines, and whole files where a statement is no line.

Whoever does a piece opens the file where it has the same at the same path, as on a disk that machines share;
else the bytes are sent. What is wrong with a file is found out by reading it from its beginning: pieces only
tell that something is.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from kgalign.base.cores import in_order
from kgalign.base.progress import Progress, Task
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.formats import format_of, is_compressed
from kgalign.rdf.parse import (
    BLOCK,
    LINES,
    LONGEST,
    NotByLines,
    Parsed,
    blocks,
    joined,
    parse_lines,
    read_file,
)

_PACKED = 4 << 20
"""Bytes of a packed file of lines from which it is unpacked here, and its text cut."""
_SENT = 1 << 26
"""Bytes up to which a file goes as a whole to somebody who can't open it; a larger one is read here."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a file."""

    path: Path
    prefix: str
    """Is set before the labels of blank nodes."""
    stamp: tuple[int, int]
    """Bytes of the file, and when it was last changed, in ns."""
    lines: tuple[int, int] | None = None
    """The lines that begin in these bytes; all of the file if None."""
    data: bytes | None = None
    """What is in it; None where the file is to be opened."""


def read_in_pieces(files: Sequence[tuple[Path, str]], limits: LimitsConfig, watch: Progress) -> Parsed | None:
    """The statements of files, read wherever heavy work is done.

    :param files: at least one, with what is set before the labels of its blank nodes.
    :returns: None where they must be read one after the other: nothing is gained, or something is wrong with
        one of them.
    """
    if len(files) == 1 and format_of(files[0][0]) not in LINES:
        return None
    size = sum(path.stat().st_size for path, _ in files)
    name = files[0][0].name if len(files) == 1 else f"{len(files)} files"
    try:
        with watch.task(f"read {name}", size, "B") as task:
            return joined(_results(files, limits, task))
    except (NotByLines, InputError, OSError):
        return None


def _results(files: Sequence[tuple[Path, str]], limits: LimitsConfig, task: Task) -> Iterator[Parsed]:
    read = partial(read_piece, limits)
    streamed = any(_is_unpacked(path) for path, _ in files)
    pieces = (piece for path, prefix in files for piece in _pieces(path.absolute(), prefix, task))
    missing = []
    for made in in_order(read, pieces, heavy=True, streamed=streamed):
        if isinstance(made, Parsed):
            yield made
        else:
            missing.append(made)
    sent = [piece for piece in missing if piece.lines is not None or piece.stamp[0] <= _SENT]
    yield from _only_read(in_order(read, map(_filled, sent), heavy=True, streamed=True))
    for piece in missing:
        if piece not in sent:
            yield read_file(piece.path, piece.prefix, limits)


def _only_read(made: Iterator[Parsed | Piece]) -> Iterator[Parsed]:
    for each in made:
        assert isinstance(each, Parsed)
        yield each


def _is_unpacked(path: Path) -> bool:
    return is_compressed(path) and format_of(path) in LINES and path.stat().st_size > _PACKED


def _pieces(path: Path, prefix: str, task: Task) -> Iterator[Piece]:
    stamp = _stamp(path)
    if _is_unpacked(path):
        for text in blocks(path, task):
            yield Piece(path, prefix, stamp, (0, 0), text)
    elif is_compressed(path) or format_of(path) not in LINES:
        task.advance(stamp[0])
        yield Piece(path, prefix, stamp)
    else:
        for start in range(0, max(stamp[0], 1), BLOCK):
            end = min(start + BLOCK, stamp[0])
            task.advance(end - start)
            yield Piece(path, prefix, stamp, (start, end))


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _filled(piece: Piece) -> Piece:
    """The piece with what is in it."""
    lines = piece.lines
    return replace(piece, data=piece.path.read_bytes() if lines is None else _lines_of(piece.path, *lines))


def read_piece(limits: LimitsConfig, piece: Piece) -> Parsed | Piece:
    """The statements of a piece; the piece where its file would have to be opened, and is another one here.

    :raises NotByLines: something is wrong with them.
    """
    try:
        if piece.data is None and _stamp(piece.path) != piece.stamp:
            return piece
        if piece.lines is not None:
            text = _lines_of(piece.path, *piece.lines) if piece.data is None else piece.data
            return parse_lines(piece.path, text, piece.prefix)
        if piece.data is None:
            return read_file(piece.path, piece.prefix, limits)
        with tempfile.TemporaryDirectory(prefix="kgalign-") as folder:
            copy = Path(folder, piece.path.name)
            copy.write_bytes(piece.data)
            return read_file(copy, piece.prefix, limits)
    except InputError as error:
        raise NotByLines from error
    except OSError as error:
        if piece.data is None:
            return piece
        raise NotByLines from error


def _lines_of(path: Path, start: int, end: int) -> bytes:
    """The lines of a file that begin in some of its bytes.

    :raises NotByLines: one of them is too long.
    """
    with path.open("rb") as file:
        file.seek(max(start - 1, 0))
        if start:
            _rest_of_line(file)
        text = file.read(max(end - file.tell(), 0))
        if text and not text.endswith(b"\n"):
            text += _rest_of_line(file)
    return text if start else text.removeprefix(_BOM)


def _rest_of_line(file: IO[bytes]) -> bytes:
    rest = file.readline(LONGEST)
    if len(rest) == LONGEST and not rest.endswith(b"\n"):
        raise NotByLines
    return rest
