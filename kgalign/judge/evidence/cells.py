"""Numbers of pairs of a row and a column: of thousands by thousands, the few that have one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Positions, find

_TABLE = 1 << 18
"""Pairs up to which all are looked up in a table."""
_Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Cells:
    """A sparse table."""

    shape: tuple[int, int]
    cell: Positions
    """(k,) rising: row times the number of columns, plus the column."""
    value: _Numbers
    """(k,) of each; all others are 0."""

    @classmethod
    def summed(cls, shape: tuple[int, int], row: _Numbers, column: _Numbers, weight: _Numbers) -> "Cells":
        """Weights added up by row and column, in the order in which they come.

        :param row: (n,) whole numbers; ``column`` and ``weight`` (n,) each.
        """
        cell, of_cell = np.unique(row.astype(np.int64) * shape[1] + column, return_inverse=True)
        return cls(shape, cell, np.bincount(of_cell, weight, len(cell)).astype(np.float64))

    @property
    def row(self) -> Positions:
        """(k,) row of each."""
        found: Positions = self.cell // max(self.shape[1], 1)
        return found

    @property
    def column(self) -> Positions:
        """(k,) column of each."""
        found: Positions = self.cell % max(self.shape[1], 1)
        return found

    def sums(self) -> tuple[Doubles, Doubles]:
        """(rows,) and (columns,): what each row and each column adds up to."""
        rows, columns = (
            np.bincount(of, self.value, size).astype(np.float64)
            for of, size in zip((self.row, self.column), self.shape, strict=True)
        )
        return rows, columns

    def at(self, row: _Numbers, column: _Numbers) -> _Numbers:
        """(n,) what stands in some rows and columns."""
        if self.shape[0] * self.shape[1] <= _TABLE:
            table = np.zeros(self.shape, dtype=self.value.dtype)
            table.reshape(-1)[self.cell] = self.value
            every: _Numbers = table[row, column]
            return every
        wanted = row.astype(np.int64) * self.shape[1] + column
        found = np.zeros(len(wanted), dtype=self.value.dtype)
        if len(self.cell):
            place = np.minimum(find(self.cell, wanted), len(self.cell) - 1)
            there = np.flatnonzero(self.cell[place] == wanted)
            found[there] = self.value[place[there]]
        return found
