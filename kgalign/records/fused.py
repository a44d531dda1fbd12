"""What became of every statement of both graphs: the records that fusion leaves for files and commands."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, Positions
from kgalign.rdf.columns import graph_of
from kgalign.rdf.graph import Graph, Ids, TermKind, Terms
from kgalign.rdf.vocabulary import DCTERMS

REPLACED_BY = DCTERMS + "isReplacedBy"
"""Property that says what stands for an IRI that names nothing any more."""

_FEW = 100
"""IRIs of which each is searched for among the sorted terms."""

SIDES = ("left", "right")
"""Names of the sides, which are also the names of the sources that their default graphs are."""


class Role(IntEnum):
    """What became of a statement."""

    WRITTEN = 0
    """It is in the fused graph."""
    AGREES = 1
    """It says what is written, in another form or less exactly."""
    LOST = 2
    """Another value was kept."""
    COUNTED = 3
    """What is written was computed from it and from others."""


@dataclass(frozen=True, slots=True)
class FusionCounts:
    """What became of the statements:
    ``left + right - duplicates - agreeing - lost - counted + computed + same_as + replaced == statements``.
    """

    left: int
    right: int
    """Distinct statements of each input graph."""
    duplicates: int
    """Statements that say the same as another one, once merged nodes are one."""
    agreeing: int
    """Statements that say what is written, in another form or less exactly."""
    lost: int
    """Statements whose value lost against another."""
    counted: int
    """Statements that went into a computed value."""
    computed: int
    """Statements that were added because their value was computed: the mean of several, say."""
    same_as: int
    """Statements of identity that were added, those apart that were there already."""
    statements: int
    """Statements of the fused graph."""
    groups: int
    """Sets of two or more nodes that became one."""
    merged: int
    """Nodes in these sets."""
    conflicts: int
    """Things and properties of which a value lost or was only counted in."""
    replaced: int = 0
    """Statements that were added to tell what stands for IRIs of earlier runs."""


@dataclass(frozen=True, slots=True)
class SourceTrust:
    """What was learned of one source for one property, or two that belong together, without gold."""

    properties: tuple[str, ...]
    source: str
    claims: int
    right: float
    """Share of claims that are right as exactly as they are given, as far as the others can tell ..."""
    near: float
    """... and of those that are near it."""
    compared: float
    """How many claims others could judge; 0: nothing was learned."""
    told_apart: bool
    """Whether three or more sources meet, so that it shows who is wrong."""


@dataclass(frozen=True, slots=True)
class SourceFault:
    """What is systematically wrong with what one source says of a property."""

    properties: tuple[str, ...]
    source: str
    kind: str
    text: str
    """In words: ``gives whole numbers only (206 of 206)``."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Every statement of both graphs with its fate, sorted by (subject, property, value, graph, side).

    Nodes and properties are the fused graph's; what a source wrote instead of the property is in ``said``.
    """

    terms: Terms
    subject: Ids
    property: Ids
    value: Ids
    """(n,) term ids: the statement with one node per thing and in the fused vocabulary."""
    graph: Ids
    """(n,) term id of the named graph that says it, -1 for the default graph."""
    said: Ids
    """(n,) term id of the property as its source has it."""
    turned: Flags
    """(n,) whether the source says it the other way round, by an inverse property."""
    said_class: Ids
    """(n,) term id of the class that the source has where the value is another one, else -1."""
    side: npt.NDArray[np.uint8]
    """(n,) 0 left, 1 right."""
    source: Ids
    """(n,) index into ``sources``; -1 for statements about named graphs, which are no claims."""
    conflict: Ids
    """(n,) number of the conflict that it belongs to, by subject and property; -1 where there is none."""
    role: npt.NDArray[np.uint8]
    """(n,) a :class:`Role` each."""
    reason: npt.NDArray[np.uint8]
    """(n,) index into ``reasons``: why it has its role."""
    rule: npt.NDArray[np.uint8]
    """(n,) index into ``rules``: by what it was decided."""
    confidence: npt.NDArray[np.float32]
    """(n,) probability that the value is true, or near enough; or the share of the sources (or of their
    weight) behind what is kept. NaN where nothing was weighed."""
    computed_subject: Ids
    computed_property: Ids
    computed_value: Ids
    computed_rule: Ids
    computed_conflict: Ids
    """(c,) statements whose value was computed, sorted; the rule's index in ``rules``."""
    same_subject: Ids
    same_object: Ids
    """(i,) identity: the node that stays, and the IRI that was merged into it."""
    retired: Ids
    replaced_by: Ids
    """(r,) sorted: IRIs by which earlier runs called something and this one nothing, each with what stands
    for it now; several times where that is several, and -1 where nothing is left."""
    identity: str
    """IRI of the property that says who is the same as whom; empty where nothing does."""
    left_term: Ids
    """(terms of the left graph,) id of each in ``terms``: of what it was merged into."""
    right_term: Ids
    """(terms of the right graph,) the same for the right graph."""
    sources: tuple[str, ...]
    """Names of the sources: ``left``, ``right``, named graphs, authorities of named graphs."""
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    counts: FusionCounts
    trust: tuple[SourceTrust, ...] = ()
    faults: tuple[SourceFault, ...] = ()
    warnings: tuple[str, ...] = ()
    """For people: clusters that join what was judged different, rules that fit nothing."""

    def __len__(self) -> int:
        return len(self.subject)

    def text(self, term: int) -> str:
        """The IRI, label or lexical form of a term."""
        return str(self.terms.value[int(term)].as_py())

    def written(self) -> Positions:
        """Rows of the statements that are in the fused graph."""
        return np.flatnonzero(self.role == Role.WRITTEN)


def fused_graph(fusion: Fusion) -> Graph:
    """The fused graph: what is written, what was computed, and who is the same as whom.

    Named graphs keep their statements; what was added is in the default graph.
    """
    read = fusion.counts.left + fusion.counts.right
    return graph_of(fused_columns(fusion), fusion.terms, statements_read=read)


def fused_columns(fusion: Fusion) -> list[Ids]:
    """Graph, subject, property and value of what is written, then of what was computed, then of identity,
    then of what stands for retired IRIs.

    A statement that is there several times is in them several times.
    """
    rows = fusion.written()
    computed = len(fusion.computed_subject)
    same = len(fusion.same_subject) if fusion.identity else 0
    is_same = np.full(same, term_id(fusion.terms, fusion.identity), np.int32)
    told = np.flatnonzero(fusion.replaced_by >= 0)
    replaced = np.full(len(told), term_id(fusion.terms, REPLACED_BY), np.int32)
    columns = [
        [fusion.graph[rows], np.full(computed + same + len(told), -1, np.int32)],
        [fusion.subject[rows], fusion.computed_subject, fusion.same_subject[:same], fusion.retired[told]],
        [fusion.property[rows], fusion.computed_property, is_same, replaced],
        [fusion.value[rows], fusion.computed_value, fusion.same_object[:same], fusion.replaced_by[told]],
    ]
    return [np.concatenate(parts) for parts in columns]


def term_id(terms: Terms, iri: str) -> int:
    """The id of an IRI, -1 where it is none of the terms."""
    return int(term_ids(terms, [iri])[0])


def term_ids(terms: Terms, iris: Sequence[str] | pa.LargeStringArray) -> Ids:
    """(n,) ids of IRIs, -1 where one is none of the terms."""
    end = int(np.searchsorted(terms.kind, TermKind.BLANK))
    if len(iris) < _FEW:
        few = iris.to_pylist() if isinstance(iris, pa.Array) else iris
        return np.array([_place(terms, end, iri) for iri in few], np.int32)
    places = pc.index_in(pa.array(iris, pa.large_string()), terms.value[:end])
    return np.asarray(places.fill_null(-1).to_numpy(zero_copy_only=False), np.int32)


def _place(terms: Terms, end: int, iri: str) -> int:
    """The id of an IRI among the first terms, which are sorted; -1 where it is none of them."""
    wanted = iri.encode("utf8", "surrogatepass")

    def text(place: int) -> bytes:
        return bytes(terms.value[place].as_buffer())

    place = bisect_left(range(end), wanted, key=text)
    return place if place < end and text(place) == wanted else -1
