"""Columns that may be longer than memory: arrays in mapped files.

What is mapped counts as held only while it is looked at: its pages can be let go at any time, and come back
from the file. Files made here have no name: they are gone with the process, however that ends.
"""

import errno
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.errors import RunError

SMALL = 1 << 24
"""Bytes up to which an array lies in ordinary memory."""
_MAPPED = 1 << 20
"""Bytes from which a file that is there already is mapped, and not read."""
_PICKED = 1 << 20
"""Rows that are picked at once."""
Array = npt.NDArray[Any]
_place: Path | None = None
_mapped: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()
_lock = threading.Lock()


@contextmanager
def under(folder: Path) -> Iterator[None]:
    """Within this, files without a name lie on the disk of a folder; else on that of temporary files."""
    global _place
    before, _place = _place, folder
    try:
        yield
    finally:
        _place = before


def empty(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """As :func:`numpy.empty`: what is not small lies in a mapped file.

    :raises RunError: there is no room on the disk.
    """
    kind = np.dtype(dtype)
    sizes = (shape,) if isinstance(shape, int) else shape
    size = int(np.prod(sizes, dtype=np.int64)) * kind.itemsize
    if size <= SMALL:
        return np.empty(shape, kind)
    with _file() as file, _explained(size):
        # Room is taken now: writing to a mapped file that has none would end the process.
        _reserve(file.fileno(), size)
        return np.ndarray(sizes, kind, _map(file, size, write=True))


def full(shape: int | tuple[int, ...], value: float, dtype: npt.DTypeLike) -> Array:
    """As :func:`numpy.full`: what is not small lies in a mapped file."""
    made = empty(shape, dtype)
    made.fill(value)
    return made


def pick(column: Array, rows: Array) -> Array:
    """As ``column[rows]``: what is not small lies in a mapped file.

    :param rows: (n,) positions.
    """
    made = empty((len(rows), *column.shape[1:]), column.dtype)
    for first in range(0, len(rows), _PICKED):
        made[first : first + _PICKED] = column[rows[first : first + _PICKED]]
    return made


def gather(parts: Iterable[Array]) -> Array:
    """The rows of the parts, one part after the other: what is not small lies in a mapped file.

    :param parts: at least one; of one type, and of one shape but for their lengths.
    :raises RunError: there is no room on the disk.
    """
    (column,) = gather_columns((part,) for part in parts)
    return column


def gather_columns(parts: Iterable[Sequence[Array]]) -> tuple[Array, ...]:
    """As :func:`gather`, for several columns at once."""
    held: list[Sequence[Array]] = []
    size = 0
    waiting = iter(parts)
    for part in waiting:
        held.append(part)
        size += sum(each.nbytes for each in part)
        if size > SMALL:
            return _gathered(chain(held, waiting))
    return tuple(np.concatenate(column) for column in zip(*held, strict=True))


def gather_texts(parts: Iterable[pa.LargeStringArray]) -> pa.LargeStringArray:
    """The texts of the parts, one part after the other: what is not small lies in mapped files.

    :param parts: without nulls.
    :raises RunError: there is no room on the disk.
    """

    def columns(part: pa.LargeStringArray) -> tuple[Array, Array]:
        ends, data = text_buffers(part)
        return np.diff(ends), data[ends[0] : ends[-1]]

    nothing = pa.array([], pa.large_string())
    return texts_of(*gather_columns(columns(part) for part in chain([nothing], parts)))


def texts_of(sizes: Array, data: Array) -> pa.LargeStringArray:
    """Texts by (n,) the bytes that each has, and all bytes: ends that are not small lie in a mapped file."""
    ends = empty(len(sizes) + 1, np.int64)
    ends[0] = 0
    np.cumsum(sizes, out=ends[1:])
    return pa.LargeStringArray.from_buffers(len(sizes), pa.py_buffer(ends), pa.py_buffer(data))


def text_buffers(texts: pa.LargeStringArray) -> tuple[Array, Array]:
    """(n + 1,) where each text begins and ends among the bytes, and these; nothing is copied."""
    if not len(texts):
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return ends, np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)


def _gathered(parts: Iterable[Sequence[Array]]) -> tuple[Array, ...]:
    files: list[IO[bytes]] = []
    kinds: list[tuple[np.dtype[Any], tuple[int, ...]]] = []
    rows: list[int] = []
    try:
        for part in parts:
            if not files:
                files = [_file() for _ in part]
                kinds = [(each.dtype, each.shape[1:]) for each in part]
                rows = [0] * len(part)
            for number, (file, column) in enumerate(zip(files, part, strict=True)):
                if (column.dtype, column.shape[1:]) != kinds[number]:
                    raise TypeError(f"column {number} has parts of several types or shapes")
                with _explained(column.nbytes):
                    file.write(np.ascontiguousarray(column).data.cast("B") if column.size else b"")
                rows[number] += len(column)
        return tuple(
            _column(file, (count, *shape), kind)
            for file, count, (kind, shape) in zip(files, rows, kinds, strict=True)
        )
    finally:
        for file in files:
            file.close()


def _column(file: IO[bytes], shape: tuple[int, ...], kind: "np.dtype[Any]") -> Array:
    with _explained(0):
        file.flush()
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    return np.ndarray(shape, kind, _map(file, size, write=True)) if size else np.empty(shape, kind)


def load(path: Path) -> Array:
    """An array of a ``.npy`` file; what is not small is mapped, and can't be written to."""
    if path.stat().st_size <= _MAPPED:
        return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, by_column, kind = read(file)
        if kind.hasobject:
            raise ValueError("it holds objects")
        buffer = _map(file, path.stat().st_size, write=False)
        return np.ndarray(shape, kind, buffer, file.tell(), order="F" if by_column else "C")


def load_arrow(path: Path) -> pa.Table:
    """A table of an Arrow file; what is not small is mapped."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _MAPPED:
            return pa.ipc.open_file(file).read_all()
        return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(_map(file, size, write=False)))).read_all()


def release(*arrays: Array) -> None:
    """Let the pages of mapped arrays go, whole files of them; others stay as they are."""
    for array in arrays:
        owner: object = array
        while isinstance(owner, np.ndarray):
            owner = owner.base
        if isinstance(owner, mmap.mmap):
            _let_go(owner)


def release_all() -> None:
    """Let the pages of everything that is mapped go: it comes back from the files as it is looked at."""
    with _lock:
        every = list(_mapped)
    for each in every:
        _let_go(each)


def _let_go(mapped: mmap.mmap) -> None:
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _map(file: IO[bytes], size: int, *, write: bool) -> mmap.mmap:
    made = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_WRITE if write else mmap.ACCESS_READ)
    with _lock:
        _mapped.add(made)
    return made


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile(dir=_place)


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


@contextmanager
def _explained(size: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        place = _place or tempfile.gettempdir()
        raise RunError(
            f"There is no room on the disk of {place}: {size / 1e6:,.0f} MB more are needed there now",
            "Make room there, or give a folder on another disk with -o",
        ) from error
