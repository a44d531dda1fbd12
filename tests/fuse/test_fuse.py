"""The plain fusion, case by case; laws are in tests/laws."""

from pathlib import Path

import pytest
import rdflib

from kgalign.config import FuseConfig
from kgalign.fuse import fuse, write_fused
from kgalign.fuse.groups import mint
from kgalign.rdf import Graph, read_graph
from kgalign.records import FusedGraph, FusionCounts
from tests.rdf.rows import rows, texts

E = "http://example.org/"
SAME_AS = "<http://www.w3.org/2002/07/owl#sameAs>"
PREFIXES = "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .\n"


def n(name: str) -> str:
    return f"<{E}{name}>"


class Pair:
    """Two graphs written down in Turtle, and links between their nodes by name."""

    def __init__(self, folder: Path, left: str, right: str) -> None:
        self.left, self.right = self._read(folder / "l.trig", left), self._read(folder / "r.trig", right)

    @staticmethod
    def _read(path: Path, text: str) -> Graph:
        path.write_text(PREFIXES + text, encoding="utf-8")
        return read_graph(path)

    def fuse(self, *links: tuple[str, str], canonical: str = "left") -> FusedGraph:
        left, right = texts(self.left), texts(self.right)
        ends = [left.index(a if a.startswith("_") else n(a)) for a, _ in links]
        other = [right.index(b if b.startswith("_") else n(b)) for _, b in links]
        return fuse(self.left, self.right, ends, other, FuseConfig.model_validate({"canonical": canonical}))


def test_one_node_per_pair_with_what_both_say(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path, ':rome :label "Roma"@it ; :in :italy .', ':Q220 :name "Rome"@en . :Q38 :capital :Q220 .'
    )
    fused = pair.fuse(("rome", "Q220"), ("italy", "Q38"))
    assert rows(fused.graph) == [
        (n("italy"), n("capital"), n("rome")),
        (n("italy"), SAME_AS, n("Q38")),
        (n("rome"), n("in"), n("italy")),
        (n("rome"), n("label"), '"Roma"@it'),
        (n("rome"), n("name"), '"Rome"@en'),
        (n("rome"), SAME_AS, n("Q220")),
    ]
    assert fused.counts == FusionCounts(
        left=2, right=2, duplicates=0, same_as=2, statements=6, groups=2, merged=4
    )


def test_where_the_terms_went(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p :b .", ":c :q _:d .")
    fused = pair.fuse(("a", "c"))
    names = texts(fused.graph)
    assert [names[i] for i in fused.left_term] == [n("a"), n("b"), n("p")]
    assert [names[i] for i in fused.right_term] == [n("a"), n("q"), "_:r_d"]


def test_the_right_side_may_be_canonical(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ":a :p 1 .", ":b :p 2 .").fuse(("a", "b"), canonical="right")
    assert {row[0] for row in rows(fused.graph)} == {n("b")}
    assert (n("b"), SAME_AS, n("a")) in rows(fused.graph)


def test_a_new_iri_may_be_minted(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ":a :p 1 .", ":b :p 2 .").fuse(("a", "b"), canonical="mint")
    minted = f"<{mint([E + 'b', E + 'a'])}>"
    assert {row[0] for row in rows(fused.graph)} == {minted}
    assert [row[2] for row in rows(fused.graph) if row[1] == SAME_AS] == [n("a"), n("b")]
    assert fused.counts.same_as == 2


def test_minted_iris_do_not_change_between_versions() -> None:
    assert mint([E + "b", E + "a"]) == "urn:kgalign:6cba8ae2ddff7cbe9c66314eab755a6a"


def test_what_both_say_is_there_once(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ':a :p "x" ; :q :b .', ':c :p "x" ; :q :d .')
    fused = pair.fuse(("a", "c"), ("b", "d"))
    assert len(fused.graph) == 4
    assert (fused.counts.duplicates, fused.counts.same_as) == (2, 2)


def test_several_records_of_one_thing_become_one(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p 1 . :b :p 2 .", ":c :p 3 . :d :p 4 .")
    fused = pair.fuse(("a", "c"), ("b", "c"), ("b", "d"))
    assert {row[0] for row in rows(fused.graph)} == {n("a")}
    assert (fused.counts.groups, fused.counts.merged, fused.counts.same_as) == (1, 4, 3)


def test_iris_that_both_use_are_one_node_already(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ":a :p 1 .", ":a :p 1, 2 .").fuse(("a", "a"), canonical="mint")
    assert {row[0] for row in rows(fused.graph)} == {n("a")}
    assert fused.counts == FusionCounts(1, 2, duplicates=1, same_as=0, statements=2, groups=0, merged=0)


def test_a_merged_iri_is_replaced_on_both_sides(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ":a :p :b .", ":b :p :c .").fuse(("a", "b"))
    assert rows(fused.graph) == [
        (n("a"), n("p"), n("a")),
        (n("a"), n("p"), n("c")),
        (n("a"), SAME_AS, n("b")),
    ]


def test_predicates_names_of_graphs_and_triple_terms_are_nodes_too(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path, ":a :p 1 .", ":g { :b :q <<( :b :q <<( :b :q _:x )>> )>>, <<( :z :z :z )>> . _:x :q 2 }"
    )
    fused = pair.fuse(("p", "q"), ("a", "b"), ("p", "g"))
    inner = f"<<( {n('a')} {n('p')} _:r_x )>>"
    assert (n("a"), n("p"), f"<<( {n('a')} {n('p')} {inner} )>>", n("p")) in rows(fused.graph)
    assert ("_:r_x", n("p"), '"2"^^http://www.w3.org/2001/XMLSchema#integer', n("p")) in rows(fused.graph)


def test_triple_terms_that_become_the_same_are_one(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":s :p <<( :a :q 1 )>> . :a :p 1 .", ":s :p <<( :b :q 1 )>> . :b :p 1 .")
    fused = pair.fuse(("a", "b"))
    assert len(fused.graph) == 3
    assert fused.counts.duplicates == 2


def test_blank_nodes_are_one_only_by_links(tmp_path: Path) -> None:
    pair = Pair(tmp_path, "_:x :p 1 . _:y :p 1 .", "_:x :p 2 . _:y :p 2 .")
    assert {row[0] for row in rows(pair.fuse().graph)} == {"_:l_x", "_:l_y", "_:r_x", "_:r_y"}
    fused = pair.fuse(("_:x", "_:y"))
    assert {row[0] for row in rows(fused.graph)} == {"_:l_x", "_:l_y", "_:r_x"}
    assert fused.counts.same_as == 0


@pytest.mark.parametrize("canonical", ["left", "right", "mint"])
def test_an_iri_is_kept_before_a_blank_node(tmp_path: Path, canonical: str) -> None:
    pair = Pair(tmp_path, "_:x :p 1 . :a :p 3 .", ":b :p 2 . _:y :p 4 .")
    fused = pair.fuse(("_:x", "b"), ("a", "_:y"), canonical=canonical)
    assert {row[0] for row in rows(fused.graph)} == {n("a"), n("b")}
    assert fused.counts.same_as == 0


def test_same_as_in_the_input_is_not_said_twice(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a owl:sameAs :b . :a :p 1 .", ":b owl:sameAs :a . :b :p 1 .")
    fused = pair.fuse(("a", "b"))
    assert rows(fused.graph)[1] == (n("a"), SAME_AS, n("b"))
    assert fused.counts == FusionCounts(2, 2, duplicates=2, same_as=0, statements=2, groups=1, merged=2)


def test_same_as_between_two_nodes_that_were_merged_away(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p 1 .", ":b owl:sameAs :c, :z . :c :p 1 . _:x owl:sameAs :b .")
    fused = pair.fuse(("a", "b"), ("a", "c"), ("a", "_:x"))
    assert [row[2] for row in rows(fused.graph) if row[1] == SAME_AS] == [n("b"), n("c"), n("z")]


def test_language_tags_that_differ_in_case_are_the_same_value(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ':a :p "x"@en-US .', ':a :p "x"@en-us .').fuse()
    assert rows(fused.graph) == [(n("a"), n("p"), '"x"@en-US')]


def test_the_written_file_is_turtle_for_everybody(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ':a :p "01"^^:t .', ':g { :b :p "é\\n\\"" } :h { :b :p "é\\n\\"" }')
    fused = pair.fuse(("a", "b"))
    assert fused.counts.statements == 4
    assert write_fused(fused, tmp_path / "fused.ttl") == 3
    assert rows(read_graph(tmp_path / "fused.ttl")) == sorted({row[:3] for row in rows(fused.graph)})
    assert len(rdflib.Graph().parse(tmp_path / "fused.ttl")) == 3


def test_links_that_name_no_node_are_refused(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p 1 .", ":b :p 1 .")
    literal = next(i for i, text in enumerate(texts(pair.left)) if text.startswith('"'))
    with pytest.raises(ValueError, match="neither an IRI nor a blank node"):
        fuse(pair.left, pair.right, [literal], [0])
    with pytest.raises(ValueError, match="does not have"):
        fuse(pair.left, pair.right, [0], [99])
    with pytest.raises(ValueError, match="2 left and 1 right"):
        fuse(pair.left, pair.right, [0, 0], [0])
