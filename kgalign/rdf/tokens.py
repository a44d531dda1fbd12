"""A text that comes in blocks, cut where its tokens end; nothing of it is kept but a few bytes.

What the formats of the Turtle family, and JSON, write between quotes may hold anything that looks like
syntax: whoever looks for brackets, or for long values, must know where strings begin and end.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

_STRINGS = rb"""
      \"{3} [^"\\]*+ (?: (?: \\. | "{1,2}+(?=[^"]) ) [^"\\]*+ )*+ \"{3}
    | '{3}  [^'\\]*+ (?: (?: \\. | '{1,2}+(?=[^']) ) [^'\\]*+ )*+ '{3}
    | "" (?=[^"]) | '' (?=[^'])
    | " (?!") [^"\\\n\r]*+ (?: \\[^\n\r] [^"\\\n\r]*+ )*+ "
    | ' (?!') [^'\\\n\r]*+ (?: \\[^\n\r] [^'\\\n\r]*+ )*+ '
"""
_TURTLE = re.compile(
    rb"(?: [^\"'\#<>\\]++ | \#[^\n]*+\n | <[^<>\"\s]*+> | << | >> | <(?=[>\"\s]) | >(?=[^>]) | \\. | "
    + _STRINGS
    + rb")*+",
    re.X | re.S,
)
_JSON = re.compile(rb'(?:[^"]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.S)
TURTLE_TOKEN = re.compile(rb"\#[^\n]*+ | <[^<>\"\s]*+> | \\. | (<<) | (>>) | " + _STRINGS, re.X | re.S)
"""In text of whole tokens: what is no bracket of a triple term, or in a group what is one."""
JSON_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.S)
"""In text of whole tokens: a string of JSON."""

_BODY = {
    b'"': re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.S),
    b"'": re.compile(rb"[^'\\]*+(?:\\.[^'\\]*+)*+", re.S),
}
_LONGEST_BEGINNING = 3
_LINE_END = re.compile(rb"[\n\r]")
_COMMENT_END = re.compile(rb"\n")
_IRI_END = re.compile(rb"[<>\"\s]")


class Kind(Enum):
    """What a piece of text is."""

    WHOLE = "whole tokens"
    OTHER = "part of a comment or an IRI"
    PART = "part of a string that goes on"
    END = "the end of a string, of which there was a part before or not"
    BROKEN = "the end of a string where its line ended, which is an error in every format"


class Piece(NamedTuple):
    """A piece of the text; all pieces one after the other are the text."""

    kind: Kind
    text: bytes


class Tokens:
    """Cuts the text of a file into pieces, block by block.

    A string comes as parts and an end where it goes over the end of a block, else among whole tokens.
    """

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._rest = b""
        self._quote = b""
        self._until: re.Pattern[bytes] | None = None

    def feed(self, block: bytes) -> Iterator[Piece]:
        """The pieces up to where more must be seen to go on.

        :param block: the next bytes; none at the end of the text.
        """
        text, self._rest = self._rest + block, b""
        place, last = 0, not block
        while place < len(text):
            if self._quote:
                end, kind = self._string(text, place, last=last)
                if end > place or kind is not Kind.PART:
                    yield Piece(kind, text[place:end])
                if kind is Kind.PART:
                    self._rest = text[end:]
                    return
                self._quote = b""
            elif self._until is not None:
                found = self._until.search(text, place)
                end = _past_iri(found) if found else len(text)
                yield Piece(Kind.OTHER, text[place:end])
                self._until = None if found else self._until
            else:
                whole = (_JSON if self._json else _TURTLE).match(text, place)
                begins = whole.end() if whole else place
                if begins > place:
                    yield Piece(Kind.WHOLE, text[place:begins])
                if begins == len(text):
                    return
                length, kind = self._begin(text[begins : begins + _LONGEST_BEGINNING], last=last)
                end = begins + length
                if end == begins:
                    self._rest = text[begins:]
                    return
                yield Piece(kind, text[begins:end])
            place = end

    def _begin(self, text: bytes, *, last: bool) -> tuple[int, Kind]:
        """The length of what begins a token that has no end yet; 0 where more must be seen to say.

        :param text: the next bytes, three where there are so many.
        """
        first = text[:1]
        if self._json:
            self._quote = first
            return 1, Kind.PART
        if first == b"#":
            self._until = _COMMENT_END
        elif len(text) < _LONGEST_BEGINNING and not last:
            return 0, Kind.OTHER
        elif first == b"<":
            self._until = _IRI_END
        elif first in b"\"'":
            self._quote = text if text == first * _LONGEST_BEGINNING else first
            return len(self._quote), Kind.PART
        return 1, Kind.OTHER

    def _string(self, text: bytes, place: int, *, last: bool) -> tuple[int, Kind]:
        """How far a string goes that was begun before a place, and whether it ends there."""
        quote, start = self._quote, place
        while True:
            body = _BODY[quote[:1]].match(text, place)
            end = body.end() if body else place
            if len(quote) == 1 and not self._json and (line := _LINE_END.search(text, start, end)):
                return line.start(), Kind.BROKEN
            if end == len(text) or (text[end : end + 1] == b"\\" and last):
                return len(text), Kind.PART
            if text[end : end + 1] == b"\\":
                return end, Kind.PART
            if text.startswith(quote, end):
                return end + len(quote), Kind.END
            if len(text) - end < len(quote) and not last:
                return end, Kind.PART
            place = end + 1


def _past_iri(found: re.Match[bytes]) -> int:
    """The end of what was found to end: the bracket after an IRI is its own."""
    return found.end() if found.group() == b">" else found.start()
