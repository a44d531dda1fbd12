"""A finished run whose graphs hold what careless writers break on: named graphs, odd IRIs, hostile texts."""

from pathlib import Path

import pyoxigraph as ox

from kgalign.config import Config
from kgalign.run import start
from tests.conftest import write_elements
from tests.rdf.strategies import IRIS as ODD_IRIS

TEXTS = (
    *('"', "\\", "a\nb\r\n", "\t", "nul\0", "\x1b[31m", "\x7f\x85", "'''\"\"\"", "שלום", "👩🏽‍🚀", " .\n<a>"),
    *("]}</data>", "=1+1", "01", "1.0E0", "", "\u2028", "@id", "\ufffe"),
)
NOTE = ox.NamedNode("http://elements.example/v/note")
XSD = "http://www.w3.org/2001/XMLSchema#"


def hostile_run(folder: Path, config: Config | None = None) -> Path:
    """Align the elements, as N-Quads with hostile statements about Boron in named graphs."""
    pair = write_elements(folder)
    left = list(ox.parse(path=str(pair.left))) + hostile_statements("http://elements.example/Boron")
    right = list(ox.parse(path=str(pair.right))) + hostile_statements("http://chemie.example/5")
    ox.serialize(left, folder / "left.nq", ox.RdfFormat.N_QUADS)
    ox.serialize(right, folder / "right.trig", ox.RdfFormat.TRIG)
    start.run(folder / "left.nq", folder / "right.trig", folder / "run", config or Config())
    return folder / "run"


def hostile_statements(iri: str) -> list[ox.Quad]:
    """Every hostile text and odd IRI as a value, in the default graph, a named one and one without a name."""
    subject, inner = ox.NamedNode(iri), ox.BlankNode("x.y")
    names = (ox.DefaultGraph(), ox.NamedNode("http://elements.example/graph"), ox.BlankNode("B-1"))
    values: list[ox.Literal | ox.NamedNode | ox.BlankNode] = [*ODD_IRIS, inner]
    datatypes = [ox.NamedNode(XSD + name) for name in ("integer", "string", "date")]
    for number, text in enumerate(TEXTS):
        values.append(ox.Literal(text))
        values.append(ox.Literal(text, language=("en", "de-at", "zh-hans")[number % 3]))
        values.append(ox.Literal(text, datatype=datatypes[number % 3]))
    quads = [
        ox.Quad(subject, NOTE, value, names[number % 3 if number % 5 else 0])
        for number, value in enumerate(values)
    ]
    kind = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    quads += [ox.Quad(inner, kind, each) for each in (ox.Literal("no class"), ox.BlankNode("k"), ODD_IRIS[0])]
    return quads
