"""Small graphs as Turtle, and what select makes of them."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from kgalign.config import SelectConfig
from kgalign.rdf import Graph, read_graph
from kgalign.records import Attribute, Profile
from kgalign.select import select

X = "http://x.example/"
PREFIXES = f"""\
@prefix x: <{X}> .
@prefix v: <{X}v/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
"""


def read(text: str, *, ending: str = ".ttl") -> Graph:
    """Read a graph; Turtle knows the prefixes above."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"graph{ending}"
        path.write_text((PREFIXES if ending in {".ttl", ".trig"} else "") + text, encoding="utf8")
        return read_graph(path)


def profile(
    text: str,
    *,
    types: Sequence[str] = (),
    max_hops: int = 3,
    ignore_iri_names: bool = False,
    ending: str = ".ttl",
) -> Profile:
    """Read a graph and select from it."""
    config = SelectConfig(max_hops=max_hops, ignore_iri_names=ignore_iri_names)
    return select(read(text, ending=ending), config, types=types, side="left")


def short(iri: str) -> str:
    """An IRI as the tests write it."""
    return (
        iri.replace(f"{X}v/", "v:").replace(X, "x:").replace("http://www.w3.org/2000/01/rdf-schema#", "rdfs:")
    )


def entities(found: Profile) -> list[str]:
    """The entities' IRIs, short."""
    return [short(iri) for iri in found.entity_iri.to_pylist()]


def attributes(found: Profile) -> dict[str, Attribute]:
    """The attributes by their paths, short."""
    return {" ".join(short(step) for step in each.path): each for each in found.attributes}


def values(found: Profile) -> set[tuple[str, str, str]]:
    """All values: entity, path and text."""
    paths, who, texts = list(attributes(found)), entities(found), found.texts.to_pylist()
    rows = zip(found.value_entity, found.value_attribute, found.value_text, strict=True)
    return {(who[entity], paths[attribute], texts[text]) for entity, attribute, text in rows}


def edges(found: Profile) -> set[tuple[str, str, str]]:
    """All edges: entity, relation and entity."""
    who, relations = entities(found), [short(each.iri) for each in found.relations]
    rows = zip(found.edge_head, found.edge_relation, found.edge_tail, strict=True)
    return {(who[head], relations[relation], who[tail]) for head, relation, tail in rows}
