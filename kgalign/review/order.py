"""In which order people are asked: by what an answer is worth, with a share that is drawn at random."""

import math
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Flags, Positions, flags, unique
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile, Verdicts, Worklist


@dataclass(frozen=True, slots=True)
class Order:
    """The left entities that people are asked about, first things first."""

    left: Ids
    """(q,) entity ids, each once."""
    doubt: Floats
    """(q,) how probable it is that what was decided of it is wrong; 0 for what was drawn."""
    hanging: Ids
    """(q,) how many other entities of the list hang on its answer."""
    drawn: Flags
    """(q,) whether it was drawn at random from what nobody doubts."""

    def __len__(self) -> int:
        return len(self.left)


def in_order(worklist: Worklist, verdicts: Verdicts, profile: Profile, *, share: float, seed: int) -> Order:
    """Order what people should look at.

    The smaller the margin by which what was decided leads over its being wrong, the more an answer is worth:
    that margin is 1 − 2 × doubt. It is worth more where others wait for it: those that compete for the same
    candidate, and neighbours that are in doubt as well. Each weighs as the logarithm of how many there are.

    :param profile: the left side.
    :param share: of the questions, how many are about entities that nobody doubts, 0 to below 1: they show
        what the doubt misses.
    """
    hanging = _hanging(worklist, profile)
    worth = worklist.doubt * (1.0 + np.log1p(hanging))
    first = np.lexsort((worklist.left, -worth))
    drawn = _drawn(worklist, verdicts, profile, share, seed)
    left = np.concatenate([worklist.left[first], drawn]).astype(np.int32)
    nothing = np.zeros(len(drawn), dtype=np.float32)
    place = _places(len(worklist), len(drawn))
    return Order(
        left=left[place],
        doubt=np.concatenate([worklist.doubt[first], nothing]).astype(np.float32)[place],
        hanging=np.concatenate([hanging[first], nothing]).astype(np.int32)[place],
        drawn=place >= len(worklist),
    )


def _hanging(worklist: Worklist, profile: Profile) -> Ids:
    """(w,) how many other entities of the list compete for a candidate of each, or stand beside it."""
    there = worklist.second >= 0
    size = int(max(worklist.right.max(initial=-1), worklist.second.max(initial=-1))) + 1
    wanted = np.bincount(worklist.right, minlength=size) + np.bincount(worklist.second[there], minlength=size)
    rivals = wanted[worklist.right] - 1 if size else np.zeros(len(worklist), dtype=np.int64)
    rivals[there] = np.maximum(rivals[there], wanted[worklist.second[there]] - 1)
    listed = flags(len(profile), worklist.left)
    both = listed[profile.edge_head] & listed[profile.edge_tail] & (profile.edge_head != profile.edge_tail)
    ends = np.concatenate([profile.edge_head[both], profile.edge_tail[both]])
    beside = np.bincount(ends, minlength=len(profile))[worklist.left]
    found: Ids = (rivals + beside).astype(np.int32)
    return found


def _drawn(worklist: Worklist, verdicts: Verdicts, profile: Profile, share: float, seed: int) -> Ids:
    """Entities with candidates that are not on the list, drawn at random."""
    pool = unique(verdicts.left)
    pool = pool[profile.described[pool] & ~flags(len(profile), worklist.left)[pool]]
    count = min(math.ceil(len(worklist) * share / (1.0 - share)), len(pool))
    found: Ids = np.random.default_rng(seed).permutation(pool)[:count]
    return found


def _places(listed: int, drawn: int) -> Positions:
    """(listed + drawn,) which question comes at each place: those that were drawn spread evenly."""
    after = (np.arange(drawn) + 1) * (listed / max(drawn, 1))
    key = np.concatenate([np.arange(listed) + 1.0, after])
    return np.argsort(key, kind="stable")
