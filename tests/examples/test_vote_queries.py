"""The queries in examples/votes answer what they say, in rdflib and in pyoxigraph alike."""

import shutil
from pathlib import Path

import pyoxigraph
import pytest
import rdflib

from kgalign.ledger import FILE, Ledger
from kgalign.ledger.export import export
from tests.examples.queries import Row, assert_described, by_pyoxigraph, by_rdflib
from tests.ledger.small_ledger import BERLIN, PARIS, R1, R2, R3, R4, ROME, write

FOLDER = Path(__file__).parents[2] / "examples" / "votes"
QUERIES = sorted(FOLDER.glob("*.rq"))
NONE = "https://w3id.org/kgalign#NoneOfThem"
MODEL = "model/1 [b]"


@pytest.fixture(scope="module")
def turtle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("votes"))
    with Ledger.open(folder / FILE, write=False) as ledger:
        export(ledger, folder / "votes.ttl", "ttl")
    return folder / "votes.ttl"


@pytest.fixture(scope="module")
def judgings(turtle: Path) -> list[str]:
    with Ledger.open(turtle.parent / FILE, write=False) as ledger:
        return [each.name for each in ledger.judgings()]


@pytest.fixture(scope="module")
def graph(turtle: Path) -> rdflib.Graph:
    return rdflib.Graph().parse(turtle)


@pytest.fixture(scope="module")
def store(turtle: Path) -> pyoxigraph.Store:
    store = pyoxigraph.Store()
    store.bulk_load(path=turtle, format=pyoxigraph.RdfFormat.TURTLE)
    return store


def answers(graph: rdflib.Graph, name: str) -> list[Row]:
    return by_rdflib(graph, (FOLDER / f"{name}.rq").read_text(encoding="utf8"))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_two_engines_give_the_same_answer(path: Path, graph: rdflib.Graph, store: pyoxigraph.Store) -> None:
    query = path.read_text(encoding="utf8")
    found = by_rdflib(graph, query)
    assert found
    assert found == by_pyoxigraph(store, query)


def test_every_query_says_what_it_answers_and_is_in_the_readme() -> None:
    assert len(QUERIES) >= 5
    assert_described(FOLDER)


def test_the_programs_in_the_readme_run(
    turtle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = (FOLDER / "README.md").read_text(encoding="utf8").split("```python\n")[1:]
    shutil.copy(FOLDER / "flips.rq", turtle.parent)
    monkeypatch.chdir(turtle.parent)
    assert len(blocks) == 2
    for block in blocks:
        exec(block.split("```")[0], {})
        assert capsys.readouterr().out.count(PARIS) == 2


def test_flips(graph: rdflib.Graph, judgings: list[str]) -> None:
    assert answers(graph, "flips") == [
        (judgings[1], PARIS, R2, "1", "2"),
        (judgings[1], PARIS, R3, "1", "1"),
    ]


def test_invented_citations(graph: rdflib.Graph) -> None:
    assert answers(graph, "invented") == [(MODEL, "select-1", ROME, "2", "a river \x1b[31m[red]")]


def test_decisions_against_the_evidence(graph: rdflib.Graph) -> None:
    hostile, rome, older = answers(graph, "against-evidence")
    assert older == (BERLIN, R1, "0.6", R2, "0.8", "1", "1")
    assert hostile[4:] == ("0.95", "2", "2")
    assert rome == (ROME, R4, "0.6", NONE, "0.9", "2", "2")


def test_positions(graph: rdflib.Graph) -> None:
    assert answers(graph, "positions") == [
        (MODEL, "2", "0", "2"),
        (MODEL, "2", "1", "5"),
        (MODEL, "2", "2", "2"),
        ("small model", "2", "2", "1"),
    ]


def test_cost(graph: rdflib.Graph, judgings: list[str]) -> None:
    found = {(row[0], row[1]): row[2:] for row in answers(graph, "cost")}
    assert found[judgings[1], PARIS] == ("3", "240", "60", "1.5")
    assert found[judgings[0], BERLIN] == ("1", "80", "20", "0.5")
    # Berlin alone and the pair that it has a case of its own with.
    assert found[judgings[1], BERLIN] == ("5", "400", "100", "2.5")


def test_statuses(graph: rdflib.Graph) -> None:
    found = {row[:3]: row[3] for row in answers(graph, "statuses")}
    assert found[MODEL, "select-1", "Ok"] == "9"
    assert {row[2] for row in found} == {"Ok", "NotOffered", "Invented", "CutOff", "Unreadable", "Unanswered"}


def test_what_two_judgings_settled_differently(graph: rdflib.Graph, judgings: list[str]) -> None:
    (row,) = answers(graph, "changed")
    chose = {judgings[0]: R2, judgings[1]: R1}
    one, other = sorted(judgings)
    assert row == (BERLIN, one, chose[one], other, chose[other])


def test_the_story_of_one_entity(graph: rdflib.Graph, judgings: list[str]) -> None:
    found = [row for row in answers(graph, "story") if row[0] == judgings[1] and row[1] == "2"]
    assert [row[5:11] for row in found] == [
        ("0", "none", NONE, "0.1", "false", "Ok"),
        ("1", "A", R2, "0.1", "false", "Ok"),
        ("2", "B", R1, "0.8", "true", "Ok"),
    ]
    assert {row[11] for row in found} == {"=cmd|' /C calc'!A0"}
