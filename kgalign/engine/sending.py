"""Functions as they are sent to other processes: what is large goes beside them, each piece once.

A function is pickled without its large pieces: arrays, long lists of texts, and records that hold such. Each
of these has a key by its content and is put into the object store under it once, whoever holds it; so what
the next function shares with the one before is there already. What is lent (:class:`kgalign.base.cores.Lent`)
is put as it is, and comes when it is opened.
"""

import hashlib
import io
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from ray import cloudpickle
from scipy.sparse import csr_array

from kgalign.base.cores import Lent

LARGE = 1 << 16
"""Bytes from which an array is put by itself."""
LONG = 1_000
"""Items from which a list is."""
_FEW = 32
Key = bytes
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Packed:
    """An object without its large pieces."""

    key: Key
    content: bytes
    pieces: tuple[Key, ...]
    """Those that it is made from, in order: arrays, texts, what is lent, or further packed objects."""


class Packer:
    """Packs objects, and puts their large pieces where others find them.

    :param put: takes a piece, and gives what others get it by.
    """

    def __init__(self, put: Callable[[Any], Any]) -> None:
        self._put = put
        self.refs: dict[Key, Any] = {}
        """What pieces are got by."""
        self.sizes: dict[Key, int] = {}
        """Bytes of each."""
        self.bytes_put = 0
        self._records: dict[int, tuple[object, Key, frozenset[Key]]] = {}
        self._lent: dict[int, tuple[object, Key]] = {}
        self._used: set[Key] = set()
        self._seen: set[int] = set()

    def pack(self, thing: object) -> tuple[Packed, dict[Key, Any]]:
        """A function and everything that it holds.

        What was put for earlier ones and is no part of this one is forgotten.
        """
        self._used, self._seen = set(), set()
        packed = self._pack(thing)
        for key in self.refs.keys() - self._used:
            del self.refs[key], self.sizes[key]
        self._records = {name: each for name, each in self._records.items() if name in self._seen}
        self._lent = {name: each for name, each in self._lent.items() if name in self._seen}
        return packed, {key: self.refs[key] for key in self._used}

    def forget(self) -> None:
        """Let go of everything that was put."""
        self.refs.clear()
        self.sizes.clear()
        self._records.clear()
        self._lent.clear()

    def _pack(self, thing: object) -> Packed:
        found: list[Key] = []
        file = io.BytesIO()
        _Pickler(file, thing, self, found).dump(thing)
        content = file.getvalue()
        return Packed(_digest(b"packed", content, *found), content, tuple(found))

    def piece(self, thing: object) -> Key | None:
        """The key of an object that is put by itself; None for one that is pickled where it stands."""
        if type(thing) is np.ndarray:
            return self._array(thing) if thing.nbytes >= LARGE and not thing.dtype.hasobject else None
        if type(thing) in (list, tuple) and len(thing) >= LONG:  # type: ignore[arg-type]
            content = pickle.dumps(thing, protocol=5)
            return self._keep(_digest(b"pickle", content), content, len(content))
        if isinstance(thing, pa.Array | pa.ChunkedArray) and thing.nbytes >= LARGE:
            return self._arrow(thing)
        return self._record(thing) if _is_record(thing) else None

    def lend(self, lent: Lent[Any]) -> Key:
        """The key of what nobody changes: it is put as it is, and not looked at."""
        name = id(lent)
        self._seen.add(name)
        if name not in self._lent:
            self._lent[name] = lent, os.urandom(16)
        key = self._lent[name][1]
        self._used.add(key)
        if key not in self.refs:
            self._count(key, self._put(lent.thing), bytes_of(lent.thing))
        return key

    def _array(self, array: Array) -> Key:
        whole = np.ascontiguousarray(array)
        about = f"{whole.dtype.str}{whole.shape}".encode()
        return self._keep(_digest(about, whole.data.cast("B")), whole, whole.nbytes)

    def _arrow(self, column: pa.Array | pa.ChunkedArray) -> Key:
        """A column is read where it lies in the store, as an array is."""
        buffers: list[pickle.PickleBuffer] = []
        content = pickle.dumps(column, protocol=5, buffer_callback=buffers.append)
        parts = [each.raw() for each in buffers]
        return self._keep(_digest(b"arrow", content, *parts), column, sum(map(len, parts)))

    def _record(self, record: object) -> Key:
        """A frozen record stays what it is: it is looked at once for as long as it is in use."""
        name = id(record)
        self._seen.add(name)
        if name not in self._records:
            before, self._used = self._used, set()
            packed = self._pack(record)
            self._keep(packed.key, packed, len(packed.content))
            self._records[name] = record, packed.key, frozenset(self._used)
            self._used = before
        _, key, pieces = self._records[name]
        self._used |= pieces
        return key

    def _keep(self, key: Key, piece: object, size: int) -> Key:
        self._used.add(key)
        if key not in self.refs:
            self._count(key, self._put(piece), size)
        return key

    def _count(self, key: Key, ref: object, size: int) -> None:
        self.refs[key] = ref
        self.sizes[key] = size
        self.bytes_put += size


class _Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, whole: object, packer: Packer, found: list[Key]) -> None:
        super().__init__(file, protocol=5)
        self._whole, self._packer, self._found = whole, packer, found

    def persistent_id(self, thing: object) -> tuple[int, bool] | None:
        if isinstance(thing, Lent):
            key: Key | None = self._packer.lend(thing)
        else:
            key = None if thing is self._whole else self._packer.piece(thing)
        if key is None:
            return None
        self._found.append(key)
        return len(self._found) - 1, isinstance(thing, Lent)


def unpack(packed: Packed, got: Callable[[Key], Any], lent: Callable[[Key], Any]) -> Any:  # noqa: ANN401
    """What :class:`Packer` packed.

    :param got: the piece that is kept under a key.
    :param lent: what stands for a :class:`kgalign.base.cores.Lent` of which the thing is kept under a key.
    """

    class Reader(pickle.Unpickler):
        def persistent_load(self, name: tuple[int, bool]) -> Any:  # noqa: ANN401
            number, is_lent = name
            return (lent if is_lent else got)(packed.pieces[number])

    return Reader(io.BytesIO(packed.content)).load()


def opened(piece: object, got: Callable[[Key], Any], lent: Callable[[Key], Any]) -> Any:  # noqa: ANN401
    """A piece as it was before it was put."""
    if isinstance(piece, Packed):
        return unpack(piece, got, lent)
    return pickle.loads(piece) if isinstance(piece, bytes) else piece


def bytes_of(thing: object) -> int:
    """Bytes of what goes to a worker or comes back: of arrays their data, of all else a few."""
    if isinstance(thing, np.ndarray):
        return int(thing.nbytes)
    if isinstance(thing, pa.Array | pa.ChunkedArray):
        return int(thing.nbytes)
    if isinstance(thing, csr_array):
        return bytes_of((thing.data, thing.indices, thing.indptr))
    if isinstance(thing, Mapping):
        return bytes_of(tuple(thing.values()))
    if isinstance(thing, list | tuple):
        return sum(map(bytes_of, thing))
    if is_dataclass(thing):
        return sum(bytes_of(getattr(thing, each.name)) for each in fields(thing))
    return len(thing) if isinstance(thing, str | bytes) else _FEW


def _is_record(thing: object) -> bool:
    params = getattr(type(thing), "__dataclass_params__", None)
    if params is None or not params.frozen or not is_dataclass(thing):
        return False
    return any(_is_large(getattr(thing, each.name, None)) for each in fields(thing))


def _is_large(value: object) -> bool:
    if isinstance(value, np.ndarray | pa.Array | pa.ChunkedArray):
        return bool(value.nbytes >= LARGE)
    return isinstance(value, list | tuple) and len(value) >= LONG


def _digest(*parts: object) -> Key:
    found = hashlib.blake2b(digest_size=16)
    for each in parts:
        found.update(each)  # type: ignore[arg-type]
        found.update(b"\x00")
    return found.digest()
