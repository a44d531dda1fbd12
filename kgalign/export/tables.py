"""The links and the worklist as tables: Parquet for programs, CSV for spreadsheets."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kgalign.base.files import replacing, replacing_text
from kgalign.export.rows import Pairs, one_line
from kgalign.records import Alignment, Profile, Worklist
from kgalign.records.tables import links_table, worklist_table
from kgalign.values.text import csv_lines, no_formula

_BATCH = 65_536
"""Rows that are in memory at once, and in a row group."""


def write_links_parquet(path: Path, left: Profile, right: Profile, alignment: Alignment, pairs: Pairs) -> int:
    """Write left, right, left_name, right_name, probability and outcome, one pair a row.

    :returns: the number of rows.
    :raises RunError: no room, or no permission.
    """
    with replacing(path) as file:
        schema = _table(left, right, alignment, pairs.take(slice(0))).schema
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for table in _tables(left, right, alignment, pairs):
                writer.write_table(table, row_group_size=_BATCH)
    return len(pairs)


def write_links_csv(path: Path, left: Profile, right: Profile, alignment: Alignment, pairs: Pairs) -> int:
    """Write the same columns as RFC 4180 with a heading; names on one line, and not too long.

    A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and these cells
    hold what strangers wrote. So such a text gets an apostrophe before it, and one that begins with an
    apostrophe gets one more: take one away and every text is as it was.

    :returns: the number of rows.
    :raises RunError: no room, or no permission.
    """
    with replacing_text(path) as file:
        heading = _table(left, right, alignment, pairs.take(slice(0))).schema.names
        file.write(csv_lines([heading]))
        for table in _tables(left, right, alignment, pairs):
            columns = [map(_CELLS[name], column) for name, column in table.to_pydict().items()]
            file.write(csv_lines(zip(*columns, strict=True)))
    return len(pairs)


def _tables(left: Profile, right: Profile, alignment: Alignment, pairs: Pairs) -> Iterator[pa.Table]:
    for start in range(0, len(pairs), _BATCH):
        yield _table(left, right, alignment, pairs.take(slice(start, start + _BATCH)))


def _table(left: Profile, right: Profile, alignment: Alignment, pairs: Pairs) -> pa.Table:
    part = replace(
        alignment,
        left=pairs.left,
        right=pairs.right,
        probability=pairs.probability,
        outcome=pairs.outcome,
        verdict=pairs.verdict,
    )
    return links_table(part, left, right)


def write_worklist(path: Path, worklist: Worklist, left: Profile, right: Profile) -> int:
    """Write what a person should look at, the likeliest mistake first, as :func:`write_list` does.

    :returns: the number of rows.
    :raises RunError: no room, or no permission.
    """
    return write_list(path, worklist_table(worklist, left, right))


def write_list(path: Path, table: pa.Table) -> int:
    """Write a list for people as CSV, one entity or pair a row, with a heading.

    Numbers have six digits, and an empty cell is nothing.

    What a spreadsheet would take for a formula gets an apostrophe, as in :func:`write_links_csv`.

    :returns: the number of rows.
    :raises RunError: no room, or no permission.
    """
    columns = [[_CELLS[name](value) for value in column] for name, column in table.to_pydict().items()]
    with replacing_text(path) as file:
        file.write(csv_lines([table.column_names, *zip(*columns, strict=True)]))
    return int(table.num_rows)


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
    "outcome": str,
    "margin": _number,
    "nearest": _iri,
    "nearest_name": _name,
    "left_name": _name,
    "right_name": _name,
    "second_name": _name,
}
"""Column → how its values are written."""
