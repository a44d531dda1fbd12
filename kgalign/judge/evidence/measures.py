"""Measures of some pairs, which are not all held at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Positions
from kgalign.judge.evidence.levels import Codes
from kgalign.records import Floats


class Measures(Mapping[str, Floats]):
    """What some rows have in measures of all: taken when it is asked for.

    :param whole: (c,) per measure.
    :param rows: the r rows, places among the c.
    :param anew: measures that are others where only some rows are there, taken at ``part`` of these.
    """

    def __init__(
        self,
        whole: Mapping[str, Floats],
        rows: slice | Positions,
        anew: Mapping[str, npt.NDArray[np.floating[Any]]],
        part: slice = slice(None),
    ) -> None:
        self._whole, self._rows, self._anew, self._part = whole, rows, anew, part

    def __getitem__(self, name: str) -> Floats:
        if name in self._anew:
            return self._anew[name][self._part].astype(np.float32, copy=False)
        found: Floats = self._whole[name][self._rows]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


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
