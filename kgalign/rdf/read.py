"""Reading RDF files into columns: each is parsed, or in parts elsewhere, and the columns are united."""

from collections.abc import Sequence
from pathlib import Path

from pyoxigraph import RdfFormat

from kgalign.base.cores import elsewhere
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import ReadConfig
from kgalign.config.limits import LimitsConfig
from kgalign.errors import InputError
from kgalign.rdf.columns import assemble
from kgalign.rdf.formats import expand, format_of, is_table
from kgalign.rdf.graph import Graph
from kgalign.rdf.languages import respell, spellings
from kgalign.rdf.parse import Parsed, read_file
from kgalign.rdf.pieces import read_in_pieces
from kgalign.rdf.tables import read_tables


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
    prefixes = [f"f{number}_" if len(files) > 1 else "" for number in range(len(files))]
    named = [each for each in zip(files, prefixes, strict=True) if not is_table(each[0])]
    found = _read_files(named, bounds, watch)
    tables = [file for file in files if is_table(file)]
    if tables:
        part = read_tables(tables, side, read, bounds, watch)
        found.append(Parsed(part, frozenset(part.terms.languages)))
    statements = sum(len(parsed.part.subject) for parsed in found)
    if not statements:
        return None
    spelling = spellings(tag for parsed in found for tag in parsed.tags)
    return assemble(
        [respell(parsed.part, spelling) for parsed in found],
        sources=[str(file) for file in files],
        statements_read=statements,
    )


def _read_files(files: Sequence[tuple[Path, str]], bounds: LimitsConfig, watch: Progress) -> list[Parsed]:
    """The statements of files, each with what is set before the labels of its blank nodes."""
    whole = read_in_pieces(files, bounds, watch) if files and elsewhere() else None
    if whole is not None:
        return [whole]
    found = []
    for file, prefix in files:
        with watch.task(f"read {file.name}", file.stat().st_size, "B") as task:
            found.append(read_file(file, prefix, bounds, task))
    return found


def _empty(files: Sequence[Path], side: str) -> InputError:
    named = ", ".join(str(file) for file in files[:3]) + (" …" if len(files) > 3 else "")
    which = f"the {side} graph" if side else "the graph"
    remedy = "Name a file that holds statements"
    if any(not is_table(file) and format_of(file) == RdfFormat.JSON_LD for file in files):
        remedy += "; JSON without an @context that maps its keys holds none"
    return InputError(f"{which} ({named}) holds no statements", remedy)
