"""What is shown: what tells most in this question, names first, as much as there is room for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.asking.quoting import weight
from kgalign.judge.asking.rendering import Entity, Record, Side, distinct_keys, show
from kgalign.records import Profile
from kgalign.records.votes import View
from kgalign.values.kinds import ValueKind
from tests.evaluate.small import Values, profile

V = "http://e/v/"
WIDE = 1e9


def side(
    values: Values | None = None,
    edges: Sequence[tuple[int, str, int]] = (),
    *,
    power: Mapping[str, float] | None = None,
    kinds: Mapping[str, ValueKind] | None = None,
    types: Sequence[str | None] | None = None,
) -> Side:
    """A side of six entities; ``power`` and ``kinds`` by attribute or relation, without their namespace."""
    made = profile(
        [f"http://e/{i}" for i in range(6)],
        [f"name {i}" for i in range(6)],
        values=values,
        edges=edges,
        types=types,
    )
    power, kinds = power or {}, kinds or {}
    attributes = tuple(
        replace(
            each,
            inverse_functionality=power.get(each.path[0].removeprefix(V), 0.5),
            kind=kinds.get(each.path[0].removeprefix(V), ValueKind.TEXT),
        )
        for each in made.attributes
    )
    relations = tuple(
        replace(each, inverse_functionality=power.get(each.iri.removeprefix(V), 0.5), functionality=0.25)
        for each in made.relations
    )
    return Side(replace(made, attributes=attributes, relations=relations))


def shown(records: Sequence[Record]) -> list[Any]:
    return [json.loads(each.text) for each in records]


def keys(entity: Entity, others: Sequence[Entity], view: View = View.ATTRIBUTES) -> list[str]:
    """The keys of an entity's record, in their order."""
    return list(shown(show(entity, others, view, WIDE)[0])[0])


def test_names_come_first_then_what_identifies_and_links_last() -> None:
    values = {V + each: ["x"] for each in ("genre", "code", "homepage", "label")}
    one = side(
        {0: values},
        power={"genre": 0.1, "code": 0.9, "homepage": 1.0, "label": 0.2},
        kinds={"homepage": ValueKind.LINK},
    )
    assert keys(one.entity(0), [one.entity(0)]) == ["label", "code", "genre", "homepage"]


def test_what_few_entities_of_the_question_have_comes_later() -> None:
    left = side({0: {V + "rare": ["r"], V + "usual": ["u"]}}, power={"rare": 0.8, "usual": 0.5})
    right = side({i: {V + "usual": ["u"]} for i in range(4)})
    assert keys(left.entity(0), [right.entity(5), right.entity(4)]) == ["rare", "usual"]
    assert keys(left.entity(0), [right.entity(i) for i in range(4)]) == ["usual", "rare"]


def test_relations_are_named_by_their_direction_and_list_their_neighbours_by_name() -> None:
    one = side(
        {i: {V + "label": [f"name {i}"]} for i in range(5)},
        [
            (0, V + "bornIn", 1),
            (0, V + "author", 2),
            (3, V + "author", 0),
            (4, V + "bornIn", 0),
            (0, V + "author", 5),
        ],
        power={"bornIn": 0.9, "author": 0.4},
    )
    (record,), values = shown(show(one.entity(0), [], View.BOTH, WIDE)[0]), one.entity(0).relations
    assert record == {
        "label": "name 0",
        "relations": {
            "born in": "name 1",
            "author": "name 2",
            "author of": "name 3",
            "born in (inverse)": "name 4",
        },
    }, "entity 5 has no name, and its IRI is not shown"
    assert [line.power for line in values] == [0.4, 0.9, 0.25, 0.25]


def test_a_view_shows_its_own_and_names() -> None:
    one = side(
        {i: {V + "label": [f"name {i}"], V + "year": ["1981"]} for i in range(3)},
        [(0, V + "of", 1), (1, V + "of", 2)],
    )
    entities = [one.entity(i) for i in range(2)]
    assert [set(each) for each in shown(show(entities[0], entities[1:], View.ATTRIBUTES, WIDE)[0])] == [
        {"label", "year"}
    ] * 2
    assert [set(each) for each in shown(show(entities[0], entities[1:], View.RELATIONS, WIDE)[0])] == [
        {"label", "relations"}
    ] * 2
    assert [set(each) for each in shown(show(entities[0], entities[1:], View.BOTH, WIDE)[0])] == [
        {"label", "year", "relations"}
    ] * 2


def test_where_a_view_is_empty_both_are_shown() -> None:
    one = side({i: {V + "label": [f"name {i}"], V + "year": ["1981"]} for i in range(4)}, [(0, V + "of", 1)])
    related, alone, empty = one.entity(0), one.entity(2), one.entity(5)
    records = shown(show(related, [one.entity(1), alone, empty], View.RELATIONS, WIDE)[0])
    assert [set(each) for each in records] == [
        {"label", "relations"}, {"label", "relations"}, {"label", "year"}, set(),
    ]  # fmt: skip
    for asker, others in ((alone, [related]), (related, [alone, empty])):
        records = shown(show(asker, others, View.RELATIONS, WIDE)[0])
        assert all("year" in each for each in records if each)


def test_the_same_name_is_not_said_twice_but_other_values_are() -> None:
    one = side(
        {
            0: {
                V + "label": ["Bunker"],
                V + "altlabel": ["BUNKER", "The Bunker"],
                V + "born": ["1"],
                V + "died": ["1"],
            }
        }
    )
    (record,) = shown(show(one.entity(0), [], View.ATTRIBUTES, WIDE)[0])
    assert record == {"altlabel": ["BUNKER", "The Bunker"], "born": "1", "died": "1"}


def test_a_type_is_shown_where_there_are_several() -> None:
    some = side({0: {V + "label": ["x"]}}, types=[V + "FilmWork", V + "Person", *[None] * 4])
    alike = side({0: {V + "label": ["x"]}}, types=[V + "FilmWork"] * 6)
    assert shown(show(some.entity(0), [], View.ATTRIBUTES, WIDE)[0]) == [{"label": "x", "type": "film work"}]
    assert shown(show(alike.entity(0), [], View.ATTRIBUTES, WIDE)[0]) == [{"label": "x"}]


def test_many_and_long_values_are_cut_as_is_without_a_word() -> None:
    one = side({0: {V + "note": ["x" * 100_000], V + "tag": [f"t{i}" for i in range(9)]}})
    records, shortened = show(one.entity(0), [], View.ATTRIBUTES, WIDE)
    assert shown(records) == [{"note": "x" * 199 + "…", "tag": ["t0", "t1", "t2", "t3", "t4", "…"]}]
    assert records[0].values == ("x" * 199 + "…", "t0", "t1", "t2", "t3", "t4")
    assert not shortened


@given(st.integers(0, 400), st.integers(1, 5), st.sampled_from(View))
def test_records_keep_to_the_budget_and_say_when_they_were_shortened(
    budget: int, options: int, view: View
) -> None:
    values = {
        i: {V + "label": [f"name {i}"], **{V + f"p{j}": [f"{'word ' * j}{i}"] for j in range(9)}}
        for i in range(6)
    }
    one = side(values, [(i, V + "of", 5 - i) for i in range(6)])
    others = [one.entity(1 + i % 5) for i in range(options)]
    usual, _ = show(one.entity(0), others, view, WIDE)
    records, shortened = show(one.entity(0), others, view, budget)
    assert shortened == (records != usual)
    if any(each.text != "{}" for each in records):
        assert weight("\n".join(f"Record: {each.text}" for each in records)) <= budget
    for each in records:
        assert set(each.values) == set(leaves(json.loads(each.text)))


def leaves(value: object) -> list[str]:
    if isinstance(value, dict | list):
        return [
            leaf for each in (value.values() if isinstance(value, dict) else value) for leaf in leaves(each)
        ]
    return [str(value)] if value != "…" else []


def test_with_less_room_attributes_go_before_values_are_cut() -> None:
    values = {
        V + "label": ["a name of some length for this"],
        **{V + f"p{j}": ["word " * 20] for j in range(8)},
    }
    one = side({0: values}, power={f"p{j}": j / 10 for j in range(8)})
    sizes = []
    for budget in range(400, 0, -10):
        (record,) = shown(show(one.entity(0), [], View.ATTRIBUTES, budget)[0])
        sizes.append((len(record), max((len(each) for each in record.values()), default=0)))
        assert not record or next(iter(record)) == "label"
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == (8, 99) and (3, 99) in sizes and (3, 60) in sizes and sizes[-1] == (0, 0)


@given(st.permutations(range(1, 6)), st.sampled_from(View), st.integers(50, 500))
def test_the_order_of_the_options_changes_no_record(order: list[int], view: View, budget: int) -> None:
    one = side(
        {i: {V + f"p{j}": [f"value {i * j}"] for j in range(i + 3)} for i in range(6)},
        [(i, V + f"r{i % 3}", (i * 2) % 6) for i in range(6)],
    )
    plain = show(one.entity(0), [one.entity(i) for i in range(1, 6)], view, budget)
    other = show(one.entity(0), [one.entity(i) for i in order], view, budget)
    assert other[0][0] == plain[0][0] and other[1] == plain[1]
    assert [other[0][1 + order.index(i)] for i in range(1, 6)] == plain[0][1:]


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        ([("http://e.org/birthPlace", "http://e.org/name")], ["birth place"]),
        ([("^http://e.org/author",)], ["author of"]),
        ([("^http://e.org/author", "^")], ["author"]),
        ([("http://e.org/successor", "^")], ["successor of"]),
        ([("http://e.org/preceded_by", "^")], ["preceded by (inverse)"]),
        ([("http://xmlns.com/foaf/0.1/name",), ("http://e.org/vocab/name",)], ["name", "name (vocab)"]),
        (
            [("http://a.org/x/name",), ("http://b.org/x/name",), ("http://c.org/x/Name",)],
            ["name", "name (x)", "name 2"],
        ),
        ([("http://e.org/%0A%E2%80%AEname",)], ["�name"]),
        ([("http://e.org/",), ("",)], ["e.org", "value"]),
        ([("http://e.org/" + "x" * 500,)], ["x" * 59 + "…"]),
    ],
)
def test_keys_are_words_and_no_two_are_the_same(paths: list[tuple[str, ...]], wanted: list[str]) -> None:
    assert distinct_keys(paths) == wanted


@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=3), max_size=8))
def test_any_paths_have_distinct_keys_that_are_not_taken(paths: list[list[str]]) -> None:
    found = distinct_keys(paths, ["relations", "type"])
    assert len(set(found)) == len(paths) and not {"relations", "type", ""} & set(found)


def test_an_attribute_called_relations_is_not_taken_for_them() -> None:
    one = side({0: {V + "relations": ["x"]}, 1: {V + "label": ["y"]}}, [(0, V + "of", 1)])
    (record,) = shown(show(one.entity(0), [], View.BOTH, WIDE)[0])
    assert record == {"relations (v)": "x", "relations": {"of": "name 1"}}


def test_many_neighbours_are_few_when_shown() -> None:
    made: Profile = profile(
        [f"http://e/{i}" for i in range(1000)],
        [f"name {i:03}" for i in range(1000)],
        values={i: {V + "label": [f"name {i:03}"]} for i in range(1000)},
        edges=[(i, V + "of", 0) for i in range(1, 1000)],
    )
    assert Side(made).entity(0).relations[0].values == tuple(f"name 00{i}" for i in range(1, 6))
