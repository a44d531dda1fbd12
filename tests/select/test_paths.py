"""Attributes that lie one or more hops from their entity."""

import pytest

from tests.select.turtle import attributes, edges, entities, profile, values

DEEP = """
x:w1 a v:Work ; v:name "Work one" ;
    v:a [ v:e "second" ; v:b [ v:e "third" ; v:c [ v:e "fourth" ; v:d [ v:e "fifth" ] ] ] ] .
x:w2 a v:Work ; v:name "Work two" .
"""


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        (1, {"v:name", "v:a v:e"}),
        (2, {"v:name", "v:a v:e", "v:a v:b v:e"}),
        (3, {"v:name", "v:a v:e", "v:a v:b v:e", "v:a v:b v:c v:e"}),
    ],
)
def test_paths_run_through_up_to_max_hops_nodes(hops: int, expected: set[str]) -> None:
    assert set(attributes(profile(DEEP, max_hops=hops))) == expected


def test_max_hops_holds_for_values_of_shared_nodes_too() -> None:
    text = """
    x:w1 a v:Work ; v:a [ v:b x:s ] . x:w2 a v:Work ; v:a [ v:b x:s ] . x:w3 a v:Work ; v:n "n" .
    x:s v:code "S" .
    """
    types = ["http://x.example/v/Work"]
    assert set(attributes(profile(text, types=types, max_hops=1))) == {"v:n"}
    assert set(attributes(profile(text, types=types, max_hops=2))) == {"v:n", "v:a v:b v:code"}


def test_paths_run_against_the_direction_too() -> None:
    found = profile("""
        x:w1 a v:Work ; v:name "Work one" . x:t1 v:of x:w1 ; v:text "first" .
        x:w2 a v:Work ; v:name "Work two" . x:t2 v:of x:w2 ; v:text "second" .
    """)
    assert entities(found) == ["x:w1", "x:w2"]
    assert ("x:w2", "^v:of v:text", "second") in values(found)


def test_a_relation_and_its_inverse_say_a_value_once() -> None:
    found = profile("""
        x:w1 a v:Work ; v:name "Work one" ; v:has _:t1 . _:t1 v:of x:w1 ; v:text "first" .
        x:w2 a v:Work ; v:name "Work two" ; v:has _:t2 . _:t2 v:of x:w2 ; v:text "second" .
    """)
    assert set(attributes(found)) == {"v:name", "v:has v:text"}


def test_an_event_of_one_work_that_names_a_shared_person_belongs_to_the_work() -> None:
    text = 'x:p0 a v:Person ; v:name "Ada" . x:p1 a v:Person ; v:name "Alan" .\n'
    for n in range(10):
        text += f'x:w{n} a v:Work ; v:name "Work {n}" .\n'
        text += f"x:e{n} a v:Making ; v:made x:w{n} ; v:by x:p{n % 2} ; v:year {1900 + n} .\n"
    found = profile(text)
    assert not any(each.startswith("x:e") for each in entities(found))
    assert ("x:w3", "^v:made v:year", "1903") in values(found)


def test_links_to_nodes_that_the_graph_says_nothing_of_are_values() -> None:
    found = profile("""
        x:a v:name "A" ; v:page <http://pages.example/1> . x:b v:name "B" ; v:page <http://pages.example/2> .
    """)
    assert ("x:a", "v:page", "http://pages.example/1") in values(found)
    assert edges(found) == set()


def test_relations_between_entities_are_counted() -> None:
    found = profile("""
        x:a a v:T ; v:name "A" ; v:knows x:b, x:c ; v:likes x:c .
        x:b a v:T ; v:name "B" ; v:knows x:c .
        x:c a v:T ; v:name "C" ; v:knows x:c .
    """)
    knows, likes = found.relations
    assert (knows.facts, knows.functionality, knows.inverse_functionality) == (3, 2 / 3, 2 / 3)
    assert (likes.facts, likes.functionality, likes.inverse_functionality) == (1, 1.0, 1.0)
    assert ("x:c", "v:knows", "x:c") not in edges(found)


def test_statements_that_several_named_graphs_hold_count_once() -> None:
    once = "".join(f"x:{n} a v:T ; v:name '{n}' ; v:part x:n{n} . x:n{n} v:p 'part {n}' .\n" for n in "ab")
    twice = profile(f"x:g1 {{ {once} }} x:g2 {{ {once} }} {{ {once} }}", ending=".trig")
    plain = profile(once)
    assert values(twice) == values(plain)
    assert attributes(twice) == attributes(plain)
    assert ("x:a", "v:part v:p", "part a") in values(twice)
