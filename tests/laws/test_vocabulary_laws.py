"""Laws of the alignment of vocabularies: sides, order, identity and emptiness."""

import tempfile
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.fusion.vocabulary import align_vocabularies
from kgalign.rdf import Graph, read_graph
from kgalign.rdf.graph import Ids
from kgalign.records.vocabularies import PropertyMatch, Vocabularies

E = "http://example.org/"
MIRRORED = {"exact": "exact", "close": "close", "narrower": "broader", "broader": "narrower"}

values = st.one_of(
    st.integers(0, 14).map(lambda i: f"<{E}n{i}>"),
    st.integers(0, 9).map(str),
    st.floats(-1e3, 1e3).map(lambda x: f'"{x:.2f}"'),
    st.sampled_from(["red fox", "Red Fox", "grey owl", "2001", "2001-01-01", "1999-05", "été", "a"]).map(
        lambda text: f'"{text}"'
    ),
)
properties = st.sampled_from(["p", "q", "r", "s"])
statements = st.lists(st.tuples(st.integers(0, 14), properties, values), min_size=1, max_size=90)
types = st.lists(st.tuples(st.integers(0, 14), st.sampled_from("CDE")), max_size=20)
links = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=15)
graphs = st.tuples(statements, types)
Links = list[tuple[int, int]]
Written = tuple[list[tuple[int, str, str]], list[tuple[int, str]]]


@st.composite
def related(draw: st.DrawFn) -> tuple[Written, Written, Links]:
    """Two graphs that share most of what they say of the same nodes, and links that are mostly right."""
    left, right = draw(graphs), draw(graphs)
    telling = [(i, "p", f"<{E}n{i * 7 % 15}>") for i in range(12)]
    telling += [(i, "q", f'"{i * 37} x"') for i in range(12)]
    kinds = [(i, "CDE"[i % 3]) for i in range(12)]
    left = telling + left[0][:30], kinds + left[1][:4]
    kept = draw(st.lists(st.sampled_from(left[0]), min_size=20, max_size=80, unique=True))
    turned = draw(st.booleans())
    shared = [_turned(each) if turned else each for each in kept]
    pairs = [(i, i) for i in range(draw(st.integers(5, 15)))] + draw(links)[:3]
    return left, (shared + right[0][: draw(st.integers(0, 20))], kinds + right[1][:4]), pairs


def _turned(statement: tuple[int, str, str]) -> tuple[int, str, str]:
    """The statement in the other direction, where its object is a node."""
    i, p, value = statement
    end = value.removeprefix(f"<{E}n").removesuffix(">")
    return (int(end), p, f"<{E}n{i}>") if value.startswith("<") else statement


def graph_of(written: Written, names: str) -> Graph:
    """A graph whose properties are ``names`` + p … s; all nodes n0 … n14 are in it."""
    lines = [f"<{E}n{i}> <{E}{names}{p}> {value} ." for i, p, value in written[0]]
    lines += [f"<{E}n{i}> a <{E}{names}{c}> ." for i, c in written[1]]
    lines += [f"<{E}n{i}> <{E}{names}there> <{E}x> ." for i in range(15)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "g.ttl"
        path.write_text("\n".join(lines), encoding="utf-8")
        return read_graph(path)


def ends(graph: Graph, numbers: list[int]) -> Ids:
    terms = graph.terms.value.to_pylist()
    return np.array([terms.index(f"{E}n{i}") for i in numbers], np.int32)


def aligned(left: Graph, right: Graph, pairs: Links) -> Vocabularies:
    return align_vocabularies(
        left, right, ends(left, [a for a, _ in pairs]), ends(right, [b for _, b in pairs])
    )


def numbers(match: PropertyMatch) -> tuple[float, ...]:
    return match.score, match.support, match.agreement, match.chance


@settings(max_examples=60, deadline=None)
@given(related())
def test_swapping_the_sides_mirrors_what_is_found(drawn: tuple[Written, Written, Links]) -> None:
    left, right, pairs = drawn
    a, b = graph_of(left, "l"), graph_of(right, "r")
    forward, back = aligned(a, b, pairs), aligned(b, a, [(y, x) for x, y in pairs])
    turned = {(m.right, m.left, m.inverse): m for m in back.properties}
    assert turned.keys() == {(m.left, m.right, m.inverse) for m in forward.properties}
    for match in forward.properties:
        other = turned[match.left, match.right, match.inverse]
        assert other.relation == MIRRORED[match.relation]
        assert other.chosen == match.chosen
        assert numbers(other) == pytest.approx(numbers(match), abs=1e-6)
        assert (other.left_agreement, other.right_agreement) == pytest.approx(
            (match.right_agreement, match.left_agreement)
        )
        assert other.factor * match.factor == pytest.approx(1)
        assert other.kinds == match.kinds[::-1]
    classes = {(m.right, m.left, MIRRORED[m.relation], m.chosen, m.support) for m in back.classes}
    assert classes == {(m.left, m.right, m.relation, m.chosen, m.support) for m in forward.classes}


@settings(max_examples=40, deadline=None)
@given(related(), st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_links_changes_nothing(
    drawn: tuple[Written, Written, Links], random: Random
) -> None:
    left, right, pairs = drawn
    a, b = graph_of(left, "l"), graph_of(right, "r")
    shuffled = [*pairs, *pairs[:3]]
    random.shuffle(shuffled)
    assert aligned(a, b, shuffled) == aligned(a, b, pairs)


@settings(max_examples=40, deadline=None)
@given(graphs)
def test_a_graph_with_itself_maps_each_property_to_itself(written: Written) -> None:
    graph = graph_of(written, "")
    found = aligned(graph, graph, [(i, i) for i in range(15)])
    used = {E + p for _, p, _ in written[0]} | {E + "there"}
    itself = {m.left: m for m in found.properties if m.left == m.right and not m.inverse}
    assert itself.keys() == used
    for match in itself.values():
        assert (match.relation, match.chosen) == ("exact", True)
        assert match.agreement == pytest.approx(1)
        assert match.score == pytest.approx(match.support / (match.support + 1))
        assert match.conversion.same
    assert {m.left for m in found.properties if m.chosen} == used
    assert {(m.left, m.right) for m in found.classes if m.chosen} >= {
        (m.left, m.right) for m in found.classes if m.left == m.right
    }


@settings(max_examples=20, deadline=None)
@given(graphs, graphs)
def test_without_links_nothing_is_found(left: Written, right: Written) -> None:
    assert aligned(graph_of(left, ""), graph_of(right, ""), []) == Vocabularies()


@settings(max_examples=20, deadline=None)
@given(related())
def test_each_name_is_chosen_once(drawn: tuple[Written, Written, Links]) -> None:
    left, right, pairs = drawn
    found = aligned(graph_of(left, "l"), graph_of(right, "r"), pairs)
    chosen = [m for m in found.properties if m.chosen]
    assert len({m.left for m in chosen}) == len({m.right for m in chosen}) == len(chosen)
    for match in found.properties:
        assert 0 <= match.score <= 1
        assert match.support >= 4
        assert 1 <= len(match.examples) <= 3
        assert 0 <= match.chance <= 1
