"""What the nodes of provenance are called: names that no input can have, the same for the same fusion."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Positions, unique
from kgalign.base.scratch import text_buffers
from kgalign.export.origins import Origins, steps
from kgalign.rdf.columns import take
from kgalign.rdf.graph import Ids
from kgalign.rdf.vocabulary import OWL, PROV, RDF, RDFS
from kgalign.rdf.write import term_texts
from kgalign.records.fused import SIDES, Fusion

KG = "https://w3id.org/kgalign#"
NAMES = "urn:kgalign:"
"""What names of nodes begin with; the hash of the fusion follows, then a colon and what it is."""

_OURS = {"kg": KG, "owl": OWL, "prov": PROV, "rdf": RDF, "rdfs": RDFS}

_BATCH = 1 << 15
"""Texts that are hashed at once."""

_HASH = 32
"""Hexadecimal digits of a hash in a name."""


def with_ours(theirs: dict[str, str], digest: str) -> dict[str, str]:
    """Our prefixes, and those of the data under names that ours leave free."""
    ours = {**_OURS, "run": f"{NAMES}{digest}:"}
    chosen = dict(ours)
    for name, space in theirs.items():
        if space in ours.values():
            continue
        free, number = name, 1
        while free in chosen or (free != name and free in theirs):
            number += 1
            free = f"{name}{number}"
        chosen[free] = space
    return dict(sorted(chosen.items()))


def fusion_digest(fusion: Fusion) -> str:
    """A hash of all that is said and of what became of it."""
    digest = hashlib.sha256()
    terms = fusion.terms
    texts = "\0".join((*terms.datatypes, "", *terms.languages, "", fusion.identity, "", *fusion.sources, ""))
    digest.update("\0".join((texts, *fusion.reasons, "", *fusion.rules)).encode("utf-8", "surrogatepass"))
    columns = [
        *(terms.kind, terms.datatype, terms.language, pc.binary_length(terms.value).to_numpy()),
        *(fusion.subject, fusion.property, fusion.value, fusion.graph, fusion.said, fusion.turned),
        *(fusion.side, fusion.source, fusion.role, fusion.reason, fusion.rule, steps(fusion.confidence)),
        *(fusion.computed_subject, fusion.computed_property, fusion.computed_value, fusion.computed_rule),
        *(fusion.same_subject, fusion.same_object, fusion.retired, fusion.replaced_by),
    ]
    for column in columns:
        digest.update(np.ascontiguousarray(column, column.dtype.newbyteorder("<")).data)
    for start in range(0, len(terms), _BATCH):
        ends, data = text_buffers(terms.value[start : start + _BATCH])
        digest.update(data[ends[0] : ends[-1]].data)
    return digest.hexdigest()[:_HASH]


def source_names(fusion: Fusion, found: Origins) -> pa.LargeStringArray:
    """(sources,) what each is called: after its side, and after its named graph where it is one."""
    sides = pa.array([f"run:{side}" for side in SIDES], pa.large_string()).take(pa.array(found.source_side))
    hashed = named("-", plain(fusion, found.source_graph))
    return pc.if_else(pa.array(found.source_graph >= 0), lined("", sides, hashed), sides)


def speaker_texts(fusion: Fusion, found: Origins) -> pa.LargeStringArray:
    """(speakers,) source and wording of each as a text that no other has."""
    speakers = found.speakers
    side = pa.array(SIDES, pa.large_string()).take(pa.array(found.source_side[speakers.source]))
    graph = plain(fusion, found.source_graph).take(pa.array(speakers.source))
    turned = pa.array(["", "^"], pa.large_string()).take(pa.array(speakers.turned.astype(np.int8)))
    return lined(" ", side, graph, turned, plain(fusion, speakers.said))


def group_names(found: Origins, speakers: pa.LargeStringArray) -> pa.LargeStringArray:
    """(groups,) what each origin is called."""
    said = listed(speakers.take(pa.array(found.group_speaker)), found.group_start, "\n")
    rule = pa.array(found.rules, pa.large_string()).take(pa.array(found.group_rule))
    sure = pa.array(found.group_confidence).cast(pa.large_string())
    kind = pa.array(found.group_kind).cast(pa.large_string())
    return named("run:fused-", lined("\n", pc.coalesce(said, ""), rule, sure, kind))


def named(stem: str, texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """The names of nodes: a hash each of what is named."""
    parts = []
    for low in range(0, len(texts), _BATCH):
        batch = texts[low : low + _BATCH].cast(pa.large_binary()).to_pylist()
        names = [f"{stem}{hashlib.sha256(text).hexdigest()[:_HASH]}" for text in batch]
        parts.append(pa.array(names, pa.large_string()))
    return pa.concat_arrays(parts) if parts else texts


def plain(fusion: Fusion, ids: Ids) -> pa.LargeStringArray:
    """Terms as N-Triples has them: a text that no choice of prefixes changes. Nothing for -1."""
    used = unique(ids[ids >= 0]).astype(np.int64)
    texts = pa.concat_arrays([term_texts(take(fusion.terms, used)), pa.array([""], pa.large_string())])
    return texts.take(pa.array(np.where(ids >= 0, np.searchsorted(used, ids), len(used))))


def lined(between: str, *parts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Texts joined row by row."""
    return pc.binary_join_element_wise(*parts, pa.scalar(between, pa.large_string()))


def listed(texts: pa.LargeStringArray, start: Positions, between: str) -> pa.LargeStringArray:
    """Texts joined list by list; null for a list of none."""
    lists = pa.LargeListArray.from_arrays(pa.array(start, pa.int64()), texts)
    joined = pc.binary_join(lists, pa.scalar(between, pa.large_string()))
    return pc.if_else(pa.array(np.diff(start) > 0), joined, pa.scalar(None, pa.large_string()))
