"""Graphs that use one IRI for one thing: it is one node without a link, and no find."""

import csv
import json
from pathlib import Path

import pyoxigraph as ox
import pytest

import kgalign as library
from tests.commands import Kgalign
from tests.conftest import Pair, write_elements

SHARED = ("Neon", "Sodium", "Aluminium")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The elements, three of which both graphs call by one IRI, and so does the gold."""
    found = write_elements(tmp_path_factory.mktemp("shared") / "inputs")
    text, gold, links = found.right.read_text(encoding="utf8"), "", set()
    for left, right in sorted(found.links):
        name = left.rsplit("/", 1)[-1]
        new = left if name in SHARED else right
        text = text.replace(f"<{right}>", f"<{new}>")
        links.add((left, new))
        gold += f"{left}\t{new}\n"
    found.right.write_text(text, encoding="utf8")
    found.gold.write_text(gold, encoding="utf8")
    return Pair(found.left, found.right, found.gold, frozenset(links))


@pytest.fixture(scope="module")
def run(pair: Pair, kgalign: Kgalign) -> Path:
    folder = pair.left.parent.parent / "run"
    result = kgalign("run", pair.left, pair.right, "-o", folder, "--gold", pair.gold)
    assert result.returncode == 0, result.stderr
    (folder.parent / "told").write_text(result.stdout, encoding="utf8")
    return folder


def found(pair: Pair) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """The true links of two IRIs, and those of one."""
    same = {each for each in pair.links if each[0] == each[1]}
    return set(pair.links) - same, same


def test_the_run_counts_them_apart(pair: Pair, run: Path) -> None:
    two, same = found(pair)
    assert len(same) == len(SHARED)
    steps = json.loads((run / "run.json").read_text(encoding="utf8"))["steps"]
    decided = steps["assign"]["counts"]
    assert (decided["matches"], decided["same_iri"]) == (len(two), len(same))
    assert steps["links"]["counts"] == {"links": len(pair.links), "left_out": 0}
    told = (run.parent / "told").read_text(encoding="utf8")
    besides = f"besides {len(same)} with one IRI on both sides"
    assert f"Matches: {len(two)}, of which 0 were known; {besides}" in told


def test_files_of_links_hold_them(pair: Pair, run: Path, kgalign: Kgalign) -> None:
    """Who compares them with a gold that has such pairs finds them; the fused graph does not say them."""
    quads = list(ox.parse(path=str(run / "links.nt")))
    assert {(quad.subject.value, quad.object.value) for quad in quads} == pair.links
    lines = (run / "mappings.sssom.tsv").read_text(encoding="utf8").splitlines()
    rows = list(csv.DictReader([line for line in lines if not line.startswith("#")], delimiter="\t"))
    assert sum(row["subject_id"] == row["object_id"] for row in rows) == len(SHARED)
    assert (run / "alignment.rdf").read_text(encoding="utf8").count("<Cell>") == len(pair.links)
    fused = ox.parse(path=str(run / "fused.ttl"))
    assert not [quad for quad in fused if quad.subject == quad.object]
    told = json.loads(kgalign("eval", run, "--gold", pair.gold, "--closed", "--json").stdout)
    assert (told["scores"]["predicted"], told["scores"]["gold"]) == (len(pair.links), len(pair.links))


def test_a_known_link_of_one_iri_is_counted_apart_too(pair: Pair, tmp_path: Path, kgalign: Kgalign) -> None:
    two, same = found(pair)
    known = tmp_path / "known.tsv"
    known.write_text("".join(f"{a}\t{b}\n" for a, b in sorted(same)), encoding="utf8")
    told = kgalign("run", pair.left, pair.right, "-o", tmp_path / "run", "--known", known).stdout
    assert f"Matches: {len(two)}, of which 0 were known; besides {len(same)} with one IRI" in told


def test_a_graph_and_itself_have_nothing_to_find(pair: Pair) -> None:
    result = library.align(pair.left, pair.left)
    assert len(result) == 27
    assert "27 links (27 of them with one IRI on both sides)" in repr(result)
