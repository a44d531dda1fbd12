"""Tables as graphs: CSV, TSV and Parquet, by the W3C's mappings from tables to RDF."""

from kgalign.rdf.tables.mapping import read_tables

__all__ = ["read_tables"]
