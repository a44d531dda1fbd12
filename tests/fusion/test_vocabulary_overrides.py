"""What the user says of properties and classes, and what becomes of it."""

from pathlib import Path

import pytest

from kgalign.errors import ConfigError
from kgalign.records.vocabularies import INVERSE, Override
from tests.fusion.linked_graphs import CITIES, A, B, Pair


def simple(folder: Path) -> Pair:
    return Pair(
        folder,
        (f':l{i} a a:C ; a:name "{c}" ; a:alias "{c}" .' for i, c in enumerate(CITIES)),
        (f':r{i} a b:D ; b:title "{c}" ; b:note "{i}" .' for i, c in enumerate(CITIES)),
    )


def test_what_the_user_says_wins(tmp_path: Path) -> None:
    found = simple(tmp_path).align([(A + "name", B + "note")], [(A + "C", "")])
    assert [(m.left, m.right, m.given) for m in found.properties] == [
        (A + "name", B + "note", True),
        (A + "alias", B + "title", False),
    ]
    assert found.properties[0].score == 1.0
    assert found.properties[0].support == 12
    assert found.classes == ()
    assert found.kept == (A + "C",)
    assert found.warnings == ()


def test_to_nothing_from_either_side(tmp_path: Path) -> None:
    assert simple(tmp_path).align([("", B + "title")]).properties == ()
    found = simple(tmp_path).align([(A + "name", ""), (A + "alias", INVERSE + B + "title")])
    assert [(m.left, m.inverse, m.support) for m in found.properties] == [(A + "alias", True, 0)]


@pytest.mark.parametrize(
    "overrides",
    [
        [(A + "name", B + "title"), (A + "name", B + "note")],
        [(A + "name", B + "title"), (A + "alias", B + "title")],
        [(A + "name", B + "title"), (A + "name", "")],
        [("", "")],
    ],
)
def test_contradictions_are_refused(tmp_path: Path, overrides: list[Override]) -> None:
    with pytest.raises(ConfigError, match="The mapping of properties has 1 fault"):
        simple(tmp_path).align(overrides)


def test_two_for_one_where_that_is_wanted(tmp_path: Path) -> None:
    both = [(A + "name", B + "title"), (A + "alias", B + "title")]
    found = simple(tmp_path).align(both, one_to_one=False)
    assert sorted((m.left, m.right) for m in found.properties) == sorted(both)
    with pytest.raises(ConfigError, match="to nothing"):
        simple(tmp_path).align([*both, (A + "name", "")], one_to_one=False)


def test_unknown_names_get_the_nearest(tmp_path: Path) -> None:
    found = simple(tmp_path).align(
        [(A + "nmae", B + "title"), (A + "name", INVERSE + "urn:x")], [(A + "c", B + "D")], keep=[A + "alas"]
    )
    assert found.warnings == (
        f"The left graph has no property {A}nmae; did you mean {A}name?",
        "The right graph has no property urn:x",
        f"The left graph has no class {A}c; did you mean {A}C?",
        f"Neither graph has a property or class {A}alas; did you mean {A}alias?",
    )
    assert found.standard == ()


def test_a_name_that_neither_graph_has_is_a_new_one(tmp_path: Path) -> None:
    schema = "http://schema.example/"
    found = simple(tmp_path).align([(A + "name", schema + "name")], [(schema + "Thing", B + "D")])
    assert found.standard == ((A + "name", schema + "name"),)
    assert found.standard_classes == ((B + "D", schema + "Thing"),)
    assert found.warnings == (
        f"Neither graph has the property {schema}name: it becomes the name of {A}name",
        f"Neither graph has the class {schema}Thing: it becomes the name of {B}D",
    )
    # What was learned of it stays: the new name is for both sides.
    assert (A + "name", B + "title") in {(m.left, m.right) for m in found.properties}


def test_what_shall_stay_corresponds_to_nothing(tmp_path: Path) -> None:
    found = simple(tmp_path).align(keep=[B + "title", A + "C"])
    assert (found.properties, found.classes) == ((), ())
    assert found.kept == (A + "C", B + "title")
    with pytest.raises(ConfigError, match=r"is mapped to .* and shall stay as it is"):
        simple(tmp_path).align([(A + "name", B + "title")], keep=[A + "name"])
