"""Claims from a few lines of TriG or N-Quads, and populations of made-up sources with known faults."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.fuse import claims_of
from kgalign.fusion.claims import Claims
from kgalign.fusion.resolve import Resolution, resolve_default
from kgalign.fusion.trust.faults import Fault
from kgalign.rdf import Graph, read_graph
from kgalign.rdf.graph import Ids
from kgalign.records.fused import Role

E = "http://example.org/"
XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIXES = f"@prefix : <{E}> . @prefix xsd: <{XSD}> .\n"


def graph_of(text: str, ending: str = ".trig") -> Graph:
    """The graph of a text in TriG (with ``:`` and ``xsd:``) or, by its ending, another format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data{ending}"
        path.write_text((PREFIXES if ending == ".trig" else "") + text, encoding="utf-8")
        return read_graph(path)


def claims_from(text: str, side: str = "left", sources: Mapping[str, str] | None = None) -> Claims:
    return claims_of(graph_of(text), side, sources)


def said(claims: Claims) -> list[tuple[str, str, str, str]]:
    """Subject, property, value and source of each claim, by local names."""
    columns = zip(
        claims.subject.tolist(),
        claims.property.tolist(),
        claims.value.tolist(),
        claims.source.tolist(),
        strict=True,
    )
    return [
        (
            claims.text(s).removeprefix(E),
            claims.text(p).removeprefix(E),
            claims.text(o).removeprefix(E),
            claims.sources[source],
        )
        for s, p, o, source in columns
    ]


def sources_say(rows: Sequence[tuple[str, str, str, object]]) -> Claims:
    """Claims of rows (source, subject, property, value): numbers as doubles, text as plain strings."""
    lines = []
    for source, subject, property, value in rows:
        literal = f'"{value}"' if isinstance(value, str) else f'"{value!r}"^^<{XSD}double>'
        if isinstance(value, int):
            literal = f'"{value}"^^<{XSD}integer>'
        lines.append(f"<{E}{subject}> <{E}{property}> {literal} <urn:x-source:{source}> .")
    graph = graph_of("\n".join(lines), ".nq")
    return claims_of(graph, sources={f"urn:x-source:{row[0]}": row[0] for row in rows})


def cities(count: int, seed: int = 0) -> list[tuple[str, str, str, object]]:
    """Places by five sources: two good ones, one of whole degrees, one turned round, one careless."""
    random = np.random.default_rng(seed)
    rows: list[tuple[str, str, str, object]] = []
    for number in range(count):
        lat, long = random.uniform(40, 55), random.uniform(-9, 30)
        name = f"c{number}"

        def tell(source: str, a: float, b: float, name: str = name) -> None:
            rows.extend([(source, name, "lat", round(a, 5)), (source, name, "long", round(b, 5))])

        tell("good", lat, long)
        tell("also", lat + random.normal(0, 0.002), long + random.normal(0, 0.002))
        tell("whole", float(np.trunc(lat)), float(np.trunc(long)))
        tell("turned", long, lat)
        far = random.random() < 0.5
        tell("careless", lat + far * random.uniform(1, 3), long + far * random.uniform(1, 3))
    return rows


def faults_of(claims: Claims, prefer: int | None = None) -> tuple[Fault, ...]:
    """The faults of all sources."""
    return tuple(fault for each in resolve_default(claims, prefer=prefer).learned for fault in each.faults)


def described(claims: Claims) -> list[str]:
    """The faults of all sources in words, one line each, sorted."""
    return sorted(
        f"{claims.sources[fault.source]}, "
        f"{' and '.join(claims.text(property) for property in fault.properties)}: {fault.text}"
        for fault in faults_of(claims)
    )


def written_values(claims: Claims, resolution: Resolution) -> dict[tuple[int, int], Ids]:
    """(subject, property) → the term ids that are written, sorted."""
    rows = np.flatnonzero(resolution.role == Role.WRITTEN)
    found: dict[tuple[int, int], list[int]] = {}
    for subject, property, value in zip(
        claims.subject[rows].tolist(),
        claims.property[rows].tolist(),
        claims.value[rows].tolist(),
        strict=True,
    ):
        found.setdefault((subject, property), []).append(value)
    return {key: np.unique(np.array(each, np.int32)) for key, each in found.items()}
