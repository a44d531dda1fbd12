"""What is asked, and where: ``sparql:URL`` with a named graph or a query."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyoxigraph as ox

from kgalign.errors import InputError
from kgalign.rdf.text import shorten

PREFIX = "sparql:"
_VARIABLE = re.compile(r"[?$](\w+)")
_REMEDY = "Write sparql:https://HOST/PATH, and where it is wanted ?graph=IRI after it"


def is_endpoint(source: str | Path) -> bool:
    """Whether an input is a SPARQL endpoint and not a file."""
    return isinstance(source, str) and source.startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint and the query that is put to it."""

    url: str
    query: str
    """A CONSTRUCT query without LIMIT and OFFSET, unless it is not to be cut into pages."""
    paged: bool = True
    one_each: bool = True
    """Whether each solution is one statement, so that statements tell where the next page begins."""

    @property
    def host(self) -> str:
        """Its host, for messages."""
        return urlsplit(self.url).netloc

    def page(self, offset: int, size: int) -> str:
        """The query for a page."""
        return f"{self.query}\nLIMIT {size} OFFSET {offset}" if self.paged else self.query


def endpoint_of(source: str, query: Path | None) -> Endpoint:
    """The endpoint that an input names.

    :param query: a file with a CONSTRUCT query; None for all statements.
    :raises InputError: the address is none of HTTP, holds a user or a password, or the query can't be used.
    """
    url, graph = _address(source.removeprefix(PREFIX))
    if query is None:
        pattern = f"GRAPH <{graph}> {{ ?s ?p ?o }}" if graph else "?s ?p ?o"
        return Endpoint(url, f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {pattern} }}\nORDER BY ?s ?p ?o")
    if graph:
        raise InputError(
            f"{shorten(source)} names a graph, and there is a query besides", "Name the graph in the query"
        )
    return _queried(url, query)


def _address(text: str) -> tuple[str, str]:
    """The address without the parameter ``graph``, and what that is."""
    try:
        parts = urlsplit(text)
        usable = parts.port is None or parts.port > 0
    except ValueError:
        raise InputError("the address of a SPARQL endpoint can't be read", _REMEDY) from None
    if "@" in parts.netloc:  # not shown: it may be a password
        raise InputError(
            f"the address of the SPARQL endpoint at {parts.hostname} holds a user or a password, "
            "and these are neither sent nor kept",
            "Ask an endpoint that is open, or give a file",
        )
    printable = text.isprintable() and " " not in text
    if not (parts.scheme in ("http", "https") and parts.hostname and usable and printable):
        raise InputError(f"'{shorten(text)}' is no address of a SPARQL endpoint", _REMEDY)
    given = parse_qsl(parts.query, keep_blank_values=True)
    graphs = [value for name, value in given if name == "graph"]
    if len(graphs) > 1 or any(name in ("query", "update") for name, _ in given):
        raise InputError(f"'{shorten(text)}' holds a query, or several graphs", "Give the query in a file")
    if graphs:
        try:
            ox.NamedNode(graphs[0])
        except ValueError as error:
            raise InputError(f"'{shorten(graphs[0])}' is no IRI of a graph: {error}", _REMEDY) from error
    rest = urlencode([pair for pair in given if pair[0] != "graph"])
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", rest, "")), "".join(graphs)


def _queried(url: str, path: Path) -> Endpoint:
    """The endpoint with a query of one's own.

    :raises InputError: the file can't be read, or holds no CONSTRUCT query.
    """
    from rdflib.plugins.sparql import prepareQuery

    try:
        text = path.read_text(encoding="utf-8-sig").strip()
        algebra = prepareQuery(text).algebra
    except OSError as error:
        raise InputError(
            f"the query {path} can't be read: {error.strerror or error}", "Check the path"
        ) from error
    except Exception as error:
        told = shorten(str(error).partition("\n")[0])
        raise InputError(f"the query {path} is no SPARQL: {told}", "Correct it there") from error
    if algebra.name != "ConstructQuery":
        raise InputError(f"the query {path} is no CONSTRUCT query", "Write CONSTRUCT { … } WHERE { … }")
    own = _modifiers(algebra.p)
    if "Slice" in own:
        return Endpoint(url, text, paged=False)
    names = sorted(set(_VARIABLE.findall(str(algebra.template or text))))
    names = sorted(_template_variables(algebra.template)) if algebra.template else names
    order = "" if "OrderBy" in own or not names else "\nORDER BY " + " ".join(f"?{name}" for name in names)
    made = Endpoint(url, text + order, one_each=False)
    try:
        prepareQuery(made.page(0, 1))
    except Exception:  # noqa: BLE001 - as above: what stands at its end lets nothing follow
        return Endpoint(url, text, paged=False)
    return made


def _modifiers(pattern: object) -> set[str]:
    """What stands around the pattern of a query: Slice, OrderBy and the like."""
    found = set()
    while (name := getattr(pattern, "name", None)) in ("Slice", "Distinct", "Reduced", "Project", "OrderBy"):
        found.add(str(name))
        pattern = pattern["p"]  # type: ignore[index]
    return found


def _template_variables(template: list[tuple[object, ...]]) -> set[str]:
    from rdflib import Variable

    return {str(term) for triple in template for term in triple if isinstance(term, Variable)}
