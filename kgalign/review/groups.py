"""What the run links with each other, where that is more than two."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from kgalign.links.pairs import is_link
from kgalign.records import Alignment

MOST = 16
"""Entities of a group that are shown; how many more there are is said."""


@dataclass(frozen=True, slots=True)
class Group:
    """Entities that hang together by links."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    """Entity ids; the one that was asked for first, then those nearest to it."""
    links: tuple[tuple[int, int], ...]
    """Those between them, as places in ``left`` and ``right``."""
    more: int
    """Entities of the group that are left out."""


def group_of(alignment: Alignment, left: int) -> Group | None:
    """The group of a left entity; None where it has one partner at most that has no other, either."""
    rows = is_link(alignment)
    ends = alignment.left[rows], alignment.right[rows]
    members: tuple[list[int], list[int]] = ([left], [])
    while True:
        touched = np.isin(ends[0], members[0]) | np.isin(ends[1], members[1])
        new = [_others(ends[side][touched], members[side]) for side in (0, 1)]
        if not any(new):
            break
        for side in (0, 1):
            members[side].extend(new[side])
    if len(members[0]) + len(members[1]) < 3:
        return None
    shown = tuple(members[0][: MOST // 2]), tuple(members[1][: MOST // 2])
    kept = np.isin(ends[0], shown[0]) & np.isin(ends[1], shown[1])
    pairs = zip(ends[0][kept].tolist(), ends[1][kept].tolist(), strict=True)
    links = sorted((shown[0].index(one), shown[1].index(other)) for one, other in pairs)
    more = len(members[0]) + len(members[1]) - len(shown[0]) - len(shown[1])
    return Group(*shown, tuple(links), more)


def _others(found: np.ndarray[tuple[int], np.dtype[np.int32]], known: Collection[int]) -> list[int]:
    """Those that are not known yet, sorted."""
    return [each for each in np.unique(found).tolist() if each not in known]
