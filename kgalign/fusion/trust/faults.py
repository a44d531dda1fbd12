"""Faults of sources, found by comparing them: whole numbers only, axes swapped, another unit, numbers cut.

Nothing is known of the truth. A fault needs a pattern that chance doesn't bring about: a source whose numbers
all are whole where the others' aren't, pairs that fit the other sources only when they are turned round, or a
constant factor between a source and the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.fusion.trust.contests import Scale, Table, beside_others, consensus, finite_rows
from kgalign.values import ValueKind, coarser

_FEWEST = 3
"""Cases that make a pattern."""
_NEARLY_ALL = 0.95
_MOST = 0.8
_GRAINS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
_FACTORS = {
    1000.0: "thousands",
    1e6: "millions",
    100.0: "a hundred times",
    10.0: "ten times",
    2.589988: "square miles against square kilometres",
    1.609344: "miles against kilometres",
    3.28084: "feet against metres",
    2.204623: "pounds against kilograms",
    2.54: "inches against centimetres",
    247.105: "acres against square kilometres",
    2.471054: "acres against hectares",
}
"""Factors between numbers of one quantity, and what brings them about."""
_CLOSE = 0.03
"""How far a ratio may be from a factor, as a share of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is systematically wrong with what a source says of a property."""

    source: int
    properties: tuple[int, ...]
    kind: str
    """``coarse``, ``swapped``, ``factor``, ``cut``, ``kind``."""
    count: int
    of: int
    """How many claims show it, of how many that could."""
    text: str
    """For people, without the names of source and properties: ``gives whole numbers only (206 of 206)``."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A table with what its faults mean for it."""

    table: Table
    """With the numbers put right, to compare them; what was written is in the claims."""
    faults: tuple[Fault, ...]
    coarse: Flags
    """(n,) numbers that are known to whole grains only."""
    altered: Flags
    """(n,) numbers that were put right: what is written there is wrong, or in another unit."""
    broken: Flags
    """(n,) numbers that a fault has spoilt for good."""


def find_faults(table: Table, prefer: int | None = None) -> Mended:
    """The faults of each source in one table.

    :param prefer: the source that is taken to be right where nothing tells which of two is at fault.
    """
    none = np.zeros(len(table), bool)
    faults = _wrong_kind(table)
    if table.kind != ValueKind.NUMBER or table.scale == Scale.NONE:
        dated = table.grain[:, 0] > 1.0 if table.kind == ValueKind.DATE else none
        return Mended(table, tuple(faults), np.asarray(dated), none, none)
    altered = none.copy()
    if table.numbers.shape[1] == 2:
        table, found, turned = _swapped(table, prefer)
        faults += found
        altered |= turned
    table, found, scaled = _factors(table, prefer)
    faults += found
    altered |= scaled
    found, broken = _cut(table)
    faults += found
    table, found, coarse = _coarse(table)
    faults += found
    return Mended(table, tuple(faults), coarse, altered, broken)


def _wrong_kind(table: Table) -> list[Fault]:
    faults = []
    for source in np.unique(table.source[~table.fits]).tolist():
        mine = table.source == source
        count, of = int((mine & ~table.fits).sum()), int(mine.sum())
        text = f"gives what is no {table.kind} ({count} of {of})"
        faults.append(Fault(source, table.properties, "kind", count, of, text))
    return faults


def _multiples(numbers: Doubles, grain: float) -> Flags:
    steps = numbers / grain
    return np.asarray((np.abs(steps - np.round(steps)) < 1e-6).all(axis=1))


def _coarse(table: Table) -> tuple[Table, list[Fault], Flags]:
    """Sources that give multiples of a unit only, where most numbers of another source are none."""
    coarse = np.zeros(len(table), bool)
    grain = table.grain.copy()
    faults = []
    finite = finite_rows(table.numbers)
    said = np.bincount(table.source[finite], minlength=table.sources)
    rounds = {unit: finite & _multiples(table.numbers, unit) for unit in _GRAINS}
    whole = {unit: np.bincount(table.source[rows], minlength=table.sources) for unit, rows in rounds.items()}
    for source in np.flatnonzero(said).tolist():
        for unit in reversed(_GRAINS):
            finer = (said >= _FEWEST) & (whole[unit] < said / 2)
            count, of = int(whole[unit][source]), int(said[source])
            if count < max(_FEWEST, _NEARLY_ALL * of) or not finer.any():
                continue
            rows = rounds[unit] & (table.source == source)
            coarse |= rows
            grain[rows] = unit
            what = "whole numbers" if unit == 1 else f"multiples of {unit:g}"
            text = f"gives {what} only ({count} of {of}){_how_cut(table, rows, unit)}"
            faults.append(Fault(source, table.properties, "coarse", count, of, text))
            break
    return replace(table, grain=grain), faults, coarse


def _how_cut(table: Table, rows: Flags, unit: float) -> str:
    """Whether coarse numbers are cut off or rounded, told from the finer ones of the same items."""
    fine = ~_multiples(table.numbers, unit)
    by_item: dict[int, int] = {}
    for row in np.flatnonzero(fine).tolist():
        by_item.setdefault(int(table.item[row]), row)
    mine = [row for row in np.flatnonzero(rows).tolist() if int(table.item[row]) in by_item]
    if len(mine) < _FEWEST:
        return ""
    steps = table.numbers[[by_item[int(table.item[row])] for row in mine]] / unit
    told = table.numbers[mine] / unit
    cut = float((np.trunc(steps) == told).all(axis=1).mean())
    rounded = float((np.round(steps) == told).all(axis=1).mean())
    if max(cut, rounded) < 0.5:
        return ""
    return ": cut off, not rounded" if cut > rounded else ": rounded" if rounded > cut else ""


def _swapped(table: Table, prefer: int | None) -> tuple[Table, list[Fault], Flags]:
    """Sources whose pairs fit the others better when their two numbers change places.

    The clearest first, each put right before the next: of two sources that are each other's mirror only one
    is turned, first one with latitudes that there can't be; where nothing else tells not the preferred one,
    and the smaller. Pairs that nobody else speaks of are turned too where
    nearly all others of the source are, and they lie closer to the middle of all when turned.
    """
    turned = np.zeros(len(table), bool)
    faults: list[Fault] = []
    for _ in range(table.sources):
        compared, better = _mirrored(table)
        of = np.bincount(table.source, compared, table.sources)
        seen = np.bincount(table.source, compared & better, table.sources)
        seen[[fault.source for fault in faults]] = 0
        if not (seen >= _FEWEST).any():
            break
        share = np.where(seen >= _FEWEST, seen / np.maximum(of, 1), 0.0)
        odd = np.where(seen >= _FEWEST, _impossible(table, better), 0.0)
        source = int(np.lexsort((*_suspicion(table, prefer), -share, -odd, share < _MOST))[0])
        mine = (table.source == source) & better & (compared | (share[source] >= _MOST))
        numbers = table.numbers.copy()
        numbers[mine] = numbers[mine][:, ::-1]
        table = table.with_numbers(numbers)
        turned |= mine
        count, whole = int(mine.sum()), int((table.fits & (table.source == source)).sum())
        text = f"has the two values swapped ({count} of {whole})"
        faults.append(Fault(source, table.properties, "swapped", count, whole, text))
    return table, faults, turned


def _suspicion(table: Table, prefer: int | None) -> tuple[Positions, Positions, Flags]:
    """(sources,) each: whom to blame where nothing else tells, the last column first.

    Not the preferred source; then the smaller; then the one whose claims come first in the order of terms.
    """
    first = np.full(table.sources, len(table))
    np.minimum.at(first, table.source, np.arange(len(table)))
    said = np.bincount(table.source, minlength=table.sources)
    return first, said, np.arange(table.sources) == (-1 if prefer is None else prefer)


def _impossible(table: Table, better: Flags) -> Doubles:
    """(sources,) share of the claims of a place whose first number is no latitude, the second may be."""
    if table.scale != Scale.EARTH:
        return np.zeros(table.sources)
    with np.errstate(invalid="ignore"):
        beyond = better & (np.abs(table.numbers[:, 0]) > 90) & (np.abs(table.numbers[:, 1]) <= 90)
    said = np.bincount(table.source, minlength=table.sources)
    return np.asarray(np.bincount(table.source, beyond, table.sources) / np.maximum(said, 1))


def _mirrored(table: Table) -> tuple[Flags, Flags]:
    """(n,) pairs that other sources speak of too, and pairs that fit better when turned."""
    centre = consensus(table)
    compared = finite_rows(centre)
    fits = np.flatnonzero(table.fits)
    middle = np.median(table.numbers[fits], axis=0) if len(fits) else np.zeros(2)
    aim = np.where(compared[:, None], centre, middle)
    straight = np.abs(table.numbers - aim).sum(axis=1)
    crossed = np.abs(table.numbers[:, ::-1] - aim).sum(axis=1)
    with np.errstate(invalid="ignore"):
        better = crossed < np.where(compared, straight / 4, straight)
    return compared & table.fits, np.asarray(better)


def _factors(table: Table, prefer: int | None) -> tuple[Table, list[Fault], Flags]:
    """Sources that are off by a constant factor, the clearest first; each is put right before the next."""
    altered = np.zeros(len(table), bool)
    faults: list[Fault] = []
    if table.scale == Scale.EARTH or table.numbers.shape[1] != 1:
        return table, faults, altered
    for _ in range(table.sources):
        best = _clearest(table, {fault.source for fault in faults}, prefer)
        if best is None:
            break
        source, factor, count, of = best
        numbers = table.numbers.copy()
        mine = table.source == source
        numbers[mine] /= factor
        altered |= mine
        table = table.with_numbers(numbers)
        name = _FACTORS.get(round(factor, 6)) or _FACTORS[min(_FACTORS, key=lambda f: abs(f * factor - 1))]
        text = f"is {factor:.6g} times what the others say ({count} of {of}; {name})"
        faults.append(Fault(source, table.properties, "factor", count, of, text))
    return table, faults, altered


def _clearest(table: Table, done: set[int], prefer: int | None) -> tuple[int, float, int, int] | None:
    """Source, factor, how many comparisons show it, of how many; of equals the most suspicious."""
    found = []
    claim, other = beside_others(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = table.numbers[claim, 0] / table.numbers[other, 0]
    use = np.isfinite(ratio) & (ratio > 0)
    speaker, ratio = table.source[claim][use], ratio[use]
    place = np.empty(table.sources, np.int64)
    place[np.lexsort(_suspicion(table, prefer))] = np.arange(table.sources)
    for source in np.unique(speaker).tolist():
        mine = ratio[speaker == source]
        if source in done or len(mine) < _FEWEST:
            continue
        for factor in (each for base in _FACTORS for each in (base, 1 / base)):
            count = int((np.abs(mine / factor - 1) < _CLOSE).sum())
            if count >= max(_FEWEST, _MOST * len(mine)):
                away = float(np.median(np.abs(mine / factor - 1)))
                rank = (count / len(mine), -int(place[source]), -away)
                found.append((rank, (source, factor, count, len(mine))))
    return max(found)[1] if found else None


def _cut(table: Table) -> tuple[list[Fault], Flags]:
    """Whole numbers that end at the mark of their thousands: 27,593 read as 27.

    Where it happens at all, each number that shows it is spoilt; a source is blamed where it happens often.
    """
    broken = np.zeros(len(table), bool)
    faults: list[Fault] = []
    if table.numbers.shape[1] != 1:
        return faults, broken
    own, other = table.numbers[:, 0], consensus(table)[:, 0]
    with np.errstate(invalid="ignore"):
        small = (own >= 0) & (own < 1000) & (np.round(own) == own)
        tops = (other >= 1000) & small & (np.abs(np.floor(other / 1000) - own) <= np.maximum(1, 0.05 * own))
    if int(tops.sum()) < _FEWEST:
        return faults, broken
    broken |= tops
    for source in np.unique(table.source[tops]).tolist():
        mine = (table.source == source) & tops
        if int(mine.sum()) < _FEWEST:
            continue
        of = int((table.source == source).sum())
        text = f"has numbers cut off at the mark of the thousands ({int(mine.sum())} of {of})"
        faults.append(Fault(source, table.properties, "cut", int(mine.sum()), of, text))
    return faults, broken


def covers(table: Table, coarse: Sequence[int] | np.ndarray, fine: Sequence[int] | np.ndarray) -> Flags:
    """Whether each coarse value is the finer one, less exactly: cut off or rounded to its grain."""
    a, b = np.asarray(coarse), np.asarray(fine)
    told, unit, other = table.numbers[a], table.grain[a], table.numbers[b]
    with np.errstate(invalid="ignore"):
        finer = ((table.grain[b] <= unit) | (other == told)).all(axis=1) & (table.grain[b] < unit).any(axis=1)
    if table.kind == ValueKind.DATE:
        with np.errstate(invalid="ignore"):
            return np.asarray(finer & ((other >= told) & (other < told + unit * 1.003)).all(axis=1))
    inside = np.ones(len(a), bool)
    for axis in range(told.shape[1]):
        inside &= coarser(told[:, axis], unit[:, axis], other[:, axis])
    return np.asarray(finer & inside)
