"""Values that are longer than the parser takes.

pyoxigraph refuses a token of over 16 MiB. A file that holds such a string is read again with short
stand-ins in place of its long strings, and they are put back into the columns of terms.
"""

import hashlib
import io
import json
import re
from dataclasses import replace

import pyarrow as pa
from pyoxigraph import RdfFormat

from kgalign.rdf.columns import Part

LONG = 1 << 20
"""Bytes from which on a string gets a stand-in."""

_STAND_IN = "urn:kgalign:long-value:"

_TURTLE_TOKEN = re.compile(
    rb"""
    \#[^\n]*+ | <[^<>"\s]*+> | \\.
    | \"{3} [^"\\]*+ (?: (?: \\. | "{1,2}(?!") ) [^"\\]*+ )*+ \"{3}
    | '{3}  [^'\\]*+ (?: (?: \\. | '{1,2}(?!') ) [^'\\]*+ )*+ '{3}
    | "     [^"\\\n\r]*+ (?: \\. [^"\\\n\r]*+ )*+ "
    | '     [^'\\\n\r]*+ (?: \\. [^'\\\n\r]*+ )*+ '
    """,
    re.X | re.S,
)
_JSON_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.S)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.S)
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


class LongValues:
    """A text whose long strings have stand-ins: read it, then :meth:`restore` the statements.

    :param text: the whole text of a file.
    """

    def __init__(self, text: bytes, format: RdfFormat) -> None:
        self._json = format == RdfFormat.JSON_LD
        self._values: dict[str, str] = {}
        pattern = _JSON_STRING if self._json else _TURTLE_TOKEN
        self._stream = io.BytesIO(pattern.sub(self._replace, text))
        self.read = self._stream.read

    def __len__(self) -> int:
        return len(self._values)

    def _replace(self, match: re.Match[bytes]) -> bytes:
        token = match.group()
        if len(token) < LONG or token[:1] not in b"\"'":
            return token
        name = _STAND_IN + hashlib.sha256(token).hexdigest()
        if name not in self._values:
            text = token.decode("utf-8")
            self._values[name] = json.loads(text, strict=False) if self._json else _unescape(text)
        return f'"{name}"'.encode()

    def restore(self, part: Part) -> Part:
        """The statements with the long values in place of their stand-ins."""
        texts = part.terms.value.to_pylist()
        back = [self._values.get(text, text) if text.startswith(_STAND_IN) else text for text in texts]
        return replace(part, terms=replace(part.terms, value=pa.array(back, pa.large_string())))


def _unescape(token: str) -> str:
    quotes = 3 if token.startswith(('"""', "'''")) else 1
    return _ESCAPE.sub(_unescaped, token[quotes:-quotes])


def _unescaped(match: re.Match[str]) -> str:
    short, long, char = match.groups()
    return _ESCAPED.get(char, char) if char else chr(int(short or long, 16))
