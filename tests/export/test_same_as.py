from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given

from kgalign.errors import RunError
from kgalign.export import Written, write_links
from kgalign.records import Outcome
from tests.evaluate.small import alignment, profile
from tests.export.worlds import UNFIT, World, nasty, world, worlds

SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"


def pairs(of: World) -> list[tuple[str, str]]:
    return list(zip(of[0].entity_iri.to_pylist(), of[1].entity_iri.to_pylist(), strict=True))


def test_writes_sorted_same_as_statements(tmp_path: Path) -> None:
    left = profile(["http://l/1", "http://l/2"])
    right = profile(["http://r/1", "http://r/é"])
    linked = alignment(
        [(1, 0, 0.9, Outcome.MATCH), (0, 1, 1.0, Outcome.CONFIRMED), (0, 0, 0.4, Outcome.UNDECIDED)]
    )
    assert write_links(tmp_path / "links.nt", left, right, linked) == Written(links=2, left_out=0)
    assert (tmp_path / "links.nt").read_bytes().decode() == (
        f"<http://l/1> <{SAME_AS}> <http://r/é> .\n<http://l/2> <{SAME_AS}> <http://r/1> .\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["links.nt"]


def test_links_without_a_valid_iri_are_left_out_and_counted(tmp_path: Path) -> None:
    of = world(["http://l/1", *UNFIT], [f"http://r/{row}" for row in range(len(UNFIT) + 1)])
    assert write_links(tmp_path / "links.nt", *of[:3]) == Written(links=1, left_out=len(UNFIT))
    assert len(rdflib.Graph().parse(tmp_path / "links.nt")) == 1


def test_two_readers_find_what_was_written(tmp_path: Path) -> None:
    of = nasty()
    write_links(tmp_path / "links.nt", *of[:3])
    expected = set(pairs(of))
    text = (tmp_path / "links.nt").read_bytes()
    quads = ox.parse(text, format=ox.RdfFormat.N_TRIPLES, lenient=True)
    assert {(quad.subject.value, quad.object.value) for quad in quads} == expected
    graph = rdflib.Graph().parse(tmp_path / "links.nt")
    assert {(str(a), str(b)) for a, b in graph.subject_objects(rdflib.URIRef(SAME_AS))} == expected


@given(of=worlds())
def test_any_link_comes_back(tmp_path_factory: pytest.TempPathFactory, of: World) -> None:
    path = tmp_path_factory.mktemp("links") / "links.nt"
    assert write_links(path, *of[:3]) == Written(len(of[2]), 0)
    quads = ox.parse(path.read_bytes(), format=ox.RdfFormat.N_TRIPLES, lenient=True)
    assert sorted((quad.subject.value, quad.object.value) for quad in quads) == sorted(pairs(of))


def test_no_links_make_an_empty_file(tmp_path: Path) -> None:
    nothing = profile([]), profile([]), alignment([])
    assert write_links(tmp_path / "links.nt", *nothing) == Written(0, 0)
    assert (tmp_path / "links.nt").read_bytes() == b""


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    left, _, linked, _ = nasty()
    path = tmp_path / "links.nt"
    path.write_text("old")
    short = profile(["http://r/1"])
    with pytest.raises(IndexError):
        write_links(path, left, short, linked)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["links.nt"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such file or directory"):
        write_links(tmp_path / "none" / "links.nt", *nasty()[:3])
