"""The vocabulary: each term can be read, and says the same as the code."""

from importlib.resources import files

import rdflib
from rdflib import OWL, RDF, RDFS

from kgalign.records import Outcome

KG = rdflib.Namespace("https://w3id.org/kgalign#")


def _vocabulary() -> rdflib.Graph:
    return rdflib.Graph().parse(data=(files("kgalign.ontologies") / "kgalign.ttl").read_text(encoding="utf8"))


def test_every_term_has_a_label_and_a_comment() -> None:
    graph = _vocabulary()
    terms = {term for term in graph.subjects(RDF.type) if isinstance(term, rdflib.URIRef)}
    assert len(terms) > 10
    for term in terms:
        for predicate in (RDFS.label, RDFS.comment):
            (text,) = graph.objects(term, predicate)
            assert isinstance(text, rdflib.Literal)
            assert text.language == "en"


def test_nothing_is_used_that_is_not_defined() -> None:
    graph = _vocabulary()
    used = {term for triple in graph for term in triple if isinstance(term, rdflib.URIRef) and term in KG}
    assert used == {term for term in used if (term, RDF.type, None) in graph}


def test_the_outcomes_are_those_of_the_code() -> None:
    graph = _vocabulary()
    names = {str(each).removeprefix(str(KG)) for each in graph.subjects(RDF.type, KG.Outcome)}
    assert names == {outcome.name.title().replace("_", "") for outcome in Outcome}
    (listed,) = graph.objects(KG.Outcome, OWL.oneOf)
    assert {str(each) for each in graph.items(listed)} == {f"{KG}{name}" for name in names}
