"""Values that are longer than the parser takes.

pyoxigraph refuses a token of over 16 MiB. A file that holds such a string is read again, as a stream, with
short stand-ins in place of its long strings, and they are put back into the columns of terms.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
from pyoxigraph import RdfFormat

from kgalign.config.limits import LimitsConfig
from kgalign.rdf.columns import Part
from kgalign.rdf.source import BLOCK, Source
from kgalign.rdf.text import shorten
from kgalign.rdf.tokens import Kind, Tokens
from kgalign.rdf.xml_check import too_large

LONG = 1 << 20
"""Bytes from which on a string gets a stand-in."""

_STAND_IN = "urn:kgalign:long-value:"

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.S)
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_NO_TEXT = range(0xD800, 0xE000)
"""Halves of characters, which stand for nothing by themselves."""
_LAST = 0x10FFFF


class LongValues:
    """A text whose long strings have stand-ins: read it, then :meth:`restore` the statements.

    Its lines are those of the file. What the parser would say of a string is said here of the long ones.

    :param source: the text of a file.
    :param limits: how large a string may be.
    """

    def __init__(self, source: Source, format: RdfFormat, limits: LimitsConfig) -> None:
        self._json = format == RdfFormat.JSON_LD
        self._values: dict[str, str] = {}
        self._source, self._limits = source, limits
        self._text = self._rewritten()
        self._ready = memoryview(b"")

    def __len__(self) -> int:
        return len(self._values)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, none at the end.

        :raises InputError: a string is larger than the limits allow.
        :raises SyntaxError: a long string holds what no string may.
        """
        while not len(self._ready):
            text = next(self._text, None)
            if text is None:
                return b""
            self._ready = memoryview(text)
        piece = bytes(self._ready[:size])
        self._ready = self._ready[size:]
        return piece

    def _rewritten(self) -> Iterator[bytes]:
        """The text with stand-ins, piece by piece."""
        tokens = Tokens(json=self._json)
        string: list[bytes] = []
        length, line = 0, 1
        block = None
        while block != b"":
            block = self._source.read(BLOCK)
            for kind, text in tokens.feed(block):
                if kind not in (Kind.PART, Kind.END, Kind.BROKEN):
                    line += text.count(b"\n")
                    yield text
                    continue
                string.append(text)
                length += len(text)
                if length > self._limits.value_bytes:
                    raise too_large(self._source.path, line, self._limits)
                if kind is not Kind.PART:
                    whole, string, length = b"".join(string), [], 0
                    yield self._stand_in(whole, line) if kind is Kind.END and len(whole) >= LONG else whole
                    line += whole.count(b"\n")
        yield b"".join(string)

    def _stand_in(self, token: bytes, line: int) -> bytes:
        name = _STAND_IN + hashlib.sha256(token).hexdigest()
        if name not in self._values:
            text = _decoded(token, line)
            self._values[name] = _json_value(text, line) if self._json else _turtle_value(text, line)
        return b"\n" * token.count(b"\n") + f'"{name}"'.encode()

    def restore(self, part: Part) -> Part:
        """The statements with the long values in place of their stand-ins."""
        texts = part.terms.value.to_pylist()
        back = [self._values.get(text, text) if text.startswith(_STAND_IN) else text for text in texts]
        return replace(part, terms=replace(part.terms, value=pa.array(back, pa.large_string())))


def _decoded(token: bytes, line: int) -> str:
    try:
        return token.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _fault("Invalid UTF-8", line + token.count(b"\n", 0, error.start)) from error


def _json_value(token: str, line: int) -> str:
    try:
        value = json.loads(token)
        value.encode("utf-8")
    except json.JSONDecodeError as error:
        raise _fault(f"{error.msg} in a string", line) from error
    except UnicodeEncodeError as error:
        raise _fault(f"\\u{ord(error.object[error.start]):04X} is half a character", line) from error
    return str(value)


def _turtle_value(token: str, line: int) -> str:
    quotes = 3 if token.startswith(('"""', "'''")) else 1

    def unescaped(found: re.Match[str]) -> str:
        short, long, char = found.groups()
        if char is None:
            code = int(short or long, 16)
            if code <= _LAST and code not in _NO_TEXT:
                return chr(code)
        elif char in _ESCAPED:
            return _ESCAPED[char]
        where = line + token.count("\n", 0, quotes + found.start())
        if char is None:
            raise _fault(f"The escape sequence '{found.group()}' stands for no character", where)
        raise _fault(f"Unexpected escape character '{found.group()}'", where)

    return _ESCAPE.sub(unescaped, token[quotes:-quotes])


def _fault(reason: str, line: int) -> SyntaxError:
    return SyntaxError(shorten(reason), (None, line, None, None))
