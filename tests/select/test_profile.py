"""Laws of the profile, and graphs that are odd."""

from collections import defaultdict
from dataclasses import fields

import numpy as np
import pyarrow as pa
import pyoxigraph as ox
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config import SelectConfig
from kgalign.records import Profile
from kgalign.select import select
from tests.conftest import Watcher
from tests.select.turtle import X, attributes, edges, entities, profile, read, short, values

RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"

_entity = st.integers(0, 7).map(lambda n: f"x:e{n}")
_value = st.one_of(
    st.integers(-5, 5).map(str),
    st.sampled_from(
        ['"a"', '"b c"', '"b c"@en', '"b c"@fr', '"1815"', '"1815"^^xsd:gYear', '""', '" "', "true"]
    ),
    st.text("ab 1é東😀", max_size=3).map(lambda text: f'"{text}"'),
)
_statement = st.one_of(
    st.tuples(_entity, st.sampled_from(["v:name", "v:p", "v:q"]), _value),
    st.tuples(_entity, st.sampled_from(["v:knows", "v:part"]), _entity),
).map(" ".join)
_graph = st.lists(_statement, max_size=25)
TYPED = [f"x:e{n} a v:T" for n in range(8)]
"""Nodes of one type, with the same namespace: all are entities, whatever is said of them."""


def _same(a: Profile, b: Profile) -> bool:
    for field in fields(Profile):
        left, right = getattr(a, field.name), getattr(b, field.name)
        same = np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right
        if not same:
            return False
    return True


def _text(statements: list[str]) -> str:
    return "".join(f"{each} .\n" for each in statements)


def _asked(statements: list[str]) -> Profile:
    return profile(_text(TYPED + statements), types=[f"{X}v/T"], ignore_iri_names=True)


@given(_graph)
def test_shares_lie_between_nothing_and_one(statements: list[str]) -> None:
    found = profile(_text([*TYPED, *statements]))
    for each in found.attributes:
        for share in (each.coverage, each.functionality, each.inverse_functionality, each.importance):
            assert 0 < share <= 1
        assert each.importance == each.inverse_functionality * each.coverage
    for relation in found.relations:
        assert 0 < relation.functionality <= 1
        assert 0 < relation.inverse_functionality <= 1


@given(_graph)
def test_columns_are_sorted_distinct_and_in_range(statements: list[str]) -> None:
    found = profile(_text([*TYPED, *statements]))
    for columns in (
        (found.value_entity, found.value_attribute, found.value_text),
        (found.edge_head, found.edge_relation, found.edge_tail),
    ):
        assert all(column.dtype == np.int32 for column in columns)
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        assert rows == sorted(set(rows))
    assert set(found.value_attribute.tolist()) == set(range(len(found.attributes)))
    assert set(found.value_text.tolist()) == set(range(len(found.texts)))
    assert found.texts.to_pylist() == sorted(set(found.texts.to_pylist()))
    assert set(found.edge_relation.tolist()) == set(range(len(found.relations)))
    assert len(found.entity_name) == len(found.entity_type) == len(found.entity_term) == len(found)
    assert list(found.entity_term) == sorted(found.entity_term)
    importance = [each.importance for each in found.attributes]
    assert importance == sorted(importance, reverse=True)
    for column in (found.entity_iri, found.entity_name, found.texts):
        assert column.type == pa.large_string()
        assert column.null_count == 0


@given(_graph)
def test_functionality_is_what_it_says(statements: list[str]) -> None:
    """Against plain Python over the statements that another parser reads."""
    facts: dict[str, set[tuple[str, str]]] = defaultdict(set)
    links: dict[str, set[tuple[str, str]]] = defaultdict(set)
    prefixes = f"@prefix x: <{X}> . @prefix v: <{X}v/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"
    for quad in ox.parse(prefixes + _text(statements), format=ox.RdfFormat.TURTLE):
        subject, predicate, object_ = (quad.subject, quad.predicate, quad.object)
        assert isinstance(subject, ox.NamedNode)
        if isinstance(object_, ox.Literal):
            facts[predicate.value].add((subject.value, object_.value))
        elif isinstance(object_, ox.NamedNode) and object_ != subject:
            links[predicate.value].add((subject.value, object_.value))
    found = _asked(statements)
    assert len(found) == len(TYPED)
    assert values(found) == {
        (short(entity), short(predicate), value) for predicate in facts for entity, value in facts[predicate]
    }
    for each in found.attributes:
        pairs = facts[each.path[0]]
        have = len({entity for entity, _ in pairs})
        assert each.facts == len(pairs)
        assert each.coverage == have / len(found)
        assert each.functionality == have / len(pairs)
        assert each.inverse_functionality == len({value for _, value in pairs}) / len(pairs)
    assert {each.iri for each in found.relations} == set(links)
    for relation in found.relations:
        edges_of = links[relation.iri]
        assert relation.facts == len(edges_of)
        assert relation.functionality == len({head for head, _ in edges_of}) / len(edges_of)
        assert relation.inverse_functionality == len({tail for _, tail in edges_of}) / len(edges_of)


@given(st.data(), st.lists(_statement, min_size=1, max_size=25))
def test_the_order_of_statements_does_not_matter(data: st.DataObject, statements: list[str]) -> None:
    typed = data.draw(st.lists(st.sampled_from(TYPED), unique=True))
    before = [*typed, *statements]
    after = data.draw(st.permutations(before))
    assert _same(profile(_text(before)), profile(_text(after)))


def test_a_graph_without_literals() -> None:
    found = profile("x:a v:knows x:b . x:b v:knows x:c . x:c v:likes x:a .", ignore_iri_names=True)
    assert entities(found) == ["x:a", "x:b", "x:c"]
    assert found.attributes == ()
    assert len(found.texts) == len(found.value_entity) == 0
    assert len(edges(found)) == 3
    assert found.entity_name.to_pylist() == ["a", "b", "c"]


def test_a_typed_node_without_anything() -> None:
    found = profile("x:a a v:T .", ignore_iri_names=True)
    assert (entities(found), found.attributes, found.relations) == (["x:a"], (), ())


def test_a_name_is_shown_for_each_entity() -> None:
    found = profile("""
        x:a v:altLabel "second" ; v:prefLabel "first" ; v:note "n" .
        x:b v:altLabel "only" . x:c v:prefLabel " " . _:d v:note "m" .
    """)
    shown = dict(zip(entities(found), found.entity_name.to_pylist(), strict=True))
    assert (shown["x:a"], shown["x:b"], shown["x:c"]) == ("first", "only", "c")
    assert shown.pop(entities(found)[3]).startswith("_:")


def test_values_in_several_languages_are_one_where_they_read_the_same() -> None:
    found = profile('x:a v:name "Paris"@en, "Paris"@fr, "Parigi"@it . x:b v:name "Rome"@en .')
    name = attributes(found)["v:name"]
    assert (name.facts, name.functionality, name.inverse_functionality) == (3, 2 / 3, 1.0)


def test_a_type_may_be_a_literal() -> None:
    found = profile(f'x:a <{RDF_TYPE}> "Town" ; v:word "Town" . x:b <{RDF_TYPE}> "Town" ; v:word "Village" .')
    assert ("x:a", "v:word", "Town") in values(found)


def test_very_many_values_of_one_property() -> None:
    found = profile("x:a v:p " + ", ".join(f'"{n}"' for n in range(100_000)) + " .")
    assert attributes(found)["v:p"].facts == 100_000
    assert attributes(found)["v:p"].functionality == 1e-5


def test_very_many_properties_and_relations() -> None:
    text = "".join(f'x:e{n % 50} v:p{n} "{n}" ; v:r{n} x:e{n * 7 % 50} .\n' for n in range(2000))
    found = profile(text)
    assert len(found.attributes) == 2000
    assert len(found.relations) == len({edge[1] for edge in edges(found)})


def test_a_very_long_value() -> None:
    found = profile('x:a v:text "' + "lorem " * 1_000_000 + '" . x:b v:name "' + "y" * 1_000_000 + '" .')
    assert max(len(text) for text in found.texts.to_pylist()) == 6_000_000
    assert max(len(name) for name in found.entity_name.to_pylist()) == 1000


def test_progress_is_told(watcher: type[Watcher]) -> None:
    progress = watcher()
    select(read("x:a a v:T ."), SelectConfig(), side="right", progress=progress)
    assert progress.names == ["select right 3 "]
    assert progress.open == 0
