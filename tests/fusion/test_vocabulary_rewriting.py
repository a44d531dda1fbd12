"""Statements in one vocabulary, by what corresponds."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kgalign.base import store
from kgalign.config.fusion import FuseConfig
from kgalign.fusion import fuse
from kgalign.fusion.vocabulary import rewriting
from kgalign.rdf import Graph, read_graph
from kgalign.records.fused import Fusion, fused_graph
from kgalign.records.vocabularies import ClassMatch, Conversion, PropertyMatch, Vocabularies
from kgalign.values import ValueKind
from tests.matched_properties import matched
from tests.rdf.rows import texts

E = "http://example.org/"
PREFIXES = f"@prefix : <{E}> .\n"
LEFT = ':a a :Town ; :name "A" ; :has :x ; :km 2 ; :old 1 .'
RIGHT = ':b a :City ; :title "B", "A" ; :in :x, "X" ; :miles 1 . :x :in :b .'


def graph(path: Path, text: str) -> Graph:
    path.write_text(PREFIXES + text, encoding="utf-8")
    return read_graph(path)


def match(left: str, right: str) -> PropertyMatch:
    """A correspondence that is acted on."""
    return matched(E + left, E + right, kind=ValueKind.TEXT)


NAMES = match("name", "title")
INVERSE = replace(match("has", "in"), inverse=True)
MILES = replace(match("km", "miles"), conversion=Conversion(0.62, 0.0, "kilometres → miles"))
TOWNS = ClassMatch(E + "Town", E + "City", "exact", 1.0, 50, 1.0, 1.0, True)
ALL = Vocabularies((NAMES, INVERSE, MILES), (TOWNS,))


def fused(folder: Path, found: Vocabularies, vocabulary: str, left: str = LEFT, right: str = RIGHT) -> Fusion:
    sides = graph(folder / "l.ttl", left), graph(folder / "r.ttl", right)
    a, b = (texts(side).index(f"<{E}{name}>") for side, name in zip(sides, "ab", strict=True))
    config = FuseConfig.model_validate({"policy": "PassItOn", "identity": "none", "vocabulary": vocabulary})
    return fuse(*sides, [a], [b], config, found)


def statements(fusion: Fusion) -> set[str]:
    """Subject, property and object by their local names, of the fused graph."""
    result = fused_graph(fusion)
    names = [text.removeprefix(E).rpartition("#")[2] for text in result.terms.value.to_pylist()]
    rows = zip(result.subject, result.predicate, result.object, strict=True)
    return {" ".join(names[term] for term in row) for row in rows}


@pytest.mark.parametrize("rows", [1, 2])
def test_however_many_statements_are_renamed_at_a_time_all_is_the_same(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    for name, most in (("whole", rewriting._ROWS), ("cut", rows)):
        monkeypatch.setattr(rewriting, "_ROWS", most)
        store.save(tmp_path / name, fused(tmp_path, ALL, "left"))
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        kept.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert kept[0] == kept[1]


def test_all_is_said_in_the_left_vocabulary(tmp_path: Path) -> None:
    assert statements(fused(tmp_path, ALL, "left")) == {
        *("a type Town", "a name A", "a name B", "a has x", "a km 2", "a old 1"),
        # A unit of its own, a literal that can't be turned round, and what could.
        *("a miles 1", "a in X", "x has a"),
    }


def test_all_is_said_in_the_right_vocabulary(tmp_path: Path) -> None:
    assert statements(fused(tmp_path, ALL, "right")) == {
        *("a type City", "a title A", "a title B", "x in a", "a km 2", "a old 1"),
        *("a miles 1", "a in X", "a in x"),
    }


def test_both_vocabularies(tmp_path: Path) -> None:
    got = statements(fused(tmp_path, ALL, "both"))
    assert {"a type Town", "a type City", "a name A", "a title A", "a title B", "a has x"} <= got


def test_a_user_that_maps_another_unit_gets_no_wrong_number(tmp_path: Path) -> None:
    given = Vocabularies((replace(MILES, given=True),))
    assert {"a miles 1", "a km 2"} <= statements(fused(tmp_path, given, "left"))


def test_each_statement_knows_its_name_at_home(tmp_path: Path) -> None:
    fusion = fused(tmp_path, ALL, "left")
    told: Iterator[tuple[str, str, bool]] = (
        (fusion.text(said).removeprefix(E), fusion.text(now).removeprefix(E), bool(turned))
        for said, now, turned in zip(fusion.said, fusion.property, fusion.turned, strict=True)
        if said != now
    )
    assert set(told) == {("title", "name", False), ("in", "has", True)}


def test_a_standard_name_replaces_those_of_both_sides(tmp_path: Path) -> None:
    new = "http://schema.example/#"
    found = replace(
        ALL,
        standard=((E + "name", new + "label"), (E + "miles", new + "distance")),
        standard_classes=((E + "City", new + "Place"),),
    )
    for vocabulary in ("left", "right"):
        got = statements(fused(tmp_path, found, vocabulary))
        assert {"a type Place", "a label A", "a label B", "a distance 1", "a km 2"} <= got
        assert not any("name" in each or "title" in each for each in got)
    assert "a name A" in statements(fused(tmp_path, found, "both"))


def test_a_property_as_a_thing_keeps_its_name(tmp_path: Path) -> None:
    got = statements(fused(tmp_path, ALL, "left", right=RIGHT + ' :title :about "titles" . :City :about 1 .'))
    assert {"title about titles", "City about 1", "a name B"} <= got


def test_names_that_a_graph_lacks_do_no_harm(tmp_path: Path) -> None:
    found = Vocabularies(
        (match("absent", "title"), match("name", "absent2")), (replace(TOWNS, left=E + "No"),)
    )
    got = statements(fused(tmp_path, found, "left"))
    assert {"a title A", "a name A", "a type City", "a type Town"} <= got
