"""Columns over all pairs, made part by part on all cores; parts are cut by a constant."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from kgalign.base import scratch
from kgalign.base.cores import in_order, slices

PART = 100_000
"""Pairs that are measured or weighed at once."""
Array = npt.NDArray[Any]


def parts_of(size: int) -> list[slice]:
    """Rows in parts; one empty part where there are none."""
    return slices(size, PART) or [slice(0, 0)]


def column(make: Callable[[slice], Array], size: int) -> Array:
    """(size, …) what is made of each part of the rows, one after the other: mapped where it is large.

    :param make: the part of the column, from nothing but its rows; it runs on any core.
    """
    return scratch.gather(in_order(make, parts_of(size)))


def columns(make: Callable[[slice], Sequence[Array]], size: int) -> tuple[Array, ...]:
    """As :func:`column`, for several columns at once."""
    return scratch.gather_columns(in_order(make, parts_of(size)))
