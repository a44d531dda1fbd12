"""``worklist.csv``: what a person should look at, the likeliest mistake first, for a spreadsheet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kgalign.export.files import csv_lines, replacing
from kgalign.export.rows import one_line
from kgalign.records import Profile, Worklist
from kgalign.records.tables import worklist_table
from kgalign.values.text import no_formula


def write_worklist(path: Path, worklist: Worklist, left: Profile, right: Profile) -> int:
    """Write one left entity a row, with a heading; numbers have six digits, and an empty cell is nothing.

    Cells hold what strangers wrote: what a spreadsheet would take for a formula gets an apostrophe before it,
    see :func:`~kgalign.values.text.no_formula`.

    :returns: the number of rows.
    :raises OSError: no room, or no permission.
    """
    table = worklist_table(worklist, left, right)
    columns = [[_CELLS[name](value) for value in column] for name, column in table.to_pydict().items()]
    with replacing(path) as file:
        file.write(csv_lines([table.column_names, *zip(*columns, strict=True)]))
    return len(worklist)


def _number(value: float | None) -> str:
    return "" if value is None else repr(round(value, 6))


def _iri(value: str | None) -> str:
    return no_formula(value or "")


def _name(value: str | None) -> str:
    return no_formula(one_line(value or ""))


_CELLS: dict[str, Callable[[Any], str]] = {
    "rank": str,
    "left": _iri,
    "right": _iri,
    "linked": lambda value: "yes" if value else "no",
    "probability": _number,
    "second": _iri,
    "second_probability": _number,
    "doubt": _number,
    "left_name": _name,
    "right_name": _name,
    "second_name": _name,
}
"""Column → how its values are written."""
