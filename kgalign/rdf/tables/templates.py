"""IRIs in tables: what may stand in one, and templates for cells (RFC 6570, levels 1 and 2)."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pyoxigraph as ox

_VARIABLE = re.compile(r"\{([+#]?)((?:[\w.]|%[0-9A-Fa-f]{2})+)\}")
_BRACES = re.compile(r"\{[^{}]*\}")
_KEPT = "!#$&'()*+,/:;=?@[]~%"
"""What stays as it is where a cell is filled in as a piece of an IRI."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]|urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:\S", re.A)


def encoded(text: str, kept: str = "") -> str:
    """Text as a part of an IRI: letters and digits of all scripts stay, all else is percent-encoded."""
    if text.isascii():
        return quote(text, safe=kept)
    return "".join(each if each.isalnum() and not each.isascii() else quote(each, safe=kept) for each in text)


def is_iri(text: str) -> bool:
    """Whether a value is an absolute IRI beyond doubt: with an authority, or a URN."""
    if not _SCHEME.match(text):
        return False
    try:
        ox.NamedNode(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Template:
    """A template of IRIs, such as ``people.csv#{id}``."""

    text: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The names in it."""
        return tuple(name for _, name in _VARIABLE.findall(self.text))

    @property
    def is_plain(self) -> bool:
        """Whether its braces hold nothing but single names, which alone are understood."""
        return all(_VARIABLE.fullmatch(each) for each in _BRACES.findall(self.text))

    def filled(self, values: Sequence[Sequence[str]]) -> Iterator[str]:
        """The texts for rows of values, each in the order of :attr:`variables`."""
        pieces: list[str | Callable[[str], str]] = []
        place = 0
        for found in _VARIABLE.finditer(self.text):
            pieces += [self.text[place : found.start()], _FILL[found[1]]]
            place = found.end()
        pieces.append(self.text[place:])
        for row in values:
            cells = iter(row)
            yield "".join(each if isinstance(each, str) else each(next(cells)) for each in pieces)


_FILL: dict[str, Callable[[str], str]] = {
    "": encoded,
    "+": lambda text: encoded(text, _KEPT),
    "#": lambda text: f"#{encoded(text, _KEPT)}" if text else "",
}
