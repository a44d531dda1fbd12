"""What people said of two sides before anything is compared: their files, and the store of the run."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kgalign.decisions.decision import Relation, Verdict
from kgalign.decisions.folding import Pair, standing
from kgalign.decisions.read import FORMS, read_decisions
from kgalign.decisions.store import read_all
from kgalign.errors import InputError
from kgalign.links.pairs import entity_ids, pair_ids
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Profile

log = logging.getLogger(__name__)

Words = dict[tuple[Pair, bool], tuple[str, str]]
"""A pair, and whether it is the same → who says so, and why."""


@dataclass(frozen=True, slots=True)
class Said:
    """Pairs of IRIs, sorted."""

    same: tuple[Pair, ...] = ()
    apart: tuple[Pair, ...] = ()
    alone: tuple[Pair, ...] = ()
    """Entities to which nothing corresponds, the other side empty."""
    taken: tuple[Pair, ...] = ()
    """Merges that were taken back: they are known only once everything is assigned."""
    predictions: int = 0
    """Mappings beside all this that tools made and nobody looked at."""

    def __bool__(self) -> bool:
        return bool(self.same or self.apart or self.alone)

    def as_lists(self) -> list[list[list[str]]]:
        """The same for JSON: what the evidence depends on."""
        return [[list(pair) for pair in pairs] for pairs in (self.same, self.apart, self.alone)]


def said_in_file(path: Path) -> Said:
    """What a file of known links says; it may also say what is not the same.

    :raises InputError: it can't be read, or says nothing.
    """
    read = read_decisions(path)
    found = standing(read.decisions)
    if not (found.same or found.apart or found.alone):
        raise InputError(f"{path} holds no links", FORMS)
    return Said(tuple(found.same), tuple(found.apart), tuple(found.alone), predictions=read.predictions)


def said_in_stores(paths: Iterable[Path]) -> Said:
    """What the decisions of a run come to.

    :raises RunError: a store is damaged.
    """
    found = standing(each for path in paths for each in read_all(path))
    for pair in found.contradictions:
        log.warning(
            "%s and %s are said to be different, and are one by %d other decisions; the weakest is %s and %s",
            *pair.different.pair,
            len(pair.same),
            *pair.weakest.pair,
        )
    taken = tuple(each.pair for each in found.taken)
    return Said(tuple(found.same), tuple(found.apart), tuple(found.alone), taken)


def words_in_stores(paths: Iterable[Path]) -> Words:
    """Who decided, and why, of the pairs that the decisions of a run link or keep apart.

    :raises RunError: a store is damaged.
    """
    found = standing(each for path in paths for each in read_all(path))
    kept = {True: {*found.same}, False: {*found.apart}}
    words: Words = {}
    for each in (*found.said, *found.taken):
        same = each.verdict is Verdict.SAME and each.relation is Relation.EXACT
        if each.takes_back or each.pair in kept[same]:
            words[each.pair, same] = each.by, each.why
    return words


def refused_rows(said: Sequence[Said], profiles: tuple[Profile, Profile], candidates: Candidates) -> Ids:
    """(r,) rows of candidates that people refused, ascending."""
    pairs = [pair for each in said for pair in each.apart]
    left, right = pair_ids(*profiles, pairs)
    turned_left, turned_right = pair_ids(*profiles, [(b, a) for a, b in pairs])
    keys = _keys(np.concatenate([left, turned_left]), np.concatenate([right, turned_right]))
    gone = np.isin(_keys(candidates.left, candidates.right), keys)
    for column, profile, side in ((candidates.left, profiles[0], 0), (candidates.right, profiles[1], 1)):
        alone = entity_ids(profile, [pair[side] for each in said for pair in each.alone if pair[side]])
        gone |= np.isin(column, alone[alone >= 0])
    return np.flatnonzero(gone).astype(np.int32)


def _keys(left: Ids, right: Ids) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(n,) one number for each pair; of a pair that names no entity, one that no pair has."""
    keys = (left.astype(np.int64) << 32) | right.astype(np.int64)
    return np.where((left >= 0) & (right >= 0), keys, -1)
