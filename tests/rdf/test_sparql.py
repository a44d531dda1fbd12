"""SPARQL endpoints as inputs: pages, faults, what is kept, and what is refused."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from kgalign.config import Config
from kgalign.errors import InputError
from kgalign.rdf import read_graph
from kgalign.rdf.remote import local_files, read_inputs
from tests.rdf.rows import rows
from tests.rdf.sparql_server import Endpoint, serving

COUNT = 25
GRAPH = "http://e/graph/one"


def _store() -> ox.Store:
    store = ox.Store()
    for number in range(COUNT):
        node, name = ox.NamedNode(f"http://e/{number}"), ox.Literal(f"thing {number}", language="en")
        store.add(ox.Quad(node, ox.NamedNode("http://e/name"), name))
    store.add(ox.Quad(node, ox.NamedNode("http://e/in"), node, ox.NamedNode(GRAPH)))
    return store


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with serving(_store()) as found:
        yield found


ALL = sorted((f"<http://e/{n}>", "<http://e/name>", f'"thing {n}"@en') for n in range(COUNT))


def _config(**sparql: Any) -> Config:  # noqa: ANN401 - settings
    return Config.model_validate({"sparql": {"page": 10, "pause": 0, "timeout": 5, "retries": 2} | sparql})


def _fetch(server: Endpoint, folder: Path, **sparql: Any) -> list[tuple[str, ...]]:  # noqa: ANN401 - settings
    pages = local_files([server.source], "left", folder, _config(**sparql))
    return sorted(rows(read_graph(pages)))


def _offsets(server: Endpoint) -> list[tuple[int, int]]:
    """Size and offset of the pages that were asked for."""
    words = [query.split() for query in server.queries]
    return [(int(each[each.index("LIMIT") + 1]), int(each[each.index("OFFSET") + 1])) for each in words]


def test_all_statements_come_in_pages_and_are_not_asked_for_twice(server: Endpoint, tmp_path: Path) -> None:
    assert _fetch(server, tmp_path) == ALL
    assert _offsets(server) == [(10, 0), (10, 10), (10, 20), (10, 25)]
    assert _fetch(server, tmp_path) == ALL
    assert len(server.queries) == 4
    (agent,) = server.agents
    assert agent.startswith("kgalign/")


def test_refreshing_asks_anew_and_gives_the_same_bytes(server: Endpoint, tmp_path: Path) -> None:
    pages = local_files([server.source], "left", tmp_path, _config())
    before = [Path(page).read_bytes() for page in pages]
    again = local_files([server.source], "left", tmp_path, _config(), refresh=True)
    assert [Path(page).read_bytes() for page in again] == before
    assert len(server.queries) == 8


@pytest.mark.parametrize("fault", ["500", "502", "503", "429", "cut", "torn", "slow"])
def test_a_page_that_failed_is_asked_for_again(server: Endpoint, tmp_path: Path, fault: str) -> None:
    server.faults = ["", fault, fault]
    assert _fetch(server, tmp_path, timeout=0.3 if fault == "slow" else 5) == ALL
    assert [offset for _, offset in _offsets(server)][:4] == [0, 10, 10, 10]


def test_pages_become_smaller_after_errors(server: Endpoint, tmp_path: Path) -> None:
    server.faults = ["500", "504"]
    assert _fetch(server, tmp_path, page=1000) == ALL
    assert [size for size, _ in _offsets(server)] == [1000, 500, 250, 250]


def test_a_server_that_gives_fewer_rows_than_asked_for_is_read_to_its_end(
    server: Endpoint, tmp_path: Path
) -> None:
    server.cap = 7
    assert _fetch(server, tmp_path) == ALL


def test_what_was_stopped_goes_on_where_it_was(server: Endpoint, tmp_path: Path) -> None:
    server.faults = ["", "", *["500"] * 3]
    with pytest.raises(
        InputError, match=r"can't be asked further: it answers with status 500, 3 times\. What was"
    ):
        _fetch(server, tmp_path)
    server.queries.clear()
    assert _fetch(server, tmp_path) == ALL
    assert [offset for _, offset in _offsets(server)] == [20, 25]


def test_a_damaged_page_is_asked_for_again(server: Endpoint, tmp_path: Path) -> None:
    pages = local_files([server.source], "left", tmp_path, _config())
    Path(pages[1]).write_bytes(Path(pages[1]).read_bytes()[:-9])
    server.queries.clear()
    assert _fetch(server, tmp_path) == ALL
    assert [offset for _, offset in _offsets(server)] == [10, 20, 25]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "answers with status 500, 3 times"),
        ("400", "answers with status 400: Rejected: try another query"),
        ("page", "answers with an HTML page where RDF was asked for"),
        ("garbage", "gives no RDF that can be read: its answer, line 1, column 1"),
        ("cut", "broke off in its answer"),
        ("torn", "broke off in its answer"),
        ("slow", "did not answer in 0.3 seconds, 3 times"),
        ("endless", "answers with more than 1 MB at once"),
        ("repeat", "gives the same page again and again: it does not follow OFFSET"),
        ("redirect", r"sends on to another: elsewhere\.example"),
    ],
)
def test_servers_that_fail_are_told_in_a_sentence(
    server: Endpoint, tmp_path: Path, fault: str, said: str
) -> None:
    server.always, server.other = fault, "http://elsewhere.example/sparql"
    with pytest.raises(InputError, match=said) as caught:
        _fetch(server, tmp_path, megabytes=1, timeout=0.3 if fault == "slow" else 5)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_redirects_within_a_host_are_followed(server: Endpoint, tmp_path: Path) -> None:
    server.faults, server.other = ["redirect"], "/other"
    assert _fetch(server, tmp_path) == ALL


def test_a_server_that_is_down_or_empty_is_told(tmp_path: Path) -> None:
    with serving(ox.Store()) as server:
        with pytest.raises(InputError, match="has no statements for this query"):
            _fetch(server, tmp_path)
        server.store.extend(_store())
        assert _fetch(server, tmp_path) == ALL, "what is there later is found"
        source = server.source
    with pytest.raises(InputError, match="can't be reached: connection refused"):
        local_files([source], "left", tmp_path / "other", _config())


def test_more_statements_than_the_limit_are_refused(server: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has more than 15 statements"):
        _fetch(server, tmp_path, statements=15)


def test_a_graph_can_be_named(server: Endpoint) -> None:
    graph = read_inputs([f"{server.source}?graph={GRAPH}&x=1"], "left", _config())
    assert rows(graph) == [("<http://e/24>", "<http://e/in>", "<http://e/24>")]
    assert graph.sources == (f"{server.source}?graph={GRAPH}&x=1",)


QUERY = "CONSTRUCT { ?s <http://e/label> ?n } WHERE { ?s <http://e/name> ?n }"


@pytest.mark.parametrize(
    ("query", "expected", "requests"),
    [
        (QUERY, COUNT, 4),
        (f"{QUERY} ORDER BY DESC(?s)", COUNT, 4),
        (f"{QUERY} ORDER BY ?s LIMIT 3", 3, 1),
        (f"{QUERY} VALUES ?s {{ <http://e/1> }}", 1, 1),
        ("# all\nCONSTRUCT WHERE { ?s <http://e/name> ?o }", COUNT, 4),
    ],
    ids=["plain", "ordered", "limited", "values", "short"],
)
def test_a_query_of_ones_own_is_cut_into_pages_where_it_can_be(
    server: Endpoint, tmp_path: Path, query: str, expected: int, requests: int
) -> None:
    path = tmp_path / "query.rq"
    path.write_text(query, encoding="utf8")
    assert len(_fetch(server, tmp_path, left_query=str(path))) == expected
    assert len(server.queries) == requests


def test_a_long_query_is_posted(server: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "query.rq"
    path.write_text(f"# {'long ' * 1000}\n{QUERY}", encoding="utf8")
    assert len(_fetch(server, tmp_path, left_query=str(path))) == COUNT


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * { ?s ?p ?o }", "is no CONSTRUCT query"),
        ("CONSTRUCT { ?s ?p", "is no SPARQL"),
        ("DROP ALL", "is no SPARQL"),
        (None, "can't be read"),
    ],
)
def test_queries_that_can_not_be_put_are_told(
    server: Endpoint, tmp_path: Path, query: str | None, said: str
) -> None:
    path = tmp_path / "query.rq"
    if query is not None:
        path.write_text(query, encoding="utf8")
    with pytest.raises(InputError, match=said):
        _fetch(server, tmp_path, left_query=str(path))
    assert server.queries == []


@pytest.mark.parametrize(
    "address",
    [
        *("ftp://e/sparql", "file:///etc/passwd", "e/sparql", "http://", "http://e:x/", "http://e/a b"),
        *("http://me:secret@e/sparql", "http://e/sparql?query=x", "http://e/?graph=not+an+iri"),
    ],
)
def test_addresses_that_are_none_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError) as caught:
        local_files([f"sparql:{address}"], "left", tmp_path, _config())
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_blank_nodes_of_several_pages_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = ox.Store()
    for number in range(COUNT):
        store.add(ox.Quad(ox.BlankNode(), ox.NamedNode("http://e/n"), ox.Literal(str(number))))
    with serving(store) as server, caplog.at_level(logging.WARNING, "kgalign"):
        _fetch(server, tmp_path)
    (message,) = caplog.messages
    assert "has blank nodes, and in each page they are others" in message


def test_what_is_recorded_says_where_and_when(server: Endpoint, tmp_path: Path) -> None:
    _fetch(server, tmp_path)
    (file,) = tmp_path.glob("sparql/*/fetched.json")
    record = json.loads(file.read_text(encoding="utf8"))
    assert record["address"] == server.source.removeprefix("sparql:")
    assert record["complete"]
    assert [page["statements"] for page in record["pages"]] == [10, 10, 5]
    assert record["asked"].endswith("+00:00")
