"""The bytes of a file on their way to the parser.

:class:`Source` unpacks gzip, drops a byte order mark, reports progress, lets expat check XML before
the parser sees it, and collects how language tags are spelt, because the parser lowers their case.
"""

import gzip
import re
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from xml.parsers import expat

from pyoxigraph import RdfFormat

from kgalign.base.progress import Task
from kgalign.errors import InputError
from kgalign.rdf.formats import is_compressed, unreadable

BLOCK = 1 << 20
"""Bytes that are taken from the file at once."""

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_LONGEST_TAG = 100
_AFTER_DOUBLE = re.compile(rb'"@([A-Za-z0-9-]+)')
_AFTER_SINGLE = re.compile(rb"'@([A-Za-z0-9-]+)")
_XML_LANG = re.compile(rb"""xml:lang\s*=\s*["']([A-Za-z0-9-]+)""")
_TAGS = {
    RdfFormat.N_TRIPLES: (_AFTER_DOUBLE,),
    RdfFormat.N_QUADS: (_AFTER_DOUBLE,),
    RdfFormat.TURTLE: (_AFTER_DOUBLE, _AFTER_SINGLE),
    RdfFormat.TRIG: (_AFTER_DOUBLE, _AFTER_SINGLE),
    RdfFormat.N3: (_AFTER_DOUBLE, _AFTER_SINGLE),
    RdfFormat.RDF_XML: (_XML_LANG,),
    RdfFormat.JSON_LD: (),
}
"""Where each format writes tags; what else matches does little harm (see ``languages.py``)."""


class Source:
    """A readable stream of the text of one RDF file.

    :raises InputError: from any method, where the file can't be read or is no gzip inside.
    """

    def __init__(self, path: Path, format: RdfFormat, task: Task | None = None) -> None:
        self.path = path
        self.tags: set[bytes] = set()
        """Language tags seen so far, as they are spelt."""
        self._task = task
        self._told = 0
        self._patterns = _TAGS[format]
        self._tail = b""
        self._block = memoryview(b"")
        self._place = 0
        self._check: expat.XMLParserType | None = None
        if format == RdfFormat.RDF_XML:
            self._check = expat.ParserCreate()
        self._raw, self._text = _open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._text.close()
        self._raw.close()

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, none at the end; all that is left for a negative size."""
        if size < 0:
            rest = [bytes(self._block[self._place :])]
            while block := self._next_block():
                rest.append(block)
            self._block, self._place = memoryview(b""), 0
            return b"".join(rest)
        if self._place >= len(self._block):
            self._block, self._place = memoryview(self._next_block()), 0
        piece = bytes(self._block[self._place : self._place + size])
        self._place += len(piece)
        return piece

    def _next_block(self) -> bytes:
        first = self._told == 0
        try:
            block = self._text.read(BLOCK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise damaged_gzip(self.path, error) from error
        except OSError as error:
            raise unreadable(self.path, error) from error
        self._tell()
        if first and block.startswith(_BOM):
            block = block[len(_BOM) :]
        if self._check is not None:
            _check_xml(self._check, block)
            self._check = self._check if block else None
        for pattern in self._patterns:
            self.tags.update(pattern.findall(self._tail + block))
        self._tail = block[-_LONGEST_TAG:]
        return block

    def _tell(self) -> None:
        place = self._raw.tell()
        if self._task is not None and place > self._told:
            self._task.advance(place - self._told)
        self._told = max(place, self._told, 1)


class XmlFault(Exception):
    """XML that is not well-formed, or whose entities grow without bound."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def _check_xml(check: expat.XMLParserType, block: bytes) -> None:
    """Let expat see the text first: it bounds entities, and knows places and where a document ends."""
    try:
        check.Parse(block, not block)
    except expat.ExpatError as error:
        raise XmlFault(expat.ErrorString(error.code), error.lineno, error.offset + 1) from error


def _open(path: Path) -> tuple[IO[bytes], IO[bytes]]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error
    magic = raw.peek(2)[:2]
    if is_compressed(path):
        if magic != _GZIP:
            raw.close()
            raise InputError(
                f"{path} is not gzip data, although its name ends in {path.suffix}",
                f"Rename it to {path.stem}, or compress it with gzip",
            )
        return raw, gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if magic == _GZIP:
        raw.close()
        raise InputError(f"{path} is gzip data, which its name does not say", f"Rename it to {path.name}.gz")
    return raw, raw


def damaged_gzip(path: Path, error: Exception) -> InputError:
    """What to say of gzip data that ends early or is not what was written."""
    how = "ends in the middle of its gzip data" if isinstance(error, EOFError) else "is damaged gzip data"
    return InputError(f"{path} {how}", "Copy or download it again; 'gzip -t' tells whether it is whole")
