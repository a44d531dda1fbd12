"""Which fused statements have the same origin: said by the same sources, kept by the same rule, as surely."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Flags, Positions, in_order_of, join, run_starts, spread
from kgalign.base import scratch
from kgalign.rdf.graph import Ids
from kgalign.records.fused import Fusion, Role, fused_columns

IDENTITY_RULE = "identity"
"""What decides that a statement of identity is written."""

STATED, COMPUTED, IDENTITY = 0, 1, 2
"""How a fused statement came about: a source says it, it was computed, it tells what became one or
stands for a retired IRI."""

SURE = 100
"""Confidence is told in so many steps."""


@dataclass(frozen=True, slots=True)
class Speakers:
    """Who says something, and in which words: distinct, sorted."""

    source: Ids
    """(k,) index into the sources."""
    said: Ids
    """(k,) term id of the property that the source has instead; -1 where it has the fused one."""
    turned: Flags
    """(k,) whether the source says it the other way round."""
    said_class: Ids
    """(k,) term id of the class that the source has instead of the value; -1 where it has the same."""


@dataclass(frozen=True, slots=True)
class Origins:
    """The distinct fused statements, whatever graph they stand in, and where each comes from."""

    subject: Ids
    property: Ids
    value: Ids
    """(n,) term ids, sorted."""
    group: Ids
    """(n,) the origin of each."""
    statement: Ids
    """(rows of the fusion,) the fused statement that each row is written as, -1 where it is not."""
    source_side: npt.NDArray[np.uint8]
    """(s,) 0 left, 1 right: the sources are the graphs of both sides, sorted by side and graph."""
    source_graph: Ids
    """(s,) term id of the named graph, -1 for the default graph."""
    source_name: Ids
    """(s,) index of the name in the fusion's ``sources``; -1 where it makes no claims."""
    speaker: Ids
    """(rows of the fusion,) who says each row, an index into ``speakers``."""
    speakers: Speakers
    group_kind: npt.NDArray[np.uint8]
    """(g,) ``STATED``, ``COMPUTED`` or ``IDENTITY``."""
    group_rule: Ids
    """(g,) index of the rule in ``rules``."""
    group_confidence: npt.NDArray[np.int16]
    """(g,) in steps of a hundredth, -1 where nothing was weighed."""
    group_start: Positions
    """(g + 1,) where the speakers of each group start in ``group_speaker``."""
    group_speaker: Ids
    """Speakers of the groups, group by group, in order."""
    rules: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.group_kind)


def steps(confidence: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Confidences in hundredths, -1 for NaN."""
    known = np.nan_to_num(confidence, nan=-1.0)
    return np.where(known < 0, -1, np.rint(known * SURE)).astype(np.int16)


def origins(fusion: Fusion) -> Origins:
    """Tell the fused statements by where they come from."""
    source, source_columns = _coded(fusion.side, fusion.graph)
    other = np.where((fusion.said != fusion.property) | fusion.turned, fusion.said, -1)
    speaker, speaker_columns = _coded(source, other, fusion.turned, fusion.said_class)
    statements, place, kind = _statements(fusion)
    at, row = _evidence(fusion, statements, place, kind)
    best = _best(fusion, at, row)
    rule = np.full(len(kind), len(fusion.rules), np.int32)
    rule[at[best]] = fusion.rule[row[best]]
    sure = np.full(len(kind), -1, np.int16)
    sure[at[best]] = steps(fusion.confidence[row[best]])
    start, spoken = _sets(at, speaker[row], len(kind))
    group, (_, group_kind, group_rule, group_sure) = _coded(_set_ids(start, spoken), kind, rule, sure)
    example = np.empty(len(group_kind), np.int64)
    example[group[::-1]] = np.arange(len(group))[::-1]
    number, members = spread(start[example], np.diff(start)[example])
    return Origins(
        *statements,
        group=group,
        statement=place,
        source_side=source_columns[0].astype(np.uint8),
        source_graph=source_columns[1].astype(np.int32),
        source_name=_names(fusion, source, len(source_columns[0])),
        speaker=speaker,
        speakers=Speakers(
            speaker_columns[0].astype(np.int32),
            speaker_columns[1].astype(np.int32),
            speaker_columns[2].astype(bool),
            speaker_columns[3].astype(np.int32),
        ),
        group_kind=group_kind.astype(np.uint8),
        group_rule=group_rule.astype(np.int32),
        group_confidence=group_sure.astype(np.int16),
        group_start=np.searchsorted(number, np.arange(len(group_kind) + 1)),
        group_speaker=spoken[members],
        rules=(*fusion.rules, IDENTITY_RULE),
    )


def dropped(fusion: Fusion, found: Origins) -> Positions:
    """Rows of the fusion that no fused statement says: one of those that a source says twice, now that merged
    nodes are one.
    """
    rows = np.flatnonzero(found.statement < 0)
    columns = fusion.subject[rows], fusion.property[rows], fusion.value[rows], found.speaker[rows]
    order = np.lexsort(columns[::-1])
    first = run_starts(*(column[order] for column in columns))
    return rows[np.sort(order[first])]


def contests(fusion: Fusion, *statements: tuple[Ids, Ids, Ids]) -> list[tuple[Ids, Ids]]:
    """What statements stand against each other for.

    :param statements: columns of subject, property and value.
    :returns: for each of these the codes of (subject, property, language) and of (subject, property).
    """
    subject, property, value = (np.concatenate(each) for each in zip(*statements, strict=True))
    item, _ = _coded(subject, property)
    exact, _ = _coded(item, fusion.terms.language[value])
    cuts = np.cumsum([len(each[0]) for each in statements])[:-1]
    return list(zip(np.split(exact, cuts), np.split(item, cuts), strict=True))


def _coded(*columns: npt.NDArray[np.generic]) -> tuple[Ids, tuple[npt.NDArray[np.generic], ...]]:
    """The number of each row among the distinct rows, and the distinct rows, sorted."""
    order = in_order_of(*columns)
    first = _starts(order, columns)
    code = scratch.empty(len(order), np.int32)
    code[order] = np.cumsum(first, dtype=np.int32) - np.int32(1)
    found = order[first]
    return code, tuple(column[found] for column in columns)


def _starts(order: Positions, columns: Sequence[npt.NDArray[np.generic]]) -> Flags:
    """(n,) rows that differ from the row before, once they stand in an order; one column after the other."""
    starts = np.zeros(len(order), bool)
    for column in columns:
        starts |= run_starts(column[order])
    return starts


def _statements(fusion: Fusion) -> tuple[tuple[Ids, Ids, Ids], Ids, npt.NDArray[np.uint8]]:
    """The distinct fused statements, the one that each row is written as, and how each came about."""
    rows = fusion.written()
    _, subject, property, value = fused_columns(fusion)
    computed = len(fusion.computed_subject)
    sizes = [len(rows), computed, len(subject) - len(rows) - computed]
    kind = np.repeat(np.array([STATED, COMPUTED, IDENTITY], np.uint8), sizes)
    order = in_order_of(subject, property, value, kind)
    first = _starts(order, (subject, property, value))
    code = scratch.empty(len(order), np.int32)
    code[order] = np.cumsum(first, dtype=np.int32) - np.int32(1)
    place = scratch.full(len(fusion), -1, np.int32)
    place[rows] = code[: len(rows)]
    found = order[first]
    subject, property, value = (scratch.pick(column, found) for column in (subject, property, value))
    return (subject, property, value), place, kind[found]


def _evidence(
    fusion: Fusion, statements: tuple[Ids, Ids, Ids], place: Ids, kind: npt.NDArray[np.uint8]
) -> tuple[Positions, Positions]:
    """Pairs of a fused statement and a row that it comes from: that says it, or that was counted in."""
    said = np.flatnonzero(place >= 0)
    made, counted = np.flatnonzero(kind == COMPUTED), np.flatnonzero(fusion.role == Role.COUNTED)
    (exact, item), (row_exact, row_item) = contests(
        fusion,
        (statements[0][made], statements[1][made], statements[2][made]),
        (fusion.subject[counted], fusion.property[counted], fusion.value[counted]),
    )
    at, row = join(exact, row_exact)
    lonely = np.setdiff1d(np.arange(len(made)), at)  # computed in another language than any that was counted
    more, others = join(item[lonely], row_item)
    return (
        np.concatenate([place[said], made[at], made[lonely[more]]]).astype(np.int64),
        np.concatenate([said, counted[row], counted[others]]),
    )


def _best(fusion: Fusion, at: Positions, row: Positions) -> Positions:
    """Of each fused statement that has any the pair whose row is surest."""
    confidence = np.nan_to_num(fusion.confidence[row], nan=-1.0)
    order = np.lexsort((row, fusion.rule[row], -confidence, at))
    best: Positions = order[run_starts(at[order])]
    return best


def _sets(at: Positions, speaker: Ids, size: int) -> tuple[Positions, Ids]:
    """Where the speakers of each fused statement start, and the speakers, distinct and in order."""
    order = in_order_of(at, speaker)
    new = run_starts(at[order], speaker[order])
    return np.searchsorted(at[order][new], np.arange(size + 1)), speaker[order][new]


def _set_ids(start: Positions, spoken: Ids) -> Ids:
    """A number for each set of speakers; the same sets have the same one."""
    size = np.diff(start)
    found = np.full(len(size), -1, np.int32)
    found[size == 1] = spoken[start[:-1][size == 1]]
    alone = int(spoken.max(initial=-1)) + 1
    known: dict[bytes, int] = {}
    text = spoken.astype(np.int32).tobytes()
    rows = np.flatnonzero(size > 1)
    cuts = zip((start[rows] * 4).tolist(), (start[rows + 1] * 4).tolist(), strict=True)
    found[rows] = [known.setdefault(text[low:high], alone + len(known)) for low, high in cuts]
    return found


def _names(fusion: Fusion, source: Ids, size: int) -> Ids:
    name = np.full(size, -1, np.int32)
    np.maximum.at(name, source, fusion.source.astype(np.int32))
    return name
