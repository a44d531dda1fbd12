"""Which nodes are entities, and which are parts of one."""

import pytest

from kgalign.errors import InputError
from tests.select.turtle import X, attributes, edges, entities, profile, values

PEOPLE = """
x:p1 a v:Person ; v:name "Ada Lovelace" ; v:address x:a1 .
x:p2 a v:Person ; v:name "Alan Turing" ; v:address x:a2 .
x:p3 a v:Person ; v:name "Grace Hopper" ; v:address x:a3 .
x:a1 a v:Address ; v:street "St James's Square" ; v:town "London" .
x:a2 a v:Address ; v:street "Adlington Road" ; v:town "Wilmslow" .
x:a3 a v:Address ; v:street "South Joyce Street" ; v:town "Arlington" .
"""


def test_nodes_that_belong_to_one_entity_are_a_part_of_it() -> None:
    found = profile(PEOPLE)
    assert entities(found) == ["x:p1", "x:p2", "x:p3"]
    assert ("x:p2", "v:address v:town", "Wilmslow") in values(found)
    assert found.types == (f"{X}v/Person",)
    assert len(found.edge_head) == 0


def test_addresses_are_parts_without_types_and_as_blank_nodes_too() -> None:
    found = profile("""
        x:p1 v:name "Ada Lovelace" ; v:address [ v:street "St James's Square" ] .
        x:p2 v:name "Alan Turing" ; v:address [ v:street "Adlington Road" ] .
    """)
    assert entities(found) == ["x:p1", "x:p2"]
    assert ("x:p2", "v:address v:street", "Adlington Road") in values(found)


def test_nodes_that_several_share_are_entities() -> None:
    people = "".join(f'x:p{n} a v:Person ; v:name "Name {n}" ; v:town x:t{n % 3} .\n' for n in range(12))
    towns = "".join(f'x:t{n} a v:Town ; v:code "T{n}" .\n' for n in range(3))
    found = profile(people + towns)
    assert {"x:t0", "x:t1", "x:t2"} < set(entities(found))
    assert ("x:p4", "v:town", "x:t1") in edges(found)


def test_events_between_two_entities_are_entities_and_join_them() -> None:
    text = ""
    for n in range(10):
        text += f'x:p{n} a v:Person ; v:name "Name {n}" .\n'
        text += f"x:m{n} a v:Marriage ; v:who x:p{n}, x:p{(n + 1) % 10} ; v:year {1900 + n} .\n"
    found = profile(text)
    assert len(found) == 20
    assert {("x:m3", "v:who", "x:p3"), ("x:m3", "v:who", "x:p4")} < edges(found)


def test_named_nodes_of_which_each_has_several_are_entities_where_their_names_differ() -> None:
    films = "".join(f'x:f{n} a v:Film ; v:title "Film {n}" ; v:actor x:d{n}, x:e{n} .\n' for n in range(10))
    actors = "".join(f'x:{k}{n} a v:Actor ; v:name "Actor {k} {n}" .\n' for n in range(10) for k in "de")
    kinds = "".join(f'x:f{n} v:medium x:k{n} . x:k{n} a v:Medium ; v:label "35 mm" .\n' for n in range(10))
    found = profile(films + actors + kinds)
    assert set(found.types) == {f"{X}v/Film", f"{X}v/Actor"}
    assert len(found) == 30
    assert ("x:f7", "v:medium v:label", "35 mm") in values(found)


@pytest.mark.parametrize("count", [2, 5, 40, 300])
def test_what_is_a_part_does_not_hang_on_how_many_there_are(count: int) -> None:
    people = "".join(
        f'x:p{n} a v:Person ; v:name "Person {n}" ; v:address x:a{n} .\n'
        f"x:a{n} a v:Address ; v:suburb x:s{n} .\n"
        f'x:s{n} a v:Suburb ; v:name "Suburb {n % 200}" .\n'
        for n in range(count)
    )
    found = profile(people)
    assert found.types == (f"{X}v/Person",)
    assert len(found) == count
    assert ("x:p1", "v:address v:suburb v:name", "Suburb 1") in values(found)


@pytest.mark.parametrize("count", [2, 5, 40, 300])
def test_what_has_a_name_and_more_stands_for_itself_however_many_there_are(count: int) -> None:
    countries = "".join(
        f'x:l{n} a v:Country ; v:name "Country {n}" ; v:capital x:c{n} .\n'
        f'x:c{n} a v:City ; v:name "City {n}" ; v:inhabitants {1000 + n} .\n'
        for n in range(count)
    )
    assert set(profile(countries).types) == {f"{X}v/City", f"{X}v/Country"}


def test_what_is_only_mentioned_is_a_value_by_the_name_in_its_iri() -> None:
    subjects = ["Sea_stories", "Ghost_stories", "Dystopian_fiction", "Novels_of_1903", "Satires", "Essays"]
    books = "".join(
        f'x:b{n} a v:Book ; v:title "Book {n}" ; v:subject <http://c.example/Category:{subject}> .\n'
        for n, subject in enumerate(subjects)
    )
    found = profile(books)
    assert entities(found) == [f"x:b{n}" for n in range(6)]
    assert ("x:b3", "v:subject", "Category:Novels of 1903") in values(found)


def test_what_is_mentioned_among_others_of_its_kind_is_a_neighbour_and_no_entity_of_its_own() -> None:
    found = profile("""
        x:Ada_Lovelace v:knows x:Charles_Babbage, x:Mary_Somerville .
        x:Mary_Somerville v:knows x:John_Herschel .
    """)
    assert dict(zip(entities(found), found.described.tolist(), strict=True)) == {
        "x:Ada_Lovelace": True,
        "x:Charles_Babbage": False,
        "x:John_Herschel": False,
        "x:Mary_Somerville": True,
    }


def test_untyped_nodes_are_judged_by_namespace() -> None:
    found = profile("""
        x:Ada v:born "1815" . x:Alan v:born "1912" . x:Grace v:born "1906" .
    """)
    assert entities(found) == ["x:Ada", "x:Alan", "x:Grace"]
    assert found.types == ()
    assert list(found.entity_type) == [-1, -1, -1]


@pytest.mark.parametrize(
    "text",
    [
        '_:a v:p "1" . _:b v:p "2" .',
        "_:a v:p _:b . _:b v:p _:c .",
        '[] a v:Thing ; v:label "one" . [] a v:Thing ; v:label "two" .',
    ],
    ids=["values", "relations", "typed"],
)
def test_graphs_of_blank_nodes_alone_have_entities(text: str) -> None:
    found = profile(text)
    assert len(found) >= 2
    assert all(iri.startswith("_:") for iri in found.entity_iri.to_pylist())


def test_nodes_that_all_hang_on_each_other_are_entities() -> None:
    ring = "".join(f"<{X}{n}> v:next <{X}{(n + 1) % 9}> .\n" for n in range(9))
    found = profile(ring)
    assert len(found) == 9
    assert len(found.edge_head) == 9
    assert found.attributes == ()


def test_one_entity_is_enough() -> None:
    assert entities(profile('x:one v:p "v" .')) == ["x:one"]
    assert entities(profile("x:one a v:Thing .")) == ["x:one"]


def test_entities_without_values_stay() -> None:
    found = profile('x:p1 a v:Person ; v:name "Ada" . x:p2 a v:Person ; v:name "Alan" . x:p3 a v:Person .')
    assert entities(found) == ["x:p1", "x:p2", "x:p3"]
    assert attributes(found)["v:name"].coverage == pytest.approx(2 / 3)
    assert found.entity_name.to_pylist() == ["Ada", "Alan", "p3"]


def test_things_that_are_only_said_to_be_things_are_entities() -> None:
    found = profile('x:a a owl:Thing ; v:name "A" . x:b a owl:NamedIndividual ; v:name "B" .')
    assert entities(found) == ["x:a", "x:b"]
    assert found.types == ()


# Vocabulary

ONTOLOGY = """
v:Animal a owl:Class ; rdfs:label "animal" .
v:Bird a owl:Class ; rdfs:label "bird" ; rdfs:subClassOf v:Animal ; v:synonym x:genid1 ;
    rdfs:subClassOf [ a owl:Restriction ; owl:onProperty v:has ; owl:someValuesFrom v:Wing ] .
v:Wing a owl:Class ; rdfs:label "wing" ; v:synonym x:genid2 .
v:Fish a owl:Class ; rdfs:label "fish" ; rdfs:subClassOf v:Animal .
v:has a owl:ObjectProperty ; rdfs:label "has" ; rdfs:domain v:Animal ; rdfs:range v:Wing .
x:genid1 a v:Synonym ; rdfs:label "fowl" .
x:genid2 a v:Synonym ; rdfs:label "pinion" .
"""


def test_in_an_ontology_the_classes_and_properties_are_the_entities() -> None:
    found = profile(ONTOLOGY)
    assert entities(found) == ["v:Animal", "v:Bird", "v:Fish", "v:Wing", "v:has"]
    assert edges(found) == {
        ("v:Bird", "rdfs:subClassOf/http://www.w3.org/2002/07/owl#onProperty", "v:has"),
        ("v:has", "rdfs:domain", "v:Animal"),
        ("v:has", "rdfs:range", "v:Wing"),
        ("v:Bird", "rdfs:subClassOf", "v:Animal"),
        ("v:Fish", "rdfs:subClassOf", "v:Animal"),
        ("v:Bird", "rdfs:subClassOf/http://www.w3.org/2002/07/owl#someValuesFrom", "v:Wing"),
    }
    assert ("v:Bird", "v:synonym rdfs:label", "fowl") in values(found)


def test_classes_may_be_told_by_their_hierarchy_alone() -> None:
    found = profile("""
        v:Bird rdfs:label "bird" ; rdfs:subClassOf v:Animal .
        v:Fish rdfs:label "fish" ; rdfs:subClassOf v:Animal .
    """)
    assert entities(found) == ["v:Bird", "v:Fish"]


def test_vocabulary_beside_instances_is_no_entity() -> None:
    found = profile(
        PEOPLE
        + """
        v:Person a owl:Class ; rdfs:label "person" ; rdfs:subClassOf v:Agent .
        v:Agent a owl:Class ; rdfs:label "agent" .
        v:name a owl:DatatypeProperty ; rdfs:label "name" ; rdfs:domain v:Person .
        v:address rdfs:label "address" ; rdfs:range v:Address .
        x:ontology a owl:Ontology ; rdfs:label "people" .
    """
    )
    assert entities(found) == ["x:p1", "x:p2", "x:p3"]
    assert "rdfs:label" not in attributes(found)


def test_a_node_can_be_class_and_instance() -> None:
    found = profile("""
        x:Eagle a owl:Class, v:Species ; v:name "eagle" .
        x:Trout a owl:Class, v:Species ; v:name "trout" .
        x:Harry a x:Eagle ; v:name "Harry" .
        x:Tom a x:Trout ; v:name "Tom" .
    """)
    assert entities(found) == ["x:Eagle", "x:Harry", "x:Tom", "x:Trout"]


def test_properties_are_no_entities_whatever_they_are_said_to_be() -> None:
    found = profile('x:a v:p "1" . x:b v:p "2" . v:p a v:Column ; v:label "p" .')
    assert entities(found) == ["x:a", "x:b"]


def test_statements_about_statements_are_no_entities() -> None:
    found = profile('x:a v:name "A" {| v:source "a book" |} . x:b v:name "B" .')
    assert entities(found) == ["x:a", "x:b"]
    assert values(found) == {("x:a", "v:name", "A"), ("x:b", "v:name", "B")}


def test_identity_links_say_nothing_of_an_entity() -> None:
    found = profile('x:a v:name "A" ; owl:sameAs x:c . x:c v:name "C" ; rdfs:seeAlso <http://y.example/> .')
    assert entities(found) == ["x:a", "x:c"]
    assert edges(found) == set()
    assert set(attributes(found)) == {"v:name"}


@pytest.mark.parametrize("text", ["v:p a owl:ObjectProperty .", "v:p rdfs:range v:C ."])
def test_a_graph_of_vocabulary_alone_is_explained(text: str) -> None:
    with pytest.raises(InputError, match=r"left graph has no entity.*--left-type"):
        profile(text)


# Types that the user asks for


def test_types_asked_for_are_the_entities() -> None:
    found = profile(PEOPLE, types=[f"{X}v/Address"])
    assert entities(found) == ["x:a1", "x:a2", "x:a3"]
    assert ("x:a1", "^v:address v:name", "Ada Lovelace") in values(found)


def test_several_types_can_be_asked_for() -> None:
    assert len(profile(PEOPLE, types=[f"{X}v/Address", f"{X}v/Person"])) == 6


def test_vocabulary_can_be_asked_for() -> None:
    text = PEOPLE + 'v:Person a owl:Class ; rdfs:label "person" . v:Address a owl:Class .'
    found = profile(text, types=["http://www.w3.org/2002/07/owl#Class"])
    assert entities(found) == ["v:Address", "v:Person"]
    assert found.entity_name.to_pylist() == ["Address", "person"]


def test_values_of_shared_nodes_are_told_of_each_entity_that_shares_them() -> None:
    people = "".join(f'x:p{n} a v:Person ; v:name "Name {n}" ; v:town x:t{n % 2} .\n' for n in range(6))
    towns = 'x:t0 a v:Town ; v:label "Bath" . x:t1 a v:Town ; v:label "Ely" .'
    found = profile(people + towns, types=[f"{X}v/Person"])
    assert ("x:p4", "v:town v:label", "Bath") in values(found)
    assert len(found) == 6


def test_a_shared_node_that_says_very_much_is_no_value() -> None:
    people = "".join(f'x:p{n} a v:Person ; v:name "Name {n}" ; v:town x:t .\n' for n in range(6))
    town = "".join(f'x:t v:label "town {n}" .\n' for n in range(100))
    found = profile(people + town, types=[f"{X}v/Person"])
    assert set(attributes(found)) == {"v:name"}


def test_relations_may_run_through_one_node_between() -> None:
    found = profile(
        """
        x:a a v:Part ; v:name "A" ; v:placed x:n1 . x:n1 v:in x:b ; v:with x:c .
        x:b a v:Part ; v:name "B" . x:c a v:Part ; v:name "C" .
        """,
        types=[f"{X}v/Part"],
    )
    assert {("x:a", "v:placed/v:in", "x:b"), ("x:a", "v:placed/v:with", "x:c")} <= edges(found)


def test_a_type_that_no_node_has_is_explained_with_those_there_are() -> None:
    text = PEOPLE + 'x:p4 a v:Person . x:t a v:Town, v:Place, v:Point, v:Area, v:Spot ; v:name "t" .'
    with pytest.raises(InputError) as caught:
        profile(text, types=[f"{X}v/Film"])
    assert caught.value.message == f"No entity of the left side has the type {X}v/Film"
    assert caught.value.remedy.startswith(f"Types there are: {X}v/Person, {X}v/Address, ")
    assert caught.value.remedy.endswith(" and 2 more")


def test_a_type_asked_of_a_graph_without_types_is_explained() -> None:
    with pytest.raises(InputError, match="none at all"):
        profile('x:a v:p "1" .', types=[f"{X}v/Film"])


# Types of an entity


def test_the_rarest_frequent_type_is_the_main_one() -> None:
    text = "".join(f'x:p{n} a v:Agent, v:Person ; v:name "Name {n}" .\n' for n in range(10))
    text += 'x:o a v:Agent ; v:name "Org" .\nx:p0 a owl:Thing .\n'
    found = profile(text)
    kinds = dict(zip(entities(found), [found.types[t] for t in found.entity_type], strict=True))
    assert kinds["x:p0"] == f"{X}v/Person"
    assert kinds["x:o"] == f"{X}v/Agent"
