"""The worst errors by name: confident links that are wrong, gold pairs that were missed, and why."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from kgalign.evaluate.ranking import retrieved_ranks
from kgalign.links.gold import Pair
from kgalign.links.pairs import LINKED, PairIndex, entity_ids, is_link, pair_ids
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Candidates, Outcome, Profile, Verdicts


class Reason(StrEnum):
    """Where a gold pair was lost."""

    NO_ENTITY = "no such entity"
    NOT_RETRIEVED = "not retrieved"
    JUDGED_BELOW = "judged below"
    LOST = "lost in assignment"
    UNDECIDED = "left undecided"
    TAKEN_BACK = "taken back by a person"


@dataclass(frozen=True, slots=True)
class Named:
    """An entity with the name that is shown for it."""

    iri: str
    name: str


@dataclass(frozen=True, slots=True)
class WrongLink:
    """A link that the gold says is wrong."""

    left: Named
    right: Named
    probability: float
    expected: tuple[Named, ...]
    """The partners that the gold names instead, of the left entity or else of the right one."""


@dataclass(frozen=True, slots=True)
class MissedPair:
    """A gold pair that is no link."""

    left: Named
    right: Named
    reason: Reason
    rank: int
    """Rank among the left entity's candidates, 0 where it is none of them."""
    probability: float | None
    """None where the pair was not judged."""
    instead: tuple[Named, ...]
    """Partners that the left entity was linked with."""


def wrong_links(
    left: Profile, right: Profile, alignment: Alignment, gold: tuple[Pair, ...], *, closed: bool, limit: int
) -> tuple[WrongLink, ...]:
    """The wrong links that the gold can judge, the most confident first."""
    rows = np.flatnonzero(is_link(alignment))
    gold_left, gold_right = pair_ids(left, right, gold)
    known = PairIndex(gold_left, gold_right).rows(alignment.left[rows], alignment.right[rows]) >= 0
    judged = np.isin(alignment.left[rows], gold_left) | np.isin(alignment.right[rows], gold_right)
    wrong = rows[~known & (judged | closed)]
    worst = wrong[np.lexsort((wrong, -alignment.probability[wrong]))][:limit]
    return tuple(_wrong(left, right, alignment, row, gold) for row in worst.tolist())


def _wrong(
    left: Profile, right: Profile, alignment: Alignment, row: int, gold: tuple[Pair, ...]
) -> WrongLink:
    a, b = named(left, int(alignment.left[row])), named(right, int(alignment.right[row]))
    expected = _named_iris(right, [other for iri, other in gold if iri == a.iri])
    expected = expected or _named_iris(left, [iri for iri, other in gold if other == b.iri])
    return WrongLink(a, b, float(alignment.probability[row]), expected)


def _named_iris(profile: Profile, iris: list[str]) -> tuple[Named, ...]:
    ids = entity_ids(profile, iris).tolist()
    return tuple(_named_or_iri(profile, entity, iri) for entity, iri in zip(ids, iris, strict=True))


def missed_pairs(
    left: Profile,
    right: Profile,
    candidates: Candidates,
    verdicts: Verdicts,
    alignment: Alignment,
    gold: tuple[Pair, ...],
    *,
    match_probability: float,
    limit: int,
) -> tuple[tuple[MissedPair, ...], dict[Reason, int]]:
    """The missed gold pairs, the most probable first, and how many were lost for each reason."""
    ids = pair_ids(left, right, gold)
    outcome = _outcomes(alignment, ids)
    probability = _probabilities(verdicts, ids)
    missed = np.flatnonzero(~np.isin(outcome, LINKED))
    reasons = {
        row: _reason(ids[0][row] >= 0 and ids[1][row] >= 0, probability[row], outcome[row], match_probability)
        for row in missed.tolist()
    }
    ranks = retrieved_ranks(candidates, *ids)
    worst = missed[np.lexsort((missed, -probability[missed]))][:limit]
    pairs = tuple(
        MissedPair(
            _named_or_iri(left, int(ids[0][row]), gold[row][0]),
            _named_or_iri(right, int(ids[1][row]), gold[row][1]),
            reasons[row],
            int(ranks[row]),
            float(probability[row]) if probability[row] >= 0 else None,
            _partners(right, alignment, int(ids[0][row])),
        )
        for row in worst.tolist()
    )
    found = Counter(reasons.values())
    return pairs, {reason: found[reason] for reason in Reason if found[reason]}


def _outcomes(alignment: Alignment, ids: tuple[Ids, Ids]) -> npt.NDArray[np.int64]:
    """(n,) outcome of each pair in the alignment, -1 where it is not there."""
    rows = PairIndex(alignment.left, alignment.right).rows(*ids)
    result = np.full(len(rows), -1, dtype=np.int64)
    result[rows >= 0] = alignment.outcome[rows[rows >= 0]]
    return result


def _probabilities(verdicts: Verdicts, ids: tuple[Ids, Ids]) -> npt.NDArray[np.float64]:
    """(n,) probability of each pair, -1 where it was not judged."""
    rows = PairIndex(verdicts.left, verdicts.right).rows(*ids)
    result = np.full(len(rows), -1.0)
    result[rows >= 0] = verdicts.probability[rows[rows >= 0]]
    return result


def _reason(known: bool, probability: float, outcome: int, match_probability: float) -> Reason:
    if not known:
        return Reason.NO_ENTITY
    if probability < 0:
        return Reason.NOT_RETRIEVED
    if outcome in (Outcome.UNDECIDED, Outcome.NOT_ASKED, Outcome.FAILED):
        return Reason.UNDECIDED
    if outcome == Outcome.REJECTED:
        return Reason.TAKEN_BACK
    return Reason.LOST if probability >= match_probability else Reason.JUDGED_BELOW


def named(profile: Profile, entity: int) -> Named:
    """The IRI and the name of an entity."""
    return Named(profile.entity_iri[entity].as_py(), profile.entity_name[entity].as_py())


def _named_or_iri(profile: Profile, entity: int, iri: str) -> Named:
    return named(profile, entity) if entity >= 0 else Named(iri, "")


def _partners(right: Profile, alignment: Alignment, entity: int) -> tuple[Named, ...]:
    """What a left entity was linked with."""
    partners = alignment.right[is_link(alignment) & (alignment.left == entity)]
    return tuple(named(right, partner) for partner in partners.tolist())
