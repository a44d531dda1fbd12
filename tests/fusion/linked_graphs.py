"""Pairs of small graphs whose nodes are linked, to learn from what corresponds."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kgalign.fusion.vocabulary import align_vocabularies
from kgalign.rdf import Graph, read_graph
from kgalign.rdf.graph import Ids
from kgalign.records.vocabularies import Override, Vocabularies

E = "http://example.org/"
A, B = E + "a#", E + "b#"
PREFIXES = f"@prefix : <{E}> . @prefix a: <{A}> . @prefix b: <{B}> .\n"
CITIES = (
    "Oslo",
    "Lima",
    "Cairo",
    "Quito",
    "Dakar",
    "Hanoi",
    "Minsk",
    "Sofia",
    "Tunis",
    "Riga",
    "Accra",
    "Delhi",
)


def ids(graph: Graph, iris: Iterable[str]) -> Ids:
    number = {iri: i for i, iri in reversed(list(enumerate(graph.terms.value.to_pylist())))}
    return np.array([number[iri] for iri in iris], np.int32)


class Pair:
    """Two graphs in Turtle, in which ``:l0`` … and ``:r0`` … are linked."""

    def __init__(self, folder: Path, left: Iterable[str], right: Iterable[str], links: int = 12) -> None:
        self.left, self.right = self._read(folder / "l.trig", left), self._read(folder / "r.trig", right)
        self.links = (
            ids(self.left, (f"{E}l{i}" for i in range(links))),
            ids(self.right, (f"{E}r{i}" for i in range(links))),
        )

    @staticmethod
    def _read(path: Path, lines: Iterable[str]) -> Graph:
        path.write_text(PREFIXES + "\n".join(lines), encoding="utf-8")
        return read_graph(path)

    def align(
        self,
        overrides: Iterable[Override] = (),
        class_overrides: Iterable[Override] = (),
        one_to_one: bool = True,
        keep: Iterable[str] = (),
    ) -> Vocabularies:
        return align_vocabularies(
            self.left,
            self.right,
            *self.links,
            overrides=overrides,
            class_overrides=class_overrides,
            one_to_one=one_to_one,
            keep=keep,
        )
