"""Two small graphs that say different things of the same nodes, fused by rules."""

import tempfile
from pathlib import Path

import numpy as np

from kgalign.config.fusion import FuseConfig
from kgalign.fusion import align_vocabularies, fuse
from kgalign.rdf import Graph, TermKind, read_graph
from kgalign.rdf.graph import Terms
from kgalign.rdf.names import local_name
from kgalign.records.fused import Fusion, Role

E = "http://example.org/"
XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIXES = (
    f"@prefix : <{E}> . @prefix xsd: <{XSD}> . @prefix dct: <http://purl.org/dc/terms/> . "
    "@prefix prov: <http://www.w3.org/ns/prov#> . @prefix void: <http://rdfs.org/ns/void#> .\n"
)


def graph(text: str, ending: str = ".trig") -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"graph{ending}"
        path.write_text((PREFIXES if ending == ".trig" else "") + text, encoding="utf-8")
        return read_graph(path)


def fused(left: Graph | str, right: Graph | str, **options: object) -> Fusion:
    """Both graphs fused; what has the same name in both, and begins with ``x``, is one thing."""
    one = graph(left) if isinstance(left, str) else left
    two = graph(right) if isinstance(right, str) else right
    config = FuseConfig.model_validate(options)
    places = [_things(each.terms) for each in (one, two)]
    both = sorted(places[0].keys() & places[1].keys())
    ids = [np.array([place[name] for name in both], np.int32) for place in places]
    ends = one, two, ids[0], ids[1]
    found = align_vocabularies(
        *ends, overrides=config.mapping.items(), class_overrides=config.classes.items()
    )
    return fuse(*ends, config, found)


def _things(terms: Terms) -> dict[str, int]:
    names = {
        name: place for place, name in enumerate(terms.value.to_pylist()) if terms.kind[place] == TermKind.IRI
    }
    return {name: place for name, place in names.items() if name.startswith(f"{E}x")}


def written(fusion: Fusion, property: str = "p", subject: str = "x") -> list[str]:
    """What the fused graph says of a property of a thing, by local names, sorted."""
    rows = [
        (fusion.subject[row], fusion.property[row], fusion.value[row]) for row in fusion.written().tolist()
    ]
    columns = fusion.computed_subject, fusion.computed_property, fusion.computed_value
    rows += list(zip(*columns, strict=True))
    wanted = (E + subject, E + property)
    found = {v for s, p, v in rows if (fusion.text(s), fusion.text(p)) == wanted}
    return sorted(fusion.text(each).removeprefix(E) for each in found)


def fates(fusion: Fusion, property: str = "p", subject: str = "x") -> dict[tuple[str, str], tuple[str, str]]:
    """(source, value) → role and reason, of a property of a thing."""
    return {
        (fusion.sources[fusion.source[row]], fusion.text(fusion.value[row]).removeprefix(E)): (
            Role(int(fusion.role[row])).name,
            fusion.reasons[fusion.reason[row]],
        )
        for row in range(len(fusion))
        if fusion.source[row] >= 0
        and local_name(fusion.text(fusion.property[row])) == property
        and local_name(fusion.text(fusion.subject[row])) == subject
    }


def datatype(fusion: Fusion, place: int = 0) -> str:
    """The datatype of a computed value."""
    number = int(fusion.terms.datatype[fusion.computed_value[place]])
    return fusion.terms.datatypes[number].removeprefix(XSD)
