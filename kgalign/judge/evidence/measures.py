"""Measures of some pairs, which are not all held at once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from kgalign.arrays import Positions
from kgalign.judge.evidence.levels import Codes
from kgalign.records import Floats


class Measure(Protocol):
    """A number of each pair: a column, or what is made as it is looked at."""

    def __getitem__(self, rows: slice | Positions, /) -> Floats:
        """(r,) of some pairs."""

    def __len__(self) -> int: ...


class Measures(Mapping[str, Floats]):
    """What some rows have in measures of all: taken when it is asked for.

    :param whole: (c,) per measure.
    :param rows: the r rows, places among the c.
    :param anew: measures that are others where only some rows are there, taken at ``part`` of these.
    """

    def __init__(
        self,
        whole: Mapping[str, Measure],
        rows: slice | Positions,
        anew: Mapping[str, Measure],
        part: slice = slice(None),
    ) -> None:
        self._whole, self._rows, self._anew, self._part = whole, rows, anew, part

    def __getitem__(self, name: str) -> Floats:
        if name in self._anew:
            return self._anew[name][self._part]
        return self._whole[name][self._rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


class Made:
    """A measure that is made of some pairs whenever they are looked at.

    :param make: of some rows, from nothing but them.
    """

    def __init__(self, make: Callable[[slice | Positions], Floats], size: int) -> None:
        self._make, self._size = make, size

    def __getitem__(self, rows: slice | Positions) -> Floats:
        """(r,) the measure of some pairs."""
        return self._make(rows)

    def __len__(self) -> int:
        return self._size


class Picked:
    """A column of only some rows, which are picked as they are looked at.

    :param rows: (r,) places in the column.
    """

    def __init__(self, column: Measure, rows: Positions) -> None:
        self._column, self._rows = column, rows

    def __getitem__(self, part: slice) -> Floats:
        return self._column[self._rows[part]]

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True, slots=True)
class Coded:
    """A measure with few values."""

    codes: Codes
    """(c,) of each pair; ``values`` (256,) what each code stands for."""
    values: Floats

    def __getitem__(self, rows: slice | Positions) -> Floats:
        """(r,) the measure of some pairs."""
        return self.values[self.codes[rows]]

    def __len__(self) -> int:
        return len(self.codes)
