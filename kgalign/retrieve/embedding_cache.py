"""Embeddings on disk, by the hash of model and text, so that none is computed twice.

One SQLite file, and not shards of NumPy arrays: a batch of vectors is one transaction, so that a process
killed at any moment leaves all of a batch or nothing of it, and two processes may fill the cache at
once. Shards would need an index, a lock and a clean-up of their own for the same. The journal is the
default one: a write-ahead log needs shared memory, which network file systems don't have.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from kgalign.errors import RunError
from kgalign.records import Floats

FILE = "embeddings.sqlite"
_WAIT = 60.0
"""Seconds to wait for another process that is writing."""
_AT_ONCE = 500
"""Keys per query; old versions of SQLite take 999."""


def key_of(identity: str, text: str) -> bytes:
    """The key of a text's embedding.

    :param identity: that of the embedder, see :class:`kgalign.retrieve.embedders.Embedder`.
    """
    return hashlib.sha256(f"{identity}\0{text}".encode()).digest()


class EmbeddingCache:
    """Vectors by key: little-endian float32, as the model gave them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(
            "CREATE TABLE IF NOT EXISTS embedding (key BLOB PRIMARY KEY, vector BLOB NOT NULL)"
        )

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Floats]:
        """The vectors that are there, by key."""
        found: dict[bytes, Floats] = {}
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            query = f"SELECT key, vector FROM embedding WHERE key IN ({', '.join('?' * len(part))})"
            for key, vector in self._connection.execute(query, part):
                found[key] = np.frombuffer(vector, dtype="<f4")
        return found

    def write(self, keys: Sequence[bytes], vectors: Floats) -> None:
        """Add vectors, all of them or none; a key that is there already keeps its vector."""
        rows = [(key, vector.tobytes()) for key, vector in zip(keys, vectors.astype("<f4"), strict=True)]
        with self._connection:
            self._connection.executemany("INSERT OR IGNORE INTO embedding VALUES (?, ?)", rows)


@contextmanager
def open_cache(folder: Path | None) -> Iterator[EmbeddingCache]:
    """Open the cache in a folder, which is made if need be; None for one that goes when it is closed.

    :raises RunError: then or later: the folder or the file can't be written, or the file is no cache.
    """
    path = folder / FILE if folder else ""  # SQLite's name for a temporary file
    try:
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT)) as connection:
            yield EmbeddingCache(connection)
    except sqlite3.Error as error:
        raise _unusable(path or "in the folder for temporary files", str(error)) from error


def _unusable(place: Path | str | None, reason: str) -> RunError:
    return RunError(
        f"The cache of embeddings {place} can't be used: {reason}",
        "Make room there if there is none, otherwise delete it: embeddings are then computed anew",
    )
