"""Values that lie straight between knots, for millions at a time: as :func:`numpy.interp` has them, to the
last bit, in a third of its time.

Which knots a value lies between is counted, and not searched for: a search through ten knots is guessed wrong
by the processor at each step.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kgalign.arrays import Doubles
from kgalign.records import Floats

_AT_ONCE = 1 << 15
"""Values whose columns a core holds in its own cache."""


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The straight pieces: before the first knot, between two each, from the last knot on."""

    knots: Floats
    """(k,) each the first number in single precision that is not below the knot."""
    below: np.float32
    """The last number before all of them."""
    start: Doubles
    """(k + 1,) where a piece begins."""
    height: Doubles
    """(k + 1,) the value there; ``slope`` (k + 1,) how it rises from there."""
    slope: Doubles


@lru_cache(maxsize=1024)
def _pieces(knots: tuple[float, ...], values: tuple[float, ...]) -> _Pieces:
    at, height = np.array(knots, dtype=np.float64), np.array(values, dtype=np.float64)
    nearest = at.astype(np.float32)
    up = np.nextafter(nearest, np.float32(np.inf))
    single = np.where(nearest < at, up, nearest)
    return _Pieces(
        knots=single,
        below=np.nextafter(single[0], np.float32(-np.inf)),
        start=np.concatenate([[0.0], at]),
        height=np.concatenate([height[:1], height]),
        slope=np.concatenate([[0.0], np.diff(height) / np.diff(at), [0.0]]),
    )


def between(value: Floats, knots: tuple[float, ...], values: tuple[float, ...], missing: float) -> Floats:
    """(n,) where each value lies on the line through the knots; level before the first and after the last.

    :param value: (n,) in single precision.
    :param knots: rising, at most 255; ``values`` what the line is there.
    :param missing: what NaN becomes.
    """
    pieces = _pieces(knots, values)
    found = np.empty(len(value), dtype=np.float32)
    for first in range(0, len(value), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        found[part] = _between(value[part], pieces)
    found[np.isnan(value)] = missing
    return found


def _between(value: Floats, pieces: _Pieces) -> Doubles:
    # What is infinite lies on the level pieces, as all that is beyond the knots.
    value = np.clip(value, pieces.below, pieces.knots[-1])
    count = np.zeros(len(value), dtype=np.uint8)
    for knot in pieces.knots:
        count += value >= knot
    piece = count.astype(np.intp)
    found: Doubles = value.astype(np.float64)
    found -= pieces.start.take(piece)
    found *= pieces.slope.take(piece)
    found += pieces.height.take(piece)
    return found
