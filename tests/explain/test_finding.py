"""Entities by what people call them."""

from pathlib import Path

import pytest

from kgalign.explain.finding import declared, find
from tests.evaluate.small import profile

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
SIDE = profile(
    ["http://x/a/straße", "http://x/b#Rome", "http://y/Rome", "urn:isbn:12", "_:b0"],
    ["Gasse", "Rom", "Lazio", "Book", "blank"],
    values={0: {LABEL: ["Gasse", "Weg"]}, 1: {"http://x/note": ["Weg"]}},
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Gasse", [0]),
        ("GASSE", [0]),
        ("Weg", [0]),
        ("Rome", [1, 2]),
        ("b:Rome", [1]),
        ("two:Rome", [1, 2]),
        ("rome", [1, 2]),
        ("<http://y/Rome>", [2]),
        ("12", [3]),
        ("_:b0", [4]),
        ("Rom", [1]),
        ("om", []),
        ("", []),
        ("no:Rome", []),
        ("http://x/a/", []),
    ],
)
def test_what_a_text_means(text: str, found: list[int]) -> None:
    assert find(SIDE, text, {"b": ["http://x/b#"], "two": ["http://x/b#", "http://y/"]}) == found


def test_prefixes_are_those_that_files_declare(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text("@prefix x: <http://a/> .\nPREFIX y: <http://b/>\n", encoding="utf8")
    (tmp_path / "b.trig").write_bytes(b"@prefix x: <http://c/> .\n\xff")
    (tmp_path / "m.sssom.tsv").write_text('# curie_map:\n#   ns1: "http://d/"\n', encoding="utf8")
    (tmp_path / "broken.ttl.gz").write_bytes(b"no gzip")
    (tmp_path / "text.txt").write_text("@prefix z: <http://e/> .", encoding="utf8")
    names = ("a.ttl", "b.trig", "m.sssom.tsv", "broken.ttl.gz", "text.txt", "none.ttl")
    found = declared(tmp_path / name for name in names)
    assert (found["x"], found["y"], found["ns1"]) == (
        {"http://a/", "http://c/"},
        {"http://b/"},
        {"http://d/"},
    )
    assert "z" not in found
    assert found["skos"] == {"http://www.w3.org/2004/02/skos/core#"}
