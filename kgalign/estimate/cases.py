"""What a person is asked, one question at a time: the cases of a run, and how sure the run is of each."""

import hashlib
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions, flags
from kgalign.links.pairs import is_link
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Outcome, Verdicts

MANY = "many-to-many"
"""The cardinality under which each pair is a case of its own."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Questions that a person can answer with one look.

    A case is an entity with all its candidates, on the side whose entities have one partner at most: which of
    them is it, if any? Where both sides may have several partners a case is one pair: is it the same? What
    was known before the run, and links of one IRI, are no cases: nothing of them is estimated.
    """

    left: Ids
    right: Ids
    """(p,) entity ids of the pairs, ordered by case."""
    probability: Doubles
    """(p,) of each pair."""
    case: Positions
    """(p,) number of its case, ascending."""
    link: Positions
    """(n,) pair that is the case's link, -1 where it has none."""
    best: Positions
    """(n,) the link, or the likeliest pair where there is none: the one to show."""
    cardinality: str
    """What the run applied."""
    digest: str
    """Of all the above, in hexadecimal digits: other verdicts have another one."""

    def __len__(self) -> int:
        return len(self.link)

    @property
    def linked(self) -> Flags:
        """(n,) whether a case has a link."""
        return self.link >= 0

    @property
    def chance(self) -> Doubles:
        """(n,) probability of the pair to show: that the link is right, or that one was missed."""
        return self.probability[self.best]

    @property
    def by_right(self) -> bool:
        """Whether the cases are entities of the right side."""
        return self.cardinality == "one-to-many"


def cases_of(verdicts: Verdicts, alignment: Alignment, rows: Flags | None = None) -> Cases:
    """The cases of a run.

    :param verdicts: all pairs that were judged, those of votes and students in them.
    :param alignment: what was linked.
    :param rows: (c,) pairs of the verdicts that there are at all; all, if not given.
    """
    linked, settled, gone = _decided(verdicts, alignment)
    side = verdicts.right if alignment.cardinality == "one-to-many" else verdicts.left
    if alignment.cardinality == MANY:
        side = np.arange(len(verdicts), dtype=np.int32)
    gone |= flags(int(side.max(initial=-1)) + 1, side[settled])[side]
    if rows is not None:
        gone |= ~rows
    kept = np.flatnonzero(~gone)
    order = kept[np.lexsort((verdicts.right[kept], verdicts.left[kept], side[kept]))]
    _, case = np.unique(side[order], return_inverse=True)
    return _cases(verdicts, linked[order], order, case.astype(np.int64), alignment.cardinality)


def _decided(verdicts: Verdicts, alignment: Alignment) -> tuple[Flags, Flags, Flags]:
    """(c,) three times: the links, what settles its case before anybody looks, what a person refused."""
    judged = alignment.verdict >= 0
    links = is_link(alignment)
    same = alignment.same_iri if len(alignment.same_iri) else np.zeros(len(alignment), dtype=bool)
    confirmed = alignment.outcome == Outcome.CONFIRMED
    size = len(verdicts)
    settled = verdicts.given | flags(size, alignment.verdict[judged & links & (same | confirmed)])
    refused = flags(size, alignment.verdict[judged & (alignment.outcome == Outcome.REJECTED)])
    return flags(size, alignment.verdict[judged & links]), settled, refused


def _cases(verdicts: Verdicts, linked: Flags, order: Positions, case: Positions, cardinality: str) -> Cases:
    left, right = verdicts.left[order], verdicts.right[order]
    probability = verdicts.probability[order].astype(np.float64)
    count = int(case.max(initial=-1)) + 1
    link = np.full(count, -1, dtype=np.int64)
    link[case[linked]] = np.flatnonzero(linked)
    ranked = np.lexsort((-probability, ~linked, case))
    best = ranked[np.searchsorted(case, np.arange(count))]
    told = hashlib.sha256(cardinality.encode())
    for column in (left, right, probability, link):
        told.update(np.ascontiguousarray(column).tobytes())
    return Cases(left, right, probability, case, link, best, cardinality, told.hexdigest())
