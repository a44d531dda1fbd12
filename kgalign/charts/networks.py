"""Things of two sides and the links between them, drawn as two columns of dots with lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

from kgalign.base.notebook import Html
from kgalign.charts.svg import FOR, OTHER, WIDTH, dot, label, picture, rule

_ROW, _TOP, _RADIUS = 46, 24, 6
_COLUMNS = 165, WIDTH - 165
"""Where the dots of both sides stand; names lie outside."""
_PLACES = (0.5, 0.2, 0.8, 0.35, 0.65)
"""Where on a line its handle can be, the first that is as good as any other."""
_LETTERS = 19
"""Of a name that are shown."""


@dataclass(frozen=True, slots=True)
class Line:
    """A link between the things at two places of their sides."""

    left: int
    right: int
    cut: bool = False
    """Whether it is drawn as one that was cut."""


@dataclass(frozen=True, slots=True)
class Network:
    """A picture of links, and where something can be laid over each."""

    picture: Html
    handles: tuple[tuple[float, float], ...]
    """Of each line a place on it, as shares of the picture's width and height."""


def network(left: Sequence[str], right: Sequence[str], lines: Sequence[Line], name: str) -> Network:
    """Two sides and what links them.

    :param left: names, from the top down.
    :param right: of the other side.
    """
    rows = max(len(left), len(right), 1)
    height = 2 * _TOP + (rows - 1) * _ROW
    ends = [_places(len(side), rows) for side in (left, right)]
    parts: list[Html] = []
    for each in lines:
        y1, y2 = ends[0][each.left], ends[1][each.right]
        parts.append(rule(_COLUMNS[0], y1, _COLUMNS[1], y2, dashed=each.cut, strong=not each.cut))
    for side, names, colour in ((0, left, FOR), (1, right, OTHER)):
        anchor, beside = ("end", -12) if side == 0 else ("start", 12)
        for text, y in zip(names, ends[side], strict=True):
            parts.append(dot(_COLUMNS[side], y, _RADIUS, colour, text))
            parts.append(label(_COLUMNS[side] + beside, y + 4, text, anchor, limit=_LETTERS))
    told = "; ".join(
        f"{left[each.left]} and {right[each.right]}{' (cut)' if each.cut else ''}" for each in lines
    )
    shares = tuple((x / WIDTH, y / height) for x, y in _handles(lines, ends))
    return Network(picture(WIDTH, height, name, told, parts), shares)


def _places(count: int, rows: int) -> list[float]:
    """Heights of the things of a side, which has its middle where the other has it."""
    first = _TOP + (rows - count) * _ROW / 2
    return [first + number * _ROW for number in range(count)]


def _handles(lines: Sequence[Line], ends: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """A place on each line, as far as can be from those on the lines before."""
    found: list[tuple[float, float]] = []
    for each in lines:
        y1, y2 = ends[0][each.left], ends[1][each.right]
        ways = [(_COLUMNS[0] + at * (_COLUMNS[1] - _COLUMNS[0]), y1 + at * (y2 - y1)) for at in _PLACES]
        found.append(
            max(ways, key=lambda way: min((hypot(way[0] - x, way[1] - y) for x, y in found), default=0))
        )
    return found
