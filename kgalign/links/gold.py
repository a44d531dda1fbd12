"""Pairs of IRIs that someone says are the same: gold links and known links."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyoxigraph as ox

from kgalign.errors import InputError
from kgalign.rdf.formats import ENDINGS

OWL_SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"
_REMEDY = "Give one pair a line, left IRI, tab, right IRI, or owl:sameAs statements in N-Triples or Turtle"

Pair = tuple[str, str]


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Read pairs (left IRI, right IRI) from a file.

    The ending decides: ``.nt``, ``.ttl`` and the other endings of RDF are read as owl:sameAs
    statements, anything else as tab-separated text whose first two columns count; empty lines and
    lines that begin with ``#`` are passed over. Each may end in ``.gz``.

    :returns: The distinct pairs, sorted.
    :raises InputError: the file can't be read, a line is no pair (its number is in the message), or it holds
        no pair at all.
    """
    syntax = syntax_of(path)
    with opened(path) as file:
        pairs = _tabular(file, path) if syntax is None else _statements(file, syntax, path)
        distinct = tuple(sorted(set(pairs)))
    if not distinct:
        raise InputError(f"{path} holds no links", _REMEDY)
    return distinct


def syntax_of(path: Path) -> ox.RdfFormat | None:
    """The syntax of RDF that the ending of a file names, None where it names none."""
    endings = [ending.lstrip(".").lower() for ending in path.suffixes]
    if endings and endings[-1] == "gz":
        endings.pop()
    return ENDINGS.get(f".{endings[-1]}") if endings else None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file of links to read, unpacked if it ends in ``.gz``.

    :raises InputError: it can't be read.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix.lower() != ".gz":
                yield raw
                return
            with gzip.open(raw, "rb") as unpacked:
                yield cast(BinaryIO, unpacked)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", "Check the path") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is not a whole gzip file: {error}", "Fetch or pack it again") from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}", "Check the path") from error


def _tabular(file: BinaryIO, path: Path) -> Iterator[Pair]:
    for number, raw in enumerate(file, start=1):
        where = f"{path}, line {number}"
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"{where} is not UTF-8", "Save the file as UTF-8") from error
        if line.strip() and not line.startswith("#"):
            yield _pair(line, where)


def _pair(line: str, where: str) -> Pair:
    columns = line.split("\t")
    if len(columns) < 2:
        raise InputError(f"{where} has no tab: {short(line)}", _REMEDY)
    left, right = (_bare(column) for column in columns[:2])
    for value in (left, right):
        if ":" not in value:
            raise InputError(f"{where}: {short(value)} is no IRI", "Take out a heading, write IRIs in full")
    return left, right


def _bare(value: str) -> str:
    """Without the angle brackets that some tools put round an IRI."""
    return value[1:-1] if value.startswith("<") and value.endswith(">") else value


def _statements(file: BinaryIO, syntax: ox.RdfFormat, path: Path) -> Iterator[Pair]:
    try:
        yield from _same_as(ox.parse(file, format=syntax, lenient=True, base_iri="file:///"), path)
    except SyntaxError as error:
        raise InputError(f"{path}: {error.msg}", _REMEDY) from error


def _same_as(quads: Iterable[ox.Quad], path: Path) -> Iterator[Pair]:
    for quad in quads:
        if quad.predicate.value != OWL_SAME_AS:
            continue
        if not isinstance(quad.subject, ox.NamedNode) or not isinstance(quad.object, ox.NamedNode):
            raise InputError(f"{path}: {short(str(quad))} does not link two IRIs", _REMEDY)
        yield quad.subject.value, quad.object.value


def short(text: str) -> str:
    """A text of a file as it is shown in a message."""
    shown = text if len(text) <= 60 else text[:57] + "…"
    return repr(shown)
