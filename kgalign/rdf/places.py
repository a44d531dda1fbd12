"""Where in a file something is wrong, when the parser does not tell."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
from pyoxigraph import RdfFormat

from kgalign.rdf.source import BLOCK, Source
from kgalign.rdf.text import shorten
from kgalign.rdf.xml_check import XmlFault

_PLAIN = RdfFormat.JSON_LD
"""The format as which any text can be read without a check of it on the way."""
_DROPS = (1 << 16, 1 << 8, 1)
"""Sizes in bytes in which a text is handed over where a fault is looked for, one after the other."""
_CONTINUED = bytes(range(0x80, 0xC0))
"""Bytes that are not the first of a character."""


def locate(path: Path, format: RdfFormat) -> tuple[int, int]:
    """Line and column, from 1, up to which a parser must read to fail; (0, 0) where it does not.

    The parser says nothing of the place for some formats. So it reads again, drop by drop: it fails as soon
    as it has read enough. Drops are large at first and become small where it failed before: the parser may
    look at the whole of a long element again for each.
    """
    place, found = 0, (0, 0)
    for size in _DROPS:
        with Source(path, format) as source:
            drops = _Drops(source.read, size, place)
            try:
                for _ in ox.parse(drops, format):  # type: ignore[arg-type]
                    pass
            except (SyntaxError, XmlFault):
                place, found = drops.before, (drops.line, max(drops.column, 1))
            else:
                return 0, 0
    return found


class _Drops:
    """Hands a text over in large drops, from a place on in drops of a given size, and knows where it is."""

    def __init__(self, read: Callable[[int], bytes], size: int, place: int) -> None:
        self.line = 1
        self.column = 0
        self.before = 0
        """Bytes that were handed over before the last drop."""
        self._read = read
        self._size, self._from = size, place
        self._block = b""
        self._place = self._given = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """The next drop, at most ``size`` bytes."""
        if self._place >= len(self._block):
            self._block, self._place = self._read(BLOCK), 0
        if self._ended:
            self.line, self.column = self.line + 1, 0
        most = self._size if self._given >= self._from else min(_DROPS[0], self._from - self._given)
        drop = self._block[self._place : self._place + min(size, most)]
        self._place += len(drop)
        self.before, self._given = self._given, self._given + len(drop)
        self._ended = drop.endswith(b"\n")
        inside = drop[:-1] if self._ended else drop
        if lines := inside.count(b"\n"):
            self.line, self.column = self.line + lines, 0
        self.column += len(drop[inside.rfind(b"\n") + 1 :].translate(None, _CONTINUED))
        return drop


def bad_tag(path: Path, line: int, column: int) -> str:
    """The language tag with an underscore (``en_US``) that stands at a place, or nothing."""
    with Source(path, _PLAIN) as source:
        block, before = source.read(BLOCK), 1
        while block and before + block.count(b"\n") < line:
            before += block.count(b"\n")
            block = source.read(BLOCK)
        lines = (block + source.read(BLOCK)).split(b"\n")
    text = lines[line - before].decode("utf-8", "replace") if 0 < line - before + 1 <= len(lines) else ""
    tags = re.finditer(r"(?<=[\"']@)[A-Za-z0-9-]+_[\w-]*", text)
    return next((shorten(tag.group()) for tag in tags if tag.start() < column <= tag.end() + 1), "")


def place_of(path: Path, text: str) -> str:
    """Where a string stands in a file, to be set behind its name; nothing where it is not found."""
    with Source(path, _PLAIN) as source:
        whole = source.read()
    place = whole.find(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))
    if place < 0:
        return ""
    line = whole.count(b"\n", 0, place) + 1
    start = whole.rfind(b"\n", 0, place) + 1
    return f", line {line}, column {len(whole[start:place].decode('utf-8', 'replace')) + 1}"
