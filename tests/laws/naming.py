"""Runs that grow, in terms of IRIs: which nodes there are, which are linked, and what they are called."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import networkx as nx
import numpy as np
import pyarrow as pa

from kgalign.config.fusion import FuseConfig
from kgalign.fusion import fuse
from kgalign.rdf import Graph, read_graph
from kgalign.rdf.graph import Ids, TermKind
from kgalign.records.fused import Fusion
from kgalign.records.names import Names, names_of

SHARED = ("urn:s/0", "urn:s/1")
LEFT = tuple(f"urn:a/{i}" for i in range(5))
RIGHT = tuple(f"urn:b/{i}" for i in range(5))

Nodes = tuple[frozenset[str], frozenset[str]]
Link = tuple[str, str]


@dataclass(frozen=True)
class World:
    """The nodes of both graphs at one time, and links between them."""

    left: frozenset[str]
    right: frozenset[str]
    links: tuple[Link, ...]

    @property
    def nodes(self) -> frozenset[str]:
        return self.left | self.right

    def clusters(self) -> dict[str, frozenset[str]]:
        """Node → all that are one with it."""
        graph = nx.Graph(self.links)
        graph.add_nodes_from(self.nodes)
        return {node: frozenset(each) for each in nx.connected_components(graph) for node in each}


def world(left: Iterable[str], right: Iterable[str], links: Iterable[tuple[int, int]]) -> World:
    """A world whose links are given as places among the sorted nodes of either side, counted round."""
    here, there = sorted(left), sorted(right)
    found = {(here[i % len(here)], there[j % len(there)]) for i, j in links if here and there}
    return World(frozenset(here), frozenset(there), tuple(sorted(found)))


def fused(
    folder: Path,
    of: World,
    names: Names | None,
    canonical: Literal["left", "right", "mint"],
    *,
    turned: bool = False,
) -> Fusion:
    """What fusion makes of a world; the order of the statements and of the links can be turned round."""
    way = -1 if turned else 1
    graphs = [_graph(folder / f"{name}.nt", sorted(nodes)[::way]) for name, nodes in _sides(of)]
    ends = [[link[side] for link in of.links[::way]] for side in (0, 1)]
    terms = [_ids(graph, iris) for graph, iris in zip(graphs, ends, strict=True)]
    config = FuseConfig(canonical=canonical)
    return fuse(graphs[0], graphs[1], terms[0], terms[1], config, names=names)


def _sides(of: World) -> tuple[tuple[str, frozenset[str]], ...]:
    return ("left", of.left), ("right", of.right)


def _graph(path: Path, nodes: Iterable[str]) -> Graph:
    path.write_text("".join(f'<{node}> <urn:p> "{node}" .\n' for node in nodes), encoding="utf8")
    return read_graph(path)


def _ids(graph: Graph, iris: list[str]) -> Ids:
    texts = graph.terms.value.to_pylist()[: int(np.searchsorted(graph.terms.kind, TermKind.BLANK))]
    return np.array([texts.index(iri) for iri in iris], np.int32)


def names_in(fusion: Fusion, of: World) -> Names:
    """What a fused world calls things."""
    sides = (pa.array(sorted(nodes), pa.large_string()) for _, nodes in _sides(of))
    return names_of(fusion, *sides)


def called(names: Names) -> dict[str, str]:
    """Node → what it is called."""
    return dict(zip(names.iri.to_pylist(), names.name.to_pylist(), strict=True))


def replaced(names: Names) -> dict[str, set[str]]:
    """Retired IRI → what stands for it; nothing where that is gone."""
    found: dict[str, set[str]] = {}
    for old, new in zip(names.retired.to_pylist(), names.replaced_by.to_pylist(), strict=True):
        found.setdefault(old, set()).update({new} - {""})
    return found


def claims(before: dict[str, str], of: World, canonical: str) -> dict[tuple[str, frozenset[str]], int]:
    """Which cluster may be called what it was called before, and how many of its nodes were, one by one."""
    clusters = of.clusters()
    found: dict[tuple[str, frozenset[str]], int] = {}
    for node in sorted(clusters):
        if node in before:
            claim = before[node], clusters[node]
            found[claim] = found.get(claim, 0) + 1
    stood = {name: sum(n for (other, _), n in found.items() if other == name) for name, _ in found}

    def may(name: str, cluster: frozenset[str]) -> bool:
        if name in of.nodes:
            return name in cluster and (canonical != "mint" or len(cluster) == 1)
        return len(cluster) > 1 or found[name, cluster] == stood[name]

    return {claim: number for claim, number in found.items() if may(*claim)}
