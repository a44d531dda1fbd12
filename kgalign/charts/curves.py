"""Shares from 0 to 1 along something from 0 to 1."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kgalign.base.notebook import Html
from kgalign.charts.svg import WIDTH, dot, label, legend, picture, rule

_SIDE, _TOP, _HEIGHT, _BELOW = 38, 26, 190, 34


@dataclass(frozen=True, slots=True)
class Curve:
    """One line through points."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    """(x, y), each from 0 to 1, in the order of x."""
    dots: Sequence[float] = ()
    """Radius of each point, where points are drawn."""


def chart(
    curves: Sequence[Curve],
    axis: str,
    name: str,
    marks: Mapping[str, float] | None = None,
    *,
    diagonal: bool = False,
) -> Html:
    """Curves in one square of shares.

    :param axis: what runs from left to right.
    :param marks: places on it to be marked, by their names.
    :param diagonal: whether to draw where both shares are the same.
    """
    told = "; ".join(f"{curve.name}: {_in_words(curve)}" for curve in curves if curve.points)
    parts = [
        *_grid(axis),
        *([rule(_x(0), _y(0), _x(1), _y(1), dashed=True)] if diagonal else []),
        *_marks(marks or {}),
        *(each for curve in curves for each in _drawn(curve)),
        legend(_SIDE, 12, ((curve.name, curve.colour) for curve in curves)),
    ]
    return picture(WIDTH, _TOP + _HEIGHT + _BELOW, name, told, parts)


def _in_words(curve: Curve) -> str:
    """Its ends and its middle."""
    places = sorted({0, len(curve.points) // 2, len(curve.points) - 1})
    return ", ".join(f"{curve.points[place][1]:.3f} at {curve.points[place][0]:.2f}" for place in places)


def _x(share: float) -> float:
    return _SIDE + share * (WIDTH - _SIDE - 10)


def _y(share: float) -> float:
    return _TOP + (1 - share) * _HEIGHT


def _drawn(curve: Curve) -> Iterator[Html]:
    points = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in curve.points)
    yield Html(f'<polyline points="{points}" fill="none" stroke="{curve.colour}" stroke-width="2"/>')
    for (x, y), radius in zip(curve.points, curve.dots, strict=False):
        yield dot(_x(x), _y(y), radius, curve.colour, f"{curve.name}: {y:.3f} at {x:.3f}")


def _grid(axis: str) -> Iterator[Html]:
    for tick in (0, 0.25, 0.5, 0.75, 1):
        yield rule(_x(0), _y(tick), _x(1), _y(tick), strong=tick == 0)
        yield label(_SIDE - 5, _y(tick) + 4, f"{tick:g}", "end", soft=True)
        yield label(_x(tick), _y(0) + 15, f"{tick:g}", "middle" if tick < 1 else "end", soft=True)
    yield label(_x(0.5), _y(0) + 30, axis, "middle", soft=True)


def _marks(marks: Mapping[str, float]) -> Iterator[Html]:
    for number, (name, at) in enumerate(marks.items()):
        yield rule(_x(at), _TOP, _x(at), _y(0), dashed=True, strong=True)
        before = at > 0.5
        yield label(
            _x(at) + (-4 if before else 4), _y(0) - 8 - 14 * number, name, "end" if before else "start"
        )
