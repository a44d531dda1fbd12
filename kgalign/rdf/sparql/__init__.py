"""SPARQL endpoints as graphs: asked for their statements in pages, which are kept."""

from kgalign.rdf.sparql.address import is_endpoint
from kgalign.rdf.sparql.pages import origin_of, pages_of

__all__ = ["is_endpoint", "origin_of", "pages_of"]
