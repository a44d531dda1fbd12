"""Inputs among which endpoints may be, as files and as a graph."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kgalign.base.progress import Progress
from kgalign.config import Config
from kgalign.rdf.graph import Graph
from kgalign.rdf.read import read_graph
from kgalign.rdf.sparql.address import is_endpoint
from kgalign.rdf.sparql.pages import pages_of


def with_pages(
    sources: Sequence[str | Path],
    side: str,
    folder: Path,
    config: Config,
    *,
    refresh: bool = False,
    progress: Progress | None = None,
) -> list[str | Path]:
    """The same inputs with the pages of each endpoint in its place.

    :param folder: where pages are kept; only what is not there is asked for.
    :param refresh: ask for all of it anew.
    :raises InputError: an endpoint can't be asked, or has nothing.
    :raises RunError: the folder can't be written.
    """
    query = config.sparql.query(side)
    found: list[str | Path] = []
    for source in sources:
        if not (isinstance(source, str) and is_endpoint(source)):
            found.append(source)
            continue
        found += pages_of(
            source,
            folder,
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
    """Files and endpoints as one graph; nothing that was fetched is kept.

    :raises InputError: as :func:`kgalign.rdf.read_graph`, or an endpoint can't be asked.
    """
    with TemporaryDirectory() as folder:
        files = with_pages(sources, side, Path(folder), config, progress=progress)
        graph = read_graph(files, side=side, progress=progress, limits=config.limits, read=config.read)
    if any(is_endpoint(source) for source in sources):
        graph = replace(graph, sources=tuple(str(source) for source in sources))
    return graph
