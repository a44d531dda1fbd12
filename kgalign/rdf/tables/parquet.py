"""Rows of Parquet, batch by batch; what its columns hold keeps its type."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kgalign.base.progress import Task
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.formats import unreadable
from kgalign.rdf.graph import Ids
from kgalign.rdf.tables.cells import Column, check_names
from kgalign.rdf.tables.datatypes import Datatype
from kgalign.rdf.tables.metadata import ColumnSpec, TableSpec
from kgalign.rdf.text import shorten
from kgalign.rdf.vocabulary import XSD

log = logging.getLogger(__name__)

_ROWS = 1 << 14
"""Rows that are taken at once."""
_MAGIC = b"PAR1"

Spelling = Callable[[Any], str]


def read_parquet(
    path: Path, spec: TableSpec, limits: LimitsConfig, task: Task | None = None
) -> tuple[list[Column], Ids]:
    """The columns of a Parquet file, and the number of each row in it.

    Null and not-a-number are no value; a list is several. Columns of structs, maps, durations and bytes are
    passed over, which is said.

    :param spec: what metadata say of it; types are those of the file.
    :raises InputError: it is cut off, damaged or no Parquet, two columns have one name, or it is over a
        limit.
    """
    _check_magic(path)
    try:
        with pq.ParquetFile(path) as file:
            kinds = {name: _kind(file.schema_arrow.field(i).type) for i, name in _fields(path, file, limits)}
            taken = [name for name, kind in kinds.items() if kind is not None]
            _say_passed_over(path, [name for name in kinds if name not in taken])
            columns = {name: Column(_spec(spec, name, kinds[name])) for name in taken}
            count = 0
            for batch in file.iter_batches(_ROWS, columns=taken) if taken else ():
                for name in taken:
                    _take(path, columns[name], batch.column(name), count, limits)
                count += batch.num_rows
    except OSError as error:
        if isinstance(error, pa.ArrowException) or error.errno is None:
            raise _damaged(path, error) from error
        raise unreadable(path, error) from error
    except (pa.ArrowException, ValueError, OverflowError, KeyError) as error:
        raise _damaged(path, error) from error
    if task is not None:
        task.advance(path.stat().st_size)
    return list(columns.values()), np.arange(1, count + 1, dtype=np.int32)


def _check_magic(path: Path) -> None:
    """See that a file begins and ends as Parquet does.

    :raises InputError: it does not, or can't be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(0, 2)
            size = file.tell()
            file.seek(max(size - 4, 0))
            tail = file.read(4)
    except OSError as error:
        raise unreadable(path, error) from error
    if head != _MAGIC:
        raise InputError(
            f"{path} is not Parquet, although its name says so", "Give it the ending of what it is"
        )
    if tail != _MAGIC or size < 12:
        raise InputError(f"{path} is cut off: it does not end as Parquet does", "Copy or download it again")


def _damaged(path: Path, error: Exception) -> InputError:
    reason = shorten(str(error).partition("\n")[0])
    return InputError(f"{path} is damaged Parquet: {reason}", "Copy or write it again")


def _fields(path: Path, file: pq.ParquetFile, limits: LimitsConfig) -> Iterator[tuple[int, str]]:
    names = [str(name) or f"_col.{place}" for place, name in enumerate(file.schema_arrow.names, 1)]
    check_names(path, names, limits)
    yield from enumerate(names)


def _say_passed_over(path: Path, names: list[str]) -> None:
    if names:
        shown = ", ".join(shorten(name, 60) for name in names[:8]) + (" …" if len(names) > 8 else "")
        log.warning("%s: columns of structs, maps, durations or bytes are passed over: %s", path.name, shown)


def _spec(spec: TableSpec, name: str, kind: tuple[str, Spelling] | None) -> ColumnSpec:
    """What is said of a column, with the type that it has in the file."""
    datatype = Datatype(XSD + kind[0]) if kind else Datatype()
    for each in spec.columns or ():
        if name in (each.name, *each.titles):
            typed = each.datatype if kind and kind[0] == "string" else datatype
            return ColumnSpec(
                name,
                (name,),
                typed,
                each.language,
                each.separator if kind and kind[0] == "string" else "",
                each.null,
                each.default,
                each.about,
                each.predicate,
                each.value,
                suppressed=each.suppressed,
            )
    return ColumnSpec(name, (name,), datatype, about=spec.about)


def _kind(type: pa.DataType) -> tuple[str, Spelling] | None:
    """The datatype of XML Schema that values of a column have, and how they are written; None for none."""
    types = pa.types
    if types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type):
        inner = type.value_type
        return None if types.is_nested(inner) else _kind(inner)
    if types.is_dictionary(type):
        return _kind(type.value_type)
    found: list[tuple[Callable[[pa.DataType], bool], str, Spelling]] = [
        (types.is_string, "string", str),
        (types.is_large_string, "string", str),
        (types.is_string_view, "string", str),
        (types.is_boolean, "boolean", lambda value: "true" if value else "false"),
        (types.is_integer, "integer", str),
        (types.is_float64, "double", _double),
        (types.is_floating, "float", _double),
        (types.is_decimal, "decimal", lambda value: f"{value:f}"),
        (types.is_date, "date", lambda value: value.isoformat()),
        (types.is_timestamp, "dateTime", str),
        (types.is_time, "time", lambda value: value.isoformat()),
    ]
    return next((told[1:] for told in found if told[0](type)), None)


def _double(value: float) -> str:
    text = repr(value)
    return {"inf": "INF", "-inf": "-INF"}.get(text, text)


def _take(path: Path, column: Column, values: pa.Array, start: int, limits: LimitsConfig) -> None:
    """Put the values of a batch into a column; its first row has the number ``start`` from 0."""
    rows = np.arange(start, start + len(values), dtype=np.int32)
    if pa.types.is_nested(values.type):
        parents = pc.list_parent_indices(values).to_numpy()
        rows, values = rows[parents], pc.list_flatten(values)
    if not pa.types.is_dictionary(values.type):
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_nan(values), None, values)
        values = pc.dictionary_encode(values)
    kept = values.is_valid().to_numpy(zero_copy_only=False)
    codes = values.indices.filter(pa.array(kept)).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = _texts(path, values.dictionary, limits)
    if column.spec.separator or column.spec.null != {""}:
        for row, code in zip(rows[kept], codes, strict=True):
            column.add_cell(int(row), texts[code])
        return
    filled = np.array([bool(text) for text in texts], bool)[codes] if len(codes) else np.empty(0, bool)
    used, places = np.unique(codes[filled], return_inverse=True)
    column.add_coded(rows[kept][filled], places.astype(np.int32), [texts[code] for code in used])


def _texts(path: Path, values: pa.Array, limits: LimitsConfig) -> list[str]:
    """How distinct values are written; nulls among them are empty, as are texts of blanks."""
    kind = _kind(values.type)
    if kind is None:
        raise InputError(f"{path} holds values that are not read", "Write it again with plain columns")
    if pa.types.is_timestamp(values.type):
        texts = _moments(values)
    elif pa.types.is_float32(values.type) or pa.types.is_float16(values.type):
        texts = ["" if value is None else _short(value) for value in values.to_numpy(zero_copy_only=False)]
    else:
        texts = ["" if value is None else kind[1](value).strip() for value in values.to_pylist()]
    if any(len(text) > limits.value_bytes for text in texts):
        raise InputError(
            f"{path} holds a value of more than {limits.value_megabytes} MB",
            "Leave that column out, or allow more with limits.value_megabytes",
        )
    return texts


def _short(value: np.floating[Any]) -> str:
    """The shortest text that gives the same number of 32 bits."""
    return {"inf": "INF", "-inf": "-INF"}.get(str(value), str(value))


def _moments(values: pa.Array) -> list[str]:
    """Times as XML Schema writes them: in UTC where the column knows a zone, to the last digit."""
    zoned = values.type.tz is not None
    plain = values.cast(pa.timestamp(values.type.unit))
    texts = pc.cast(plain, pa.string()).to_pylist()
    return ["" if text is None else _moment(text) + ("Z" if zoned else "") for text in texts]


def _moment(text: str) -> str:
    """``2020-01-01 10:00:00.500000`` as ``2020-01-01T10:00:00.5``."""
    whole, _, digits = text.partition(".")
    digits = digits.rstrip("0")
    return whole.replace(" ", "T", 1) + (f".{digits}" if digits else "")
