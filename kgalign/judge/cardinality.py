"""Whether a side holds several records of one thing: told from who is left without a partner."""

import numpy as np

from kgalign.arrays import Doubles
from kgalign.rdf.graph import Ids


def leftovers(left: Ids, right: Ids, score: Doubles, expected: Doubles) -> tuple[float, float]:
    """Entities that one-to-one leaves alone though they look like matches, per sure match.

    Where each thing has one record a side, an entity without a partner has only poor candidates. A
    second record of a thing has a good one, which its fellow has taken.

    :param score: (c,) score of each pair; ``expected`` the probability of the best pairs, else 0.
    :returns: share of right entities (several to a left one), and of left ones.
    """
    sure = np.flatnonzero(expected >= 0.9)
    if len(sure) < 10:
        return 0.0, 0.0
    good = np.quantile(score[sure], 0.25)
    shares = []
    for node in (right, left):
        size = int(node.max()) + 1
        alone = np.ones(size, dtype=bool)
        alone[node[expected >= 0.5]] = False
        best = np.full(size, -np.inf)
        np.maximum.at(best, node, score)
        shares.append(float((alone & (best >= good)).sum()) / len(sure))
    return shares[0], shares[1]
