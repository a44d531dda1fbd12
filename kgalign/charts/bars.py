"""Bars and dots along one line: what something adds, how long it took, what its levels are worth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kgalign.base.notebook import Html
from kgalign.charts.svg import AGAINST, FOR, NEUTRAL, OTHER, WIDTH, box, dot, label, picture, rule

_LENGTH, _THICK = 150, 14
_ROW, _TOP = 34, 24


def step_bar(before: float, after: float, low: float, high: float) -> Html:
    """One step of a waterfall: a bar from one sum to the next on a line from ``low`` to ``high``."""
    scale = (_LENGTH - 2) / max(high - low, 1e-9)
    start, end = ((each - low) * scale + 1 for each in (before, after))
    colour = FOR if after > before else AGAINST if after < before else NEUTRAL
    zero = min(max((0 - low) * scale + 1, 0), _LENGTH)
    parts = [
        rule(zero, 0, zero, _THICK, strong=True),
        box(min(start, end), 2, max(abs(end - start), 1.5), _THICK - 4, colour),
    ]
    return picture(
        _LENGTH, _THICK, f"{before:+.2f} to {after:+.2f}", "The sum before and after this line", parts
    )


def plain_bar(share: float, name: str) -> Html:
    """A bar as long as a share of the longest, from 0 to 1."""
    return picture(
        _LENGTH, _THICK, name, f"{share:.0%} of the most", [box(0, 2, share * _LENGTH, _THICK - 4, OTHER)]
    )


@dataclass(frozen=True, slots=True)
class Dots:
    """A row of dots with what each means."""

    name: str
    values: Sequence[float]
    meanings: Sequence[str]


def dot_rows(rows: Sequence[Dots], axis: str, name: str) -> Html:
    """Rows of dots on one line with zero in it: green above it, red below."""
    values = [0.0, *(value for row in rows for value in row.values)]
    low, high = min(values), max(values)
    scale = (WIDTH - 24) / max(high - low, 1e-9)

    def x(value: float) -> float:
        return 12 + (value - low) * scale

    described = "; ".join(f"{row.name}: {min(row.values):+.2f} to {max(row.values):+.2f}" for row in rows)
    height = _TOP + _ROW * len(rows)
    parts = [
        rule(x(0), _TOP - 6, x(0), height, strong=True),
        *_ends(x(low), x(0), x(high), low, high, axis),
        *(part for number, row in enumerate(rows) for part in _dots(row, x, _TOP + _ROW * number)),
    ]
    return picture(WIDTH, height, name, described, parts)


def _ends(left: float, zero: float, right: float, low: float, high: float, axis: str) -> Iterator[Html]:
    if low < 0:
        yield label(left, 12, f"{low:+.2g}", soft=True)
    if high > 0:
        yield label(right, 12, f"{high:+.2g}", "end", soft=True)
    middle = zero if WIDTH * 0.3 < zero < WIDTH * 0.7 else WIDTH / 2
    yield label(middle, 12, axis, "middle", soft=True)


def _dots(row: Dots, x: Callable[[float], float], top: float) -> Iterator[Html]:
    yield label(12, top + 10, row.name, limit=56)
    y = top + 21
    yield rule(x(min(row.values)), y, x(max(row.values)), y)
    for value, meaning in zip(row.values, row.meanings, strict=True):
        colour = FOR if value > 0 else AGAINST if value < 0 else NEUTRAL
        yield dot(x(value), y, 4, colour, f"{meaning}: {value:+.2f}")
