"""Records on disk: a frozen dataclass of arrays becomes a folder, and comes back the same.

A NumPy field becomes ``FIELD.npy``, an Arrow one ``FIELD.arrow``, a dataclass a folder of its own;
everything small (scalars, enums, tuples, tuples of dataclasses, dictionaries with text keys) lies in
``meta.json``. What a field is says its annotation, so that the files hold no pickles and no code: a
folder from elsewhere can be wrong, but it can't do anything.

The same record always gives the same bytes.
"""

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.base import scratch
from kgalign.base.files import new_folder, put_in_place
from kgalign.errors import RunError

FORMAT = 1
"""Version of the layout; a folder of another version isn't read."""

_META = "meta.json"
_BROKEN = (OSError, ValueError, KeyError, TypeError, pa.ArrowException)

T = TypeVar("T")


def save(path: Path, record: object) -> None:
    """Write a record to the folder ``path``, which is replaced as a whole.

    :raises TypeError: a field of a kind that can't be stored.
    :raises RunError: no room, or no permission to write there.
    """
    begin(path, record)
    put_in_place(path)


def begin(path: Path, record: object) -> None:
    """Write a record beside ``path``, where :func:`kgalign.base.files.put_in_place` takes it from.

    :raises TypeError: a field of a kind that can't be stored.
    :raises RunError: no room, or no permission to write there.
    """
    with new_folder(path) as folder:
        _write_record(folder, record)


def load(path: Path, cls: type[T]) -> T:
    """Read back the record of type ``cls`` that :func:`save` wrote to ``path``; what is large is mapped.

    :raises RunError: the folder is missing, damaged, of another version, or holds another type.
    """
    try:
        return _read_record(path, cls)
    except FileNotFoundError as error:
        raise RunError(f"{error.filename} is missing", "Run again: the stage is then done anew") from error
    except _BROKEN as error:
        raise RunError(
            f"{path} can't be read as {cls.__name__}: {error}", f"Delete {path} and run again"
        ) from error


def _write_record(folder: Path, record: object) -> None:
    if not is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"{type(record).__name__} is not a dataclass")
    small: dict[str, Any] = {}
    files: dict[str, str] = {}
    for field in fields(record):
        name, value = field.name, getattr(record, field.name)
        if isinstance(value, np.ndarray):
            files[name] = f"{name}.npy"
            _write_array(folder / files[name], value)
        elif isinstance(value, pa.Array | pa.ChunkedArray | pa.Table):
            files[name] = f"{name}.arrow"
            _write_arrow(folder / files[name], value)
        elif is_dataclass(value):
            files[name] = name
            (folder / name).mkdir()
            _write_record(folder / name, value)
        else:
            small[name] = _plain(value, f"{type(record).__name__}.{name}")
    meta = {"format": FORMAT, "record": type(record).__name__, "fields": small, "files": files}
    (folder / _META).write_text(json.dumps(meta, indent=1), encoding="utf8")


def _write_array(path: Path, value: npt.NDArray[Any]) -> None:
    """As :func:`numpy.save`, with no more of a mapped array in memory than a piece of it."""
    if value.nbytes <= scratch.SMALL or not value.flags.c_contiguous:
        np.save(path, value, allow_pickle=False)
        return
    if value.dtype.hasobject:
        raise ValueError("it holds objects")
    step = max(1, scratch.SMALL * len(value) // value.nbytes)
    with path.open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(value)
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, len(value), step):
            value[first : first + step].tofile(file)
            scratch.release(value)


def _write_arrow(path: Path, value: Any) -> None:  # noqa: ANN401 - pyarrow has no types
    table = value if isinstance(value, pa.Table) else pa.table({"value": value})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _plain(value: Any, where: str) -> Any:  # noqa: ANN401 - any small value, to JSON
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple):
        return [_plain(item, where) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item, where) for key, item in value.items()}
    if is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name), f"{where}.{field.name}") for field in fields(value)
        }
    raise TypeError(f"{where} holds a {type(value).__name__}, which can't be stored")


def _read_record(folder: Path, cls: type[T]) -> T:
    meta = json.loads((folder / _META).read_text(encoding="utf8"))
    if meta["format"] != FORMAT or meta["record"] != cls.__name__:
        raise ValueError(f"it holds {meta['record']} in layout {meta['format']}")
    hints = typing.get_type_hints(cls)
    values = {name: _restore(value, hints[name]) for name, value in meta["fields"].items()}
    for name, file in meta["files"].items():
        kind = _without_none(hints[name])
        if file == f"{name}.npy":
            values[name] = scratch.load(folder / file)
        elif file == f"{name}.arrow":
            values[name] = _read_arrow(folder / file, kind)
        else:
            values[name] = _read_record(folder / name, kind)
    return cls(**values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    """The annotations of a dataclass: of thousands of small ones they are looked up once."""
    return typing.get_type_hints(kind)


def _without_none(kind: Any) -> Any:  # noqa: ANN401 - an annotation
    """``X`` for ``X | None``."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return next(option for option in typing.get_args(kind) if option is not types.NoneType)
    return kind


def _read_arrow(path: Path, kind: object) -> object:
    table = scratch.load_arrow(path)
    if kind is pa.Table:
        return table
    column = table.column("value")
    if kind is pa.ChunkedArray:
        return column
    # Combining would copy what is mapped.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _restore(value: Any, kind: Any) -> Any:  # noqa: ANN401 - driven by the annotation
    """What JSON made of a small value, turned back into what the annotation says."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _restore(value, _without_none(kind))
    if origin is tuple:
        kinds = arguments[:1] * len(value) if arguments[-1:] == (...,) else arguments
        return tuple(_restore(item, each) for item, each in zip(value, kinds, strict=True))
    if origin in (dict, Mapping):
        return {key: _restore(item, arguments[1]) for key, item in value.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _restore(item, hints[name]) for name, item in value.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind is float:
        return float(value)
    return value
