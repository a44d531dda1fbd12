"""Candidates of a run that grows: those of entities that are what they were are taken over.

New and changed entities are searched for among all others, and all others' candidates among them. In the
channel of structure so are entities whose neighbours are others than before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kgalign.arrays import Flags
from kgalign.base.progress import Progress
from kgalign.config import RetrieveConfig
from kgalign.links.pairs import PairIndex
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Floats, Profile
from kgalign.records.growth import Growth
from kgalign.retrieve.channels import IN_WORDS, anchor_rows, anchors, turned
from kgalign.retrieve.lexical import Rows, top_rows
from kgalign.retrieve.ranks import Pairs, keep_best
from kgalign.retrieve.union import same_iris_of
from kgalign.retrieve.uniting import place_of, unite

_STRUCTURE = "structure"
_FURTHER = 3
"""Of how many times more than ``k`` a fresh entity may become a candidate."""


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

    def search(name: str, rows: tuple[Rows, Rows], again: tuple[Flags, Flags]) -> list[Pairs]:
        return _search(_Channel(name, *rows, _standing(kept, name, again), again), config.k, progress)

    for name in (each for each in IN_WORDS if each in config.channels):
        found[name] = search(name, IN_WORDS[name](left, right), fresh)
    if _STRUCTURE in config.channels and len(left.edge_head) and len(right.edge_head):
        found[_STRUCTURE] = search(_STRUCTURE, anchor_rows(left, right, *anchors(found)), touched)
    return replace(_joined(kept, unite(found, config.k), touched), notes=before.notes)


def _renamed(before: Candidates, sizes: tuple[int, int], growth: tuple[Growth, Growth]) -> Candidates:
    """Pairs before of two entities that are what they were, by their ids now."""
    left, right = growth[0].now(sizes[0])[before.left], growth[1].now(sizes[1])[before.right]
    return replace(before, left=left, right=right).take((left >= 0) & (right >= 0))


@dataclass(frozen=True, slots=True)
class _Channel:
    """What a channel compares, and what it found before."""

    name: str
    left: Rows
    right: Rows
    kept: Pairs
    """Pairs that stand."""
    fresh: tuple[Flags, Flags]
    """Entities that are searched for anew, and for which there are none in ``kept``."""


def _search(channel: _Channel, k: int, progress: Progress) -> list[Pairs]:
    """All pairs of a channel, once for each side that asks: those that stand, and those with something fresh.

    A fresh entity asks among all of the other side. Of all whom it finds, some :data:`_FURTHER` times ``k``,
    each is asked whether it is nearer to them than the ``k`` that they had.
    """
    a, b, score = channel.kept
    sizes = len(channel.fresh[0]), len(channel.fresh[1])
    least = _least(a, b, score, k, sizes[0]), _least(b, a, score, k, sizes[1])
    of_left = _near(channel.left, channel.right, channel.fresh[0], k, progress, channel.name)
    of_right = _near(channel.right, channel.left, channel.fresh[1], k, progress, channel.name)
    forth = (channel.kept, keep_best(*of_left, k), _nearer(turned(of_right), channel.fresh[0], least[0], k))
    back = (
        turned(channel.kept),
        keep_best(*of_right, k),
        _nearer(turned(of_left), channel.fresh[1], least[1], k),
    )
    return [_all(forth), turned(_all(back))]


def _near(asking: Rows, asked: Rows, fresh: Flags, k: int, progress: Progress, name: str) -> Pairs:
    """The nearest of each fresh entity."""
    matrix, owner = asking
    rows = np.flatnonzero(fresh[owner])
    name = f"retrieve by {name}"
    return top_rows((matrix[rows], owner[rows]), asked, _FURTHER * k, progress=progress, name=name)


def _nearer(pairs: Pairs, fresh: Flags, least: Floats, k: int) -> Pairs:
    """Of the pairs of entities that are not fresh themselves, the best that beat what these had."""
    a, b, score = pairs
    rows = np.flatnonzero(~fresh[a] & (score > least[a]))
    return keep_best(a[rows], b[rows], score[rows], k)


def _all(parts: Sequence[Pairs]) -> Pairs:
    a, b, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    return a, b, score


def _least(asking: Ids, other: Ids, score: Floats, k: int, size: int) -> Floats:
    """(size,) score of the last of the ``k`` best of each entity that are left, 0 where few were found."""
    a, _, near = keep_best(asking, other, score, k)
    # Some were found and not kept: they were no better.
    last = np.bincount(a, minlength=size) >= k / 2
    least = np.full(size, np.inf, dtype=np.float32)
    np.minimum.at(least, a, near)
    found: Floats = np.where(last, least, 0).astype(np.float32)
    return found


def _standing(kept: Candidates, name: str, fresh: tuple[Flags, Flags]) -> Pairs:
    """What a channel found before of pairs of which neither is searched for anew."""
    if name not in kept.channels:
        none = np.zeros(0, dtype=np.int32)
        return none, none, np.zeros(0, dtype=np.float32)
    score = kept.channel_score[:, kept.channels.index(name)]
    rows = np.flatnonzero((score > 0) & ~fresh[0][kept.left] & ~fresh[1][kept.right])
    return kept.left[rows], kept.right[rows], score[rows]


def _joined(kept: Candidates, found: Candidates, touched: tuple[Flags, Flags]) -> Candidates:
    """What is kept as it is, and what was found besides.

    A pair of two touched entities has to be among the best of one of them still.
    """
    still = PairIndex(found.left, found.right).rows(kept.left, kept.right) >= 0
    rows = np.flatnonzero(PairIndex(kept.left, kept.right).rows(found.left, found.right) < 0)
    kept = kept.take(~(touched[0][kept.left] & touched[1][kept.right]) | still)
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
    return Candidates(left, right, place.astype(np.int32), score, channels, rank, value).take(order)
