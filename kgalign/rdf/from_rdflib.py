"""From an ``rdflib.Graph`` or ``rdflib.Dataset`` to columns: the door for users of rdflib."""

import hashlib
import re
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox

from kgalign.errors import InputError
from kgalign.rdf.blank_nodes import name_anonymous
from kgalign.rdf.columns import Part, assemble, ids_of
from kgalign.rdf.graph import Graph
from kgalign.rdf.terms import RdfTerm, columns_of
from kgalign.rdf.text import shorten
from kgalign.rdf.vocabulary import XSD_STRING

if TYPE_CHECKING:
    import rdflib
    from rdflib.term import Node

_OWN_LABEL = re.compile(r"(?![Nn][0-9a-f]{32}(b[0-9]+)?$)\w[\w-]*", re.ASCII)
"""A label that somebody gave: rdflib's own are random, and some hold what no label may."""

_Rows = Iterator[tuple[Any, Any, Any, Any]]


def graph_from_rdflib(graph: "rdflib.Graph") -> Graph:
    """The statements of an ``rdflib.Graph``, ``Dataset`` or ``ConjunctiveGraph`` as columns.

    Lexical forms are those that rdflib holds: it has normalised some when it read them (``"01"`` as
    an integer is ``"1"``), so :func:`~kgalign.rdf.read_graph` is better where there is a file.
    Blank nodes keep labels that were given to them; rdflib's random ones are numbered.

    :raises InputError: where a term is no RDF (a variable, a formula, an invalid IRI or language
        tag), or where there is no statement.
    """
    ids: dict[Any, int] = {}
    number = ids.setdefault
    columns = array("i"), array("i"), array("i"), array("i")
    for row in _rows(graph):
        for column, term in zip(columns, row, strict=True):
            column.append(-1 if term is None else number(term, len(ids)))
    if not columns[0]:
        raise InputError("the rdflib graph holds no statements", "Parse a file into it first")
    terms = columns_of([_converted(term) for term in ids])
    subject, predicate, object, names = (ids_of(column) for column in columns)
    part = name_anonymous(Part(subject, predicate, object, names, terms))
    return assemble([part], sources=("an rdflib graph",), statements_read=len(subject))


def _rows(graph: "rdflib.Graph") -> _Rows:
    """Subject, predicate, object and name of the graph, None for the default graph."""
    from rdflib import ConjunctiveGraph, Dataset
    from rdflib.graph import DATASET_DEFAULT_GRAPH_ID

    if isinstance(graph, ConjunctiveGraph):  # and so Dataset
        default = (
            {DATASET_DEFAULT_GRAPH_ID} if isinstance(graph, Dataset) else {graph.default_context.identifier}
        )
        for subject, predicate, object, name in graph.quads((None, None, None, None)):
            identifier = getattr(name, "identifier", name)
            yield subject, predicate, object, None if identifier in default else identifier
    else:
        for subject, predicate, object in graph:
            yield subject, predicate, object, None


def _converted(term: "Node") -> RdfTerm:
    from rdflib import BNode, Literal, URIRef

    try:
        if isinstance(term, URIRef):
            return ox.NamedNode(str(term))
        if isinstance(term, BNode):
            return ox.BlankNode(_label(str(term)))
        if isinstance(term, Literal):
            if term.language:
                return ox.Literal(str(term), language=term.language)
            return ox.Literal(str(term), datatype=ox.NamedNode(str(term.datatype or XSD_STRING)))
    except ValueError as error:
        raise InputError(
            f"the rdflib graph holds '{shorten(str(term))}', which is no RDF: {shorten(str(error))}",
            "Correct that term in the graph",
        ) from error
    raise InputError(
        f"the rdflib graph holds a {type(term).__name__}, which is no RDF",
        "Remove formulas and variables from it",
    )


def _label(label: str) -> str:
    """The node's own label, or one in the form of the parser's random ones, which are numbered."""
    if _OWN_LABEL.fullmatch(label):
        return label
    return "a" + hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()[:31]
