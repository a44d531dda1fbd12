"""A run folder in Python: the same object, and the same answers as the command line gives."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import rdflib

import kgalign
from kgalign.api import Gold
from kgalign.llm.scripted import ScriptedSettings
from kgalign.llm.scripted.server import running
from kgalign.run import start
from tests.commands import call
from tests.conftest import Pair
from tests.llm_runs import runs

IRON, EISEN = "http://elements.example/Iron", "http://chemie.example/26"


@pytest.fixture
def run(elements: Pair, tmp_path: Path) -> Path:
    start.run(elements.left, elements.right, tmp_path / "run")
    return tmp_path / "run"


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_opened_run_is_what_align_gives(elements: Pair, run: Path, tmp_path: Path) -> None:
    before = _bytes(run)
    opened, found = kgalign.open(str(run)), kgalign.align(elements.left, elements.right)
    assert repr(opened) == repr(found)
    assert opened.to_arrow().equals(found.to_arrow())
    assert opened.links().equals(found.links().arrow)
    assert opened.undecided().equals(found.undecided().arrow)
    assert len(opened.links()) + len(opened.undecided()) == opened.to_arrow().num_rows
    assert opened.worklist().equals(found.worklist().arrow)
    assert opened.expected == found.expected
    assert opened.explain(IRON) == found.explain(IRON)
    assert opened.evaluate(elements.gold) == found.evaluate(elements.gold)
    assert opened.config == found.config
    assert opened.fused().write(tmp_path / "a.ttl") == found.fused().write(tmp_path / "b.ttl")
    assert (tmp_path / "a.ttl").read_bytes() == (tmp_path / "b.ttl").read_bytes()
    assert len(opened.votes()) == len(found.votes()) == 0
    assert _bytes(run) == before


def test_it_says_what_the_commands_say(elements: Pair, run: Path) -> None:
    opened = kgalign.open(run)
    told = call(["explain", run, IRON, EISEN, "--json"])
    assert json.loads(told.stdout) == json.loads(json.dumps(opened.explain(IRON, EISEN).to_dict()))
    told = call(["eval", run, "--gold", elements.gold, "--closed", "--json"])
    expected = json.loads(told.stdout)
    pairs = sorted(elements.links)
    choices: tuple[Gold, ...] = elements.gold, str(elements.gold), [elements.gold], pairs, elements.links
    for gold in choices:
        found = opened.evaluate(gold, closed=True)
        assert json.loads(json.dumps(found.to_dict())) == expected


def test_it_estimates_as_the_command_does(elements: Pair, run: Path) -> None:
    opened = kgalign.open(run)
    told = call(["estimate", run, "--labels", elements.gold, "--looks", "7", "--seed", "3", "--json"])
    found = opened.estimate(labels=elements.gold, looks=7, seed=3)
    assert json.loads(json.dumps(found.to_dict())) == json.loads(told.stdout)
    assert found.looks == 7
    assert opened.estimate(labels=sorted(elements.links), looks=7, seed=3) == found
    call(["decisions", "add", run, IRON, EISEN, "--different"])
    told = call(["estimate", run, "--precision", "0.8", "--confidence", "0.9", "--json"])
    found = opened.estimate(precision=0.8, confidence=0.9)
    assert json.loads(json.dumps(found.to_dict())) == json.loads(told.stdout)
    assert found.looks + found.outside == 1, "decisions of now count"
    aligned = kgalign.align(elements.left, elements.right)
    assert aligned.estimate().looks == 0, "where there is no run folder nobody has decided anything"


def test_undecided_pairs_and_votes_are_tables(tmp_path: Path) -> None:
    pair = runs.doubtful(tmp_path)
    with running(ScriptedSettings()) as server:
        runs.run(pair, tmp_path / "run", server.url)
    opened = kgalign.open(tmp_path / "run")
    votes = opened.votes()
    assert len(votes) > 20
    assert call(["votes", "export", tmp_path / "run", "--format", "csv", "-o", tmp_path / "v.csv"]).stdout
    assert len((tmp_path / "v.csv").read_bytes().split(b"\r\n")) == len(votes) + 2
    asked = votes.column("asker").to_pylist()[0]
    lines = [line for each in opened.explain(asked).pairs for line in each.lines]
    assert any(line.kind == "vote" and "not in the ledger" not in line.level for line in lines)
    precise = kgalign.align(pair.left, pair.right, {"assign": {"precision": 0.99}})
    assert 0 < len(precise.undecided()) == precise.to_arrow().num_rows - len(precise)
    assert {row["outcome"] for row in precise.to_arrow().to_pylist()} == {"match", "undecided"}


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}


def test_what_graphs_hold_is_no_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    sides = []
    for side in "ab":
        graph = rdflib.Graph()
        for number in range(12):
            node = rdflib.URIRef(f"http://{side}.example/{number}'onclick='x")
            label = rdflib.Literal(f"{evil} {number * 7919}")
            graph.add((node, rdflib.URIRef(f"http://{side}.example/&lt;b&gt;"), label))
            graph.add((node, rdflib.RDFS.label, label))
            graph.add((node, rdflib.RDF.type, rdflib.URIRef(f"http://{side}.example/Thing")))
        path = tmp_path / f"<i>{side}.nt"
        graph.serialize(path, format="nt", encoding="utf-8")
        sides.append(path)
    start.run(sides[0], sides[1], tmp_path / "<u>run")
    opened = kgalign.open(tmp_path / "<u>run")
    assert len(opened) == 12
    left = opened.links().column("left").to_pylist()[0]
    tables = {"div", "table", "thead", "tbody", "tr", "th", "td"}
    for shown in (opened, opened.links(), opened.explain(left), opened.worklist()):
        text = shown._repr_html_()
        seen = _Tags(text)
        charts = {"svg", "title", "desc", "text", "rect", "line", "path"} if shown is opened else set()
        assert seen.tags <= {"p", "b", "br", "small", *tables, *charts}
        assert charts or seen.names == {"style"}
        assert not any(name.startswith(("on", "href", "src")) for name in seen.names)
        assert charts <= seen.tags
        assert "&lt;" in text or shown is not opened.links()
    assert "&lt;script&gt;alert(1)" in opened.explain(left)._repr_html_()
    assert "&lt;u&gt;run" in opened._repr_html_()


def test_what_is_no_finished_run_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(kgalign.RunError, match="is not a run folder"):
        kgalign.open(tmp_path / "nothing")
    (tmp_path / "begun").mkdir()
    record = json.loads((run / "run.json").read_text(encoding="utf8"))
    del record["steps"]["assign"], record["digest"]
    (run / "run.json").write_text(json.dumps(record), encoding="utf8")
    with pytest.raises(kgalign.RunError, match="isn't finished"):
        kgalign.open(run)


def test_an_entity_that_is_none_is_told(run: Path) -> None:
    with pytest.raises(kgalign.InputError, match=r"http://elements\.example/Irn.*no entity"):
        kgalign.open(run).explain("http://elements.example/Irn")


def test_opening_reads_what_is_asked_for_alone(run: Path) -> None:
    code = (
        "import sys, kgalign; kgalign.open(sys.argv[1]).links()\n"
        "print(sorted({'kgalign.fusion', 'kgalign.retrieve', 'IPython', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, run], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
