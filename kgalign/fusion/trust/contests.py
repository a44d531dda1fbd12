"""Rival values in columns: what sources say of one property, or of two that belong together, item by item."""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from kgalign.arrays import (
    Doubles,
    Flags,
    Positions,
    in_order_of,
    join,
    numbered,
    place_in_run,
    run_starts,
    unique,
)
from kgalign.fusion.claims import Claims
from kgalign.fusion.paired_properties import Joint, pair_rows
from kgalign.rdf.graph import Ids
from kgalign.values import READ, ValueKind, Values

KM_PER_DEGREE = 111.195
_WIDE = 30.0
"""Ratio of the 95th to the 5th percentile from which positive numbers are compared by their ratio."""


_MOST_HEARD = 64
"""Claims of an item whose median is taken."""


class Scale(IntEnum):
    """How far two values are apart."""

    NONE = 0
    """They are the same or they aren't."""
    LINEAR = 1
    """By their difference."""
    LOG = 2
    """By their ratio."""
    EARTH = 3
    """By kilometres between (latitude, longitude)."""


@dataclass(frozen=True, slots=True)
class Table:
    """The claims of one property or of a pair; an item is a subject, of texts a subject in one language."""

    properties: tuple[int, ...]
    kind: ValueKind
    """Of most of the values."""
    scale: Scale
    rows: Positions
    """(n, d) rows of the claims; sorted by item."""
    item: Positions
    """(n,) from 0."""
    subject: Ids
    """(items,) term ids."""
    source: Ids
    """(n,) index of the source."""
    key: Positions
    """(n,) equal within the table where values are equal."""
    numbers: Doubles
    """(n, d) NaN where a value is no number."""
    grain: Doubles
    """(n, d) unit of what is given."""
    fits: Flags
    """(n,) whether the value is of the table's kind."""
    sources: int
    """How many sources there are in all."""

    def __len__(self) -> int:
        return len(self.item)

    def take(self, places: Positions) -> "Table":
        """Some of the claims; items keep their numbers."""
        return replace(
            self,
            rows=self.rows[places],
            item=self.item[places],
            source=self.source[places],
            key=self.key[places],
            numbers=self.numbers[places],
            grain=self.grain[places],
            fits=self.fits[places],
        )

    def with_numbers(self, numbers: Doubles) -> "Table":
        """The table with other numbers; keys follow them."""
        return replace(self, numbers=numbers, key=_keys(numbers, self.key))

    def distance(self, a: Positions, b: Positions) -> Doubles:
        """How far values are apart, row by row: differences, log ratios or kilometres; NaN for no numbers."""
        one, other = self.numbers[a], self.numbers[b]
        if self.scale == Scale.LOG:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(np.abs(np.log(one[:, 0]) - np.log(other[:, 0])))
        gap = one - other
        if self.scale == Scale.EARTH:
            middle = np.radians(np.clip((one[:, 0] + other[:, 0]) / 2, -90, 90))
            around = (gap[:, 1] + 180) % 360 - 180
            return np.asarray(KM_PER_DEGREE * np.hypot(gap[:, 0], around * np.cos(middle)))
        widths = self.widths() if self.numbers.shape[1] > 1 else np.ones(1)
        return np.asarray(np.sqrt(((gap / widths) ** 2).sum(axis=1)))

    def widths(self) -> Doubles:
        """(d,) how wide most values spread on each axis: four times the distance between the quartiles."""
        numbers = np.log(self.numbers) if self.scale == Scale.LOG else self.numbers
        numbers = numbers[np.isfinite(numbers).all(axis=1)]
        if not len(numbers):
            return np.ones(self.numbers.shape[1])
        quartiles = np.percentile(numbers, [25, 75], axis=0)
        wide = 4 * (quartiles[1] - quartiles[0])
        whole = numbers.max(axis=0) - numbers.min(axis=0)
        return np.where(wide > 0, wide, np.where(whole > 0, whole, 1.0))

    def room(self) -> float:
        """Length or area in which values lie, in units of :meth:`distance`."""
        widths = self.widths()
        if self.scale == Scale.EARTH:
            latitude = np.radians(np.clip(np.nanmedian(self.numbers[:, 0]), -89, 89))
            return float(widths[0] * widths[1] * KM_PER_DEGREE**2 * np.cos(latitude))
        return 1.0 if self.numbers.shape[1] > 1 else float(widths[0])


def table_at(claims: Claims, rows: Positions, values: Values) -> Table:
    """The table of some claims of one property.

    In an item the claims stand in the order of their terms, whoever makes them.

    :param rows: (n,) those that the table is of; ``values`` are theirs.
    """
    kinds = np.bincount(values.kind, minlength=len(READ))
    kind = READ[int(kinds.argmax())]
    numeric = kind in (ValueKind.NUMBER, ValueKind.DATE)
    fits: Flags = np.asarray(values.kind) == kind.code
    numbers = np.where(fits, values.number, np.nan)[:, None] if numeric else np.empty((len(rows), 0))
    grain = np.where(fits, values.grain, np.nan)[:, None] if numeric else np.empty((len(rows), 0))
    tags = values.language if kind == ValueKind.TEXT else np.full(len(rows), -1, np.int32)
    order = in_order_of(claims.subject[rows], tags, claims.value[rows], claims.source[rows])
    rows = rows[order]
    new = run_starts(claims.subject[rows], tags[order])
    return Table(
        properties=tuple(unique(claims.property[rows]).tolist()),
        kind=kind,
        scale=_scale(kind, numbers),
        rows=rows[:, None],
        item=np.cumsum(new) - 1,
        subject=claims.subject[rows][new],
        source=claims.source[rows],
        key=_ranks(values.key[order]),
        numbers=numbers[order],
        grain=grain[order],
        fits=fits[order],
        sources=len(claims.sources),
    )


def joint_table(claims: Claims, values: Values, joint: Joint) -> Table:
    """The table of two properties that belong together; claims without a partner are not in it."""
    pairs = pair_rows(claims, *joint.properties)
    rows = np.stack([pairs.first, pairs.second], axis=1)
    value = claims.value[rows]
    order = np.lexsort((claims.source[rows[:, 0]], value[:, 1], value[:, 0], claims.subject[rows[:, 0]]))
    rows = rows[order]
    subject = claims.subject[rows[:, 0]]
    new = run_starts(subject)
    numbers = np.where(values.kind[rows] == ValueKind.NUMBER.code, values.number[rows], np.nan)
    both = np.unique(values.key[rows], axis=0, return_inverse=True)[1].reshape(-1)
    return Table(
        properties=joint.properties,
        kind=ValueKind.NUMBER,
        scale=Scale.EARTH if joint.geographic else Scale.LINEAR,
        rows=rows,
        item=np.cumsum(new) - 1,
        subject=subject[new],
        source=claims.source[rows[:, 0]],
        key=both.astype(np.int64),
        numbers=numbers,
        grain=values.grain[rows],
        fits=finite_rows(numbers),
        sources=len(claims.sources),
    )


def finite_rows(numbers: Doubles) -> Flags:
    """(n,) rows without NaN or infinity."""
    return np.asarray(np.isfinite(numbers).all(axis=1), dtype=bool).reshape(len(numbers))


def _scale(kind: ValueKind, numbers: Doubles) -> Scale:
    if kind not in (ValueKind.NUMBER, ValueKind.DATE):
        return Scale.NONE
    finite = numbers[np.isfinite(numbers)]
    if kind == ValueKind.DATE or not len(finite) or finite.min() <= 0:
        return Scale.LINEAR
    low, high = np.percentile(finite, [5, 95])
    return Scale.LOG if high >= _WIDE * low else Scale.LINEAR


def _ranks(keys: Ids) -> Positions:
    return numbered(keys)


def _keys(numbers: Doubles, old: Positions) -> Positions:
    """Keys of numbers as they are now, to twelve digits; what is no number keeps a key of its own."""
    finite = finite_rows(numbers)
    size = np.floor(np.log10(np.maximum(np.abs(np.where(finite[:, None], numbers, 0.0)), 1e-300)))
    unit = 10.0 ** (size - 11)
    rounded = np.where(finite[:, None], np.round(numbers / unit) * unit, np.nan)
    table = np.concatenate(
        [np.where(finite, -1, old)[:, None], np.where(finite[:, None], rounded, 0.0)], axis=1
    )
    return np.unique(table, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def beside_others(table: Table) -> tuple[Positions, Positions]:
    """Pairs of a claim and a claim of another source on the same item, both of numbers.

    Of an item with very many claims some stand for all, as many as can be of each source.
    """
    finite = np.flatnonzero(finite_rows(table.numbers))
    order = np.lexsort((table.source[finite], table.item[finite]))
    by_speaker = place_in_run(table.item[finite][order], table.source[finite][order])
    finite = finite[order][np.lexsort((by_speaker, table.item[finite][order]))]
    heard = finite[place_in_run(table.item[finite]) < _MOST_HEARD]
    claim, other = join(table.item, table.item[heard])
    apart = table.source[claim] != table.source[heard[other]]
    return claim[apart], heard[other[apart]]


def consensus(table: Table) -> Doubles:
    """(n, d) median of what the other sources say of the item, NaN where no other does.

    In units of the table; of numbers that are compared by their ratio the median of logarithms.
    """
    numbers = np.log(table.numbers) if table.scale == Scale.LOG else table.numbers
    found = np.full(numbers.shape, np.nan)
    claim, other = beside_others(table)
    for axis in range(numbers.shape[1]):
        order = np.lexsort((numbers[other, axis], claim))
        sorted_claim, value = claim[order], numbers[other[order], axis]
        low = np.flatnonzero(run_starts(sorted_claim))
        count = np.diff([*low, len(sorted_claim)])
        if len(low):
            middle = (value[low + (count - 1) // 2] + value[low + count // 2]) / 2
            found[sorted_claim[low], axis] = middle
    return np.exp(found) if table.scale == Scale.LOG else found
