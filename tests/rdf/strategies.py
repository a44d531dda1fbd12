"""Random RDF for laws: small pools, so that statements meet, and texts that are hard to write down."""

import pyoxigraph as ox
from hypothesis import strategies as st

E = "http://example.org/"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"

LOCALS = (
    *("a", "b", "c", "d", "1e5", "x-", "-x", "a.b"),
    *("a%20b", "é", "p;q", "x_y", "a(b)", "A/B", "it's", "#h", ""),
)
IRIS = (
    *(ox.NamedNode(E + local) for local in LOCALS),
    ox.NamedNode("http://example.org/ns#a"),
    ox.NamedNode("urn:x:1"),
    ox.NamedNode("http://www.wikidata.org/entity/Q1"),
)
PREDICATES = tuple(ox.NamedNode(iri) for iri in (E + "p", E + "ns#q", RDF_TYPE, SAME_AS, "urn:p"))
BLANKS = tuple(ox.BlankNode(label) for label in ("b0", "x.y", "B-1", "l_b0"))
DATATYPES = tuple(
    ox.NamedNode(iri)
    for iri in (
        "http://www.w3.org/2001/XMLSchema#integer",
        "http://www.w3.org/2001/XMLSchema#string",
        "http://www.w3.org/2001/XMLSchema#double",
        E + "type",
        "urn:t",
    )
)

forms = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["01", "1.0E0", '"', "\\", "\n", "\r\n", "\t", "\0", "\x7f", "'''\"\"\"", "שלום", "👩🏽‍🚀", " .\n<a>"]
    ),
).filter(lambda text: not any(0xD800 <= ord(char) < 0xE000 for char in text))
literals = st.one_of(
    st.builds(ox.Literal, forms),
    st.builds(ox.Literal, forms, language=st.sampled_from(["en", "de-at", "zh-hans"])),
    st.builds(ox.Literal, forms, datatype=st.sampled_from(DATATYPES)),
)
nodes = st.one_of(st.sampled_from(IRIS), st.sampled_from(BLANKS))
predicates = st.sampled_from(PREDICATES)
triple_terms = st.builds(ox.Triple, nodes, predicates, st.one_of(st.sampled_from(IRIS), literals))
objects = st.one_of(nodes, literals)
objects_1_2 = st.one_of(objects, triple_terms, st.builds(ox.Triple, nodes, predicates, triple_terms))
names = st.sampled_from((ox.DefaultGraph(), ox.DefaultGraph(), IRIS[0], IRIS[1], BLANKS[0]))

triples = st.lists(st.builds(ox.Quad, nodes, predicates, objects), min_size=1, max_size=12)
"""Statements in the default graph that RDF 1.1 has too."""

quads = st.lists(st.builds(ox.Quad, nodes, predicates, objects_1_2, names), min_size=1, max_size=12)
"""Statements with named graphs and triple terms."""
