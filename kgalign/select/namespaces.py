"""IRIs cut into namespaces and local names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kgalign.arrays import Positions
from kgalign.base.scratch import Array, text_buffers
from kgalign.rdf.graph import Ids

SMALL_NAMESPACE = 5
"""IRIs up to which a namespace may be a part of another one."""
_MUCH_LARGER = 20


@dataclass(frozen=True, slots=True)
class Split:
    """IRIs, each as a namespace and a local name."""

    spaces: tuple[str, ...]
    """The namespaces, sorted."""
    space: Ids
    """(n,) index into ``spaces``."""
    local: pa.LargeStringArray
    """(n,) what follows the namespace."""


def split_namespaces(iris: pa.LargeStringArray) -> Split:
    """Split IRIs into namespaces and local names, with an eye on how often a namespace is used.

    A local name may itself hold a slash (``…/resource/AC/DC``): where what stands before the last
    slash is the namespace of few IRIs, and a shorter prefix is that of many, the shorter one wins.

    :param iris: (n,) without nulls.
    """
    ends, data = text_buffers(iris)
    found = _texts_between(ends[:-1], _first_cuts(iris, ends, data), data).dictionary_encode()
    number = found.indices.to_numpy(zero_copy_only=False)
    hosts = _hosts(found.dictionary.to_pylist(), np.bincount(number, minlength=len(found.dictionary)))
    spaces = sorted(set(hosts))
    place = {space: at for at, space in enumerate(spaces)}
    space = np.array([place[host] for host in hosts], np.int32)[number]
    length = np.array([len(each.encode()) for each in spaces], np.int64)
    return Split(tuple(spaces), space, _texts_between(ends[:-1] + length[space], ends[1:], data))


def _first_cuts(iris: pa.LargeStringArray, ends: Positions, data: Array) -> Positions:
    """(n,) where the namespace of each IRI ends among the bytes, when it is looked at alone."""
    start, end = ends[:-1], ends[1:]
    # Most have no fragment, and are cut at the last slash.
    cut = _behind_last(b"/", data, start, np.maximum(end - 1, start))
    others = np.flatnonzero((cut == start) | (_behind_last(b"#", data, start, end) > start))
    texts = iris.take(pa.array(others)).to_pylist()
    cut[others] = start[others] + [len(iri[: _last_cut(iri)].encode()) for iri in texts]
    return cut


def _behind_last(mark: bytes, data: Array, start: Positions, end: Positions) -> Positions:
    """(n,) where the last of these bytes within each range is behind one, or the range starts."""
    low = int(start[0]) if len(start) else 0
    places = np.concatenate([[-1], low + np.flatnonzero(data[low : int(end.max(initial=0))] == mark[0])])
    behind: Positions = np.maximum(places[np.searchsorted(places, end) - 1] + 1, start)
    return behind


def _texts_between(start: Positions, end: Positions, data: Array) -> pa.LargeStringArray:
    """(n,) the texts of ranges of bytes, which follow each other."""
    sizes = np.diff(np.concatenate([[0], np.stack([start, end], axis=1).ravel(), [len(data)]]))
    inside = np.repeat(np.arange(len(sizes)) % 2 == 1, sizes)
    ends = np.concatenate([[0], np.cumsum(end - start)])
    return pa.LargeStringArray.from_buffers(len(start), pa.py_buffer(ends), pa.py_buffer(data[inside]))


def _hosts(spaces: Sequence[str], counts: Positions) -> list[str]:
    """The namespace that counts for each: itself, or a shorter one of many more."""
    many = {
        space: count
        for space, count in zip(spaces, counts.tolist(), strict=True)
        if count >= _MUCH_LARGER and not space.endswith("://")
    }
    lengths = sorted({len(space) for space in many}, reverse=True)

    def host_of(space: str, count: int) -> str:
        for length in lengths if count < SMALL_NAMESPACE else ():
            prefix = space[:length]
            if length < len(space) and many.get(prefix, 0) >= _MUCH_LARGER * count:
                return prefix
        return space

    return [host_of(space, count) for space, count in zip(spaces, counts.tolist(), strict=True)]


def _last_cut(iri: str) -> int:
    hash_at = iri.rfind("#", 0, len(iri) - 1)
    if hash_at >= 0 and iri[hash_at + 1 :] not in ("id", "this", "it", "me"):
        return hash_at + 1
    end = len(iri) if hash_at < 0 else hash_at
    cut = iri.rfind("/", 0, end - 1) + 1
    return cut or iri.rfind(":") + 1
