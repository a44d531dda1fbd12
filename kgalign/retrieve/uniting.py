"""Channels as one table of candidates, by reciprocal rank: a part of the entities at a time.

What a side asks for is put together for a part of its own entities; then all is put in the order of the left
side, and put together for a part of the left entities. What is held at once are the pairs of a few parts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Flags, Positions, place_in_run, run_starts
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Floats
from kgalign.retrieve.ranks import Pairs, best_first

_RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""
_BITS = 12
"""Entities of a part, as a power of two."""
_AT_ONCE = 1 << 20
"""Pairs that are looked at at once."""
_MOVED = 1 << 18
"""Pairs that are put into their parts at once."""
_Table = tuple[scratch.Array, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What was found that concerns some of the left entities."""

    forth: Sequence[Pairs]
    """For each channel what they asked for."""
    back: _Table
    """What was found for right ones, as :func:`_for_right` gives it."""


def unite(found: dict[str, list[Pairs]], k: int) -> Candidates:
    """Unite the channels: reciprocal ranks are added up for the asking entity, in each direction.

    ``found`` is emptied, so that no channel is held longer than it is needed.
    """
    channels = tuple(found)
    forth = [_by_asking(both[0], 0) for both in found.values()]
    back = [_by_asking(both[1], 1) for both in found.values()]
    found.clear()
    size = 1 + max((int(ids.max(initial=-1)) for both in (forth, back) for ids, _, _ in both), default=-1)
    size_right = 1 + max(
        (int(ids.max(initial=-1)) for both in (forth, back) for _, ids, _ in both), default=-1
    )
    width = len(channels)

    def right_part(pairs: Sequence[Pairs]) -> _Table:
        return _for_right(pairs, k)

    def left_part(part: _Part) -> _Table:
        return _of_left(part, k)

    empty = right_part([_NONE] * width)
    asked = scratch.gather_columns(_with(empty, in_order(right_part, _parts(back, 1, size_right))))
    del back
    bounds, asked = _in_parts(asked, size)
    cut = (tuple(column[start:end] for column in asked) for start, end in pairwise(bounds))
    parts = (_Part(mine, theirs) for mine, theirs in zip(_parts(forth, 0, size), cut, strict=True))
    none = left_part(_Part([_NONE] * width, empty))
    left, right, rank, score, channel_rank, channel_score = scratch.gather_columns(
        _with(none, in_order(left_part, parts))
    )
    return Candidates(left, right, rank, score, channels, channel_rank, channel_score)


_NONE: Pairs = np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32)


def _with(none: _Table, parts: Iterator[_Table]) -> Iterator[_Table]:
    """Parts, and that which tells what they look like where there are none."""
    yield none
    yield from parts


def _by_asking(pairs: Pairs, asking: Literal[0, 1]) -> Pairs:
    """Pairs in the order of those who ask: the channels of kgalign give them so."""
    ids = pairs[asking]
    if all(bool((ids[part][1:] >= ids[part][:-1]).all()) for part in _overlapping(len(ids))):
        return pairs
    order = np.argsort(ids, kind="stable")
    return pairs[0][order], pairs[1][order], pairs[2][order]


def _overlapping(size: int) -> list[slice]:
    return [slice(part.start, part.stop + 1) for part in slices(size, _AT_ONCE)]


def _parts(channels: Sequence[Pairs], asking: Literal[0, 1], size: int) -> Iterator[list[Pairs]]:
    """For each part of the asking entities what each channel found for them."""
    bounds = [_bounds(pairs[1] if asking else pairs[0], size) for pairs in channels]
    for part in range(_count(size)):
        yield [
            (a[at[part] : at[part + 1]], b[at[part] : at[part + 1]], score[at[part] : at[part + 1]])
            for (a, b, score), at in zip(channels, bounds, strict=True)
        ]


def _count(size: int) -> int:
    return size + (1 << _BITS) - 1 >> _BITS


def _bounds(ids: Ids, size: int) -> list[int]:
    """Where in ascending ids each part begins, and where the last one ends."""
    starts = np.arange(_count(size) + 1, dtype=np.int64) << _BITS
    return [int(place) for place in np.searchsorted(ids, starts)]


def _in_parts(table: _Table, size: int) -> tuple[list[int], _Table]:
    """Rows by the part of the left entities that the first column is of, and where each part begins."""
    count = np.zeros(_count(size), dtype=np.int64)
    for part in slices(len(table[0]), _AT_ONCE):
        count += np.bincount(table[0][part] >> _BITS, minlength=len(count))
    bounds = np.concatenate([[0], np.cumsum(count)])
    made = tuple(scratch.empty(column.shape, column.dtype) for column in table)
    free = bounds[:-1].copy()

    def in_order_of_parts(rows: slice) -> tuple[Ids, _Table]:
        of = table[0][rows] >> _BITS
        order = np.argsort(of.astype(np.uint16) if len(count) < 1 << 16 else of, kind="stable")
        return of[order], tuple(column[rows][order] for column in table)

    for of, columns in in_order(in_order_of_parts, slices(len(table[0]), _MOVED)):
        place = free[of] + place_in_run(of)
        for column, to in zip(columns, made, strict=True):
            to[place] = column
        free += np.bincount(of, minlength=len(free))
    return bounds.tolist(), made


def _for_right(channels: Sequence[Pairs], k: int) -> _Table:
    """What right entities asked for: left and right, the sum of reciprocal ranks, whether the pair is among
    the ``k`` best by it, and its score in each channel, nothing where that did not find it.
    """
    keys, places = _numbered([keys_of(b, a) for a, b, _ in channels])
    b, a = _ends(keys)
    fused = _sums(len(keys), places, [(b, a, value) for a, b, value in channels])
    score = np.full((len(keys), len(channels)), np.nan, dtype=np.float32)
    for column, (place, (_, _, value)) in enumerate(zip(places, channels, strict=True)):
        score[place, column] = value
    return a, b, fused, place_of(b, a, fused) <= k, score


def _numbered(columns: Sequence[Positions]) -> tuple[Positions, list[Positions]]:
    """The distinct keys of several columns, ascending, and for each column where its own stand among them."""
    every = np.concatenate([_NO_KEYS, *columns])
    order = np.argsort(every, kind="stable")
    ordered = every[order]
    starts = run_starts(ordered)
    place = np.empty(len(every), dtype=np.int64)
    place[order] = np.cumsum(starts) - 1
    ends = np.cumsum([len(column) for column in columns])
    return ordered[starts], [place[end - len(own) : end] for end, own in zip(ends, columns, strict=True)]


def _sums(size: int, places: Sequence[Positions], channels: Sequence[Pairs]) -> Floats:
    """(size,) sums of the reciprocal ranks of pairs among those of the asking entity, the first column."""
    fused = np.zeros(size, dtype=np.float32)
    for place, (asking, other, value) in zip(places, channels, strict=True):
        fused[place] += (1 / (_RRF + place_of(asking, other, value))).astype(np.float32)
    return fused


_NO_KEYS = np.zeros(0, dtype=np.int64)


def _of_left(part: _Part, k: int) -> _Table:
    """The candidates of some left entities: the columns of :class:`Candidates`."""
    of_left = [keys_of(a, b) for a, b, _ in part.forth]
    keys, places = _numbered([*of_left, keys_of(part.back[0], part.back[1])])
    *there, at = places
    fused = np.zeros((2, len(keys)), dtype=np.float32)
    fused[0] = _sums(len(keys), there, part.forth)
    fused[1, at] = part.back[2]
    wanted = np.zeros(len(keys), dtype=np.bool_)
    wanted[at] = part.back[3]
    a, b = _ends(keys)
    keep = ((place_of(a, b, fused[0]) <= k) & (fused[0] > 0)) | wanted
    rank, score = _in_channels(part, keys, places, keep)
    a, b, united = a[keep], b[keep], fused[:, keep].sum(axis=0)
    place = place_of(a, b, united)
    order = np.lexsort((place, a))
    return a[order], b[order], place[order].astype(np.int32), united[order], rank[order], score[order]


def _in_channels(
    part: _Part, keys: Positions, places: Sequence[Positions], keep: Flags
) -> tuple[npt.NDArray[np.int16], Floats]:
    """Rank and score in each channel of the pairs that are kept.

    Whoever found a pair, its rank is the one among all that the channel found for the left entity.

    :param places: where among the keys the pairs of each channel stand, and where those of right entities do.
    """
    shape = int(keep.sum()), len(part.forth)
    rank, score = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.float32)
    for column, (_, _, value) in enumerate(part.forth):
        best = np.full(len(keys), np.nan, dtype=np.float32)
        best[places[-1]] = part.back[4][:, column]
        here = places[column]
        best[here] = np.fmax(best[here], value)
        own = np.flatnonzero(~np.isnan(best))
        ranks = np.zeros(len(keys), dtype=np.int16)
        ranks[own] = np.minimum(place_of(*_ends(keys[own]), best[own]), 32_000)
        rank[:, column], score[:, column] = ranks[keep], np.nan_to_num(best[keep])
    return rank, score


def keys_of(left: Ids, right: Ids) -> Positions:
    """One number for each pair, which sorts by the left entity, then by the right one."""
    return left.astype(np.int64) << 32 | right


def _ends(keys: Positions) -> tuple[Ids, Ids]:
    return (keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32)


def place_of(asking: Ids, other: Ids, score: Floats) -> Positions:
    """1-based place of each pair among those of the asking entity."""
    order = best_first(asking, other, score)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = place_in_run(asking[order]) + 1
    return place
