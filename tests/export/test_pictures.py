from pathlib import Path

import networkx as nx
import pytest

from kgalign.errors import InputError
from kgalign.export.pictures import Drawn, write_graphml
from kgalign.export.rows import Pairs, linked
from kgalign.records import Outcome, Profile
from tests.evaluate.small import alignment, profile
from tests.export.worlds import nasty

NEAR = "http://v.example/near"


def scene() -> tuple[Profile, Profile, Pairs]:
    """l0 = r0, l1 = r1, l2 ? r2; l0 near l1, r0 near r3, l4 alone."""
    left = profile([f"http://l/{n}" for n in range(5)], edges=[(0, NEAR, 1)])
    right = profile([f"http://r/{n}" for n in range(4)], edges=[(0, f"{NEAR}#by", 3)])
    decided = alignment(
        [(0, 0, 0.9, Outcome.MATCH), (1, 1, 1.0, Outcome.CONFIRMED), (2, 2, 0.4, Outcome.UNDECIDED)]
    )
    return left, right, linked(decided, undecided=True)


def drawn(path: Path, around: str | None = None, limit: int = 300) -> tuple[Drawn, "nx.MultiDiGraph"]:
    written = write_graphml(path, *scene(), around=around, limit=limit)
    return written, nx.read_graphml(path)


def iris(picture: "nx.MultiDiGraph") -> set[str]:
    return {data["iri"] for _, data in picture.nodes(data=True)}


def test_links_and_their_neighbours_are_drawn(tmp_path: Path) -> None:
    written, picture = drawn(tmp_path / "a.graphml")
    assert written == Drawn(entities=7, links=3, relations=2, left_out=0)
    assert iris(picture) == {*(f"http://l/{n}" for n in range(3)), *(f"http://r/{n}" for n in range(4))}
    edges = {
        (picture.nodes[a]["iri"], picture.nodes[b]["iri"]): data for a, b, data in picture.edges(data=True)
    }
    link = edges["http://l/0", "http://r/0"]
    assert (link["kind"], link["outcome"], link["probability"]) == ("link", "match", pytest.approx(0.9))
    assert edges["http://l/2", "http://r/2"]["outcome"] == "undecided"
    relation = edges["http://r/0", "http://r/3"]
    assert (relation["kind"], relation["label"], relation["iri"]) == ("relation", "by", f"{NEAR}#by")


@pytest.mark.parametrize("iri", ["http://l/1", "<http://l/1>"])
def test_around_an_entity_are_partners_neighbours_and_their_partners(tmp_path: Path, iri: str) -> None:
    _, picture = drawn(tmp_path / "a.graphml", around=iri)
    assert iris(picture) == {"http://l/0", "http://l/1", "http://r/0", "http://r/1"}


def test_a_limit_keeps_pairs_first_and_says_what_is_left_out(tmp_path: Path) -> None:
    written, picture = drawn(tmp_path / "a.graphml", limit=4)
    assert iris(picture) == {"http://l/0", "http://r/0", "http://l/1", "http://r/3"}
    assert written == Drawn(entities=4, links=1, relations=2, left_out=3)


def test_an_entity_that_is_not_there_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no entity of either side\. The nearest are .*http://l/1"):
        drawn(tmp_path / "a.graphml", around="http://l/11")
    assert list(tmp_path.iterdir()) == []


def test_names_that_xml_cannot_hold_and_names_that_look_like_it_come_through(tmp_path: Path) -> None:
    left, right, decided, _ = nasty()
    write_graphml(tmp_path / "a.graphml", left, right, linked(decided))
    picture = nx.read_graphml(tmp_path / "a.graphml")
    labels = {data["label"] for _, data in picture.nodes(data=True)}
    assert {"<b>not bold</b> &amp; [red]not red[/red]", "nul byte [31m", "🦆 emoji"} <= labels
    assert len(picture) == 2 * len(decided)


def test_one_iri_on_both_sides_is_two_nodes_and_a_link(tmp_path: Path) -> None:
    side, decided = profile(["http://l/0"]), alignment([(0, 0, 1.0, Outcome.MATCH)])
    write_graphml(tmp_path / "a.graphml", side, side, linked(decided), around="http://l/0")
    picture = nx.read_graphml(tmp_path / "a.graphml")
    assert sorted(data["side"] for _, data in picture.nodes(data=True)) == ["left", "right"]
    assert picture.number_of_edges() == 1
