"""A small fusion in which everything happens that provenance tells of, from two graphs written down here."""

from pathlib import Path

from kgalign.config.fusion import FuseConfig
from kgalign.fusion import fuse
from kgalign.rdf import Graph, read_graph
from kgalign.records.fused import Fusion
from kgalign.records.vocabularies import ClassMatch, PropertyMatch, Vocabularies
from tests.matched_properties import matched
from tests.rdf.rows import texts

E = "http://e.example/"
HEAD = f"@prefix : <{E}> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"

LEFT = """
:berlin :name "Berlin"@de , "Berlin"@en ; :people 3500000 ; :area 891 ; :mayor :kai ;
    :founded 1237 ; :has _:b ; a :City .
:atlas { :berlin :note "left note" . }
:shared { :berlin :code "B" . }
"""
RIGHT = """
:b1 :name "Berlino"@en ; :inhabitants 3600000 ; :area 893 ; :rules :kai2 ; :founded "1237.0"^^xsd:decimal .
:kai2 :governs :b1 . :b1 a :Ville .
:almanac { :b1 :note "right note" . }
:shared { :b1 :code "B" . }
"""
LINKS = (("berlin", "b1"), ("kai", "kai2"))
OPTIONS: dict[str, object] = {
    "properties": {
        E + "people": "KeepFirst",
        E + "area": "Average",
        E + "name": "KeepFirst",
        E + "founded": "KeepFirst",
        E + "note": "Longest",
    }
}


def same(left: str, right: str, *, inverse: bool = False) -> PropertyMatch:
    """A correspondence that the user gave."""
    return matched(E + left, E + right, inverse=inverse, given=True)


VOCABULARIES = Vocabularies(
    (same("people", "inhabitants"), same("mayor", "governs", inverse=True)),
    (ClassMatch(E + "City", E + "Ville", "exact", 1, 9, 1, 1, chosen=True, given=True),),
)


def small_fusion(folder: Path) -> Fusion:
    """The fusion of both graphs above."""
    return fused(folder, LEFT, RIGHT, LINKS, OPTIONS, VOCABULARIES)


def fused(
    folder: Path,
    left: str,
    right: str,
    links: tuple[tuple[str, str], ...] = (),
    options: dict[str, object] | None = None,
    vocabularies: Vocabularies | None = None,
) -> Fusion:
    """The fusion of two graphs in TriG, with links between local names."""
    one, other = graph(folder / "left.trig", left), graph(folder / "right.trig", right)
    ends = [texts(one).index(f"<{E}{a}>") for a, _ in links]
    others = [texts(other).index(f"<{E}{b}>") for _, b in links]
    return fuse(one, other, ends, others, FuseConfig.model_validate(options or {}), vocabularies)


def graph(path: Path, text: str) -> Graph:
    """A graph in TriG, with the prefixes above."""
    path.write_text(HEAD + text, encoding="utf8")
    return read_graph(path)
