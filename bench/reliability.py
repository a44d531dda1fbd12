"""Is what is called 90 % right nine times in ten? Calibration by bins, and its plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from kgalign.arrays import Doubles, Flags

BINS = 10
_SIDE, _EDGE = 300, 50
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Told apart by all eyes (Okabe and Ito)."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Decisions of about the same probability."""

    low: float
    high: float
    count: int
    probability: float
    """Mean of what was claimed."""
    accuracy: float


def bins(probability: Doubles, right: Flags) -> list[Bin]:
    """Bins of equal width that hold any decision, the least probable first."""
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    found = []
    for each in np.unique(place).tolist():
        rows = place == each
        accuracy = float(right[rows].mean())
        found.append(
            Bin(each / BINS, (each + 1) / BINS, int(rows.sum()), float(probability[rows].mean()), accuracy)
        )
    return found


def ece(found: Sequence[Bin]) -> float:
    """Expected calibration error (Guo et al., 2017): how far claims and truth are apart, by size of bin."""
    total = sum(each.count for each in found)
    return sum(each.count * abs(each.probability - each.accuracy) for each in found) / max(total, 1)


def plot(curves: Mapping[str, Sequence[Bin]]) -> str:
    """Accuracy over claimed probability as SVG: on the diagonal is calibrated; area is number."""
    size = _SIDE + 2 * _EDGE
    most = max((each.count for found in curves.values() for each in found), default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size + 20 * len(curves)}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{size}" height="{size + 20 * len(curves)}" fill="white"/>',
        f'<path d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}" fill="none" stroke="black"/>',
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="gray" stroke-dasharray="4"/>',
    ]
    for tick in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{_x(tick)}" y="{_y(0) + 16}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{_x(0) - 6}" y="{_y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    middle = size / 2
    parts.append(f'<text x="{middle:g}" y="{_y(0) + 34}" text-anchor="middle">claimed probability</text>')
    turned = f'transform="rotate(-90 16 {middle:g})" text-anchor="middle"'
    parts.append(f'<text x="16" y="{middle:g}" {turned}>share that is right</text>')
    for number, (name, found) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [(_x(each.probability), _y(each.accuracy)) for each in found]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}"/>' if points else "")
        for (x, y), each in zip(points, found, strict=True):
            radius = 2 + 8 * (each.count / most) ** 0.5
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.5"/>'
            )
        row = size + 20 * number
        parts.append(f'<circle cx="{_EDGE}" cy="{row + 4}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{_EDGE + 12}" y="{row + 8}">{escape(name)}</text>')
    return "\n".join([*filter(None, parts), "</svg>"]) + "\n"


def _x(share: float) -> float:
    return _EDGE + _SIDE * share


def _y(share: float) -> float:
    return _EDGE + _SIDE * (1 - share)
