"""The fused graph in several files: each subject in one of them, for tools that read many at once.

What is said of a subject lies in one file, and so does everything that hangs together by blank nodes: their
labels mean nothing outside of a file (N-Triples, section 2.4).
"""

import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, Positions, connected, unique
from kgalign.base.cores import in_order
from kgalign.base.files import replacing_folder
from kgalign.rdf.graph import Graph, TermKind, Terms
from kgalign.rdf.write import lines_of, without_names

MANIFEST = "manifest.json"
NAMES = re.compile(r"part-[0-9]{5,}\.n[qt]\.gz")
"""How the files are called."""
_FAST = 6
"""How hard it is packed: as gzip does if nobody says."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of several."""

    file: str
    statements: int
    bytes: int
    sha256: str


def write_parts(graph: Graph, folder: Path, count: int, *, named: bool) -> list[Part]:
    """Write a graph as packed N-Triples or N-Quads into a new folder, with a manifest of its files.

    Subjects stand in their order, in files of about as many statements; there are fewer files where there is
    too little that can be told apart. The same graph gives the same bytes.

    :param count: files at most.
    :param named: whether the names of graphs are kept: N-Quads.
    :raises RunError: there is no room or no permission.
    """
    rows = parts_of(graph, count)
    ending = "nq" if named else "nt"
    names = [f"part-{number:05d}.{ending}.gz" for number in range(1, len(rows) + 1)]
    with replacing_folder(folder) as place:
        parts = list(_written(graph, rows, [place / name for name in names], named=named))
        told = {
            "format": "nquads" if named else "ntriples",
            "statements": sum(part.statements for part in parts),
            "parts": [
                {"file": each.file, "statements": each.statements, "bytes": each.bytes, "sha256": each.sha256}
                for each in parts
            ],
        }
        (place / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf8")
    return parts


def _written(graph: Graph, rows: list[Positions], paths: list[Path], *, named: bool) -> Iterator[Part]:
    """Write each part: wherever heavy work is done it is packed, and only then comes here."""
    some = (_taken(graph, each) for each in rows)
    packed = in_order(partial(_packed, named=named), some, heavy=True, streamed=True)
    for path, (count, data) in zip(paths, packed, strict=True):
        path.write_bytes(data)
        yield Part(path.name, count, len(data), hashlib.sha256(data).hexdigest())


def _packed(graph: Graph, *, named: bool) -> tuple[int, bytes]:
    """The number of statements, and the packed file of them."""
    graph = graph if named else without_names(graph)
    found = io.BytesIO()
    with gzip.GzipFile("", "wb", _FAST, found, mtime=0) as sink:
        for text in lines_of(graph):
            sink.write(text)
    return len(graph), found.getvalue()


def parts_of(graph: Graph, count: int) -> list[Positions]:
    """Rows of each part, as they stand in the graph, ``count`` parts at most, none of them empty."""
    if not len(graph):
        return [np.zeros(0, dtype=np.int64)]
    group = _groups(graph)[graph.subject]
    sizes = np.bincount(group)
    # By the first subject of each: parts then follow the order of subjects, as far as blank nodes let them.
    first = np.full(len(sizes), len(graph.terms), dtype=np.int64)
    np.minimum.at(first, group, graph.subject)
    order = np.argsort(first, kind="stable")
    middle = np.cumsum(sizes[order]) - sizes[order] / 2
    part = np.empty(len(sizes), dtype=np.int64)
    part[order] = (middle * count / len(graph)).astype(np.int64)
    of_row = part[group]
    rows = np.argsort(of_row, kind="stable")
    cuts = np.flatnonzero(np.diff(of_row[rows])) + 1
    return np.split(rows, cuts)


def _groups(graph: Graph) -> Positions:
    """(terms,) the same number for subjects that blank nodes hold together."""
    blank = _has_blank(graph.terms)
    ends = []
    for column in (graph.object, graph.graph):
        rows = np.flatnonzero((column >= 0) & blank[column])
        ends.append((graph.subject[rows], column[rows]))
    # Quoted triples that speak of blank nodes are not taken apart: all of them count as one.
    quoted = np.flatnonzero(blank & (graph.terms.kind == TermKind.TRIPLE)).astype(np.int32)
    every = np.flatnonzero(graph.terms.kind == TermKind.BLANK) if len(quoted) else quoted
    together = np.concatenate([quoted, every]).astype(np.int32)
    ends.append((together[:-1], together[1:]))
    a, b = (np.concatenate(side) for side in zip(*ends, strict=True))
    return connected(a, b, len(graph.terms))


def _has_blank(terms: Terms) -> Flags:
    """(terms,) which are blank nodes, or triples that may speak of one."""
    found: Flags = terms.kind == TermKind.BLANK
    triples = np.flatnonzero(terms.kind == TermKind.TRIPLE)
    if len(triples):
        texts = terms.value.take(pa.array(triples))
        found[triples[np.asarray(pc.match_substring(texts, "_:"))]] = True
    return found


def _taken(graph: Graph, rows: Positions) -> Graph:
    """Some statements, with the terms that they have and no others."""
    columns = [column[rows] for column in (graph.subject, graph.predicate, graph.object, graph.graph)]
    used = unique(np.concatenate(columns))
    used = used[used >= 0]
    place = np.zeros(len(graph.terms), dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    terms = graph.terms
    some = replace(
        terms,
        kind=terms.kind[used],
        value=terms.value.take(pa.array(used)),
        datatype=terms.datatype[used],
        language=terms.language[used],
    )
    subject, predicate, object_, name = (np.where(each >= 0, place[each], -1) for each in columns)
    return Graph(subject, predicate, object_, name.astype(np.int32), some)
