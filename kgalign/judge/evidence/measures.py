"""Measures of some pairs, which are not all held at once."""

from collections.abc import Callable, Iterator, Mapping

from kgalign.arrays import Positions
from kgalign.records import Floats


class Measures(Mapping[str, Floats]):
    """What some rows have in measures of all: taken when it is asked for.

    :param whole: (c,) per measure.
    :param rows: (r,) places among the c.
    :param anew: measures that are others where only these rows are there, each (r,).
    """

    def __init__(
        self, whole: Mapping[str, Floats], rows: Positions, anew: Mapping[str, Callable[[], Floats]]
    ) -> None:
        self._whole, self._rows, self._anew = whole, rows, anew

    def __getitem__(self, name: str) -> Floats:
        if name in self._anew:
            return self._anew[name]()
        found: Floats = self._whole[name][self._rows]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)
