"""RDF/XML is seen by expat before the parser sees it.

expat bounds entities, and knows places and where a document ends. Depth and the size of values are counted
here: the parser needs time by the square of the depth, and takes values of any size.
"""

from pathlib import Path
from typing import Any
from xml.parsers import expat

from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.nesting import too_deep


class XmlFault(Exception):
    """XML that is not well-formed, or whose entities grow without bound."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


class XmlCheck:
    """Follows an XML text block by block.

    A value can't be larger than what lies between two tags, so where none was seen for longer than a value
    may be, there is such a value, a comment or a tag. Where the document declares entities what they stand
    for is counted besides.

    :param path: the file, for messages.
    """

    def __init__(self, path: Path, limits: LimitsConfig) -> None:
        self._path, self._limits = path, limits
        self._parser = parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.EntityDeclHandler = self._entity
        self._depth = 0
        self._literal = 0
        """Depth of the property whose value is XML, 0 outside of one."""
        self._seen = 0
        """Bytes that were seen."""
        self._since = 0
        """How many they were when the value may have begun in which the text is now."""
        self._moved = False
        """Whether a tag came since then."""
        self._expanded = 0
        """Characters since the last tag, where there are entities."""

    def feed(self, block: bytes) -> None:
        """Look at the next bytes, none at the end.

        :raises XmlFault: it is no XML.
        :raises InputError: it is too deep, or holds a value that is too large.
        """
        before = self._seen
        self._seen += len(block)
        try:
            self._parser.Parse(block, not block)
        except expat.ExpatError as error:
            raise XmlFault(expat.ErrorString(error.code), error.lineno, error.offset + 1) from error
        if self._moved and not self._literal:
            self._since, self._moved = before, False
        if self._seen - self._since > self._limits.value_bytes + len(block):
            raise self._too_large()

    def _start(self, _: str, attributes: list[str]) -> None:
        self._depth = depth = self._depth + 1
        self._moved = True
        if depth > self._limits.depth:
            raise too_deep(self._path, self._parser.CurrentLineNumber, "elements", self._limits.depth)
        if "Literal" in attributes and not self._literal and _holds_xml(attributes):
            self._literal, self._since = depth, self._seen

    def _end(self, _: str) -> None:
        if self._literal == self._depth:
            self._literal = 0
        self._depth -= 1
        self._moved = True

    def _entity(self, *_: Any) -> None:  # noqa: ANN401 - expat's many arguments
        """From now on text and attributes may be longer than what stands in the file."""
        parser = self._parser
        parser.CharacterDataHandler = self._text
        parser.StartElementHandler, parser.EndElementHandler = self._start_expanded, self._end_expanded

    def _start_expanded(self, name: str, attributes: list[str]) -> None:
        self._text("".join(attributes[1::2]))
        self._start(name, attributes)
        self._expanded = self._expanded if self._literal else 0

    def _end_expanded(self, name: str) -> None:
        self._end(name)
        self._expanded = self._expanded if self._literal else 0

    def _text(self, text: str) -> None:
        self._expanded += len(text)
        if self._expanded > self._limits.value_bytes:
            raise self._too_large()

    def _too_large(self) -> InputError:
        return too_large(self._path, self._parser.CurrentLineNumber, self._limits)


def _holds_xml(attributes: list[str]) -> bool:
    """Whether ``rdf:parseType="Literal"`` is among the attributes, whatever the prefix."""
    return any(
        name.rpartition(":")[2] == "parseType" and value == "Literal"
        for name, value in zip(attributes[::2], attributes[1::2], strict=True)
    )


def too_large(path: Path, line: int, limits: LimitsConfig) -> InputError:
    """What to say of a value that is larger than the limits allow."""
    return InputError(
        f"{path}, line {line}: a value of more than {limits.value_megabytes} MB",
        "Look for a quote or tag that is never closed, or allow more with limits.value_megabytes",
    )
