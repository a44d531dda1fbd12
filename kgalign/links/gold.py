"""Pairs of IRIs that someone says are the same, in columns with tabs or in RDF: gold and known links."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import pyoxigraph as ox

from kgalign.errors import InputError
from kgalign.rdf.formats import ENDINGS

OWL_SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"
_REMEDY = "Give one pair a line, left IRI, tab, right IRI, or owl:sameAs statements in N-Triples or Turtle"

Pair = tuple[str, str]
T = TypeVar("T")


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
        if syntax is None:
            pairs = columns(lines_of(file, path), path)
        else:
            pairs = (pair for pair, _ in statements(file, syntax, path, {OWL_SAME_AS: True}))
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


def lines_of(file: BinaryIO, path: Path) -> Iterator[str]:
    """The lines of a text in UTF-8, with or without a mark of their order at its begin.

    :raises InputError: a line is not UTF-8; its number is in the message.
    """
    for number, raw in enumerate(file, start=1):
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}, line {number} is not UTF-8", "Save the file as UTF-8") from error


def columns(lines: Iterable[str], path: Path, remedy: str = _REMEDY) -> Iterator[Pair]:
    """Left IRI, tab, right IRI of each line; what stands in further columns is passed over.

    :param remedy: what the file should hold.
    :raises InputError: a line is no pair; its number is in the message.
    """
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if text.strip() and not text.startswith("#"):
            yield _pair(text, f"{path}, line {number}", remedy)


def _pair(line: str, where: str, remedy: str) -> Pair:
    cells = line.split("\t")
    if len(cells) < 2:
        raise InputError(f"{where} has no tab: {short(line)}", remedy)
    left, right = (bare(cell) for cell in cells[:2])
    for value in (left, right):
        if ":" not in value:
            raise InputError(f"{where}: {short(value)} is no IRI", "Take out a heading, write IRIs in full")
    return left, right


def bare(value: str) -> str:
    """An IRI without the angle brackets that some tools put round it."""
    return value[1:-1] if value.startswith("<") and value.endswith(">") else value


def statements(
    file: BinaryIO, syntax: ox.RdfFormat, path: Path, predicates: Mapping[str, T], remedy: str = _REMEDY
) -> Iterator[tuple[Pair, T]]:
    """The pairs that RDF links by some predicates, each with what its predicate stands for.

    :param predicates: IRI → what it stands for; all others are passed over.
    :param remedy: what the file should hold.
    :raises InputError: it can't be parsed, or such a statement does not link two IRIs.
    """
    try:
        for quad in ox.parse(file, format=syntax, lenient=True, base_iri="file:///"):
            if quad.predicate.value not in predicates:
                continue
            if not isinstance(quad.subject, ox.NamedNode) or not isinstance(quad.object, ox.NamedNode):
                raise InputError(f"{path}: {short(str(quad))} does not link two IRIs", remedy)
            yield (quad.subject.value, quad.object.value), predicates[quad.predicate.value]
    except SyntaxError as error:
        raise InputError(f"{path}: {error.msg}", remedy) from error


def short(text: str) -> str:
    """A text of a file as it is shown in a message."""
    shown = text if len(text) <= 60 else text[:57] + "…"
    return repr(shown)
