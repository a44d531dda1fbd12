"""Inputs that lie elsewhere, SPARQL endpoints and object stores, as files and as a graph."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kgalign.base.addresses import is_address
from kgalign.base.progress import Progress
from kgalign.config import Config
from kgalign.rdf import objects, sparql
from kgalign.rdf.graph import Graph
from kgalign.rdf.read import read_graph


def is_remote(source: str | Path) -> bool:
    """Whether an input is fetched before it is read."""
    return sparql.is_endpoint(source) or is_address(source)


def origin_of(path: Path) -> tuple[str, str]:
    """The address that a file was fetched from, and when; nothing for any other file."""
    page = sparql.origin_of(path)
    return page if page[0] else objects.origin_of(path)


def local_files(
    sources: Sequence[str | Path],
    side: str,
    folder: Path,
    config: Config,
    *,
    refresh: bool = False,
    progress: Progress | None = None,
) -> list[str | Path]:
    """The same inputs with files of a folder in the place of what lies elsewhere.

    :param folder: where what was fetched is kept; only what is not there is fetched.
    :param refresh: fetch all of it anew.
    :raises InputError: something can't be fetched, or holds nothing.
    :raises RunError: the folder can't be written.
    """
    query = config.sparql.query(side)
    found: list[str | Path] = []
    for source in sources:
        if not (isinstance(source, str) and is_remote(source)):
            found.append(source)
        elif is_address(source):
            found += objects.copies_of(source, folder / "objects", refresh=refresh, progress=progress)
        else:
            found += sparql.pages_of(
                source,
                folder / "sparql",
                config.sparql,
                query=Path(query) if query else None,
                limits=config.limits,
                refresh=refresh,
                progress=progress,
            )
    return found


def read_inputs(
    sources: Sequence[str | Path], side: str, config: Config, progress: Progress | None = None
) -> Graph:
    """Files, endpoints and objects as one graph; nothing that was fetched is kept.

    :raises InputError: as :func:`kgalign.rdf.read_graph`, or something can't be fetched.
    """
    with TemporaryDirectory() as folder:
        files = local_files(sources, side, Path(folder), config, progress=progress)
        graph = read_graph(files, side=side, progress=progress, limits=config.limits, read=config.read)
    if any(is_remote(source) for source in sources):
        graph = replace(graph, sources=tuple(str(source) for source in sources))
    return graph
