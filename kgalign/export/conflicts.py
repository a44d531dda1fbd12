"""``conflicts.parquet``: the conflicts of a fusion as a table, one row per statement that took part.

Rows are sorted by conflict; within one, what was computed and what is written comes first, then what agrees,
what lost and what was counted in. They are made and written in batches, so that memory does not grow with
their number.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kgalign.base.files import replacing
from kgalign.records.conflicts import FATES, columns, members
from kgalign.records.fused import Fusion

BATCH = 1 << 16
"""Rows of a row group."""


def schema_of(fusion: Fusion) -> pa.Schema:
    """The columns; nulls stand for what a statement has none of, such as the source of a computed one."""
    word = pa.dictionary(pa.int32(), pa.string())
    text = pa.string()
    return pa.schema(
        [
            pa.field("conflict", pa.int32(), nullable=False),
            pa.field("subject", text, nullable=False),
            pa.field("property", word, nullable=False),
            pa.field("said_property", word),
            pa.field("inverse", pa.bool_(), nullable=False),
            pa.field("value", text, nullable=False),
            pa.field("datatype", word),
            pa.field("language", word),
            pa.field("kind", word, nullable=False),
            pa.field("source", word),
            pa.field("side", word),
            pa.field("graph", text),
            pa.field("role", word, nullable=False),
            pa.field("reason", word),
            pa.field("rule", word, nullable=False),
            pa.field("confidence", pa.float32()),
        ],
        metadata={"roles": ", ".join(FATES), "conflicts": str(fusion.counts.conflicts)},
    )


def write_conflicts(fusion: Fusion, path: Path) -> int:
    """Write ``conflicts.parquet``; it appears when it is complete, and the same fusion gives the same bytes.

    :returns: the number of rows.
    :raises RunError: no room, or no permission; what stood at ``path`` is as it was.
    """
    all_of_them = members(fusion)
    schema = schema_of(fusion)
    with replacing(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for low in range(0, len(all_of_them), BATCH):
            rows = np.arange(low, min(low + BATCH, len(all_of_them)))
            writer.write_table(_table(columns(fusion, all_of_them.take(rows)), schema))
    return len(all_of_them)


def _table(found: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """A table of the schema, words as numbers into a dictionary."""
    arrays = []
    for field in schema:
        array = found[field.name]
        arrays.append(array.dictionary_encode() if pa.types.is_dictionary(field.type) else array)
    return pa.Table.from_arrays(arrays, schema=schema)
