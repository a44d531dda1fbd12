"""Reading RDF files into columns.

pyoxigraph parses; each distinct term of a file is kept once, and a statement is four integers.
Terms of one file are interned by a dict, those of several files are united as columns.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyoxigraph as ox
from pyoxigraph import RdfFormat

from kgalign.base.progress import NoProgress, Progress, Task
from kgalign.config import ReadConfig
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.blank_nodes import name_anonymous, prefixed
from kgalign.rdf.columns import Part, assemble, ids_of
from kgalign.rdf.faults import explain
from kgalign.rdf.formats import expand, format_of, is_table
from kgalign.rdf.graph import Graph, Ids
from kgalign.rdf.json_ld import NO_BASE, check_json_ld
from kgalign.rdf.languages import respell, spellings
from kgalign.rdf.long_values import LongValues
from kgalign.rdf.source import Source
from kgalign.rdf.tables import read_tables
from kgalign.rdf.terms import RdfTerm, columns_of
from kgalign.rdf.xml_check import XmlFault

_LABELS_ONLY = {RdfFormat.N_TRIPLES, RdfFormat.N_QUADS}
"""Formats in which each blank node has a label."""


def read_graph(
    sources: str | Path | Sequence[str | Path],
    *,
    side: str = "",
    progress: Progress | None = None,
    limits: LimitsConfig | None = None,
    read: ReadConfig | None = None,
) -> Graph:
    """Read the files of one side as one graph.

    Endings name the formats: Turtle, N-Triples, N-Quads, TriG, RDF/XML, JSON-LD and N3, each also
    with ``.gz``; for tables CSV and TSV, each also with ``.gz``, and Parquet (see
    :mod:`kgalign.rdf.tables`). The same files give the same graph, in whichever order they are named
    and their statements stand. Blank nodes of two files are never one; in a single file they keep their
    labels. Files are never fetched, and neither are JSON-LD contexts. Language tags keep their
    spelling where a tag is spelt in one way only, and are in lower case where it varies.

    :param sources: files and folders; a folder is searched for files with known endings, hidden
        ones and ambiguous ones (``.xml``, ``.json``) apart, and for tables only where it has no others. A
        file named twice is read once.
    :param side: what messages call the graph: ``left``, ``right`` or nothing.
    :param progress: told the bytes that are read, file by file.
    :param limits: how deep a file may nest, and how large a value in it may be.
    :param read: how tables are read: their keys, and where the IRIs of their rows begin.
    :raises InputError: where a file is missing, unreadable, malformed, over a limit, or in another format
        than its ending says, or where all files together hold no statement.
    """
    files = expand([sources] if isinstance(sources, str | Path) else sources)
    graph = _read(files, side, progress or NoProgress(), limits or LimitsConfig(), read or ReadConfig())
    if graph is None:
        raise _empty(files, side)
    return graph


def read_graph_or_nothing(files: Sequence[Path], *, limits: LimitsConfig) -> Graph | None:
    """Files as one graph, None where they hold no statement.

    :raises InputError: as :func:`read_graph`.
    """
    return _read(files, "", NoProgress(), limits, ReadConfig())


def _read(
    files: Sequence[Path], side: str, watch: Progress, bounds: LimitsConfig, read: ReadConfig
) -> Graph | None:
    """The statements of files, None where there is none."""
    found: list[_Parsed] = []
    for number, file in enumerate(files):
        if is_table(file):
            continue
        prefix = f"f{number}_" if len(files) > 1 else ""
        with watch.task(f"read {file.name}", file.stat().st_size, "B") as task:
            found.append(_read_file(file, prefix, bounds, task))
    tables = [file for file in files if is_table(file)]
    if tables:
        part = read_tables(tables, side, read, bounds, watch)
        found.append(_Parsed(part, frozenset(part.terms.languages)))
    statements = sum(len(parsed.part.subject) for parsed in found)
    if not statements:
        return None
    spelling = spellings(tag for parsed in found for tag in parsed.tags)
    return assemble(
        [respell(parsed.part, spelling) for parsed in found],
        sources=[str(file) for file in files],
        statements_read=statements,
    )


@dataclass(frozen=True, slots=True)
class _Parsed:
    """The statements of one file, and the language tags seen in its text."""

    part: Part
    tags: frozenset[bytes | str]


def _empty(files: Sequence[Path], side: str) -> InputError:
    named = ", ".join(str(file) for file in files[:3]) + (" …" if len(files) > 3 else "")
    which = f"the {side} graph" if side else "the graph"
    remedy = "Name a file that holds statements"
    if any(not is_table(file) and format_of(file) == RdfFormat.JSON_LD for file in files):
        remedy += "; JSON without an @context that maps its keys holds none"
    return InputError(f"{which} ({named}) holds no statements", remedy)


def _read_file(path: Path, prefix: str, limits: LimitsConfig, task: Task) -> _Parsed:
    format = format_of(path)
    exact = True
    try:
        with Source(path, format, task, limits) as source:
            try:
                return _parse(source, source, prefix, format)
            except MemoryError as error:
                if "buffer maximal size" not in str(error):
                    raise
        exact = False
        with Source(path, format, limits=limits) as source:
            return _parse_long(source, prefix, format, limits)
    except (SyntaxError, XmlFault) as error:
        raise explain(path, format, error, exact=exact) from error


def _parse_long(source: Source, prefix: str, format: RdfFormat, limits: LimitsConfig) -> _Parsed:
    """Parse a text that holds more between two quotes than the parser takes."""
    values = LongValues(source, format, limits)
    try:
        parsed = _parse(values, source, prefix, format)
    except MemoryError as error:
        if "buffer maximal size" not in str(error):
            raise
        raise InputError(
            f"{source.path} has more than 16 MiB without an end of term",
            "Look for a quote or bracket that is never closed, and that it is RDF at all",
        ) from error
    return _Parsed(values.restore(parsed.part), parsed.tags)


def _parse(text: Source | LongValues, source: Source, prefix: str, format: RdfFormat) -> _Parsed:
    json = format == RdfFormat.JSON_LD
    parser = ox.parse(
        text,  # type: ignore[arg-type]
        format,
        base_iri=NO_BASE if json else None,
        lenient=json,
    )
    ids, columns = _intern(parser, with_graphs=format.supports_datasets or format == RdfFormat.N3)
    if format == RdfFormat.N3 and (columns[3] >= 0).any():
        raise InputError(
            f"{source.path} holds formulas in braces, which are N3 and not RDF",
            "Remove them, or write the file as TriG if they are named graphs",
        )
    if json:
        columns = check_json_ld(source.path, list(ids), columns)
    part = Part(columns[0], columns[1], columns[2], columns[3], columns_of(ids))
    if format not in _LABELS_ONLY:
        part = name_anonymous(part)
    part = replace(part, terms=prefixed(part.terms, prefix))
    tags: frozenset[bytes | str] = frozenset(part.terms.languages) if json else frozenset(source.tags)
    return _Parsed(part, tags)


def _intern(
    quads: Iterable[ox.Quad], *, with_graphs: bool
) -> tuple[dict[RdfTerm, int], tuple[Ids, Ids, Ids, Ids]]:
    """The distinct terms by first appearance, and columns of their numbers."""
    ids: dict[RdfTerm, int] = {}
    number = ids.setdefault
    subjects, predicates, objects, graphs = array("i"), array("i"), array("i"), array("i")
    for quad in quads:
        subjects.append(number(quad.subject, len(ids)))
        predicates.append(number(quad.predicate, len(ids)))
        objects.append(number(quad.object, len(ids)))
        if with_graphs:
            name = quad.graph_name
            graphs.append(-1 if isinstance(name, ox.DefaultGraph) else number(name, len(ids)))
    if not with_graphs:
        graphs = array("i", [-1]) * len(subjects)
    return ids, (ids_of(subjects), ids_of(predicates), ids_of(objects), ids_of(graphs))
