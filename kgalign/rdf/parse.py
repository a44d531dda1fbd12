"""One file, parsed into columns.

pyoxigraph parses; each distinct term of what is parsed at once is kept once, and a statement is four
integers. Lines of N-Triples and N-Quads stand for themselves, so that they can be parsed a part at a time.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyoxigraph as ox
from pyoxigraph import RdfFormat

from kgalign.base import scratch
from kgalign.base.progress import NO_TASK, Task
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.blank_nodes import name_anonymous, prefixed
from kgalign.rdf.columns import Part, ids_of, remap
from kgalign.rdf.faults import explain
from kgalign.rdf.formats import format_of
from kgalign.rdf.graph import Ids, Terms
from kgalign.rdf.json_ld import NO_BASE, check_json_ld
from kgalign.rdf.long_values import LongValues
from kgalign.rdf.nesting import TripleTermNesting
from kgalign.rdf.source import Source, tags_in
from kgalign.rdf.terms import RdfTerm, columns_of
from kgalign.rdf.xml_check import XmlFault

LINES = frozenset({RdfFormat.N_TRIPLES, RdfFormat.N_QUADS})
"""Formats in which a statement is a line, and each blank node has a label."""
BLOCK = 8 << 20
"""Bytes of lines that are parsed at once."""
LONGEST = 4 << 20
"""Bytes from which a line is one for the parser of whole files, which looks for long values."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The statements of a file or of a part of it, and the language tags seen in its text."""

    part: Part
    tags: frozenset[bytes | str]


class NotByLines(Exception):
    """A text has a fault, or too long a line: who reads the whole file finds out which."""


def read_file(path: Path, prefix: str, limits: LimitsConfig, task: Task = NO_TASK) -> Parsed:
    """The statements of a file.

    :param prefix: is set before the labels of blank nodes.
    :param task: told the bytes that are read.
    :raises InputError: as :func:`kgalign.rdf.read.read_graph`.
    """
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


def blocks(path: Path, task: Task) -> Iterator[bytes]:
    """The text of a file, some megabytes of whole lines at a time; at least one block.

    :raises NotByLines: there is a line that is too long.
    """
    with Source(path, RdfFormat.JSON_LD, task) as source:  # as which text is read that is not looked at
        rest, ended = b"", False
        while not ended:
            pieces, size = [rest], 0
            while size < BLOCK and not ended:
                pieces.append(source.read(BLOCK))
                size += len(pieces[-1])
                ended = not pieces[-1]
            text = b"".join(pieces)
            end = len(text) if ended else text.rfind(b"\n") + 1
            rest = text[end:]
            if len(rest) > LONGEST:
                raise NotByLines
            yield text[:end]


def parse_lines(path: Path, text: bytes, prefix: str) -> Parsed:
    """The statements of some lines.

    :param path: the file that they are from.
    :raises NotByLines: they have a fault.
    """
    format = format_of(path)
    try:
        if b"<<" in text:
            nesting = TripleTermNesting(path)
            nesting.feed(text)
            nesting.feed(b"")
        ids, columns = _intern(ox.parse(text, format), with_graphs=format.supports_datasets)
    except (SyntaxError, InputError) as error:
        raise NotByLines from error
    part = Part(*columns, prefixed(columns_of(ids), prefix))
    return Parsed(part, frozenset(tags_in(text, format)))


def joined(parts: Iterable[Parsed]) -> Parsed:
    """Several as one, at least one: what is not small lies in mapped files.

    Terms that several have are there several times.
    """
    datatypes: dict[str, int] = {}
    languages: dict[str, int] = {}
    tags: set[bytes | str] = set()

    def columns() -> Iterator[tuple[scratch.Array, ...]]:
        before = 0
        for parsed in parts:
            part, terms = parsed.part, parsed.part.terms
            tags.update(parsed.tags)
            ends, data = scratch.text_buffers(terms.value)
            yield (
                *(ids + np.int32(before) for ids in (part.subject, part.predicate, part.object)),
                np.where(part.graph >= 0, part.graph + np.int32(before), np.int32(-1)),
                terms.kind,
                _recoded(terms.datatype, terms.datatypes, datatypes),
                _recoded(terms.language, terms.languages, languages),
                np.diff(ends),
                data[ends[0] : ends[-1]],
            )
            before += len(terms)

    subject, predicate, object, graph, kind, datatype, language, sizes, data = scratch.gather_columns(
        columns()
    )
    value = scratch.texts_of(sizes, data)
    terms = Terms(kind, value, datatype, language, tuple(datatypes), tuple(languages))
    return Parsed(Part(subject, predicate, object, graph, terms), frozenset(tags))


def _recoded(codes: Ids, names: tuple[str, ...], numbers: dict[str, int]) -> Ids:
    """Codes by another table, to which the names are added that it has not."""
    return remap(codes, np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32))


def _parse_long(source: Source, prefix: str, format: RdfFormat, limits: LimitsConfig) -> Parsed:
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
    return Parsed(values.restore(parsed.part), parsed.tags)


def _parse(text: Source | LongValues, source: Source, prefix: str, format: RdfFormat) -> Parsed:
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
    if format not in LINES:
        part = name_anonymous(part)
    part = replace(part, terms=prefixed(part.terms, prefix))
    tags: frozenset[bytes | str] = frozenset(part.terms.languages) if json else frozenset(source.tags)
    return Parsed(part, tags)


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
