"""Entities that cost much: candidates of very many others, or neighbours of very many."""

from collections.abc import Iterator

import numpy as np

from kgalign.arrays import Positions
from kgalign.base.cores import slices
from kgalign.base.logs import printable
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Profile

CANDIDATES = 20_000
"""Pairs of one entity from which it is told."""
NEIGHBOURS = 100_000
"""Edges of one entity from which it is told."""
_PART = 1_000_000


def crowded(left: Profile, right: Profile, candidates: Candidates) -> Iterator[str]:
    """Sentences about the entity of each side that has most candidates, and most neighbours, where these are
    very many.
    """
    for side, profile, node in (("left", left, candidates.left), ("right", right, candidates.right)):
        size = len(profile)
        edges = _counts(profile.edge_head, size) + _counts(profile.edge_tail, size)
        for what, counts, least in (
            ("candidates", _counts(node, size), CANDIDATES),
            ("neighbours", edges, NEIGHBOURS),
        ):
            if counts.max(initial=0) >= least:
                most = int(counts.argmax())
                name = printable(profile.entity_iri[most].as_py())
                yield (
                    f"{name} of the {side} side has {counts[most]:,} {what}: that costs time, and says little"
                    " of who is the same"
                )


def _counts(node: Ids, size: int) -> Positions:
    """(size,) rows of each node."""
    found = np.zeros(size, dtype=np.int64)
    for rows in slices(len(node), _PART):
        found += np.bincount(node[rows], minlength=size)
    return found
