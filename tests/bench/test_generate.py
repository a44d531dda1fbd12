import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.codes import PROPERTIES, generate_codes
from bench.generate import PARTNERED, generate
from kgalign.config import SelectConfig
from kgalign.evaluate import read_pairs
from kgalign.rdf import read_graph
from kgalign.select import select


@pytest.mark.parametrize("made", [generate, generate_codes])
def test_the_same_seed_gives_the_same_bytes(made: Callable[[Path, int, int], int], tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        made(tmp_path / name, 60, seed)
    for file in ("left.nt.gz", "right.nt.gz", "gold.tsv.gz"):
        first, second, other = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert first == second
        assert file == "gold.tsv.gz" or first != other


def test_every_entity_is_one_and_most_have_a_partner(tmp_path: Path) -> None:
    size = 300
    statements = generate(tmp_path, size)
    graphs = [read_graph([tmp_path / f"{side}.nt.gz"]) for side in ("left", "right")]
    assert statements == sum(graph.statements_read for graph in graphs)
    assert statements / (2 * size) == pytest.approx(5, abs=0.5)
    gold = read_pairs(tmp_path / "gold.tsv.gz")
    assert len(gold) / size == pytest.approx(PARTNERED, abs=0.03)
    for side, graph in enumerate(graphs):
        iris = set(select(graph, SelectConfig()).entity_iri.to_pylist())
        assert len(iris) == size
        assert {pair[side] for pair in gold} <= iris


def test_names_are_skewed(tmp_path: Path) -> None:
    generate(tmp_path, 2000)
    with gzip.open(tmp_path / "left.nt.gz", "rt", encoding="utf8") as file:
        families = [line.split('"')[1].split()[-1] for line in file if '"@en' in line and "/person/" in line]
    counts = sorted((families.count(name) for name in set(families)), reverse=True)
    assert counts[0] > 10 * (sum(counts) / len(counts))


def test_codes_are_all_different_but_for_those_of_partners(tmp_path: Path) -> None:
    size = 500
    assert generate_codes(tmp_path, size) == 2 * PROPERTIES * size
    left, right = (
        set(gzip.decompress((tmp_path / f"{side}.nt.gz").read_bytes()).decode().split('"')[1::2])
        for side in ("left", "right")
    )
    assert len(left) == len(right) == PROPERTIES * size
    assert len(left & right) / len(left) == pytest.approx(0.9, abs=0.03)
    assert len(read_pairs(tmp_path / "gold.tsv.gz")) == size
