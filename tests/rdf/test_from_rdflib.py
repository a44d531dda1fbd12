"""The door for users of rdflib."""

import pytest
import rdflib
from rdflib import BNode, Literal, URIRef

from kgalign.errors import InputError
from kgalign.rdf import graph_from_rdflib
from tests.rdf.rows import rows

E = "http://example.org/"


def test_every_kind_of_term() -> None:
    graph = rdflib.Graph()
    s, p = URIRef(E + "s"), URIRef(E + "p")
    for value in (
        URIRef(E + "o"),
        BNode("mine"),
        Literal("plain"),
        Literal("tagged", lang="en"),
        Literal("01", datatype=rdflib.XSD.integer, normalize=False),
        Literal(3),
    ):
        graph.add((s, p, value))
    integer = "^^http://www.w3.org/2001/XMLSchema#integer"
    assert sorted(row[2] for row in rows(graph_from_rdflib(graph))) == sorted(
        [f"<{E}o>", "_:mine", '"plain"', '"tagged"@en', f'"01"{integer}', f'"3"{integer}']
    )


def test_random_labels_are_the_same_each_time() -> None:
    turtle = f"<{E}s> <{E}p> [ <{E}q> 1 ], [ <{E}q> 2 ; <{E}r> [] ] ."
    first, second = (graph_from_rdflib(rdflib.Graph().parse(data=turtle)) for _ in range(2))
    assert rows(first) == rows(second)


def test_labels_that_no_file_could_have() -> None:
    graph = rdflib.Graph()
    graph.add((BNode("not a label"), URIRef(E + "p"), BNode("")))
    assert rows(graph_from_rdflib(graph)) in ([("_:b0", f"<{E}p>", "_:b1")], [("_:b1", f"<{E}p>", "_:b0")])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # rdflib's own parser warns
def test_named_graphs() -> None:
    trig = f"<{E}s> <{E}p> 'x' . <{E}g> {{ <{E}s> <{E}p> 'y' . }}"
    expected = [(f"<{E}s>", f"<{E}p>", '"x"'), (f"<{E}s>", f"<{E}p>", '"y"', f"<{E}g>")]
    dataset = rdflib.Dataset()
    dataset.parse(data=trig, format="trig")
    assert rows(graph_from_rdflib(dataset)) == expected
    assert rows(graph_from_rdflib(dataset.graph(URIRef(E + "g")))) == [expected[1][:3]]


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (URIRef(E + "a b"), "Invalid IRI"),
        (Literal("x", lang="muchtoolongatag"), "which is no RDF"),
        (rdflib.Variable("x"), "holds a Variable"),
    ],
)
def test_what_is_no_rdf(term: rdflib.term.Node, message: str) -> None:
    graph = rdflib.Graph()
    graph.add((URIRef(E + "s"), URIRef(E + "p"), term))
    with pytest.raises(InputError, match=message):
        graph_from_rdflib(graph)


def test_an_empty_graph() -> None:
    with pytest.raises(InputError, match="holds no statements"):
        graph_from_rdflib(rdflib.Graph())
