"""Everything that gold can say about one run."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kgalign.errors import InputError
from kgalign.evaluate.calibration import Calibration, calibration
from kgalign.evaluate.metrics import Intervals, Scores, intervals, score
from kgalign.evaluate.mistakes import MissedPair, Reason, WrongLink, missed_pairs, wrong_links
from kgalign.evaluate.ranking import Ranking, judged_ranks, ranking, recall_at, retrieved_ranks
from kgalign.links.gold import Pair
from kgalign.links.pairs import PairIndex, link_pairs, pair_ids
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Candidates, Profile, Verdicts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run measured against gold."""

    closed: bool
    """Whether the gold was taken to be complete."""
    scores: Scores
    intervals: Intervals
    unknown: int
    """Gold pairs with an entity that its side does not have."""
    retrieved: Ranking
    """By the candidates' united rank."""
    judged: Ranking
    """By the verdicts' log-odds."""
    recall: dict[str, dict[str, float]]
    """Of the candidates, per channel and of the union: see :func:`recall_at`."""
    calibration: Calibration
    """Of the candidate pairs that the gold can judge; pairs known from the start are left out."""
    wrong: tuple[WrongLink, ...]
    missed: tuple[MissedPair, ...]
    missed_because: dict[Reason, int]
    """All missed gold pairs, by where they were lost."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists, for JSON."""
        return asdict(self)


def evaluate(
    left: Profile,
    right: Profile,
    candidates: Candidates,
    verdicts: Verdicts,
    alignment: Alignment,
    gold: tuple[Pair, ...],
    *,
    closed: bool = False,
    match_probability: float = 0.5,
    seed: int = 0,
    worst: int = 10,
) -> Evaluation:
    """Measure a run against gold pairs of IRIs.

    :param left: the left side.
    :param right: the right side.
    :param candidates: what was retrieved.
    :param verdicts: what was judged.
    :param alignment: what was linked.
    :param gold: pairs (left IRI, right IRI), as :func:`~kgalign.links.gold.read_pairs` gives them.
    :param closed: whether the gold is complete; else only links that touch an entity of the gold count.
    :param match_probability: from which probability on the run took a pair for a match.
    :param seed: of the bootstrap.
    :param worst: how many wrong links and missed pairs to name.
    :raises InputError: no entity of the gold is an entity of its side.
    """
    ids = pair_ids(left, right, gold)
    _check_sides(left, right, gold, ids)
    links = link_pairs(left, right, alignment)
    missed, because = missed_pairs(
        left, right, candidates, verdicts, alignment, gold, match_probability=match_probability, limit=worst
    )
    return Evaluation(
        closed=closed,
        scores=score(links, gold, closed=closed),
        intervals=intervals(links, gold, closed=closed, seed=seed),
        unknown=int(((ids[0] < 0) | (ids[1] < 0)).sum()),
        retrieved=ranking(retrieved_ranks(candidates, *ids)),
        judged=ranking(judged_ranks(verdicts, *ids)),
        recall=recall_at(candidates, left, right, gold),
        calibration=_calibration(verdicts, ids, closed=closed),
        wrong=wrong_links(left, right, alignment, gold, closed=closed, limit=worst),
        missed=missed,
        missed_because=because,
    )


def _check_sides(left: Profile, right: Profile, gold: tuple[Pair, ...], ids: tuple[Ids, Ids]) -> None:
    if (ids[0] >= 0).any() and (ids[1] >= 0).any():
        return
    swapped = pair_ids(left, right, [(b, a) for a, b in gold])
    if (swapped[0] >= 0).any() and (swapped[1] >= 0).any():
        raise InputError("The gold has its sides the other way round", "Put the left graph's IRIs first")
    side, iri = ("left", gold[0][0]) if not (ids[0] >= 0).any() else ("right", gold[0][1])
    raise InputError(
        f"No {side} IRI of the gold is an entity of the {side} graph; the first is {iri!r}",
        "Check that the gold belongs to these graphs",
    )


def _calibration(verdicts: Verdicts, ids: tuple[Ids, Ids], *, closed: bool) -> Calibration:
    """Of the candidate pairs of which the gold says whether they are right."""
    judged = np.isin(verdicts.left, ids[0]) | np.isin(verdicts.right, ids[1])
    told = (judged | closed) & ~verdicts.given
    is_gold = PairIndex(*ids).rows(verdicts.left[told], verdicts.right[told]) >= 0
    return calibration(verdicts.probability[told], is_gold)
