"""Fusion, case by case; laws are in tests/laws."""

from pathlib import Path

import pytest
import rdflib

from kgalign.config.fusion import FuseConfig
from kgalign.errors import InputError
from kgalign.fusion import fuse
from kgalign.fusion.groups import mint
from kgalign.rdf import Graph, read_graph
from kgalign.rdf.columns import assemble
from kgalign.rdf.write import write_turtle
from kgalign.records.fused import Fusion, FusionCounts, Role, fused_graph
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

    def fuse(self, *links: tuple[str, str], **options: object) -> Fusion:
        """Fused by the options, all values kept where they name no policy."""
        left, right = texts(self.left), texts(self.right)
        ends = [left.index(a if a.startswith("_") else n(a)) for a, _ in links]
        other = [right.index(b if b.startswith("_") else n(b)) for _, b in links]
        config = FuseConfig.model_validate({"policy": "PassItOn", **options})
        return fuse(self.left, self.right, ends, other, config)


def said(fused: Fusion) -> list[tuple[str, ...]]:
    """The statements of the fused graph."""
    return rows(fused_graph(fused))


def fates(fused: Fusion) -> set[tuple[str, str, str, str]]:
    """Local name of the property, value, source and role of each statement that is a claim."""
    return {
        (
            fused.text(property).removeprefix(E),
            fused.text(value),
            fused.sources[source],
            Role(role).name,
        )
        for property, value, source, role in zip(
            fused.property, fused.value, fused.source, fused.role, strict=True
        )
        if source >= 0
    }


def counts(**given: int) -> FusionCounts:
    """The counts that are given, and none of all else."""
    return FusionCounts(**{name: given.get(name, 0) for name in FusionCounts.__slots__})


def test_one_node_per_pair_with_what_both_say(tmp_path: Path) -> None:
    pair = Pair(
        tmp_path, ':rome :label "Roma"@it ; :in :italy .', ':Q220 :name "Rome"@en . :Q38 :capital :Q220 .'
    )
    fused = pair.fuse(("rome", "Q220"), ("italy", "Q38"))
    assert said(fused) == [
        (n("italy"), n("capital"), n("rome")),
        (n("italy"), SAME_AS, n("Q38")),
        (n("rome"), n("in"), n("italy")),
        (n("rome"), n("label"), '"Roma"@it'),
        (n("rome"), n("name"), '"Rome"@en'),
        (n("rome"), SAME_AS, n("Q220")),
    ]
    assert fused.counts == counts(left=2, right=2, same_as=2, statements=6, groups=2, merged=4)


def test_where_the_terms_went(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p :b .", ":c :q _:d .")
    fused = pair.fuse(("a", "c"))
    names = texts(Graph(fused.subject, fused.property, fused.value, fused.graph, fused.terms))
    assert [names[i] for i in fused.left_term] == [n("a"), n("b"), n("p")]
    assert [names[i] for i in fused.right_term] == [n("a"), n("q"), "_:r_d"]


def test_the_right_side_may_be_canonical(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ":a :p 1 .", ":b :p 2 .").fuse(("a", "b"), canonical="right")
    assert {row[0] for row in said(fused)} == {n("b")}
    assert (n("b"), SAME_AS, n("a")) in said(fused)


def test_a_new_iri_may_be_minted(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ":a :p 1 .", ":b :p 2 .").fuse(("a", "b"), canonical="mint")
    minted = f"<{mint([E + 'b', E + 'a'])}>"
    assert {row[0] for row in said(fused)} == {minted}
    assert [row[2] for row in said(fused) if row[1] == SAME_AS] == [n("a"), n("b")]
    assert fused.counts.same_as == 2


def test_minted_iris_do_not_change_between_versions() -> None:
    assert mint([E + "b", E + "a"]) == "urn:kgalign:6cba8ae2ddff7cbe9c66314eab755a6a"


def test_what_both_say_is_there_once(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ':a :p "x" ; :q :b .', ':c :p "x" ; :q :d .')
    fused = pair.fuse(("a", "c"), ("b", "d"))
    assert len(said(fused)) == 4
    assert (fused.counts.duplicates, fused.counts.same_as) == (2, 2)


def test_several_records_of_one_thing_become_one(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p 1 . :b :p 2 .", ":c :p 3 . :d :p 4 .")
    fused = pair.fuse(("a", "c"), ("b", "c"), ("b", "d"))
    assert {row[0] for row in said(fused)} == {n("a")}
    assert (fused.counts.groups, fused.counts.merged, fused.counts.same_as) == (1, 4, 3)


def test_iris_that_both_use_are_one_node_already(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ":a :p 1 .", ":a :p 1, 2 .").fuse(("a", "a"), canonical="mint")
    assert {row[0] for row in said(fused)} == {n("a")}
    assert fused.counts == counts(left=1, right=2, duplicates=1, statements=2)


def test_a_merged_iri_is_replaced_on_both_sides(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ":a :p :b .", ":b :p :c .").fuse(("a", "b"))
    assert said(fused) == [
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
    assert (n("a"), n("p"), f"<<( {n('a')} {n('p')} {inner} )>>", n("p")) in said(fused)
    assert ("_:r_x", n("p"), '"2"^^http://www.w3.org/2001/XMLSchema#integer', n("p")) in said(fused)


def test_triple_terms_that_become_the_same_are_one(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":s :p <<( :a :q 1 )>> . :a :p 1 .", ":s :p <<( :b :q 1 )>> . :b :p 1 .")
    fused = pair.fuse(("a", "b"))
    assert len(said(fused)) == 3
    assert fused.counts.duplicates == 2


def test_blank_nodes_are_one_only_by_links(tmp_path: Path) -> None:
    pair = Pair(tmp_path, "_:x :p 1 . _:y :p 1 .", "_:x :p 2 . _:y :p 2 .")
    assert {row[0] for row in said(pair.fuse())} == {"_:l_x", "_:l_y", "_:r_x", "_:r_y"}
    fused = pair.fuse(("_:x", "_:y"))
    assert {row[0] for row in said(fused)} == {"_:l_x", "_:l_y", "_:r_x"}
    assert fused.counts.same_as == 0


@pytest.mark.parametrize("canonical", ["left", "right", "mint"])
def test_an_iri_is_kept_before_a_blank_node(tmp_path: Path, canonical: str) -> None:
    pair = Pair(tmp_path, "_:x :p 1 . :a :p 3 .", ":b :p 2 . _:y :p 4 .")
    fused = pair.fuse(("_:x", "b"), ("a", "_:y"), canonical=canonical)
    assert {row[0] for row in said(fused)} == {n("a"), n("b")}
    assert fused.counts.same_as == 0


def test_same_as_in_the_input_is_not_said_twice(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a owl:sameAs :b . :a :p 1 .", ":b owl:sameAs :a . :b :p 1 .")
    fused = pair.fuse(("a", "b"))
    assert said(fused)[1] == (n("a"), SAME_AS, n("b"))
    assert fused.counts == counts(left=2, right=2, duplicates=2, statements=2, groups=1, merged=2)


def test_same_as_between_two_nodes_that_were_merged_away(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p 1 .", ":b owl:sameAs :c, :z . :c :p 1 . _:x owl:sameAs :b .")
    fused = pair.fuse(("a", "b"), ("a", "c"), ("a", "_:x"))
    assert [row[2] for row in said(fused) if row[1] == SAME_AS] == [n("b"), n("c"), n("z")]


def test_language_tags_that_differ_in_case_are_the_same_value(tmp_path: Path) -> None:
    fused = Pair(tmp_path, ':a :p "x"@en-US .', ':a :p "x"@en-us .').fuse()
    assert said(fused) == [(n("a"), n("p"), '"x"@en-US')]


def test_the_written_file_is_turtle_for_everybody(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ':a :p "01"^^:t .', ':g { :b :p "é\\n\\"" } :h { :b :p "é\\n\\"" }')
    fused = pair.fuse(("a", "b"))
    assert fused.counts.statements == 4
    assert write_turtle(fused_graph(fused), tmp_path / "fused.ttl") == 3
    assert rows(read_graph(tmp_path / "fused.ttl")) == sorted({row[:3] for row in said(fused)})
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


def test_where_sources_differ_a_policy_decides(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ':a :p 1 ; :q "x" .', ':b :p 2 ; :q "x" ; :r "y" .')
    fused = pair.fuse(("a", "b"), policy="Maximum")
    assert fates(fused) == {
        ("p", "1", "left", "LOST"),
        ("p", "2", "right", "WRITTEN"),
        ("q", "x", "left", "WRITTEN"),
        ("q", "x", "right", "WRITTEN"),
        ("r", "y", "right", "WRITTEN"),
    }
    assert fused.counts == counts(
        left=2, right=3, duplicates=1, lost=1, same_as=1, statements=4, groups=1, merged=2, conflicts=1
    )
    lost = fused.role.tolist().index(Role.LOST)
    assert fused.reasons[fused.reason[lost]] == "another value is greater"
    assert fused.rules[fused.rule[lost]] == "Maximum"


def test_the_same_value_in_other_clothes_agrees(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p 1.50 .", ':a :p "1.5" .')
    fused = pair.fuse(policy="Auto")
    assert {role for *_, role in fates(fused)} == {"WRITTEN", "AGREES"}
    assert fused.counts == counts(left=1, right=1, agreeing=1, statements=1)


def test_what_is_computed_is_added_once_and_counted(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":g { :a :p 1 . :c :p 4 }", ":b :p 2 . :c :p 5 .")
    fused = pair.fuse(("a", "b"), policy="Average", identity="none")
    decimal = "^^http://www.w3.org/2001/XMLSchema#decimal"
    assert said(fused) == [(n("a"), n("p"), f'"1.5"{decimal}'), (n("c"), n("p"), f'"4.5"{decimal}')]
    assert fused.counts == counts(
        left=2, right=2, counted=4, computed=2, statements=2, groups=1, merged=2, conflicts=2
    )
    assert fused.computed_conflict.tolist() == [0, 1]
    assert [fused.text(term) for term in fused.computed_value] == ["1.5", "4.5"]
    assert [fused.text(fused.subject[row]) for row in range(4)] == [E + "a", E + "a", E + "c", E + "c"]


def test_one_label_per_language_and_tags_in_any_case(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ':a :p "Rom"@DE, "Rome"@en .', ':a :p "Roma"@de, "Roma"@it .')
    fused = pair.fuse(properties={E + "p": "Longest"})
    assert fates(fused) == {
        ("p", "Rom", "left", "LOST"),
        ("p", "Roma", "right", "WRITTEN"),
        ("p", "Rome", "left", "WRITTEN"),
    }
    assert {row[2] for row in said(fused)} == {'"Roma"@DE', '"Roma"@it', '"Rome"@en'}


def test_what_a_source_says_in_two_graphs_is_no_conflict(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p 1, 2 . :b :p 1 .", ":b :p 2 .")
    fused = pair.fuse(policy="Maximum")
    assert {row for row in fates(fused) if row[3] == "LOST"} == {("p", "1", "left", "LOST")}
    assert (n("a"), n("p"), '"1"^^http://www.w3.org/2001/XMLSchema#integer') in said(fused)


def test_named_graphs_of_both_sides_are_sources_by_their_own_names(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":g { :a :p 1 } :a :p 3 .", ":h { :a :p 1, 2 } :a :p 4 .")
    fused = pair.fuse(("g", "h"))
    assert fused.sources == (E + "g", E + "h", "left", "right")
    assert [fused.text(each) for each in fused.graph[fused.graph >= 0]] == [E + "g"] * 3


def test_a_statement_that_one_graph_loses_is_kept_where_another_has_it(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":g { :a :p 1 } :h { :a :p 2 } :i { :a :p 2 }", ":a :p 2 . :a :q 1 .")
    fused = pair.fuse(policy="Voting")
    assert {row for row in fates(fused) if row[0] == "p" and row[3] != "WRITTEN"} == {
        ("p", "1", E + "g", "LOST")
    }
    assert fused.counts.statements == 4


def test_what_is_said_about_a_graph_is_no_claim_on_either_side(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":g { :a :p 1 } :g :date 1 .", ":g :date 2 . :a :p 1 .")
    fused = pair.fuse(policy="Maximum")
    assert fused.counts.lost == 0
    assert sorted(fused.source.tolist()) == [-1, -1, 0, 1]


@pytest.mark.parametrize("policy", ["Auto", "Voting", "Average"])
def test_identity_in_the_input_is_no_rival_value(tmp_path: Path, policy: str) -> None:
    pair = Pair(tmp_path, ":a owl:sameAs :x, :y .", ":b owl:sameAs :z .")
    fused = pair.fuse(("a", "b"), policy=policy)
    assert [row[2] for row in said(fused)] == [n("b"), n("x"), n("y"), n("z")]


def test_identity_may_be_an_exact_match_or_go_unsaid(tmp_path: Path) -> None:
    skos = "<http://www.w3.org/2004/02/skos/core#exactMatch>"
    pair = Pair(tmp_path, f":a :p 1 ; {skos} :b .", ":b :p 1 .")
    assert said(pair.fuse(("a", "b"), identity="exact-match"))[1:] == [(n("a"), skos, n("b"))]
    assert pair.fuse(("a", "b"), identity="exact-match").counts.same_as == 0
    pair = Pair(tmp_path, ":a :p 1 .", ":b :p 1 .")
    unsaid = pair.fuse(("a", "b"), identity="none")
    assert len(said(unsaid)) == 1
    assert (unsaid.counts.same_as, unsaid.counts.statements, unsaid.counts.groups) == (0, 1, 1)


def test_an_empty_graph_may_be_fused(tmp_path: Path) -> None:
    some, none = Pair(tmp_path, ":a :p 1 .", ":a :p 1 .").left, assemble([])
    assert fuse(some, none, [], []).counts == counts(left=1, statements=1)
    assert fuse(none, some, [], []).counts == counts(right=1, statements=1)
    assert len(fused_graph(fuse(none, none, [], []))) == 0


def test_more_nodes_than_may_become_one(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ":a :p :b .", ":c :p :d .")
    with pytest.raises(InputError, match=r"one thing of 4 nodes, among them http://example.org/a, "):
        pair.fuse(("a", "c"), ("b", "c"), ("b", "d"), max_cluster=3)
    assert pair.fuse(("a", "c"), ("b", "c"), ("b", "d"), max_cluster=4).counts.merged == 4


def test_a_policy_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ':a :p "x" .', ':a :p "y" .')
    with pytest.raises(InputError, match=r"The policy Average .*fit"):
        pair.fuse(policy="Average")
