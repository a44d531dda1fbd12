"""Columns over all pairs, made part by part on all cores; parts are cut by a constant."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from kgalign.arrays import run_starts
from kgalign.base import scratch
from kgalign.base.cores import elsewhere, in_order, slices
from kgalign.rdf.graph import Ids

PART = 100_000
"""Pairs that are measured or weighed at once."""
_STRETCH = 17
"""Entities of the right side that are looked at together, as a power of two."""
_HELD = 16
"""Parts after which the pages of mapped columns are let go: they come back as they are read."""
_Part = TypeVar("_Part")
_Result = TypeVar("_Result")
Array = npt.NDArray[Any]


def parts_of(size: int) -> list[slice]:
    """Rows in parts; one empty part where there are none."""
    return slices(size, PART) or [slice(0, 0)]


def column(make: Callable[[slice], Array], size: int) -> Array:
    """(size, …) what is made of each part of the rows, one after the other: mapped where it is large.

    :param make: the part of the column, from nothing but its rows; it runs on any core.
    """
    return scratch.gather(in_turn(make, parts_of(size)))


def columns(make: Callable[[slice], Sequence[Array]], size: int) -> tuple[Array, ...]:
    """As :func:`column`, for several columns at once."""
    return scratch.gather_columns(in_turn(make, parts_of(size)))


def of_pairs(make: Callable[[tuple[Ids, Ids]], Sequence[Array]], a: Ids, b: Ids) -> tuple[Array, ...]:
    """As :func:`columns`, of a comparison that is heavy: it may run elsewhere.

    :param make: the parts of the columns, from nothing but the left and the right ends of some pairs.
    """

    def by_right(ends: tuple[Ids, Ids]) -> Sequence[Array]:
        return _by_right(make, *ends)

    ends = ((a[rows], b[rows]) for rows in parts_of(len(a)))
    # Elsewhere what is said of a side comes by stretches; here all of it is there.
    return scratch.gather_columns(in_turn(by_right if elsewhere() else make, ends, heavy=True))


def _by_right(make: Callable[[tuple[Ids, Ids]], Sequence[Array]], a: Ids, b: Ids) -> Sequence[Array]:
    """What is made of pairs, those of near right ends together: one stretch of the right side is looked at,
    then the next. The left ends of a part are near each other as they stand.
    """
    order = np.argsort(b >> _STRETCH, kind="stable")
    bounds = np.flatnonzero(np.append(run_starts(b[order] >> _STRETCH), True))
    if len(bounds) <= 2:
        return make((a, b))
    cut = ((a[order[start:end]], b[order[start:end]]) for start, end in pairwise(bounds.tolist()))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return [np.concatenate(column)[place] for column in zip(*in_order(make, cut), strict=True)]


def in_turn(
    make: Callable[[_Part], _Result], parts: Iterable[_Part], *, heavy: bool = False
) -> Iterator[_Result]:
    """What is made of each part, in order, on all cores; now and then what is mapped is let go.

    :param heavy: as of :func:`kgalign.base.cores.in_order`.
    """
    for number, made in enumerate(in_order(make, parts, heavy=heavy), 1):
        yield made
        if number % _HELD == 0:
            scratch.release_all()
