"""Candidates of a run that grows: those of entities that are what they were are taken over.

New and changed entities are searched for among all others, and all others' candidates among them. In the
channel of structure so are entities whose neighbours are others than before.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from kgalign.arrays import Flags
from kgalign.base.progress import Progress
from kgalign.config import RetrieveConfig
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Profile
from kgalign.records.growth import Growth
from kgalign.retrieve.channels import (
    IN_WORDS,
    Pairs,
    anchor_rows,
    anchors,
    by_owner,
    turned,
)
from kgalign.retrieve.lexical import top_rows
from kgalign.retrieve.union import keys_of, place_of, same_iris_of, unite

_STRUCTURE = "structure"


def can_grow(before: Candidates, config: RetrieveConfig) -> bool:
    """Whether candidates can be taken over: only channels that are searched here found them."""
    return {*before.channels, *config.channels} <= {"iri", *IN_WORDS, _STRUCTURE}


def grow(
    left: Profile,
    right: Profile,
    config: RetrieveConfig,
    before: Candidates,
    sizes: tuple[int, int],
    growth: tuple[Growth, Growth],
    progress: Progress,
) -> Candidates:
    """The candidates of two sides, of which a part was there before.

    :param before: the candidates of then, of sides of ``sizes`` entities; :func:`can_grow` says of them that
        they can be taken over.
    :param growth: what is new on the left, and on the right.
    :returns: pairs of entities that are what they were, as they stood there, and those of which one is fresh
        or touched and that are among the ``config.k`` best of one of the two.
    """
    kept = _renamed(before, sizes, growth)
    fresh = growth[0].fresh, growth[1].fresh
    touched = growth[0].touched, growth[1].touched
    found: dict[str, list[Pairs]] = {}
    same = same_iris_of(left, right)
    if len(same[0]):
        found["iri"] = [same, same]
    for name in (each for each in IN_WORDS if each in config.channels):
        rows = IN_WORDS[name](left, right)
        found[name] = _with_kept(_search(*rows, fresh, config.k, progress, name), kept, name)
    if _STRUCTURE in config.channels and len(left.edge_head) and len(right.edge_head):
        hung = anchor_rows(left, right, *anchors(found))
        owners = np.arange(len(left), dtype=np.int32), np.arange(len(right), dtype=np.int32)
        pairs = _search((hung[0], owners[0]), (hung[1], owners[1]), touched, config.k, progress, _STRUCTURE)
        found[_STRUCTURE] = _with_kept(pairs, kept, _STRUCTURE, touched)
    return replace(_joined(kept, unite(found, config.k), touched), notes=before.notes)


def _renamed(before: Candidates, sizes: tuple[int, int], growth: tuple[Growth, Growth]) -> Candidates:
    """Pairs before of two entities that are what they were, by their ids now."""
    left, right = growth[0].now(sizes[0])[before.left], growth[1].now(sizes[1])[before.right]
    return _rows(replace(before, left=left, right=right), (left >= 0) & (right >= 0))


def _rows(candidates: Candidates, keep: Flags) -> Candidates:
    return Candidates(
        left=candidates.left[keep],
        right=candidates.right[keep],
        rank=candidates.rank[keep],
        score=candidates.score[keep],
        channels=candidates.channels,
        channel_rank=candidates.channel_rank[keep],
        channel_score=candidates.channel_score[keep],
    )


def _search(
    left: tuple[csr_array, Ids],
    right: tuple[csr_array, Ids],
    fresh: tuple[Flags, Flags],
    k: int,
    progress: Progress,
    name: str,
) -> list[Pairs]:
    """The best pairs with something fresh in them, once for each side that asks.

    :param left: rows whose products are scores, and whose entity's each is.
    """

    def best(asking: tuple[csr_array, Ids], asked: tuple[csr_array, Ids], new: Sequence[Flags]) -> Pairs:
        of_fresh, among_fresh = new[0][asking[1]], new[1][asked[1]]
        parts = []
        for mine, theirs in ((of_fresh, np.ones_like(among_fresh)), (~of_fresh, among_fresh)):
            a, b = np.flatnonzero(mine), np.flatnonzero(theirs)
            if len(a) and len(b):
                here, there, score = top_rows(
                    asking[0][a], asked[0][b], k, progress=progress, name=f"retrieve by {name}"
                )
                parts.append((a[here], b[there], score))
        if not parts:
            return _nothing()
        rows = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return by_owner((rows[0], rows[1], rows[2]), asking[1], asked[1], k)

    return [best(left, right, fresh), turned(best(right, left, fresh[::-1]))]


def _nothing() -> Pairs:
    none = np.zeros(0, dtype=np.int32)
    return none, none, np.zeros(0, dtype=np.float32)


def _with_kept(
    pairs: list[Pairs], kept: Candidates, name: str, again: tuple[Flags, Flags] | None = None
) -> list[Pairs]:
    """What was found, with what the channel found before: so that new partners find their place among them.

    :param again: entities that were searched for anew, so that what was found of them before is out of date.
    """
    if name not in kept.channels:
        return pairs
    score = kept.channel_score[:, kept.channels.index(name)]
    stands = score > 0
    if again is not None:
        stands &= ~again[0][kept.left] & ~again[1][kept.right]
    rows = np.flatnonzero(stands)
    old = kept.left[rows], kept.right[rows], score[rows]
    joined = []
    for a, b, value in pairs:
        joined.append((np.append(old[0], a), np.append(old[1], b), np.append(old[2], value)))
    return joined


def _joined(kept: Candidates, found: Candidates, touched: tuple[Flags, Flags]) -> Candidates:
    """What is kept as it is, and what was found besides.

    A pair of two touched entities has to be among the best of one of them still.
    """
    keys, keys_found = keys_of(kept.left, kept.right), keys_of(found.left, found.right)
    kept = _rows(kept, ~(touched[0][kept.left] & touched[1][kept.right]) | np.isin(keys, keys_found))
    rows = np.flatnonzero(~np.isin(keys_found, keys))
    channels = tuple(dict.fromkeys([*found.channels, *kept.channels]))
    left = np.append(kept.left, found.left[rows])
    right = np.append(kept.right, found.right[rows])
    score = np.append(kept.score, found.score[rows])
    place = place_of(left, right, score)
    order = np.lexsort((place, left))
    shape = len(left), len(channels)
    rank, value = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.float32)
    for part, start, of in ((kept, 0, slice(None)), (found, len(kept), rows)):
        for column, name in enumerate(part.channels):
            to = channels.index(name)
            here = part.channel_rank[of, column]
            rank[start : start + len(here), to] = here
            value[start : start + len(here), to] = part.channel_score[of, column]
    return Candidates(
        left=left[order],
        right=right[order],
        rank=place[order].astype(np.int32),
        score=score[order],
        channels=channels,
        channel_rank=rank[order],
        channel_score=value[order],
    )
