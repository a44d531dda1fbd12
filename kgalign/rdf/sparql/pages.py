"""The pages of an endpoint: asked for one after the other, kept with digests, and not asked for twice.

A folder for each address and query holds ``fetched.json`` and the pages as N-Quads in canonical order: what
the server gave in another order is the same to the byte. A page that is not what was written is asked for
again, with all after it.
"""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kgalign.base.files import explained, remove, replacing, write_text
from kgalign.base.progress import NoProgress, Progress
from kgalign.config.limits import LimitsConfig
from kgalign.config.sparql import SparqlConfig
from kgalign.errors import InputError
from kgalign.rdf.graph import Graph, TermKind
from kgalign.rdf.read import read_graph_or_nothing
from kgalign.rdf.sparql.address import Endpoint, endpoint_of
from kgalign.rdf.sparql.asking import Answer, Failed, ask
from kgalign.rdf.write import write_nquads

log = logging.getLogger(__name__)

_FILE = "fetched.json"
_SMALLEST = 100
"""Rows of a page that is not made smaller."""
_REPEATED = 10
"""Pages of a query of one's own that may be alike."""
_LONGEST_WAIT = 300.0
"""Seconds that a server may ask to be left alone."""
_KEPT = "What was fetched is kept: the same command goes on from there"


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was fetched."""

    file: str
    sha256: str
    statements: int
    next: int
    """The offset of the page after it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What ``fetched.json`` holds."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    address: str
    query: str
    asked: str
    """When the first page was asked for, in UTC."""
    pages: tuple[Page, ...] = ()
    complete: bool = False


def pages_of(
    source: str,
    folder: Path,
    config: SparqlConfig,
    *,
    query: Path | None = None,
    limits: LimitsConfig | None = None,
    refresh: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """The files with what an endpoint holds; only what is not in the folder is asked for.

    :param source: ``sparql:URL``.
    :param folder: where pages are kept, in a folder for each address and query.
    :param query: a file with a CONSTRUCT query; None for all statements.
    :param limits: as for files.
    :param refresh: forget what was fetched before.
    :param progress: told the statements, page by page.
    :raises InputError: the address or the query can't be used, the endpoint can't be asked to the end, or has
        nothing.
    :raises RunError: the folder can't be written.
    """
    endpoint = endpoint_of(source, query)
    place = folder / hashlib.sha256(f"{endpoint.url}\n{endpoint.query}".encode()).hexdigest()[:16]
    with explained(place):
        if refresh:
            remove(place)
        place.mkdir(parents=True, exist_ok=True)
    fetched = _kept(place, endpoint)
    if not fetched.complete:
        with (progress or NoProgress()).task(f"ask {endpoint.host}", None, "statements") as task:
            fetcher = _Fetcher(endpoint, place, config, limits or LimitsConfig())
            while not fetched.complete:
                before = sum(page.statements for page in fetched.pages)
                fetched = fetcher.more(fetched)
                task.advance(sum(page.statements for page in fetched.pages) - before)
    if not fetched.pages:
        raise InputError(
            f"the SPARQL endpoint at {endpoint.host} has no statements for this query",
            "Check the address, the graph and the query",
        )
    return [place / Path(page.file).name for page in fetched.pages]


def origin_of(path: Path) -> tuple[str, str]:
    """Where and when a page was asked for; nothing for any other file."""
    record = path.parent / _FILE
    if not record.is_file():
        return "", ""
    fetched = _read(record)
    return (fetched.address, fetched.asked) if fetched else ("", "")


def _read(record: Path) -> Fetched | None:
    try:
        return TypeAdapter(Fetched).validate_json(record.read_bytes(), strict=True)
    except (OSError, ValidationError):
        return None


def _kept(place: Path, endpoint: Endpoint) -> Fetched:
    """What is in a folder already, as far as it is what was written."""
    found = _read(place / _FILE)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    # Where nothing was found there may be something by now.
    if not (found and found.pages) or (found.address, found.query) != (endpoint.url, endpoint.query):
        return Fetched(endpoint.url, endpoint.query, now)
    whole: list[Page] = []
    for page in found.pages:
        if not _is_whole(place, page):
            return Fetched(endpoint.url, endpoint.query, found.asked, tuple(whole))
        whole.append(page)
    return found


def _is_whole(place: Path, page: Page) -> bool:
    try:
        return hashlib.sha256((place / Path(page.file).name).read_bytes()).hexdigest() == page.sha256
    except OSError:
        return False


class _Fetcher:
    """Asks for pages, smaller ones where a server does not manage, and with pauses."""

    def __init__(self, endpoint: Endpoint, place: Path, config: SparqlConfig, limits: LimitsConfig) -> None:
        self._endpoint, self._place, self._config, self._limits = endpoint, place, config, limits
        self._size = config.page
        self._name = f"the SPARQL endpoint at {endpoint.host}"
        self._asked = False
        self._told = False

    def more(self, fetched: Fetched) -> Fetched:
        """What there is with the next page.

        :raises InputError: the endpoint can't be asked further.
        """
        offset = fetched.pages[-1].next if fetched.pages else 0
        size, graph = self._graph(offset)
        if graph is None:
            return self._noted(fetched, fetched.pages, complete=True)
        page = self._keep(len(fetched.pages), graph, offset, size)
        if self._repeats((*fetched.pages, page)):
            raise InputError(
                f"{self._name} gives the same page again and again: it does not follow OFFSET",
                "Download its data and give the file, or give a query with a LIMIT of its own",
            )
        pages = (*fetched.pages, page)
        if sum(each.statements for each in pages) > self._config.statements:
            raise InputError(
                f"{self._name} has more than {self._config.statements:,} statements",
                "Ask for less with a query, or allow more with sparql.statements",
            )
        if len(pages) > 1:
            self._check_blank_nodes(graph)
        # Who gives more than was asked for does not follow LIMIT: that is all there is.
        whole = not self._endpoint.paged or (self._endpoint.one_each and page.statements > size)
        return self._noted(fetched, pages, complete=whole)

    def _repeats(self, pages: Sequence[Page]) -> bool:
        """Whether the last pages are all the same, as they may be for a while with a query of one's own."""
        last = pages[-2 if self._endpoint.one_each else -_REPEATED :]
        enough = 2 if self._endpoint.one_each else _REPEATED
        return len(last) == enough and len({page.sha256 for page in last}) == 1

    def _graph(self, offset: int) -> tuple[int, Graph | None]:
        """The statements of the next page, None where there are none, and how many rows were asked for."""
        failures = 0
        while True:
            size = self._size
            if self._asked:
                time.sleep(self._config.pause)
            self._asked = True
            try:
                answer = ask(self._endpoint, self._endpoint.page(offset, size), self._config)
                return size, self._parsed(answer)
            except Failed as failed:
                failures += 1
                if failures > self._config.retries:
                    raise InputError(
                        f"{self._name} can't be asked further: {failed.reason}, {failures} times",
                        _KEPT,
                    ) from failed
                self._wait(failed, failures)
                if failed.smaller and self._endpoint.paged:
                    self._size = max(size // 2, min(_SMALLEST, size))

    def _wait(self, failed: Failed, failures: int) -> None:
        seconds = failed.after if failed.after is not None else self._config.pause * 2 ** (failures - 1)
        if seconds > _LONGEST_WAIT:
            raise InputError(
                f"{self._name} asks to come again in {seconds:,.0f} seconds",
                _KEPT,
            ) from failed
        log.info("%s: %s; asking again in %g seconds", self._endpoint.host, failed.reason, seconds)
        time.sleep(seconds)

    def _parsed(self, answer: Answer) -> Graph | None:
        """The statements of an answer, by way of the parser that files are read with."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"answer{answer.ending}"
            path.write_bytes(answer.body)
            try:
                return read_graph_or_nothing([path], limits=self._limits)
            except InputError as error:
                reason = error.message.replace(str(path), "its answer")
                if "end of file" in reason or "cut off" in error.remedy:
                    raise Failed(f"it broke off in its answer ({reason})", smaller=True) from error
                raise InputError(
                    f"{self._name} gives no RDF that can be read: {reason}",
                    _KEPT,
                ) from error

    def _keep(self, number: int, graph: Graph, offset: int, size: int) -> Page:
        path = self._place / f"page-{number:06}.nq"
        with replacing(path) as file, TemporaryDirectory() as folder:
            write_nquads(graph, Path(folder) / "page.nq")
            content = (Path(folder) / "page.nq").read_bytes()
            file.write(content)
        # A server may give fewer rows than it was asked for: what comes next begins after these.
        step = min(len(graph), size) if self._endpoint.one_each else size
        return Page(path.name, hashlib.sha256(content).hexdigest(), len(graph), offset + step)

    def _noted(self, fetched: Fetched, pages: tuple[Page, ...], *, complete: bool) -> Fetched:
        found = Fetched(fetched.address, fetched.query, fetched.asked, pages, complete)
        text = json.dumps(asdict(found), indent=1, ensure_ascii=False)
        write_text(self._place / _FILE, text + "\n")
        return found

    def _check_blank_nodes(self, graph: Graph) -> None:
        """Say once that blank nodes of several pages can't be known to be one."""
        if not self._told and (graph.terms.kind == TermKind.BLANK).any():
            self._told = True
            log.warning(
                "%s has blank nodes, and in each page they are others: ask for larger pages with "
                "sparql.page, or leave them out with a query",
                self._endpoint.host,
            )
