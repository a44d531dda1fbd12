"""``fused.trig``: the fused graph with where each value comes from, what chose it, and what lost.

What has one origin (:mod:`~kgalign.export.origins`) stands in one named graph. One more graph, which says of
itself that it is a ``prov:Bundle``, describes these, the sources, and each statement that is not in the fused
graph as it stands. With RDF 1.2 all fused statements stand in the default graph instead, each with its origin
as its reifier. Named graphs of the inputs are sources here, not graphs. docs/decisions says why.

Names of ours begin with ``urn:kgalign:`` and a hash of the whole fusion, so that nothing in an input can pass
for provenance: to forge a name is to know the hash of a text that the name is a part of. What follows is a
hash of what is named: of a statement that didn't change, it stays the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, Positions, run_starts, spread
from kgalign.base import scratch
from kgalign.base.cores import in_order, slices
from kgalign.base.files import replacing
from kgalign.base.version import __version__
from kgalign.export.naming import (
    fusion_digest,
    group_names,
    lined,
    listed,
    named,
    plain,
    source_names,
    speaker_texts,
    with_ours,
)
from kgalign.export.origins import (
    COMPUTED,
    IDENTITY,
    STATED,
    SURE,
    Origins,
    contests,
    dropped,
    origins,
    steps,
)
from kgalign.rdf.graph import Graph, Ids
from kgalign.rdf.prefixes import prefixes_of
from kgalign.rdf.write import (
    described,
    grouped,
    prefix_lines,
    quoted,
    term_texts,
    write_trig,
)
from kgalign.records.fused import SIDES, Fusion, Role, fused_graph

BUNDLE, ACTIVITY, TOOL = "run:provenance", "run:fusion", "run:kgalign"

KEPT = 8
"""Values that are told at most of what a statement lost against: all stand in the fused graph."""

_BATCH = 1 << 15
"""Nodes that are described at once."""

_TOLD = 1 << 13
"""Statements that are not in the fused graph of which is told at once, on each core."""

_KINDS = {
    STATED: "kg:FusedStatements , prov:Entity",
    COMPUTED: "kg:ComputedStatements , kg:FusedStatements , prov:Entity",
    IDENTITY: "kg:IdentityStatements , kg:FusedStatements , prov:Entity",
}
_ROLES = {
    Role.WRITTEN: "",
    Role.AGREES: "kg:AgreeingStatement , kg:DroppedStatement , prov:Entity",
    Role.LOST: "kg:LostStatement , kg:DroppedStatement , prov:Entity",
    Role.COUNTED: "kg:CountedStatement , kg:DroppedStatement , prov:Entity",
}


def write_provenance(fusion: Fusion, path: Path, *, form: str = "prov") -> int:
    """Write the fused graph with its provenance, as TriG.

    :param form: ``prov`` for named graphs, ``rdf12`` for annotations of RDF 1.2; ``none`` leaves provenance
        out and keeps the inputs' named graphs.
    :returns: the number of fused statements: with provenance, one that several graphs hold is one.
    :raises RunError: no room, or no permission.
    """
    if form == "none":
        return write_trig(fused_graph(fusion), path)
    page = _page(fusion)
    with replacing(path) as file:
        file.write(prefix_lines(page.prefixes))
        file.write(f"{BUNDLE} {{\n".encode())
        file.write(_about_run(page))
        for about in chain(_about_sources(page), _about_groups(page)):
            file.write(about)
        file.write(b"}\n")
        _write_statements(file, page, annotated=form == "rdf12")
        if len(page.dropped):
            file.write(f"{BUNDLE} {{\n".encode())
            for about in _about_dropped(page, reified=form == "rdf12"):
                file.write(about)
            file.write(b"}\n")
    return len(page.origins.subject)


@dataclass(frozen=True, slots=True)
class _Page:
    """What all parts of the file need."""

    fusion: Fusion
    origins: Origins
    dropped: Positions
    """Rows of the statements that are not in the fused graph as they stand."""
    prefixes: dict[str, str]
    texts: pa.LargeStringArray
    """(terms,) as Turtle."""
    sources: pa.LargeStringArray
    """(sources,) what each is called."""
    speakers: pa.LargeStringArray
    """(speakers,) what is hashed of each."""
    groups: pa.LargeStringArray
    """(groups,) what each is called."""


def _page(fusion: Fusion) -> _Page:
    found = origins(fusion)
    everywhere = np.full(len(found.subject), -1, np.int32)
    statements = Graph(found.subject, found.property, found.value, everywhere, fusion.terms)
    prefixes = with_ours(prefixes_of(statements), fusion_digest(fusion))
    sources = source_names(fusion, found)
    speakers = speaker_texts(fusion, found)
    return _Page(
        fusion,
        found,
        dropped(fusion, found),
        prefixes,
        term_texts(fusion.terms, prefixes),
        sources,
        speakers,
        group_names(found, speakers),
    )


def _about_run(page: _Page) -> bytes:
    """The bundle, the fusion, and what did it."""
    found, size = page.origins, len(page.fusion)
    lines = (
        f"{BUNDLE} a prov:Bundle , prov:Entity ;\n    prov:wasGeneratedBy {ACTIVITY} .\n",
        f"{ACTIVITY} a kg:Fusion , prov:Activity ;\n    prov:wasAssociatedWith {TOOL}",
        f" ;\n    kg:statementsRead {size}",
        f" ;\n    kg:statementsFused {len(found.subject)}",
        f" ;\n    kg:statementsDropped {len(page.dropped)} .\n",
        f'{TOOL} a prov:SoftwareAgent ;\n    rdfs:label "kgalign" ;\n',
        f'    owl:versionInfo "{__version__}" .\n',
    )
    return "".join(lines).encode()


def _about_sources(page: _Page) -> Iterator[memoryview | bytes]:
    found = page.origins
    kind, names = pa.array(["kg:Source , prov:Entity"], pa.large_string()), quoted(page.fusion.sources)
    for low in range(0, len(page.sources), _BATCH):
        rows = slice(low, low + _BATCH)
        side = found.source_side[rows]
        about = [
            ("a", kind.take(pa.array(np.zeros(len(side), np.int8)))),
            ("kg:side", quoted(SIDES).take(pa.array(side))),
            ("kg:graph", _or_none(page.texts, found.source_graph[rows])),
            ("kg:name", _or_none(names, found.source_name[rows])),
        ]
        yield described(page.sources[rows], about)
        yield f"{ACTIVITY} prov:used {' , '.join(page.sources[rows].to_pylist())} .\n".encode()


def _or_none(texts: pa.LargeStringArray, ids: npt.NDArray[np.integer]) -> pa.LargeStringArray:
    """(n,) texts by their ids, null for -1."""
    return texts.take(pa.array(ids, pa.int64(), mask=ids < 0))


def _derived_from(page: _Page) -> pa.LargeStringArray:
    """(sources,) each, and the named graph that it is."""
    graphs = _or_none(page.texts, page.origins.source_graph)
    return pc.binary_join_element_wise(
        page.sources, graphs, pa.scalar(" , ", pa.large_string()), null_handling="skip"
    )


def _sure() -> pa.LargeStringArray:
    """Hundredths as decimals, in the shortest form that has a point."""
    return pa.array([str(step / SURE) for step in range(SURE + 1)], pa.large_string())


def _about_groups(page: _Page) -> Iterator[memoryview]:
    found = page.origins
    kinds = pa.array([_KINDS[kind] for kind in sorted(_KINDS)], pa.large_string())
    rules, derived = quoted(found.rules), _derived_from(page)
    wordings, sure = _wordings(page), _sure()
    made = pa.array([ACTIVITY], pa.large_string())
    for low in range(0, len(found), _BATCH):
        rows = slice(low, low + _BATCH)
        start = found.group_start[low : low + _BATCH + 1]
        speaker = found.group_speaker[start[0] : start[-1]]
        group = np.repeat(np.arange(len(start) - 1), np.diff(start))
        source = found.speakers.source[speaker]
        first = run_starts(group, source)
        words = _in_other_words(found, group, speaker, source)
        ends = np.arange(len(start))
        about = [
            ("a", kinds.take(pa.array(found.group_kind[rows]))),
            ("kg:rule", rules.take(pa.array(found.group_rule[rows]))),
            ("kg:confidence", _or_none(sure, found.group_confidence[rows])),
            (
                "prov:wasDerivedFrom",
                listed(derived.take(pa.array(source[first])), np.searchsorted(group[first], ends), " , "),
            ),
            (
                "prov:qualifiedDerivation",
                listed(
                    wordings.take(pa.array(speaker[words])),
                    np.searchsorted(group[words], ends),
                    " ,\n        ",
                ),
            ),
            ("prov:wasGeneratedBy", made.take(pa.array(np.zeros(len(start) - 1, np.int8)))),
        ]
        yield described(page.groups[rows], about)


def _in_other_words(found: Origins, group: Positions, speaker: Ids, source: Ids) -> Flags:
    """Which speakers of groups are told one by one: those of a source that says it with other properties."""
    other = (found.speakers.said[speaker] >= 0) | (found.speakers.said_class[speaker] >= 0)
    if not len(group):
        return other
    pair = np.cumsum(run_starts(group, source)) - 1
    told: Flags = np.bincount(pair[other], minlength=int(pair[-1]) + 1)[pair] > 0
    return told


def _wordings(page: _Page) -> pa.LargeStringArray:
    """(speakers,) the derivation from each, with the property that it has instead."""
    speakers = page.origins.speakers
    source = page.sources.take(pa.array(speakers.source))
    parts = [lined("", _constant("[ a prov:Derivation ; prov:entity "), source)]
    for name, texts in _said_as(page, np.arange(len(speakers.source))):
        parts.append(lined("", _constant(f" ; {name} "), texts))
    parts.append(_constant(" ]"))
    return pc.binary_join_element_wise(*parts, _constant(""), null_handling="skip")


def _said_as(page: _Page, speaker: npt.NDArray[np.integer]) -> list[tuple[str, pa.LargeStringArray]]:
    """The property or class that a source has instead; null where it has the same."""
    speakers = page.origins.speakers
    said, turned = speakers.said[speaker], speakers.turned[speaker]
    return [
        ("kg:saidProperty", _or_none(page.texts, np.where(turned, -1, said))),
        ("kg:saidInverse", _or_none(page.texts, np.where(turned, said, -1))),
        ("kg:saidClass", _or_none(page.texts, speakers.said_class[speaker])),
    ]


def _constant(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _write_statements(file: IO[bytes], page: _Page, *, annotated: bool) -> None:
    found = page.origins
    order = pc.sort_indices(page.groups).to_numpy()
    names = page.groups.take(pa.array(order))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    group = rank[found.group]
    if annotated:
        graph = np.full(len(group), -1, np.int32)
        notes = lined("", _constant(" ~ "), names), group
        statements = Graph(found.subject, found.property, found.value, graph, page.fusion.terms)
        texts = grouped(statements, page.texts, names, notes)
    else:
        rows = np.argsort(group, kind="stable")
        subject, property, value, graph = (
            scratch.pick(column, rows) for column in (found.subject, found.property, found.value, group)
        )
        del rows, group
        texts = grouped(Graph(subject, property, value, graph, page.fusion.terms), page.texts, names)
    for text in texts:
        file.write(text)


def _about_dropped(page: _Page, *, reified: bool) -> Iterator[memoryview]:
    """Each statement that is not in the fused graph as it stands."""
    fusion, found = page.fusion, page.origins
    kinds = pa.array([_ROLES[role] for role in Role], pa.large_string())
    rules, reasons, sure = quoted(fusion.rules), quoted(fusion.reasons), _sure()
    derived = _derived_from(page)
    kept = _kept(page)

    def about(some: slice) -> memoryview:
        rows = page.dropped[some]
        ids = fusion.subject[rows], fusion.property[rows], fusion.value[rows]
        speaker = found.speaker[rows]
        content = lined("\n", *(plain(fusion, each) for each in ids), page.speakers.take(pa.array(speaker)))
        told = [
            ("a", kinds.take(pa.array(fusion.role[rows]))),
            *_statement(page, ids, reified=reified),
            *_said_as(page, speaker),
            ("kg:kept", _kept_texts(page, kept, some)),
            ("kg:reason", reasons.take(pa.array(fusion.reason[rows]))),
            ("kg:rule", rules.take(pa.array(fusion.rule[rows]))),
            ("kg:confidence", _or_none(sure, steps(fusion.confidence[rows]))),
            ("prov:wasDerivedFrom", derived.take(pa.array(found.speakers.source[speaker]))),
        ]
        return described(named("run:dropped-", content), told)

    yield from in_order(about, slices(len(page.dropped), _TOLD))


def _statement(
    page: _Page, ids: tuple[Ids, Ids, Ids], *, reified: bool
) -> list[tuple[str, pa.LargeStringArray]]:
    subject, property, value = (page.texts.take(pa.array(each)) for each in ids)
    if reified:
        return [("rdf:reifies", lined(" ", _constant("<<("), subject, property, value, _constant(")>>")))]
    return [("rdf:subject", subject), ("rdf:predicate", property), ("rdf:object", value)]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Values that the fused graph has instead of each dropped one."""

    value: Ids
    """Term ids, contest by contest, in order of the language and then without regard to it."""
    start: Positions
    count: Positions
    """(d,) where those of each dropped statement start in ``value``, and how many there are."""


def _kept(page: _Page) -> _Kept:
    """What is kept of the same property in the same language; in any language where there is none in it."""
    fusion, found, rows = page.fusion, page.origins, page.dropped
    lost = fusion.subject[rows], fusion.property[rows], fusion.value[rows]
    key = lost[0].astype(np.int64) << 32 | lost[1]
    # Both are sorted by subject and property.
    key = np.append(key[run_starts(key)], -1)
    said = found.subject.astype(np.int64) << 32 | found.property
    rows = np.flatnonzero(key[np.searchsorted(key[:-1], said)] == said)
    kept = found.subject[rows], found.property[rows], found.value[rows]
    (exact, item), (lost_exact, lost_item) = contests(fusion, kept, lost)
    values: list[Ids] = []
    starts: list[Positions] = []
    counts: list[Positions] = []
    for codes, wanted in ((exact, lost_exact), (item, lost_item)):
        order = np.argsort(codes, kind="stable")
        low = np.searchsorted(codes[order], wanted, "left")
        counts.append(np.searchsorted(codes[order], wanted, "right") - low)
        starts.append(low + len(rows) * len(values))
        values.append(kept[2][order])
    alone = counts[0] == 0
    return _Kept(
        np.concatenate(values),
        np.where(alone, starts[1], starts[0]),
        np.minimum(np.where(alone, counts[1], counts[0]), KEPT),
    )


def _kept_texts(page: _Page, kept: _Kept, rows: slice) -> pa.LargeStringArray:
    number, places = spread(kept.start[rows], kept.count[rows])
    start = np.searchsorted(number, np.arange(len(kept.count[rows]) + 1))
    return listed(page.texts.take(pa.array(kept.value[places])), start, " , ")
