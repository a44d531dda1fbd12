"""Values that lie straight between knots, for millions at a time: as :func:`numpy.interp` has them, to the
last bit, in a third of its time.

Which knots a value lies between is counted, and not searched for: a search through ten knots is guessed wrong
by the processor at each step.
"""

import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kgalign.arrays import Doubles
from kgalign.records import Floats

_AT_ONCE = 1 << 16
"""Values whose columns a core holds in its caches. With fewer, threads wait for the interpreter more than
they count.
"""


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


class _Room(threading.local):
    """Columns of a thread, for as many values as it looks at together: made once, since pages cost, too."""

    def __init__(self) -> None:
        self.value = np.empty(_AT_ONCE, dtype=np.float32)
        self.count, self.over = np.empty((2, _AT_ONCE), dtype=np.uint8)
        self.piece = np.empty(_AT_ONCE, dtype=np.intp)
        self.found, self.of_piece = np.empty((2, _AT_ONCE))


_room = _Room()


def _between(value: Floats, pieces: _Pieces) -> Doubles:
    """What lies there for so many as there is room for; it is overwritten by the next ones of this thread."""
    size = len(value)
    count, over, piece = _room.count[:size], _room.over[:size], _room.piece[:size]
    found, of_piece = _room.found[:size], _room.of_piece[:size]
    # What is infinite lies on the level pieces, as all that is beyond the knots.
    clipped = np.clip(value, pieces.below, pieces.knots[-1], out=_room.value[:size])
    count.fill(0)
    for knot in pieces.knots:
        np.greater_equal(clipped, knot, out=over.view(bool))
        count += over
    piece[:] = count
    found[:] = clipped
    # Without a mode that needs no check numpy would make a column of its own first.
    found -= pieces.start.take(piece, out=of_piece, mode="clip")
    found *= pieces.slope.take(piece, out=of_piece, mode="clip")
    found += pieces.height.take(piece, out=of_piece, mode="clip")
    return found
