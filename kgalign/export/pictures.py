"""Some links and what is around them as GraphML, which Gephi, yEd and Cytoscape draw."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.arrays import Flags
from kgalign.base.files import replacing
from kgalign.errors import InputError
from kgalign.explain import bare, nearest
from kgalign.export.rows import Pairs, one_line
from kgalign.links.pairs import entity_ids
from kgalign.records import Outcome, Profile

LIMIT = 300
"""Entities that a picture shows at most, unless more are wanted."""

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't hold in any spelling."""

_Nodes = npt.NDArray[np.int64]
"""Entities of both sides: those of the left one, then those of the right one."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a picture shows."""

    entities: int
    links: int
    relations: int
    left_out: int
    """Entities that would have been shown if there were no limit."""


def write_graphml(
    path: Path, left: Profile, right: Profile, pairs: Pairs, *, around: str | None = None, limit: int = LIMIT
) -> Drawn:
    """Write linked entities and their immediate neighbours as a directed graph.

    Nodes have ``iri``, ``label`` and ``side``; edges ``kind`` (``link`` or ``relation``), ``label``, and
    ``probability`` and ``outcome`` or ``iri``. Without ``around`` pairs come first, in their order, up to
    half of the limit, then their neighbours, then further pairs. With it: the entity, what it is linked
    with, the neighbours of these, and what those are linked with.

    :param pairs: the links, and undecided pairs if these shall be drawn.
    :param around: IRI of an entity of either side; None for the whole run.
    :raises InputError: no side has the entity; the nearest ones are in the remedy.
    :raises RunError: no room, or no permission.
    """
    scene = _Scene.of(left, right, pairs)
    wanted = scene.all_around() if around is None else scene.around(_entity(left, right, around))
    if around is None:
        wanted = scene.mixed(wanted, limit)
    chosen = wanted[:limit]
    shown = np.zeros(scene.size, dtype=bool)
    shown[chosen] = True
    picture = nx.MultiDiGraph()
    _add_nodes(picture, left, right, chosen)
    links = _add_links(picture, scene, pairs, shown)
    relations = _add_relations(picture, scene, left, right, shown)
    with replacing(path) as file:
        nx.write_graphml_xml(picture, file)
    return Drawn(len(chosen), links, relations, len(wanted) - len(chosen))


@dataclass(frozen=True, slots=True)
class _Scene:
    """Both sides as one graph of nodes."""

    size: int
    split: int
    """Number of the first right node."""
    link_left: _Nodes
    link_right: _Nodes
    head: _Nodes
    tail: _Nodes
    """(e,) ends of the relations, those of the left side first."""

    @classmethod
    def of(cls, left: Profile, right: Profile, pairs: Pairs) -> "_Scene":
        split = len(left)
        return cls(
            split + len(right),
            split,
            pairs.left.astype(np.int64),
            pairs.right.astype(np.int64) + split,
            np.concatenate([left.edge_head.astype(np.int64), right.edge_head.astype(np.int64) + split]),
            np.concatenate([left.edge_tail.astype(np.int64), right.edge_tail.astype(np.int64) + split]),
        )

    def all_around(self) -> _Nodes:
        """All linked nodes, pair by pair, then their neighbours."""
        linked = np.stack([self.link_left, self.link_right], axis=1).ravel()
        return _first_ones([linked, self._next_to(linked, self.head, self.tail)])

    def mixed(self, nodes: _Nodes, limit: int) -> _Nodes:
        """The same nodes with neighbours of the first pairs before further pairs."""
        first = nodes[: limit // 2 // 2 * 2]
        return _first_ones([first, self._next_to(first, self.head, self.tail), nodes])

    def around(self, start: _Nodes) -> _Nodes:
        """Some nodes, their partners, the neighbours of these, and the partners of those."""
        partners = self._next_to(start, self.link_left, self.link_right)
        both = _first_ones([start, partners])
        beside = self._next_to(both, self.head, self.tail)
        return _first_ones([both, beside, self._next_to(beside, self.link_left, self.link_right)])

    def _next_to(self, nodes: _Nodes, one: _Nodes, other: _Nodes) -> _Nodes:
        """Nodes at the other end of some edges, ascending."""
        here = np.zeros(self.size, dtype=bool)
        here[nodes] = True
        return np.unique(np.concatenate([other[here[one]], one[here[other]]]))


def _first_ones(parts: Iterable[_Nodes]) -> _Nodes:
    """The nodes of all parts, each where it comes first."""
    nodes = np.concatenate(list(parts))
    return nodes[np.sort(np.unique(nodes, return_index=True)[1])]


def _entity(left: Profile, right: Profile, iri: str) -> _Nodes:
    """The nodes of an IRI: one, or two where both sides have it."""
    a, b = (int(entity_ids(side, [bare(iri)])[0]) for side in (left, right))
    found = [number for number, there in ((a, a >= 0), (len(left) + b, b >= 0)) if there]
    if not found:
        raise InputError(
            f"{bare(iri)!r} is no entity of either side",
            f"The nearest are {nearest([left, right], bare(iri))}",
        )
    return np.array(found, dtype=np.int64)


def _add_nodes(picture: "nx.MultiDiGraph", left: Profile, right: Profile, chosen: _Nodes) -> None:
    for name, profile, first, last in (
        ("left", left, 0, len(left)),
        ("right", right, len(left), len(left) + len(right)),
    ):
        ids = np.sort(chosen[(chosen >= first) & (chosen < last)])
        rows = pa.array(ids - first)
        texts = (profile.entity_iri.take(rows).to_pylist(), profile.entity_name.take(rows).to_pylist())
        for number, iri, label in zip(ids.tolist(), *texts, strict=True):
            picture.add_node(f"n{number}", iri=_xml(iri), label=_xml(one_line(label)), side=name)


def _add_links(picture: "nx.MultiDiGraph", scene: _Scene, pairs: Pairs, shown: Flags) -> int:
    rows = np.flatnonzero(shown[scene.link_left] & shown[scene.link_right])
    columns = scene.link_left, scene.link_right, pairs.probability, pairs.outcome
    for a, b, probability, outcome in zip(*(each[rows].tolist() for each in columns), strict=True):
        said = Outcome(outcome).name.lower().replace("_", " ")
        picture.add_edge(
            f"n{a}",
            f"n{b}",
            f"e{picture.number_of_edges()}",
            kind="link",
            label="same",
            probability=round(probability, 6),
            outcome=said,
        )
    return len(rows)


def _add_relations(
    picture: "nx.MultiDiGraph", scene: _Scene, left: Profile, right: Profile, shown: Flags
) -> int:
    relation = np.concatenate([left.edge_relation, right.edge_relation + len(left.relations)])
    iris = [each.iri for each in (*left.relations, *right.relations)]
    rows = np.flatnonzero(shown[scene.head] & shown[scene.tail])
    columns = scene.head, scene.tail, relation
    for a, b, number in zip(*(each[rows].tolist() for each in columns), strict=True):
        iri = _xml(iris[number])
        local = iri.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1]
        key = f"e{picture.number_of_edges()}"
        picture.add_edge(f"n{a}", f"n{b}", key, kind="relation", label=local, iri=iri)
    return len(rows)


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
