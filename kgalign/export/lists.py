"""Lists for people: what is left to them, and entities that found nobody."""

from typing import Literal

import numpy as np
import pyarrow as pa

from kgalign.arrays import Doubles
from kgalign.export.rows import OPEN
from kgalign.links.pairs import is_link
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Outcome, Profile, Verdicts

Side = Literal["left", "right"]


def undecided_table(alignment: Alignment, verdicts: Verdicts, left: Profile, right: Profile) -> pa.Table:
    """One row per pair that is left to people, the smallest margin first; equal ones go by the pair.

    Columns: left, right, left_name, right_name, probability, margin, outcome. The margin is how far the
    probability is from that of the pair's likeliest rival, another pair with one of the two.
    """
    rows = np.flatnonzero(np.isin(alignment.outcome, np.array(OPEN, dtype=np.uint8)))
    pairs = alignment.verdict[rows]
    probability = verdicts.probability.astype(np.float64)
    rival = np.maximum(
        _likeliest_other(verdicts.left, probability, len(left)),
        _likeliest_other(verdicts.right, probability, len(right)),
    )
    margin = np.abs(probability - rival)[pairs]
    order = np.lexsort((alignment.right[rows], alignment.left[rows], margin))
    a, b = (pa.array(side[rows[order]]) for side in (alignment.left, alignment.right))
    names = pa.array([each.name.lower() for each in Outcome])
    return pa.table(
        {
            "left": left.entity_iri.take(a),
            "right": right.entity_iri.take(b),
            "left_name": left.entity_name.take(a),
            "right_name": right.entity_name.take(b),
            "probability": alignment.probability[rows[order]],
            "margin": margin[order],
            "outcome": names.take(pa.array(alignment.outcome[rows[order]])),
        }
    )


def unmatched_table(
    side: Side, alignment: Alignment, verdicts: Verdicts, left: Profile, right: Profile
) -> pa.Table:
    """One row per entity of a side without a link, the one with the likeliest candidate first.

    Columns: the side, its name, nearest, nearest_name, probability: its likeliest candidate, empty where
    there is none. What the graph only mentions can't be linked, and is not listed.
    """
    own, other = (left, right) if side == "left" else (right, left)
    ends = (verdicts.left, verdicts.right) if side == "left" else (verdicts.right, verdicts.left)
    alone = unmatched(side, alignment, own)
    best = np.full(len(own), -1, dtype=np.int64)
    order = np.lexsort((-ends[1], verdicts.probability))
    best[ends[0][order]] = order  # the last one stays: the likeliest, of equal ones the first entity
    place = best[alone]
    there = place >= 0
    probability = np.where(there, verdicts.probability[place] if len(verdicts) else 0.0, 0.0)
    ranked = np.lexsort((alone, -probability, ~there))
    alone, place, gone = alone[ranked], place[ranked], ~there[ranked]
    nearest = pa.array(ends[1][place] if len(verdicts) else np.zeros(len(alone), np.int32), mask=gone)
    return pa.table(
        {
            side: own.entity_iri.take(pa.array(alone)),
            f"{side}_name": own.entity_name.take(pa.array(alone)),
            "nearest": other.entity_iri.take(nearest),
            "nearest_name": other.entity_name.take(nearest),
            "probability": pa.array(probability[ranked], mask=gone),
        }
    )


def unmatched(side: Side, alignment: Alignment, profile: Profile) -> Ids:
    """(u,) the entities of a side that a graph says something of and that have no link."""
    linked = (alignment.left if side == "left" else alignment.right)[is_link(alignment)]
    free = profile.described.copy()
    free[linked] = False
    return np.flatnonzero(free).astype(np.int32)


def _likeliest_other(entity: Ids, probability: Doubles, size: int) -> Doubles:
    """(c,) the highest probability of another pair with the same entity, 0 where there is none."""
    order = np.lexsort((-probability, entity))
    first = np.searchsorted(entity[order], np.arange(size))
    end = np.searchsorted(entity[order], np.arange(size), side="right")
    ranked = probability[order]
    best, second = np.zeros(size), np.zeros(size)
    best[first < end] = ranked[first[first < end]]
    second[first + 1 < end] = ranked[first[first + 1 < end] + 1]
    found = best[entity]
    found[order[first[first < end]]] = second[first < end]
    return found
