"""Looking up pairs of entities in long columns of pairs."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import find
from kgalign.links.gold import Pair
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Outcome, Profile

_FEW = 30
"""IRIs that are looked for one by one: a table of all that there are would take longer."""
LINKED = (Outcome.MATCH, Outcome.CONFIRMED)
"""Outcomes of an alignment's rows that are links."""


class PairIndex:
    """Finds the rows of pairs in two parallel columns of ids."""

    def __init__(self, left: Ids, right: Ids) -> None:
        self._left, self._right = left, right

    @cached_property
    def _ordered(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows in the order of the pairs, and the pairs' keys in this order."""
        keys = _keys(self._left, self._right)
        order = np.argsort(keys, kind="stable")
        return order, keys[order]

    @cached_property
    def _by_left(self) -> bool:
        """Whether rows of one left id stand together, in the order of these."""
        return bool((self._left[1:] >= self._left[:-1]).all())

    def rows(self, left: Ids, right: Ids) -> npt.NDArray[np.int64]:
        """(n,) row of each pair, -1 where it is not there or one of its ids is -1."""
        order, keys = self._ordered
        wanted = _keys(left, right)
        if not len(keys):
            return np.full(len(wanted), -1, dtype=np.int64)
        place = np.minimum(find(keys, wanted), len(keys) - 1)
        found = (keys[place] == wanted) & (left >= 0) & (right >= 0)
        return np.where(found, order[place], -1)

    def row(self, left: int, right: int) -> int:
        """Row of one pair, -1 where it is not there."""
        if not self._by_left or left < 0 or right < 0:
            return int(self.rows(np.array([left], dtype=np.int32), np.array([right], dtype=np.int32))[0])
        low, high = np.searchsorted(self._left, np.array([left, left + 1], dtype=np.int32)).tolist()
        found = np.flatnonzero(self._right[low:high] == right)
        return low + int(found[0]) if len(found) else -1


def _keys(left: Ids, right: Ids) -> npt.NDArray[np.int64]:
    return (left.astype(np.int64) << 32) | right.astype(np.int64)


def entity_ids(profile: Profile, iris: Sequence[str]) -> Ids:
    """(n,) id of the entity with each IRI, -1 where the side has no such entity."""
    if len(iris) < _FEW:
        names = [pa.scalar(each, pa.large_string()) for each in iris]
        return np.array([pc.index(profile.entity_iri, name).as_py() for name in names], dtype=np.int32)
    wanted = pa.array(iris, type=pa.large_string())
    found = pc.index_in(wanted, value_set=profile.entity_iri).fill_null(-1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int32)


def pair_ids(left: Profile, right: Profile, pairs: Iterable[Pair]) -> tuple[Ids, Ids]:
    """(n,) and (n,) entity ids of pairs of IRIs, -1 where a side has no such entity."""
    listed = list(pairs)
    return entity_ids(left, [a for a, _ in listed]), entity_ids(right, [b for _, b in listed])


def is_link(alignment: Alignment) -> npt.NDArray[np.bool_]:
    """(l,) the rows of an alignment that are links, and not left to people."""
    return np.isin(alignment.outcome, np.array(LINKED, dtype=np.uint8))


def same_iris(left: Profile, right: Profile, lefts: Ids, rights: Ids) -> npt.NDArray[np.bool_]:
    """(n,) whether two entities carry one IRI. Labels of blank nodes are no names, and never the same."""
    names = left.entity_iri.take(pa.array(lefts)), right.entity_iri.take(pa.array(rights))
    same = pc.and_(pc.equal(*names), pc.invert(pc.starts_with(names[0], "_:")))
    return np.asarray(same.to_numpy(zero_copy_only=False), dtype=np.bool_)


def link_pairs(left: Profile, right: Profile, alignment: Alignment) -> list[Pair]:
    """The links as pairs of IRIs; entities without an IRI have none to give and are left out."""
    rows = is_link(alignment)
    lefts = left.entity_iri.take(pa.array(alignment.left[rows])).to_pylist()
    rights = right.entity_iri.take(pa.array(alignment.right[rows])).to_pylist()
    both = zip(lefts, rights, strict=True)
    return [(a, b) for a, b in both if not a.startswith("_:") and not b.startswith("_:")]
