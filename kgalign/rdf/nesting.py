"""How deep a text nests, counted before the parser sees it: the parser calls itself for each level.

A few thousand objects of JSON-LD in each other, or triple terms, end the process, and long before that its
memory grows by the number of objects times their depth.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from kgalign.errors import InputError
from kgalign.rdf.tokens import JSON_STRING, TURTLE_TOKEN, Kind, Tokens

MOST_IN_EACH_OTHER = 100
"""Triple terms that may lie in each other."""

_FREE = 16
"""Objects in each other that cost no more than they must: real files are less deep."""
_MOST_WORK = 3_000_000
"""What may lie deeper, each key, value and bracket counted once for each object that it is too deep."""
_NO_BRACKET = bytes(each for each in range(256) if each not in b"{}[]")
_NO_SYNTAX = bytes(each for each in range(256) if each not in b"{}[],:")
_BRACKET = np.zeros(256, np.int32)
_BRACKET[list(b"{[")], _BRACKET[list(b"}]")] = 1, -1
_OBJECT = np.zeros(256, np.int32)
_OBJECT[ord("{")], _OBJECT[ord("}")] = 1, -1


class JsonNesting:
    """Counts the depth of a JSON text, block by block; strings and escapes in them don't fool it.

    :param path: the file, for messages.
    :param most: objects and arrays that may lie in each other.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most
        self._tokens = Tokens(json=True)
        self._line = 1
        self._depth = self._objects = self._work = 0

    def feed(self, block: bytes) -> None:
        """Look at the next bytes, none at the end.

        :raises InputError: they are too deep.
        """
        for kind, text in self._tokens.feed(block):
            if kind is Kind.WHOLE:
                self._count(text)
            self._line += text.count(b"\n")

    def _count(self, text: bytes) -> None:
        bare = JSON_STRING.sub(b"", text)
        brackets = np.frombuffer(bare.translate(None, _NO_BRACKET), np.uint8)
        if not len(brackets) and self._objects <= _FREE:
            return
        depths = _running(_BRACKET, brackets, self._depth)
        objects = _running(_OBJECT, brackets, self._objects)
        if int(depths.max(initial=0)) > self._most:
            line = self._line_of(text, b"{}[]", int(np.argmax(depths > self._most)))
            raise too_deep(self._path, line, "objects and arrays", self._most)
        if int(objects.max(initial=self._objects)) > _FREE:
            self._weigh(text, bare)
        if len(brackets):
            self._depth, self._objects = int(depths[-1]), int(objects[-1])

    def _weigh(self, text: bytes, bare: bytes) -> None:
        syntax = np.frombuffer(bare.translate(None, _NO_SYNTAX), np.uint8)
        objects = _running(_OBJECT, syntax, self._objects)
        work = self._work + np.cumsum(np.maximum(objects - _FREE, 0), dtype=np.int64)
        if int(work.max(initial=0)) > _MOST_WORK:
            line = self._line_of(text, b"{}[],:", int(np.argmax(work > _MOST_WORK)))
            raise InputError(
                f"{self._path}, line {line}: so much lies so deep in objects that it would take gigabytes",
                "Write it flatter, each node by itself with its @id, or convert it to N-Triples",
            )
        self._work = int(work.max(initial=self._work))

    def _line_of(self, text: bytes, wanted: bytes, number: int) -> int:
        """The line of one of the wanted characters outside of strings, by its number in whole tokens."""
        bare = JSON_STRING.sub(lambda found: b"\n" * found.group().count(b"\n"), text)
        places = np.flatnonzero(np.isin(np.frombuffer(bare, np.uint8), list(wanted)))
        return self._line + bare.count(b"\n", 0, int(places[number]))


def _running(
    steps: npt.NDArray[np.int32], syntax: npt.NDArray[np.uint8], start: int
) -> npt.NDArray[np.int32]:
    """(n,) the depth after each of the characters of syntax."""
    depths: npt.NDArray[np.int32] = np.cumsum(steps[syntax], dtype=np.int32)
    return depths + np.int32(start)


class TripleTermNesting:
    """Counts how deep triple terms and reified triples lie in each other, block by block.

    :param path: the file, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens = Tokens(json=False)
        self._line = 1
        self._depth = 0

    def feed(self, block: bytes) -> None:
        """Look at the next bytes, none at the end.

        :raises InputError: they are too deep.
        """
        for kind, text in self._tokens.feed(block):
            if kind is Kind.WHOLE and (b"<<" in text or self._depth):
                self._count(text)
            self._line += text.count(b"\n")

    def _count(self, text: bytes) -> None:
        for found in TURTLE_TOKEN.finditer(text):
            if found.lastindex == 1:
                self._depth += 1
            elif found.lastindex == 2:
                self._depth = max(self._depth - 1, 0)
            if self._depth > MOST_IN_EACH_OTHER:
                line = self._line + text.count(b"\n", 0, found.start())
                raise too_deep(self._path, line, "triples", MOST_IN_EACH_OTHER, configured=False)


def too_deep(path: Path, line: int, what: str, most: int, *, configured: bool = True) -> InputError:
    """What to say of a text that nests too deep.

    :param configured: whether the limit is one of the configuration.
    """
    remedy = "Write it flatter, or convert it to N-Triples"
    if configured:
        remedy += "; limits.depth says how many may"
    return InputError(f"{path}, line {line}: more than {most:,} {what} lie in each other", remedy)
