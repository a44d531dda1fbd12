"""Laws of fusion: nothing lost, nothing invented, no order that counts, and nothing done to what agrees."""

from collections import Counter
from collections.abc import Iterator
from random import Random

import numpy as np
import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.rdf import Graph, graph_from_rdflib, read_graph
from kgalign.rdf.write import write_nquads, write_ntriples, write_turtle
from kgalign.records.fused import Fusion, Role, fused_graph
from tests.laws.fusions import (
    FREE,
    NUMERIC,
    ORDERED,
    Canonical,
    Links,
    Plain,
    apart,
    canonicals,
    described,
    folder,
    fused_by,
    graph_of,
    links_as_nodes,
    named_rivals,
    nodes,
    numbers,
    picks,
    plain_numbers,
    plain_rivals,
    quads_of,
    rivals,
    tables,
)
from tests.rdf.rows import canonical, canonical_quads
from tests.rdf.strategies import SAME_AS, E, quads, triples


@settings(max_examples=60)
@given(a=quads, b=quads, links=picks, how=canonicals)
def test_where_all_is_passed_on_nothing_is_lost_and_nothing_invented(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, how: Canonical
) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        fused = fused_by(left, right, links, canonical=how)
        plain = Plain(links_as_nodes(left, right, links), how)
        said = {plain.quad(quad) for quad in apart(a, "l_") + apart(b, "r_")}
        assert canonical(fused_graph(fused), here) == canonical_quads(said | plain.added)
        counts = fused.counts
        assert (counts.left, counts.right) == (len(set(a)), len(set(b)))
        assert counts.left + counts.right - counts.duplicates == len(said)
        assert counts.same_as == len(plain.added - said)
        assert counts.left + counts.right - counts.duplicates + counts.same_as == counts.statements
        assert (counts.agreeing, counts.lost, counts.counted, counts.conflicts) == (0, 0, 0, 0)
        assert counts.merged == len(plain.stays) - sum(
            1 for node in plain.stays if list(plain.stays.values()).count(plain.stays[node]) == 1
        )


@settings(max_examples=100)
@given(
    a=rivals,
    b=rivals,
    links=picks,
    how=canonicals,
    policy=st.sampled_from((*FREE, *ORDERED)),
    learned=st.booleans(),
)
def test_every_statement_is_written_or_told_why_not(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, how: Canonical, policy: str, learned: bool
) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        fused = fused_by(left, right, links, canonical=how, policy=policy, learned=learned)
        plain = Plain(links_as_nodes(left, right, links), how)
        check_the_books(fused, plain, a, b)


@settings(max_examples=60)
@given(a=numbers, b=numbers, links=picks, policy=st.sampled_from(NUMERIC))
def test_every_number_is_written_or_told_why_not(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, policy: str
) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        fused = fused_by(left, right, links, policy=policy, canonical="mint")
        check_the_books(fused, Plain(links_as_nodes(left, right, links), "mint"), a, b)


def check_the_books(fused: Fusion, plain: Plain, a: list[ox.Quad], b: list[ox.Quad]) -> None:
    """All that came in is in the record; all that came out is in it too."""
    came = Counter((plain.quad(quad), 0) for quad in apart(list(set(a)), "l_"))
    came += Counter((plain.quad(quad), 1) for quad in apart(list(set(b)), "r_"))
    rows = quads_of(fused.terms, fused.subject, fused.property, fused.value, fused.graph)
    assert came == Counter(zip(rows, fused.side.tolist(), strict=True))
    roles = [Role(role) for role in fused.role]
    written = {row for row, role in zip(rows, roles, strict=True) if role == Role.WRITTEN}
    computed = quads_of(fused.terms, fused.computed_subject, fused.computed_property, fused.computed_value)
    whole = fused_graph(fused)
    graph = quads_of(whole.terms, whole.subject, whole.predicate, whole.object, whole.graph)
    assert set(graph) == written | set(computed) | plain.added
    assert len(graph) == len(set(graph)) == fused.counts.statements
    check_counts(fused)
    for number, row in enumerate(rows):
        if roles[number] != Role.WRITTEN:
            check_what_is_left_out(fused, number, {(q.subject, q.predicate, q.object) for q in written}, row)
    check_conflicts(fused)


def check_counts(fused: Fusion) -> None:
    counts = fused.counts
    left_out = counts.duplicates + counts.agreeing + counts.lost + counts.counted
    assert counts.left + counts.right - left_out + counts.computed + counts.same_as == counts.statements
    for role, count in (
        (Role.AGREES, counts.agreeing),
        (Role.LOST, counts.lost),
        (Role.COUNTED, counts.counted),
    ):
        assert int((fused.role == role).sum()) == count
    assert counts.duplicates >= 0
    assert 0 <= counts.computed <= len(fused.computed_subject)


def check_what_is_left_out(fused: Fusion, number: int, written: set[object], row: ox.Quad) -> None:
    """Who is left out had a rival, is not written by another, and is told why and by what rule."""
    assert (row.subject, row.predicate, row.object) not in written
    assert fused.reasons[fused.reason[number]] != fused.reasons[0]
    assert fused.rules[fused.rule[number]]
    item = (fused.subject == fused.subject[number]) & (fused.property == fused.property[number])
    item &= fused.terms.language[fused.value] == fused.terms.language[fused.value[number]]
    assert len(set(fused.source[item].tolist())) > 1
    made = (fused.computed_subject == fused.subject[number]) & (
        fused.computed_property == fused.property[number]
    )
    assert (fused.role[item] == Role.WRITTEN).any() or made.any()
    assert fused.role[number] != Role.COUNTED or made.any()


def check_conflicts(fused: Fusion) -> None:
    """Conflicts are numbered by subject and property, where a value lost or was counted in."""
    items = list(zip(fused.subject.tolist(), fused.property.tolist(), strict=True))
    out = sorted({items[row] for row in np.flatnonzero(fused.role >= Role.LOST)})
    number = {item: place for place, item in enumerate(out)}
    assert fused.conflict.tolist() == [number.get(item, -1) for item in items]
    assert fused.counts.conflicts == len(out)
    computed = zip(fused.computed_subject.tolist(), fused.computed_property.tolist(), strict=True)
    assert fused.computed_conflict.tolist() == [number[item] for item in computed]


@settings(max_examples=30)
@given(a=quads, b=quads)
def test_without_links_it_is_the_union(a: list[ox.Quad], b: list[ox.Quad]) -> None:
    with folder() as here:
        fused = fused_by(graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq"), [])
        assert canonical(fused_graph(fused), here) == canonical_quads(apart(a, "1") + apart(b, "2"))
        assert (fused.counts.same_as, fused.counts.groups) == (0, 0)


@settings(max_examples=60)
@given(a=quads, how=canonicals, vocabulary=st.sampled_from(("left", "right", "both")))
def test_a_graph_passed_on_with_itself_is_itself(a: list[ox.Quad], how: Canonical, vocabulary: str) -> None:
    # Blank nodes that stand in triple terms alone can't be linked, and are kept apart.
    a = [quad for quad in a if not isinstance(quad.object, ox.Triple)] or a[:0]
    if a:
        check_with_itself(a, canonical=how, vocabulary=vocabulary)


@settings(max_examples=60)
@given(a=plain_rivals, policy=st.sampled_from((*FREE, *ORDERED)), how=canonicals)
def test_a_graph_of_one_source_fused_with_itself_is_itself(
    a: list[ox.Quad], policy: str, how: Canonical
) -> None:
    # Rival named graphs within it are rivals still: only what one source says is at one with itself.
    check_with_itself(a, policy=policy, canonical=how)


@settings(max_examples=30)
@given(a=plain_numbers, policy=st.sampled_from(NUMERIC))
def test_numbers_of_one_source_fused_with_themselves_are_themselves(a: list[ox.Quad], policy: str) -> None:
    check_with_itself(a, policy=policy)


@settings(max_examples=15)
@given(values=tables, policy=st.sampled_from((*FREE, *ORDERED)), how=canonicals, more=st.integers(0, 3))
def test_learned_vocabularies_change_nothing_in_a_graph_fused_with_itself(
    values: list[tuple[int, int, str]], policy: str, how: Canonical, more: int
) -> None:
    # Further properties say the same of some things: a graph still needs no other names than its own.
    also = described(values[: more * 8], E + "thing/", ("count", "since", "name"))
    whole = described(values, E + "thing/", ("number", "year", "label")) + also
    check_with_itself(list(set(whole)), policy=policy, canonical=how)


@settings(max_examples=15)
@given(values=tables, policy=st.sampled_from((*FREE, *ORDERED)), side=st.sampled_from(("left", "right")))
def test_the_same_under_other_names_adds_nothing_but_identity(
    values: list[tuple[int, int, str]], policy: str, side: str
) -> None:
    values = [(a, b, f"{text} {place}") for place, (a, b, text) in enumerate(values)]
    values = [(a + 20_000 * place, b, text) for place, (a, b, text) in enumerate(values)]
    names = ("number", "year", "label"), ("count", "since", "name")
    sides = [described(values, E + thing, name) for thing, name in zip(("l/", "r/"), names, strict=True)]
    with folder() as here:
        left, right = graph_of(sides[0], here / "a.nq"), graph_of(sides[1], here / "b.nq")
        mapping = dict(zip((E + each for each in names[0]), (E + each for each in names[1]), strict=True))
        fused = fused_by(
            left,
            right,
            _of_things(left, right),
            policy=policy,
            vocabulary=side,
            mapping=mapping,
            learned=True,
        )
        kept = names[0] if side == "left" else names[1]
        expected = set(described(values, E + "l/", kept))
        expected |= {
            ox.Quad(ox.NamedNode(f"{E}l/{n}"), ox.NamedNode(SAME_AS), ox.NamedNode(f"{E}r/{n}"))
            for n in range(len(values))
        }
        assert canonical(fused_graph(fused), here) == canonical_quads(expected)


def _of_things(left: Graph, right: Graph) -> Links:
    """Links between things of the same number."""
    texts = [[side.terms.value[int(each)].as_py() for each in nodes(side)] for side in (left, right)]
    return [
        (place, texts[1].index(text.replace("/l/", "/r/")))
        for place, text in enumerate(texts[0])
        if "/l/" in text
    ]


def check_with_itself(a: list[ox.Quad], **options: object) -> None:
    with folder() as here:
        graph = graph_of(a, here / "a.nq")
        everything = [(i, i) for i in range(len(nodes(graph)))]
        fused = fused_by(graph, graph, everything, learned=True, **options)
        assert canonical(fused_graph(fused), here) == canonical_quads(a)
        assert fused.counts.duplicates == len(graph)
        assert fused.counts.same_as == 0


@settings(max_examples=60)
@given(
    a=named_rivals,
    b=named_rivals,
    links=picks,
    policy=st.sampled_from(FREE),
    learned=st.booleans(),
)
def test_the_order_of_the_sources_does_not_count(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, policy: str, learned: bool
) -> None:
    check_places_changed(a, b, links, policy, learned)


@settings(max_examples=30)
@given(a=numbers, b=numbers, links=picks, policy=st.sampled_from(NUMERIC))
def test_the_order_of_the_sources_does_not_count_for_numbers(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, policy: str
) -> None:
    check_places_changed(a, b, links, policy, False)


def check_places_changed(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, policy: str, learned: bool
) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        turned = [(j, i) for i, j in links]
        options = {"policy": policy, "canonical": "mint", "vocabulary": "both", "learned": learned}
        one = fused_by(left, right, links, **options)  # type: ignore[arg-type]
        other = fused_by(right, left, turned, **options)  # type: ignore[arg-type]
        assert canonical(fused_graph(one), here) == canonical(fused_graph(other), here)
        assert Counter(one.role.tolist()) == Counter(other.role.tolist())


@settings(max_examples=30)
@given(a=triples, b=triples, links=picks)
def test_left_and_right_change_places(a: list[ox.Quad], b: list[ox.Quad], links: Links) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        turned = [(j, i) for i, j in links]
        for how, back in (("left", "right"), ("right", "left"), ("mint", "mint")):
            one = fused_by(left, right, links, canonical=how)
            other = fused_by(right, left, turned, canonical=back)
            assert canonical(fused_graph(one), here) == canonical(fused_graph(other), here)


@settings(max_examples=30)
@given(a=rivals, b=rivals, links=picks, policy=st.sampled_from(FREE))
def test_identity_that_goes_unsaid_is_not_there(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, policy: str
) -> None:
    with folder() as here:
        left, right = graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq")
        said = fused_by(left, right, links, policy=policy)
        unsaid = fused_by(left, right, links, policy=policy, identity="none")
        matched = fused_by(left, right, links, policy=policy, identity="exact-match")
        assert unsaid.counts.same_as == 0
        without, both = (canonical(fused_graph(each), here) for each in (unsaid, said))
        assert len(both) - len(without) == said.counts.same_as
        assert [q.predicate.value for q in both].count(SAME_AS) - said.counts.same_as == [
            q.predicate.value for q in without
        ].count(SAME_AS)
        assert len(fused_graph(matched)) == len(without) + matched.counts.same_as


@settings(max_examples=40)
@given(
    a=rivals,
    b=rivals,
    links=picks,
    how=canonicals,
    policy=st.sampled_from((*FREE, *ORDERED)),
    seed=st.integers(0, 9),
)
def test_order_of_statements_files_and_links_does_not_change_a_byte(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, how: Canonical, policy: str, seed: int
) -> None:
    with folder() as here:
        random = Random(seed)
        files = [here / "a1.nq", here / "a2.nq"]
        right = graph_of(b, here / "b.nq")
        written = []
        for _ in range(2):
            cut = len(a) // 2
            for file, part in zip(files, (a[:cut], a[cut:]), strict=True):
                ox.serialize(random.sample(part, len(part)), file, ox.RdfFormat.N_QUADS)
            left = read_graph(random.sample(files, 2))
            mixed = random.sample(links, len(links))
            fused = fused_by(left, right, mixed, canonical=how, policy=policy, learned=True)
            write_nquads(fused_graph(fused), here / "fused.nq")
            written.append(((here / "fused.nq").read_bytes(), fused.role.tobytes(), fused.reasons))
        assert written[0] == written[1]


@pytest.fixture
def lexical_forms_kept() -> Iterator[None]:
    rdflib.NORMALIZE_LITERALS = False
    yield
    rdflib.NORMALIZE_LITERALS = True


@pytest.mark.usefixtures("lexical_forms_kept")
@settings(max_examples=60)
@given(a=triples, b=triples, links=picks, how=canonicals)
def test_the_written_file_is_read_back_as_the_same_graph(
    a: list[ox.Quad], b: list[ox.Quad], links: Links, how: Canonical
) -> None:
    with folder() as here:
        graph = fused_graph(
            fused_by(graph_of(a, here / "a.nq"), graph_of(b, here / "b.nq"), links, canonical=how)
        )
        expected = canonical(graph, here)
        assert write_turtle(graph, here / "fused.ttl") == len(graph)
        assert canonical_quads(ox.parse(path=str(here / "fused.ttl"))) == expected
        assert canonical(read_graph(here / "fused.ttl"), here) == expected
        other = graph_from_rdflib(rdflib.Graph().parse(here / "fused.ttl", format="turtle"))
        write_ntriples(other, here / "other.nt")
        assert canonical_quads(ox.parse(path=str(here / "other.nt"))) == expected
