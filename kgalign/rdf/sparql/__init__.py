"""SPARQL endpoints as graphs: asked for their statements in pages, which are kept."""

from kgalign.rdf.sparql.address import is_endpoint
from kgalign.rdf.sparql.pages import origin_of
from kgalign.rdf.sparql.reading import read_inputs, with_pages

__all__ = ["is_endpoint", "origin_of", "read_inputs", "with_pages"]
