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


def locate(path: Path, format: RdfFormat) -> tuple[int, int]:
    """Line and column, from 1, up to which a parser must read to fail; (0, 0) where it does not.

    The parser says nothing of the place for some formats. So it reads again, line by line, and
    then the last line byte by byte: it fails as soon as it has read enough.
    """
    line = _drip(path, format, slow_from=None)[0]
    return _drip(path, format, slow_from=line) if line else (0, 0)


def _drip(path: Path, format: RdfFormat, slow_from: int | None) -> tuple[int, int]:
    with Source(path, format) as source:
        drops = _Drops(source.read, slow_from)
        try:
            for _ in ox.parse(drops, format):  # type: ignore[arg-type]
                pass
        except (SyntaxError, XmlFault):
            return drops.line, max(drops.column, 1)
    return 0, 0


class _Drops:
    """Hands a text over line by line, from one line on byte by byte, and knows where it is."""

    def __init__(self, read: Callable[[int], bytes], slow_from: int | None) -> None:
        self.line = 1
        self.column = 0
        self._read = read
        self._slow_from = slow_from
        self._block = b""
        self._place = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """The next line or byte, at most ``size`` bytes."""
        if self._place >= len(self._block):
            self._block, self._place = self._read(BLOCK), 0
        if self._ended:
            self.line, self.column, self._ended = self.line + 1, 0, False
        slow = self._slow_from is not None and self.line >= self._slow_from
        end = self._block.find(b"\n", self._place) + 1 or len(self._block)
        drop = self._block[self._place : self._place + 1 if slow else min(end, self._place + size)]
        self._place += len(drop)
        self._ended = drop.endswith(b"\n")
        self.column += sum(not 0x80 <= byte < 0xC0 for byte in drop)  # the first byte of a character
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
