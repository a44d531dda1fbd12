"""From columns to an ``rdflib.Graph``: for what only libraries over rdflib do."""

from typing import TYPE_CHECKING

from kgalign.rdf.graph import Graph, TermKind, Terms

if TYPE_CHECKING:
    from rdflib import Graph as RdflibGraph
    from rdflib.term import IdentifiedNode, Literal


def graph_to_rdflib(graph: Graph) -> "RdflibGraph":
    """The statements as an ``rdflib.Graph``; names of named graphs are left out.

    Lexical forms stay as they are. Statements with an RDF 1.2 triple term, which rdflib does not know, are
    left out.
    """
    from rdflib import Graph as RdflibGraph

    nodes = rdflib_terms(graph.terms)
    target = RdflibGraph()
    columns = graph.subject.tolist(), graph.predicate.tolist(), graph.object.tolist()
    for row in zip(*columns, strict=True):
        subject, predicate, object = (nodes[term] for term in row)
        if subject is not None and predicate is not None and object is not None:
            target.add((subject, predicate, object))
    return target


def rdflib_terms(terms: Terms) -> "list[IdentifiedNode | Literal | None]":
    """(n,) each term as rdflib has it, None for triple terms."""
    from rdflib import BNode, Literal, URIRef

    found: list[IdentifiedNode | Literal | None] = []
    datatypes = [URIRef(iri) for iri in terms.datatypes]
    columns = terms.kind.tolist(), terms.value.to_pylist(), terms.datatype.tolist(), terms.language.tolist()
    for kind, value, datatype, language in zip(*columns, strict=True):
        if kind == TermKind.IRI:
            found.append(URIRef(value))
        elif kind == TermKind.BLANK:
            found.append(BNode(value))
        elif kind == TermKind.TRIPLE:
            found.append(None)
        elif language >= 0:
            tag = terms.languages[language].partition("--")[0]
            found.append(Literal(value, lang=tag, normalize=False))
        else:
            found.append(
                Literal(value, datatype=datatypes[datatype] if datatype >= 0 else None, normalize=False)
            )
    return found
