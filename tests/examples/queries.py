"""Queries of the examples, asked in two engines."""

from pathlib import Path

import pyoxigraph as ox
import rdflib

Row = tuple[str | None, ...]


def by_rdflib(graph: rdflib.Graph, query: str) -> list[Row]:
    """The rows that rdflib finds, in its order."""
    rows: list[Row] = []
    for row in graph.query(query):
        terms: list[object] = list(row) if isinstance(row, rdflib.query.ResultRow) else []
        rows.append(tuple(None if each is None else plain(str(each)) for each in terms))
    return rows


def by_pyoxigraph(store: ox.Store, query: str) -> list[Row]:
    """The rows that pyoxigraph finds, in its order."""
    found = store.query(query)
    assert isinstance(found, ox.QuerySolutions)
    names = found.variables
    return [tuple(None if row[name] is None else plain(row[name].value) for name in names) for row in found]


def plain(text: str) -> str:
    """A number as one engine and the other spell it."""
    try:
        return f"{float(text):.9g}"
    except ValueError:
        return text


def assert_described(folder: Path) -> None:
    """Every query says what it answers, and is in the folder's README."""
    readme = (folder / "README.md").read_text(encoding="utf8")
    for path in sorted(folder.glob("*.rq")):
        assert path.read_text(encoding="utf8").startswith("# ")
        assert f"`{path.name}`" in readme
