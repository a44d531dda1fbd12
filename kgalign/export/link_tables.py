"""The links as tables: Parquet for programs, CSV for spreadsheets."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kgalign.export.files import csv_lines, replacing
from kgalign.export.rows import Pairs, one_line
from kgalign.rdf.write import complete_or_nothing
from kgalign.records import Alignment, Profile
from kgalign.records.tables import links_table
from kgalign.values.text import no_formula

_BATCH = 65_536
"""Rows that are in memory at once, and in a row group."""


def write_links_parquet(path: Path, left: Profile, right: Profile, alignment: Alignment, pairs: Pairs) -> int:
    """Write left, right, left_name, right_name, probability and outcome, one pair a row.

    :returns: the number of rows.
    :raises RunError: no room, or no permission.
    """
    with complete_or_nothing(path) as file:
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
    :raises OSError: no room, or no permission.
    """
    with replacing(path) as file:
        heading = _table(left, right, alignment, pairs.take(slice(0))).schema.names
        file.write(csv_lines([heading]))
        for table in _tables(left, right, alignment, pairs):
            columns = table.to_pydict()
            cells = {
                "left": map(no_formula, columns["left"]),
                "right": map(no_formula, columns["right"]),
                "left_name": (no_formula(one_line(name)) for name in columns["left_name"]),
                "right_name": (no_formula(one_line(name)) for name in columns["right_name"]),
                "probability": (repr(round(each, 6)) for each in columns["probability"]),
                "outcome": columns["outcome"],
            }
            file.write(csv_lines(list(each) for each in zip(*(cells[name] for name in heading), strict=True)))
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
