"""RDF in and out: the only place that knows its syntax."""

from kgalign.rdf.from_rdflib import graph_from_rdflib
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.rdf.read import read_graph

__all__ = ["Graph", "Ids", "TermKind", "Terms", "graph_from_rdflib", "read_graph"]
