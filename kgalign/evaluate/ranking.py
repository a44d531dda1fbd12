"""How high the right partner stands: Hits@k and mean reciprocal rank, recall at k per channel."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgalign.arrays import place_in_run
from kgalign.links.gold import Pair
from kgalign.links.pairs import PairIndex, pair_ids
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Profile, Verdicts

RECALL_AT = (1, 5, 10, 20, 50)

Ranks = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How high gold pairs stand among the candidates of their left entity; shares of all gold pairs."""

    hits_at_1: float
    hits_at_10: float
    mrr: float
    """Mean of 1 / rank, 0 for a pair that is no candidate."""


def ranking(ranks: Ranks) -> Ranking:
    """Sum up 1-based ranks of gold pairs, 0 for those that are no candidates."""
    if not len(ranks):
        return Ranking(0.0, 0.0, 0.0)
    found = ranks > 0
    reciprocal = np.where(found, 1 / np.maximum(ranks, 1), 0.0)
    return Ranking(
        float(np.mean(found & (ranks <= 1))), float(np.mean(found & (ranks <= 10))), float(reciprocal.mean())
    )


def retrieved_ranks(candidates: Candidates, left: Ids, right: Ids) -> Ranks:
    """(n,) united rank of each gold pair (ids, -1 for unknown entities), 0 where it is no candidate.

    Where a left entity has several partners, those that stand above do not push a pair down.
    """
    rows = PairIndex(candidates.left, candidates.right).rows(left, right)
    return _filtered(rows, left, candidates.rank)


def judged_ranks(verdicts: Verdicts, left: Ids, right: Ids) -> Ranks:
    """(n,) rank of each gold pair by its log-odds, like :func:`retrieved_ranks`."""
    rows = PairIndex(verdicts.left, verdicts.right).rows(left, right)
    order = np.lexsort((np.arange(len(verdicts)), -verdicts.log_odds, verdicts.left))
    rank = np.zeros(len(verdicts), dtype=np.int64)
    rank[order] = place_in_run(verdicts.left[order]) + 1
    return _filtered(rows, left, rank)


def _filtered(rows: Ranks, left: Ids, rank: npt.NDArray[np.integer]) -> Ranks:
    found = np.flatnonzero(rows >= 0)
    result = np.zeros(len(rows), dtype=np.int64)
    ranks = rank[rows[found]].astype(np.int64)
    order = np.lexsort((ranks, left[found]))
    result[found[order]] = ranks[order] - place_in_run(left[found][order])
    return result


def recall_at(
    candidates: Candidates,
    left: Profile,
    right: Profile,
    gold: Iterable[Pair],
    at: tuple[int, ...] = RECALL_AT,
) -> dict[str, dict[str, float]]:
    """Recall of the gold pairs at k, per channel and of their ``union``.

    :returns: Channel → (k, or ``any`` for no limit) → share of all gold pairs. A pair with an entity that a
        side does not have counts as missed.
    """
    lefts, rights = pair_ids(left, right, gold)
    rows = PairIndex(candidates.left, candidates.right).rows(lefts, rights)
    found = rows[rows >= 0]
    columns = {name: candidates.channel_rank[found, i] for i, name in enumerate(candidates.channels)}
    columns["union"] = candidates.rank[found]
    total = max(len(rows), 1)
    recalls: dict[str, dict[str, float]] = {}
    for name, ranks in columns.items():
        hits = {str(k): int(((ranks > 0) & (ranks <= k)).sum()) / total for k in at}
        recalls[name] = {**hits, "any": int((ranks > 0).sum()) / total}
    return recalls
