"""The bytes of a file on their way to the parser.

:class:`Source` unpacks gzip, drops a byte order mark, reports progress, has depth and size looked at before
the parser sees the text, and collects how language tags are spelt, because the parser lowers their case.
"""

import gzip
import re
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from pyoxigraph import RdfFormat

from kgalign.base.progress import Task
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.formats import is_compressed, unreadable
from kgalign.rdf.nesting import JsonNesting, TripleTermNesting
from kgalign.rdf.xml_check import XmlCheck

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


_WITH_TRIPLE_TERMS = {RdfFormat.N_TRIPLES, RdfFormat.N_QUADS, RdfFormat.TURTLE, RdfFormat.TRIG, RdfFormat.N3}


class Source:
    """A readable stream of the text of one RDF file.

    :param limits: what is refused before the parser sees it; None to read a text that is not to be parsed,
        or was looked at before.
    :raises InputError: from any method, where the file can't be read or is no gzip inside.
    """

    def __init__(
        self, path: Path, format: RdfFormat, task: Task | None = None, limits: LimitsConfig | None = None
    ) -> None:
        self.path = path
        self.tags: set[bytes] = set()
        """Language tags seen so far, as they are spelt."""
        self._task = task
        self._told = 0
        self._format = format
        self._tail = b""
        self._block = memoryview(b"")
        self._place = 0
        self._check: XmlCheck | JsonNesting | None = None
        if format == RdfFormat.RDF_XML:
            self._check = XmlCheck(path, limits or LimitsConfig())
        elif format == RdfFormat.JSON_LD and limits is not None:
            self._check = JsonNesting(path, limits.depth)
        self._may_hold_triples = limits is not None and format in _WITH_TRIPLE_TERMS
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
            self._check.feed(block)
            self._check = self._check if block else None
        if self._may_hold_triples and b"<<" in self._tail[-1:] + block:
            self._may_hold_triples = False
            _check_triple_terms(self.path)
        # What goes on in the next block is found with it.
        self.tags.update(tags_in(self._tail + block, self._format, whole=not block))
        self._tail = block[-_LONGEST_TAG:]
        return block

    def _tell(self) -> None:
        place = self._raw.tell()
        if self._task is not None and place > self._told:
            self._task.advance(place - self._told)
        self._told = max(place, self._told, 1)


def tags_in(text: bytes, format: RdfFormat, *, whole: bool = True) -> set[bytes]:
    """The language tags in a text, as they are spelt.

    :param whole: whether the text ends where it ends; if not, a tag at its end is none.
    """
    found: set[bytes] = set()
    for pattern in _TAGS[format]:
        if whole:
            found.update(pattern.findall(text))
        else:
            found.update(tag[1] for tag in pattern.finditer(text) if tag.end() < len(text))
    return found


def _check_triple_terms(path: Path) -> None:
    """Look through a whole file that holds triple terms, or what looks like one: few files do.

    :raises InputError: they lie too deep in each other.
    """
    nesting = TripleTermNesting(path)
    with Source(path, RdfFormat.JSON_LD) as source:
        while block := source.read(BLOCK):
            nesting.feed(block)
        nesting.feed(b"")


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
