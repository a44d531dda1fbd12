"""Everything that gold can say about one run."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from kgalign.errors import InputError
from kgalign.evaluate.calibration import Calibration, calibration
from kgalign.evaluate.gold import Pair
from kgalign.evaluate.metrics import Intervals, Scores, intervals, score
from kgalign.evaluate.mistakes import MissedPair, Reason, WrongLink, missed_pairs, wrong_links
from kgalign.evaluate.pairs import (
    PairIndex,
    is_link,
    link_pairs,
    of_two_iris,
    pair_ids,
    same_iris,
)
from kgalign.evaluate.ranking import Ranking, judged_ranks, ranking, recall_at, retrieved_ranks
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Candidates, Profile, Verdicts


@dataclass(frozen=True, slots=True)
class SameIri:
    """Pairs of one IRI on both sides."""

    links: int
    gold: int
    """Pairs of the gold."""
    linked: int
    """Pairs of the gold that are links too."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run measured against gold."""

    closed: bool
    """Whether the gold was taken to be complete."""
    scores: Scores
    intervals: Intervals
    unknown: int
    """Gold pairs with an entity that its side does not have."""
    same_iri: SameIri
    """What carries one IRI on both sides: it is no find, and stands in none of the other figures."""
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

    Args:
        left: the left side.
        right: the right side.
        candidates: what was retrieved.
        verdicts: what was judged.
        alignment: what was linked.
        gold: pairs (left IRI, right IRI), as :func:`~kgalign.evaluate.gold.read_pairs` gives them.
        closed: whether the gold is complete; else only links that touch an entity of the gold count.
        match_probability: from which probability on the run took a pair for a match.
        seed: of the bootstrap.
        worst: how many wrong links and missed pairs to name.

    Raises:
        InputError: no entity of the gold is an entity of its side.
    """
    _check_sides(left, right, gold, pair_ids(left, right, gold))
    found, gold, same = _without_same(left, right, alignment, gold)
    ids = pair_ids(left, right, gold)
    links = link_pairs(left, right, found)
    missed, because = missed_pairs(
        left, right, candidates, verdicts, alignment, gold, match_probability=match_probability, limit=worst
    )
    return Evaluation(
        closed=closed,
        scores=score(links, gold, closed=closed),
        intervals=intervals(links, gold, closed=closed, seed=seed),
        unknown=int(((ids[0] < 0) | (ids[1] < 0)).sum()),
        same_iri=same,
        retrieved=ranking(retrieved_ranks(candidates, *ids)),
        judged=ranking(judged_ranks(verdicts, *ids)),
        recall=recall_at(candidates, left, right, gold),
        calibration=_calibration(left, right, verdicts, ids, closed=closed),
        wrong=wrong_links(left, right, found, gold, closed=closed, limit=worst),
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


def _without_same(
    left: Profile, right: Profile, alignment: Alignment, gold: tuple[Pair, ...]
) -> tuple[Alignment, tuple[Pair, ...], SameIri]:
    """What was decided, and the gold, without the pairs of one IRI; and how many these are."""
    same = same_iris(left, right, alignment.left, alignment.right)
    linked = set(left.entity_iri.take(pa.array(alignment.left[same & is_link(alignment)])).to_pylist())
    trivial = {a for a, b in gold if a == b}
    kept = replace(
        alignment,
        left=alignment.left[~same],
        right=alignment.right[~same],
        probability=alignment.probability[~same],
        outcome=alignment.outcome[~same],
        verdict=alignment.verdict[~same],
        same_iri=same[~same],
    )
    return kept, tuple(of_two_iris(gold)), SameIri(len(linked), len(trivial), len(linked & trivial))


def _calibration(
    left: Profile, right: Profile, verdicts: Verdicts, ids: tuple[Ids, Ids], *, closed: bool
) -> Calibration:
    """Of the candidate pairs of which the gold says whether they are right."""
    judged = np.isin(verdicts.left, ids[0]) | np.isin(verdicts.right, ids[1])
    same = same_iris(left, right, verdicts.left, verdicts.right)
    told = (judged | closed) & ~verdicts.given & ~same
    is_gold = PairIndex(*ids).rows(verdicts.left[told], verdicts.right[told]) >= 0
    return calibration(verdicts.probability[told], is_gold)
