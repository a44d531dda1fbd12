"""Whether a side holds several records of one thing: told from who is left without a partner."""

import numpy as np

from kgalign.arrays import Doubles
from kgalign.rdf.graph import Ids


def leftovers(left: Ids, right: Ids, score: Doubles, expected: Doubles) -> tuple[float, float]:
    """Entities that one-to-one leaves alone though they look like matches, per good match.

    Where each thing has one record a side, an entity without a partner has only poor candidates. A
    second record of a thing has a good one, which its fellow has taken. Good is what the upper third
    of the best pairs reaches: probabilities are no help here, since among many records of one thing
    the decoys are matches themselves.

    :param score: (c,) score of each pair; ``expected`` above 0 for the best pairs.
    :returns: share of right entities (several to a left one), and of left ones.
    """
    top = expected > 0
    if top.sum() < 10:
        return 0.0, 0.0
    good = float(np.quantile(score[top], 0.7))
    chosen = top & (score >= good)
    shares = []
    for node in (right, left):
        size = int(node.max()) + 1
        alone = np.ones(size, dtype=bool)
        alone[node[chosen]] = False
        best = np.full(size, -np.inf)
        np.maximum.at(best, node, score)
        shares.append(float((alone & (best >= good)).sum()) / int(chosen.sum()))
    return shares[0], shares[1]
