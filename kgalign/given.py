"""Graphs as Python programs give them: files, folders, endpoints, graphs of rdflib, or of ours."""

import sys
from collections.abc import Sequence
from io import IOBase
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.base.progress import Progress
from kgalign.config import Config
from kgalign.errors import InputError
from kgalign.rdf import graph_from_rdflib
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.rdf.remote import read_inputs

if TYPE_CHECKING:
    import rdflib

GraphLike: TypeAlias = "str | Path | Sequence[str | Path] | rdflib.Graph | Graph"
"""A file, a folder of files, several of these, an ``rdflib.Graph``, or a graph that was read before."""


def graph_given(graph: GraphLike, settings: Config, side: str, progress: Progress) -> Graph:
    """The graph of a side: read where files were given, made of an ``rdflib.Graph``, or as it is.

    :raises InputError: it is none of these, or can't be read.
    """
    also = settings.read.left_also if side == "left" else settings.read.right_also
    files = _files(graph, side)
    if files is not None:
        return read_inputs([*files, *also], side, settings, progress)
    if also:
        raise InputError(
            f"read.{side}_also goes with files, and {side} is a graph", "Give the files as a list"
        )
    return graph if isinstance(graph, Graph) else graph_from_rdflib(cast("rdflib.Graph", graph))


def _files(graph: object, side: str) -> list[str | Path] | None:
    """The files that were given, None where it is a graph.

    :raises InputError: it is neither.
    """
    if isinstance(graph, str | Path):
        return [graph]
    if isinstance(graph, Graph) or _is_rdflib(graph):
        return None
    several = isinstance(graph, Sequence) and not isinstance(graph, bytes | bytearray | memoryview)
    files: list[str | Path] = []
    for each in cast("Sequence[object]", graph) if several else [graph]:
        if not several or not isinstance(each, str | Path):
            within = " in a list" if several else ""
            raise InputError(
                f"{side} can't be read from {_what(each)}{within}",
                "Give the path of a file or a folder, a list of paths, an rdflib.Graph, "
                "or a graph that kgalign has read",
            )
        files.append(each)
    return files


def _is_rdflib(graph: object) -> bool:
    """Whether it is a graph of rdflib, which is imported only where somebody has imported it already."""
    rdflib = sys.modules.get("rdflib")
    return rdflib is not None and isinstance(graph, rdflib.Graph)


def _what(value: object) -> str:
    """What was given, in words: what is in it may be long, and no text."""
    if isinstance(value, IOBase):
        return "an open file"
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiouAEIO' else 'a'} {name}"


def terms_given(graph: Graph, names: list[str], side: str) -> Ids:
    """(n,) ids of IRIs, and of blank nodes written ``_:label``, among a graph's terms.

    :raises InputError: there is no such node.
    """
    wanted = pa.array(names, pa.large_string())
    ids = np.full(len(names), -1, dtype=np.int32)
    for kind, start in ((TermKind.IRI, ""), (TermKind.BLANK, "_:")):
        rows = np.flatnonzero(graph.terms.kind == kind)
        values = graph.terms.value.take(pa.array(rows))
        texts = pc.binary_join_element_wise(_large(start), values, _large(""))
        places = pc.index_in(wanted, value_set=texts).fill_null(-1).to_numpy()
        ids[places >= 0] = rows[places[places >= 0]]
    if (ids < 0).any():
        missing = names[int(np.flatnonzero(ids < 0)[0])]
        raise InputError(
            f"The {side} graph has no node {missing}", "Leave this link out, or check its spelling"
        )
    return ids


def _large(text: str) -> pa.LargeStringScalar:
    return pa.scalar(text, pa.large_string())
