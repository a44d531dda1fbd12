"""Random statements that rival each other, and fusions in terms of the parser: what laws of fusion share."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyoxigraph as ox
from hypothesis import strategies as st

from kgalign.config.fusion import FuseConfig
from kgalign.fusion import align_vocabularies, fuse
from kgalign.fusion.groups import mint
from kgalign.rdf import Graph, TermKind, read_graph
from kgalign.rdf.graph import Terms
from kgalign.rdf.terms import RdfTerm, parse_triple
from kgalign.records.fused import Fusion
from kgalign.records.vocabularies import Vocabularies
from tests.rdf.strategies import BLANKS, IRIS, RDF_TYPE, SAME_AS, E

Canonical = Literal["left", "right", "mint"]
Node = ox.NamedNode | ox.BlankNode
Links = list[tuple[int, int]]
Positions = np.ndarray[tuple[int], np.dtype[np.int64]]

XSD = "http://www.w3.org/2001/XMLSchema#"
ORDERED = ("KeepFirst", "KeepLast")
"""Policies that say which source counts before which."""
FREE = (
    *("Auto", "PassItOn", "KeepSingleValueByQualityScore", "KeepAllValuesWithHighestScore", "Voting"),
    *("WeightedVoting", "MostTrusted", "MostRecent", "Union", "Longest"),
)
"""Policies that fit all values, and know no order of the sources."""
NUMERIC = ("Average", "Median", "Maximum", "Minimum")
"""Policies of numbers."""

_GRAPHS = {"function": "ScoredList", "names": ["urn:g", IRIS[1].value]}

canonicals = st.sampled_from(("left", "right", "mint"))
picks = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5)
"""Links, as positions among the nodes of each side, counted round."""


def _typed(text: str, name: str) -> ox.Literal:
    return ox.Literal(text, datatype=ox.NamedNode(XSD + name))


NUMBERS = (
    *(_typed("1", "integer"), _typed("01", "integer"), _typed("1.0", "decimal"), ox.Literal("1")),
    *(_typed("2", "integer"), _typed("2.5", "decimal"), _typed("2.5E0", "double"), ox.Literal("-7")),
    *(_typed("2000", "integer"), _typed("2e3", "double"), _typed("1999", "integer")),
)
DATES = (
    *(_typed("2001-01-01", "date"), _typed("2001", "gYear"), ox.Literal("2001"), ox.Literal("2001-01")),
    *(_typed("2001-03-04", "date"), _typed("2001-01-01T00:00:00Z", "dateTime")),
)
TEXTS = (
    *(ox.Literal("Rom", language="de"), ox.Literal("ROM", language="de"), ox.Literal("Köln", language="de")),
    *(ox.Literal("Ko\u0308ln", language="de"), ox.Literal("Rome", language="en"), ox.Literal("Rome")),
    *(ox.Literal("rome "), ox.Literal("Roma", language="it"), ox.Literal("true"), _typed("1", "boolean")),
    *(_typed("x", "integer"), ox.Literal("x", datatype=ox.NamedNode(E + "t"))),
)
_PROPERTIES = tuple(ox.NamedNode(iri) for iri in (E + "p", E + "q", RDF_TYPE, SAME_AS))
_NAMES = (ox.DefaultGraph(), ox.DefaultGraph(), ox.NamedNode("urn:g"), IRIS[1], BLANKS[1])


def _rivals(subjects: Any, values: Any, names: Any, properties: Any = _PROPERTIES) -> Any:  # noqa: ANN401
    quad = st.builds(
        ox.Quad,
        st.sampled_from(subjects),
        st.sampled_from(properties),
        st.sampled_from(values),
        st.sampled_from(names),
    )
    return st.lists(quad, min_size=1, max_size=16)


_ANY = (*NUMBERS, *DATES, *TEXTS, *IRIS[:3])
rivals = _rivals((*IRIS[:3], *BLANKS[:2]), (*_ANY, *BLANKS[:2]), _NAMES)
"""Statements of few things by several sources, in named graphs too."""
plain_rivals = _rivals((*IRIS[:3], *BLANKS[:2]), (*_ANY, *BLANKS[:2]), _NAMES[:1])
"""The same in the default graph: one source."""
named_rivals = _rivals(IRIS[:4], _ANY, _NAMES[:3])
"""The same without blank nodes, which have no name that is the same on both sides."""
numbers = _rivals(IRIS[:3], NUMBERS, _NAMES, _PROPERTIES[:2])
plain_numbers = _rivals(IRIS[:3], NUMBERS, _NAMES[:1], _PROPERTIES[:2])


def described(values: list[tuple[int, int, str]], iri: str, names: tuple[str, str, str]) -> list[ox.Quad]:
    """Things (``iri`` and their number) by a number, a year and a text each, under three properties."""
    types = (ox.NamedNode(XSD + "integer"), ox.NamedNode(XSD + "gYear"), None)
    return [
        ox.Quad(
            ox.NamedNode(f"{iri}{place}"),
            ox.NamedNode(E + name),
            ox.Literal(str(value), datatype=datatype),
        )
        for place, row in enumerate(values)
        for name, value, datatype in zip(names, row, types, strict=True)
    ]


tables = st.lists(
    st.tuples(
        st.integers(-5000, 5000), st.integers(1000, 2100), st.text("abcdefghij ", min_size=1, max_size=20)
    ),
    min_size=10,
    max_size=25,
)
"""What a graph says of ten things or more, so that vocabularies can be learned."""


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for the files of one example."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def graph_of(statements: list[ox.Quad], path: Path) -> Graph:
    """The graph of some statements, by way of a file."""
    ox.serialize(statements, path, ox.RdfFormat.N_QUADS)
    return read_graph(path)


def nodes(graph: Graph) -> Positions:
    """Ids of the IRIs and blank nodes."""
    return np.flatnonzero(graph.terms.kind <= TermKind.BLANK)


def fused_by(left: Graph, right: Graph, links: Links, *, learned: bool = False, **options: object) -> Fusion:
    """The fusion along some links by some options of ``[fuse]``; all is kept where they name no policy."""
    a, b = nodes(left), nodes(right)
    ends = (
        np.array([a[i % len(a)] for i, _ in links], np.int32),
        np.array([b[j % len(b)] for _, j in links], np.int32),
    )
    config = FuseConfig.model_validate({"policy": "PassItOn", "quality": {"graph": _GRAPHS}, **options})
    given = config.mapping.items()
    found = align_vocabularies(left, right, *ends, overrides=given) if learned else Vocabularies()
    return fuse(left, right, *ends, config, found)


def apart(statements: list[ox.Quad], side: str) -> list[ox.Quad]:
    """The statements with the blank nodes of each side named apart."""

    def term(value: object) -> object:
        if isinstance(value, ox.BlankNode):
            return ox.BlankNode(f"{side}{value.value}")
        if isinstance(value, ox.Triple):
            return ox.Triple(term(value.subject), value.predicate, term(value.object))  # type: ignore[arg-type]
        return value

    return [ox.Quad(term(q.subject), q.predicate, term(q.object), term(q.graph_name)) for q in statements]  # type: ignore[arg-type]


class Plain:
    """One node per thing, in plain Python: slow, and written another way."""

    def __init__(self, links: list[tuple[Node, Node]], how: Canonical) -> None:
        groups: list[set[Node]] = []
        for a, b in links:
            touched = [group for group in groups if group & {a, b}]
            groups = [group for group in groups if group not in touched] + [{a, b}.union(*touched)]
        preferred = {b if how == "right" else a for a, b in links}
        self.stays: dict[Node, Node] = {}
        self.added: set[ox.Quad] = set()
        for group in groups:
            iris = sorted(node.value for node in group if isinstance(node, ox.NamedNode))
            stays: Node
            if how == "mint" and len(iris) > 1:
                stays = ox.NamedNode(mint(iris))
            else:
                stays = min(group, key=lambda n: (isinstance(n, ox.BlankNode), n not in preferred, n.value))
            self.stays |= dict.fromkeys(group, stays)
            for iri in iris:
                if ox.NamedNode(iri) != stays:
                    self.added.add(ox.Quad(stays, ox.NamedNode(SAME_AS), ox.NamedNode(iri)))

    def term(self, value: object) -> object:
        """What stands for a term."""
        if isinstance(value, ox.Triple):
            parts = (self.term(part) for part in (value.subject, value.predicate, value.object))
            return ox.Triple(*parts)  # type: ignore[arg-type]
        return self.stays.get(value, value)  # type: ignore[call-overload]

    def quad(self, q: ox.Quad) -> ox.Quad:
        """A statement with one node per thing."""
        s, p, o, g = (self.term(part) for part in (q.subject, q.predicate, q.object, q.graph_name))
        same = q.predicate.value == SAME_AS and q.subject in self.stays and s == o and q.subject != q.object
        if same:
            away = q.subject if q.object == s else q.object
            o = away if isinstance(away, ox.NamedNode) else s
        return ox.Quad(s, p, o, g)  # type: ignore[arg-type]


def links_as_nodes(left: Graph, right: Graph, links: Links) -> list[tuple[Node, Node]]:
    """The links as nodes that :func:`apart` named apart."""

    def node(graph: Graph, side: str, pick: int) -> Node:
        ids = nodes(graph)
        row = int(ids[pick % len(ids)])
        value = graph.terms.value[row].as_py()
        return ox.NamedNode(value) if graph.terms.kind[row] == TermKind.IRI else ox.BlankNode(side + value)

    return [(node(left, "l_", i), node(right, "r_", j)) for i, j in links]


def oxs(terms: Terms) -> list[RdfTerm]:
    """The terms as the parser's."""
    found: list[RdfTerm] = []
    for kind, value, datatype, language in zip(
        terms.kind, terms.value.to_pylist(), terms.datatype, terms.language, strict=True
    ):
        if kind == TermKind.IRI:
            found.append(ox.NamedNode(value))
        elif kind == TermKind.BLANK:
            found.append(ox.BlankNode(value))
        elif kind == TermKind.TRIPLE:
            found.append(parse_triple(value))
        elif language >= 0:
            found.append(ox.Literal(value, language=terms.languages[language]))
        else:
            iri = ox.NamedNode(terms.datatypes[datatype]) if datatype >= 0 else None
            found.append(ox.Literal(value, datatype=iri))
    return found


def quads_of(terms: Terms, *columns: Any) -> list[ox.Quad]:  # noqa: ANN401
    """Columns of ids (subject, property, value, and graph where there are some) as quads."""
    named = oxs(terms)
    return [
        ox.Quad(
            named[s],
            named[p],
            named[o],
            named[graph[0]] if graph and graph[0] >= 0 else ox.DefaultGraph(),
        )
        for s, p, o, *graph in zip(*columns, strict=True)
    ]
