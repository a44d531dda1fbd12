"""The Python interface, as a notebook uses it."""

import subprocess
import sys
from pathlib import Path

import pytest
import rdflib

import kgalign
from tests.conftest import Pair

CHEM = "http://chemie.example/"


def test_two_files_are_aligned(elements: Pair) -> None:
    result = kgalign.align(elements.left, str(elements.right))
    links = list(result.links())
    assert {(left, right) for left, right, _ in links} == elements.links
    assert all(0 < probability <= 1 for _, _, probability in links)
    assert len(result) == len(links)
    assert repr(result).startswith("<AlignmentResult: 24 links between 27 and 27 entities")
    table = result.to_arrow()
    assert table.column_names == ["left", "right", "left_name", "right_name", "probability", "outcome"]


def test_rdflib_graphs_give_what_their_files_give(elements: Pair) -> None:
    left, right = rdflib.Graph().parse(elements.left), rdflib.Graph().parse(elements.right)
    assert list(kgalign.align(left, right).links()) == list(
        kgalign.align(elements.left, elements.right).links()
    )


def test_a_side_may_be_several_files(elements: Pair, tmp_path: Path) -> None:
    lines = elements.right.read_text(encoding="utf8").splitlines(keepends=True)
    parts = [tmp_path / "a.nt", tmp_path / "b.nt"]
    for part, half in zip(parts, (lines[::2], lines[1::2]), strict=True):
        part.write_text("".join(half), encoding="utf8")
    whole = list(kgalign.align(elements.left, elements.right).links())
    assert list(kgalign.align(elements.left, parts).links()) == whole
    config = {"read": {"right_also": [str(parts[1])]}}
    assert list(kgalign.align(elements.left, parts[0], config).links()) == whole


def test_the_result_is_fused_and_written(elements: Pair, tmp_path: Path) -> None:
    result = kgalign.align(elements.left, elements.right)
    fused = result.fused()
    path = tmp_path / "fused.ttl"
    assert fused.write(path) == len(fused) == len(rdflib.Graph().parse(path))


def test_known_links_are_taken_as_given(elements: Pair, tmp_path: Path) -> None:
    odd = ("http://elements.example/Zinc", f"{CHEM}1")
    known = tmp_path / "known.tsv"
    known.write_text("\t".join(odd) + "\n", encoding="utf8")
    result = kgalign.align(elements.left, elements.right, {"judge": {"known": [str(known)]}})
    rows = {(row["left"], row["right"]): row["outcome"] for row in result.to_arrow().to_pylist()}
    assert rows[odd] == "confirmed"
    assert odd in {(left, right) for left, right, _ in result.links()}


def test_fusing_along_links_of_ones_own(elements: Pair, tmp_path: Path) -> None:
    links = [("http://elements.example/Iron", f"{CHEM}26", 0.9)]
    fused = kgalign.fuse(elements.left, elements.right, links, {"fuse": {"canonical": "right"}})
    path = tmp_path / "fused.ttl"
    fused.write(path)
    graph = rdflib.Graph().parse(path)
    iron = rdflib.URIRef(f"{CHEM}26")
    assert (iron, rdflib.OWL.sameAs, rdflib.URIRef("http://elements.example/Iron")) in graph
    assert (iron, rdflib.URIRef("http://elements.example/v/symbol"), rdflib.Literal("Fe")) in graph
    assert (
        len(graph) == len(rdflib.Graph().parse(elements.left)) + len(rdflib.Graph().parse(elements.right)) + 1
    )


def test_a_policy_decides_where_the_graphs_differ(tmp_path: Path) -> None:
    left, right = tmp_path / "left.nt", tmp_path / "right.nt"
    left.write_text('<http://a.example/a> <http://a.example/p> "1" .\n', encoding="utf8")
    right.write_text('<http://b.example/b> <http://a.example/p> "2" .\n', encoding="utf8")
    links = [("http://a.example/a", "http://b.example/b")]
    fused = kgalign.fuse(left, right, links, {"fuse": {"policy": "Maximum", "identity": "none"}})
    fused.write(tmp_path / "fused.ttl")
    assert set(rdflib.Graph().parse(tmp_path / "fused.ttl").objects()) == {rdflib.Literal("2")}
    assert fused.record.counts.lost == 1


def test_blank_nodes_can_be_linked(tmp_path: Path) -> None:
    left, right = tmp_path / "left.nt", tmp_path / "right.nt"
    left.write_text('_:a <http://a.example/p> "1" .\n', encoding="utf8")
    right.write_text('<http://b.example/b> <http://a.example/p> "1" .\n', encoding="utf8")
    assert len(kgalign.fuse(left, right, [("_:a", "http://b.example/b")])) == 1


def test_a_link_to_nowhere_is_named(elements: Pair) -> None:
    with pytest.raises(kgalign.InputError, match="The right graph has no node"):
        kgalign.fuse(
            elements.left, elements.right, [("http://elements.example/Iron", "http://nowhere.example/")]
        )


def test_further_files_go_with_files(elements: Pair) -> None:
    graph = rdflib.Graph().parse(elements.left)
    with pytest.raises(kgalign.InputError, match=r"read\.left_also"):
        kgalign.align(graph, elements.right, {"read": {"left_also": ["more.ttl"]}})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"x", "a bytes"),
        (5, "an int"),
        (None, "None"),
        ({"a": 1}, "a dict"),
        (["a.ttl", 5], "an int in a list"),
        ([b"x"], "a bytes in a list"),
        (iter(["a.ttl"]), "a list_iterator"),
    ],
)
def test_what_is_no_graph_is_told_with_what_is_taken(elements: Pair, given: object, said: str) -> None:
    sentence = rf"right can't be read from {said}\. Give the path .* rdflib\.Graph"
    with pytest.raises(kgalign.InputError, match=sentence):
        kgalign.align(elements.left, given)  # type: ignore[arg-type]
    with pytest.raises(kgalign.InputError, match=sentence):
        kgalign.fuse(elements.left, given, [])  # type: ignore[arg-type]


def test_open_files_are_no_graphs(elements: Pair) -> None:
    with elements.left.open("rb") as file, pytest.raises(kgalign.InputError, match=r"left .* an open file"):
        kgalign.align(file, elements.right)  # type: ignore[arg-type]


def test_a_wrong_key_is_told(elements: Pair) -> None:
    with pytest.raises(kgalign.ConfigError, match=r"did you mean retrieve\.k"):
        kgalign.align(elements.left, elements.right, {"retrieve": {"kk": 3}})


def test_every_public_name_is_there() -> None:
    assert all(getattr(kgalign, name) is not None for name in kgalign.__all__)
    assert set(kgalign.__all__) <= set(dir(kgalign))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        kgalign.nonsense  # noqa: B018


@pytest.mark.parametrize("first", ["import kgalign.fusion", "import kgalign.pipeline", "pass"])
def test_fuse_is_the_function_whatever_was_imported_first(first: str) -> None:
    code = (
        f"{first}\nimport kgalign\nfrom kgalign.fusion import fuse as _\n"
        "assert kgalign.fuse.__name__ == 'fuse', kgalign.fuse"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("first", ["pass", "kgalign.fuse, kgalign.open, kgalign.align"])
def test_every_module_is_found_under_its_name(first: str) -> None:
    """``import a.b.c`` binds ``a``: what an attribute of the same name hides can't be reached like that.

    But for the modules of the engine, which are imported where Ray is asked for, and say so where it is not.
    """
    code = (
        f"import importlib, pkgutil, sys\nimport kgalign\n{first}\n"
        "names = [each.name for each in pkgutil.walk_packages(kgalign.__path__, 'kgalign.')]\n"
        "names = [name for name in names if not name.endswith('__main__')]\n"
        "names = [name for name in names if not name.startswith('kgalign.engine.')]\n"
        "assert len(names) > 200, len(names)\n"
        "for name in names:\n    exec(f'import {name}')\n"
        "print(*(name for name in names if eval(name) is not sys.modules[name]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


def test_importing_is_light() -> None:
    code = "import sys, kgalign; assert not {'numpy', 'pyarrow', 'pydantic'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
