"""A graph as plain Python rows, for tests to look at."""

from pathlib import Path

import pyoxigraph as ox

from kgalign.rdf import Graph, TermKind
from kgalign.rdf.write import write_nquads


def texts(graph: Graph) -> list[str]:
    """Each term as a short text: ``<iri>``, ``_:label``, ``"form"@tag`` or ``"form"^^iri``."""
    terms = graph.terms
    shown = []
    columns = zip(terms.kind, terms.value.to_pylist(), terms.datatype, terms.language, strict=True)
    for kind, value, datatype, language in columns:
        if kind == TermKind.IRI:
            shown.append(f"<{value}>")
        elif kind == TermKind.BLANK:
            shown.append(f"_:{value}")
        elif kind == TermKind.TRIPLE:
            shown.append(f"<<( {value} )>>")
        elif language >= 0:
            shown.append(f'"{value}"@{terms.languages[language]}')
        else:
            shown.append(f'"{value}"' + (f"^^{terms.datatypes[datatype]}" if datatype >= 0 else ""))
    return shown


def rows(graph: Graph) -> list[tuple[str, ...]]:
    """The statements: subject, predicate, object, and the graph's name where it has one."""
    names = texts(graph)
    columns = zip(graph.subject, graph.predicate, graph.object, graph.graph, strict=True)
    return [tuple(names[i] for i in row if i >= 0) for row in columns]


def canonical(graph: Graph, folder: Path) -> set[ox.Quad]:
    """The statements after RDFC-1.0 canonicalisation: equal for the same graph under other labels."""
    file = folder / "canonical.nq"
    write_nquads(graph, file)
    return canonical_quads(ox.parse(path=str(file)))


def canonical_quads(quads: object) -> set[ox.Quad]:
    """Quads after RDFC-1.0 canonicalisation."""
    dataset = ox.Dataset(quads)  # type: ignore[arg-type]
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return set(dataset)
