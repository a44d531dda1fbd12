"""Reading ``fused.trig`` in plain Python: which statements it has, where they come from, what was dropped."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

KG = "https://w3id.org/kgalign#"
PROV = "http://www.w3.org/ns/prov#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TYPE, REIFIES = ox.NamedNode(RDF + "type"), ox.NamedNode(RDF + "reifies")

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Said = tuple[str, ox.Quad]
"""Side, and a statement in the names of the fused graph and the properties of the source."""


@dataclass
class Provenance:
    """What a file in either form holds."""

    bundle: ox.NamedNode
    fused: dict[ox.Triple, ox.NamedNode]
    """The fused statements, each with its origin."""
    about: dict[Term, dict[str, list[Term]]]
    """What the bundle says: subject → local name of the property → values."""

    def one(self, node: Term, name: str) -> Term | None:
        """The value of a property that has one at most."""
        values = self.about[node].get(name, [])
        assert len(values) <= 1
        return values[0] if values else None

    def text(self, node: Term, name: str) -> str | None:
        """The same as a text."""
        value = self.one(node, name)
        assert value is None or not isinstance(value, ox.Triple)
        return None if value is None else value.value

    def of(self, kind: str) -> list[Term]:
        """Nodes of a class, by its local name."""
        return [node for node, said in self.about.items() if ox.NamedNode(KG + kind) in said.get("type", [])]

    def dropped(self) -> Iterator[tuple[Term, ox.Triple]]:
        """The dropped statements, in the fused properties."""
        for node in self.of("DroppedStatement"):
            triple = self.one(node, "reifies")
            if triple is None:
                parts = [self.one(node, part) for part in ("subject", "predicate", "object")]
                triple = ox.Triple(*parts)  # type: ignore[arg-type]
            assert isinstance(triple, ox.Triple)
            yield node, triple

    def inputs(self) -> Iterator[Said]:
        """Every statement of the sources, rebuilt; one may come twice."""
        for triple, origin in self.fused.items():
            if ox.NamedNode(KG + "ComputedStatements") in self.about[origin]["type"]:
                continue
            told: dict[Term | None, list[Term]] = defaultdict(list)
            for derivation in self.about[origin].get("qualifiedDerivation", []):
                told[self.one(derivation, "entity")].append(derivation)
            for source in self._sources(origin):
                for words in told.get(source, [ox.BlankNode("none")]):
                    yield self._said(source, triple, words)
        for node, triple in self.dropped():
            (source,) = self._sources(node)
            yield self._said(source, triple, node)

    def _sources(self, node: Term) -> list[Term]:
        """The sources alone; the named graphs that some of them are stand beside them."""
        found = self.about[node].get("wasDerivedFrom", [])
        sources = [each for each in found if ox.NamedNode(KG + "Source") in self.about[each].get("type", [])]
        graphs = {self.one(source, "graph") for source in sources} - {None}
        assert set(found) == set(sources) | graphs
        return sources

    def _said(self, source: Term, triple: ox.Triple, words: Term) -> Said:
        subject, predicate, value = triple.subject, triple.predicate, triple.object
        other, inverse = self.one(words, "saidProperty"), self.one(words, "saidInverse")
        assert other is None or inverse is None
        if inverse is not None:
            subject, value = value, subject  # type: ignore[assignment]
        said = inverse or other or predicate
        value = self.one(words, "saidClass") or value
        graph = self.one(source, "graph") or ox.DefaultGraph()
        side = self.text(source, "side")
        assert side in ("left", "right")
        return side, ox.Quad(subject, said, value, graph)  # type: ignore[arg-type]


def read(path: Path) -> Provenance:
    """Read a file in either form. What is in no graph of ours, or in two, is a fault."""
    quads = list(ox.parse(path=str(path), format=ox.RdfFormat.TRIG))
    bundle = bundle_of(quads)
    about: dict[Term, dict[str, list[Term]]] = defaultdict(lambda: defaultdict(list))
    for quad in quads:
        if quad.graph_name == bundle:
            name = quad.predicate.value.replace(KG, "").replace(PROV, "").replace(RDF, "")
            about[quad.subject][name].append(quad.object)
    others = [quad for quad in quads if quad.graph_name != bundle]
    fused: dict[ox.Triple, ox.NamedNode] = {}
    for quad, origin in _origins(others, bundle):
        triple = ox.Triple(quad.subject, quad.predicate, quad.object)
        assert triple not in fused
        assert ox.NamedNode(KG + "FusedStatements") in about[origin]["type"]
        fused[triple] = origin
    return Provenance(bundle, fused, about)


def _origins(quads: list[ox.Quad], bundle: ox.NamedNode) -> Iterator[tuple[ox.Quad, ox.NamedNode]]:
    if any(not isinstance(quad.graph_name, ox.DefaultGraph) for quad in quads):
        for quad in quads:
            assert isinstance(quad.graph_name, ox.NamedNode)
            yield quad, quad.graph_name
        return
    stem = bundle.value.removesuffix("provenance")
    reifiers = {
        quad.object: quad.subject
        for quad in quads
        if quad.predicate == REIFIES and getattr(quad.subject, "value", "").startswith(stem)
    }
    for quad in quads:
        if not (quad.predicate == REIFIES and getattr(quad.subject, "value", "").startswith(stem)):
            origin = reifiers[ox.Triple(quad.subject, quad.predicate, quad.object)]
            assert isinstance(origin, ox.NamedNode)
            yield quad, origin


def bundle_of(quads: Iterable[ox.Quad]) -> ox.NamedNode:
    """The one graph that says of itself that it is a bundle."""
    (bundle,) = {
        quad.graph_name
        for quad in quads
        if quad.subject == quad.graph_name
        and quad.predicate == TYPE
        and quad.object == ox.NamedNode(PROV + "Bundle")
    }
    assert isinstance(bundle, ox.NamedNode)
    return bundle
