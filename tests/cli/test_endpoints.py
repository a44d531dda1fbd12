"""SPARQL endpoints on the command line, against a real server in a process of its own."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from tests.commands import COMMAND, Kgalign
from tests.conftest import Pair, write_elements
from tests.rdf.sparql_server import serving

SERVER = """
import sys, rdflib, uvicorn
from rdflib_endpoint import SparqlEndpoint
graph = rdflib.Graph().parse(sys.argv[1])
uvicorn.run(SparqlEndpoint(graph=graph), host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_elements(tmp_path_factory.mktemp("endpoint"))


@pytest.fixture(scope="module")
def url(pair: Pair) -> Iterator[str]:
    """The address of an endpoint with the elements of the left side."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(pair.left), str(port)])
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait(process, address)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", address: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
    raise AssertionError("the server did not start")


def test_an_endpoint_is_aligned_as_its_file_is(
    pair: Pair, url: str, tmp_path: Path, kgalign: Kgalign
) -> None:
    done = kgalign("run", f"sparql:{url}", pair.right, "-o", tmp_path / "asked", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert kgalign("run", pair.left, pair.right, "-o", tmp_path / "read", "-q").returncode == 0
    for file in ("links.nt", "fused.ttl"):
        assert (tmp_path / "asked" / file).read_bytes() == (tmp_path / "read" / file).read_bytes()
    (page,) = json.loads((tmp_path / "asked" / "run.json").read_text(encoding="utf8"))["inputs"]["left"]
    assert page["origin"] == url
    assert page["asked"]
    again = kgalign("run", f"sparql:{url}", pair.right, "-o", tmp_path / "asked", "--refresh")
    assert "Nothing to do" in again.stdout


def test_a_plan_needs_no_folder_and_leaves_nothing(
    pair: Pair, url: str, tmp_path: Path, kgalign: Kgalign
) -> None:
    kept = kgalign("plan", f"sparql:{url}", pair.right, "-o", tmp_path / "kept", "-q", "--json")
    done = kgalign("plan", f"sparql:{url}", pair.right, "-q", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads(kept.stdout)
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


def test_a_profile_of_an_endpoint_by_a_query(url: str, tmp_path: Path, kgalign: Kgalign) -> None:
    query = tmp_path / "query.rq"
    query.write_text(
        "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o . FILTER(?p != <http://elements.example/v/symbol>) }"
    )
    done = kgalign("profile", f"sparql:{url}", "--query", query, "--full")
    assert done.returncode == 0, done.stderr
    assert "http://elements.example/v/number" in done.stdout
    assert "http://elements.example/v/symbol" not in done.stdout


def test_a_server_that_is_not_there_is_told_in_a_line(pair: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        source = f"sparql:http://127.0.0.1:{free.getsockname()[1]}/"
    done = kgalign("run", source, pair.right, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "can't be reached" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("http://e.example/sparql", "a SPARQL endpoint is asked as sparql:URL"),
        (
            "http://me:secret@e.example/sparql",
            "http://e.example/sparql is an address, and addresses are not read",
        ),
        ("sparql:http://me:secret@e.example/", "holds a user or a password"),
    ],
)
def test_addresses_are_asked_only_where_it_is_said(
    pair: Pair, tmp_path: Path, kgalign: Kgalign, source: str, said: str
) -> None:
    done = kgalign("run", pair.left, source, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert said in done.stderr
    assert "secret" not in done.stderr


def test_a_run_that_was_killed_asks_for_what_is_missing(pair: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    store = ox.Store()
    store.bulk_load(path=str(pair.left), format=ox.RdfFormat.TURTLE)
    config, out = tmp_path / "config.toml", tmp_path / "out"
    config.write_text("[sparql]\npage = 40\npause = 0\n", encoding="utf8")
    with serving(store) as server:
        words = ("run", server.source, str(pair.right), "-o", str(out), "--config", str(config), "-q")
        server.faults = ["", "hold"]
        with subprocess.Popen([*COMMAND, *words]) as process:
            while len(server.queries) < 2:
                assert process.poll() is None
                time.sleep(0.02)
            process.kill()
        server.released.set()
        asked = len(server.queries)
        assert kgalign(*words).returncode == 0
    offsets = [int(query.split()[-1]) for query in server.queries]
    assert offsets[:asked] == [0, 40]
    assert offsets[asked:] == [40, 80, 120, len(store)]
