"""What a table holds, column by column: each distinct text once, and which rows hold it."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.columns import ids_of
from kgalign.rdf.graph import Ids
from kgalign.rdf.tables.metadata import ColumnSpec, TableSpec
from kgalign.rdf.text import shorten

LONGEST_NAME = 1000
"""Characters that the name of a column may have: it becomes an IRI."""


class Column:
    """The cells of one column that are not empty.

    :param spec: what the metadata, or the type of the column in a Parquet file, say of it.
    """

    def __init__(self, spec: ColumnSpec) -> None:
        self.spec = spec
        self.texts: dict[str, int] = {}
        """Distinct texts by first appearance."""
        self._rows, self._values = array("i"), array("i")

    @property
    def name(self) -> str:
        """What the table calls it."""
        return self.spec.name

    @property
    def rows(self) -> Ids:
        """(m,) the row of each value, ascending; a row with several values comes several times."""
        return ids_of(self._rows)

    @property
    def values(self) -> Ids:
        """(m,) the place of each value in ``texts``."""
        return ids_of(self._values)

    def add(self, row: int, text: str) -> None:
        """Put a value into a row; rows come in their order."""
        self._rows.append(row)
        self._values.append(self.texts.setdefault(text, len(self.texts)))

    def add_cell(self, row: int, text: str) -> None:
        """Put what a cell holds into a row: nothing, a value, or several."""
        spec = self.spec
        if not text and spec.default:
            text = spec.default
        if text in spec.null:
            return
        if not spec.separator:
            self.add(row, text)
            return
        for each in text.split(spec.separator):
            if (part := each.strip()) and part not in spec.null:
                self.add(row, part)

    def add_coded(self, rows: Ids, codes: Ids, texts: Iterable[str]) -> None:
        """Put many values into rows: ``texts[codes[i]]`` into ``rows[i]``."""
        places = np.array([self.texts.setdefault(text, len(self.texts)) for text in texts], np.int32)
        if len(codes):
            self._rows.frombytes(rows.astype(np.int32).tobytes())
            self._values.frombytes(places[codes].tobytes())

    def identifies(self, count: int) -> bool:
        """Whether each of ``count`` rows has one value that no other row has."""
        same = 0 < count == len(self.texts) == len(self._rows)
        return same and bool((self.rows == np.arange(count)).all())

    def by_row(self, count: int) -> list[str]:
        """(count,) the text of each row; several values with commas between them, empty for none."""
        texts = list(self.texts)
        found = [""] * count
        for row, value in zip(self._rows, self._values, strict=True):
            found[row] = f"{found[row]},{texts[value]}" if found[row] else texts[value]
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read."""

    path: Path
    iri: str
    columns: tuple[Column, ...]
    count: int
    """Number of rows with data."""
    numbers: Ids
    """(count,) the number of each row in the file, from 1; a line of names counts."""
    spec: TableSpec = field(default_factory=TableSpec)

    def column(self, name: str) -> Column | None:
        """The column of a name, None for none."""
        return next((each for each in self.columns if each.name == name), None)


def check_names(path: Path, names: list[str], limits: LimitsConfig) -> None:
    """See that columns can be told apart, and that there are not too many.

    :raises InputError: two have one name, a name is too long, or there are more than the limits allow.
    """
    if len(names) > limits.columns:
        raise InputError(
            f"{path} has {len(names):,} columns, and {limits.columns:,} are taken",
            "Leave out what nobody compares, or allow more with limits.columns",
        )
    seen: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        if len(name) > LONGEST_NAME:
            raise InputError(
                f"{path}: the name of column {place} has {len(name):,} characters: '{shorten(name, 60)}'",
                f"Give it a name of at most {LONGEST_NAME:,} characters",
            )
        first = seen.setdefault(name, place)
        if first != place:
            raise InputError(
                f"{path}: columns {first} and {place} are both called '{shorten(name)}'",
                "Give each column a name of its own",
            )
