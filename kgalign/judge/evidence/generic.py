"""What two entities share whatever their properties are called: measured before anything is learned."""

from collections.abc import Container, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from kgalign.arrays import Flags, Positions, rows_by_count, sparse_rows
from kgalign.base import scratch
from kgalign.base.cores import in_order
from kgalign.judge.evidence import parts
from kgalign.judge.evidence.comparisons import STRING_LABELS, Comparison, Pooled, labels_of, steps
from kgalign.judge.evidence.ends import Ends
from kgalign.judge.evidence.leading import Lead, Scored
from kgalign.judge.evidence.products import dots
from kgalign.judge.evidence.texts import Texts, of_entities
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Floats, Profile
from kgalign.values.text import entries_of, frequency, idf, row_parts, weigh

COMPARED = ("names", "words shared", "rarity of shared words", "codes shared")
"""Comparisons whose levels are weighed anew on the graphs at hand."""
MEASURES = (*COMPARED, "characters in common", "words in common", "share of all words")
"""What is measured of any two entities."""
MEANING = "meaning"
LEADS = {"names": 0.25, "characters in common": 0.05, "words in common": 0.05, MEANING: 0.05}
"""Measures in which pairs compete, and the lead of a pair where an entity may have several partners."""
_COSINE_STEPS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_COSINES = (0.0, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 1.0)
_COMMON = 0.1
_FEW = 20

SAME_IRI = "IRI"
KINDS = {
    "names": "name",
    "words shared": "text",
    "rarity of shared words": "text",
    "codes shared": "code",
    "characters in common": "text",
    "words in common": "text",
    "share of all words": "text",
    SAME_IRI: "iri",
    MEANING: "dense",
}
"""Measure → its kind, for people."""
LABELS = {
    "names": STRING_LABELS,
    "words shared": labels_of("words shared"),
    "rarity of shared words": labels_of("rarity of shared words"),
    "codes shared": labels_of("codes shared"),
    "characters in common": tuple(f"cosine {step:g}" for step in _COSINE_STEPS),
    "words in common": tuple(f"cosine {step:g}" for step in _COSINE_STEPS),
    "share of all words": tuple(f"share {step:g}" for step in _COSINE_STEPS),
    SAME_IRI: ("another", "the same"),
    MEANING: tuple(f"cosine {step:g}" for step in _COSINE_STEPS),
}
"""Measure → what its levels mean."""


class Generic:
    """Measures pairs of entities, of two sides or within one."""

    def __init__(self, left: Profile, right: Profile, texts: tuple[Texts, Texts]) -> None:
        self.pooled = Pooled(left, right, texts)
        sides = zip((left, right), texts, strict=True)
        grams = _telling([_entity_grams(profile, side) for profile, side in sides])
        weights = idf(*grams)
        self.grams = tuple(weigh(rows, weights) for rows in grams)
        self.texts = self.pooled.texts = texts[0].bare(), texts[1].bare()

    def measure(self, a: Ids, b: Ids, sides: tuple[int, int] = (0, 1)) -> tuple[Floats, ...]:
        """What each pair shares: (c,) for each of :data:`MEASURES`, NaN where there is nothing to measure.

        :param sides: whose entities ``a`` and ``b`` are: 0 for the left side's, 1 for the right one's.
        """
        x, y = sides
        *levels, words, larger = self.pooled.measure(a, b, sides)
        return (*levels, dots(self.grams[x], self.grams[y], a, b), words, larger)

    def measure_ends(self, ends: tuple[Ids, Ids]) -> tuple[Floats, ...]:
        """As :meth:`measure`, of pairs across."""
        return self.measure(*ends)


def leads(
    measures: Mapping[str, Scored],
    ends: tuple[Ends, Ends],
    things: Sequence[Ids | None],
    free: Sequence[bool],
) -> dict[str, Lead]:
    """By how much a pair leads its rivals in a measure, for the left and for the right entity, by name.

    :param ends: the pairs by their left and by their right entities.
    :param things: per side, (n,) number of the thing that each entity is a record of; None where each is one.
    :param free: per side, whether an entity of the other side may have several partners there.
    """
    return {
        f"{name}, lead of the {('left', 'right')[side]} one": Lead(
            ends[1 - side],
            ends[side].node,
            measures[name],
            things[side],
            missing=-1.0,
            least=LEADS[name] if free[side] else None,
        )
        for name in of_leads(measures)
        for side in (1, 0)
    }


def of_leads(measures: Container[str]) -> list[str]:
    """Those of the measures in which pairs compete."""
    return [name for name in LEADS if name in measures]


def same_iri(candidates: Candidates) -> Floats:
    """(c,) 1 where both sides use one IRI."""
    if "iri" not in candidates.channels:
        return np.zeros(len(candidates), dtype=np.float32)
    channel = candidates.channels.index("iri")
    return parts.column(
        lambda rows: candidates.channel_score[rows, channel].astype(np.float32), len(candidates)
    )


def meaning(candidates: Candidates) -> Floats | None:
    """(c,) cosine by an embedder, NaN where it found others nearer; None without an embedder."""
    if "dense" not in candidates.channels:
        return None
    channel = candidates.channels.index("dense")

    def nearness(rows: slice) -> Floats:
        cosine = candidates.channel_score[rows, channel].astype(np.float32)
        cosine[cosine == 0] = np.nan
        return cosine

    return parts.column(nearness, len(candidates))


def near(cosine: Floats) -> Comparison:
    """Nearness of meaning: a pair that was not found by it is as far apart as can be."""
    labels = tuple(f"cosine {knot:g}" for knot in _COSINES)
    return Comparison(MEANING, KINDS[MEANING], labels, steps(np.nan_to_num(cosine), _COSINES))


def level_of(name: str, value: Floats) -> Comparison:
    """A measure as a comparison of levels, for people."""
    labels = LABELS[name]
    position = steps(value, _COSINE_STEPS) if labels[0].endswith(" 0") and name not in COMPARED else value
    return Comparison(name, KINDS[name], labels, position)


def _entity_grams(profile: Profile, texts: Texts) -> csr_array:
    """Character trigrams of all that each entity's values say, as counts."""
    every = texts.gram_counts

    def summed(_part: slice, bounds: Positions, text: Ids) -> tuple[scratch.Array, ...]:
        ones = np.ones(len(text), dtype=np.float32)
        rows = sparse_rows(ones, text, bounds, every.shape[0]) @ every
        return rows.data, rows.indices, np.diff(rows.indptr)

    return rows_by_count(every.shape[1], *of_entities(profile, every, summed))


def _telling(rows: list[csr_array]) -> list[csr_array]:
    """Rows without the trigrams that one entity in ten has: they tell little and cost most of the time.

    Those that are left are numbered anew, in their order. A product of two rows that are in no order takes a
    table of all columns, which is to be small.
    """
    entities = rows[0].shape[0] + rows[1].shape[0]
    common = frequency(*rows)
    keep = (common > 0) & (common <= max(_COMMON * entities, _FEW))
    number = np.cumsum(keep, dtype=np.int32) - 1
    width = max(int(keep.sum()), 1)
    return [rows_by_count(width, *_kept(each, keep, number)) for each in rows]


def _kept(rows: csr_array, keep: Flags, number: Ids) -> tuple[scratch.Array, ...]:
    """The entries of some columns, those columns by their new numbers, and how many each row has."""

    def kept(part: slice) -> tuple[scratch.Array, ...]:
        counts, entries = entries_of(rows, part)
        column = rows.indices[entries]
        here = keep[column]
        row = np.repeat(np.arange(len(counts)), counts)
        return rows.data[entries][here], number[column[here]], np.bincount(row[here], minlength=len(counts))

    return scratch.gather_columns(in_order(kept, row_parts(rows.indptr)))
