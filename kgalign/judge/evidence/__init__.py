"""Tier 1: the evidence. A prior learned over many graphs, moved by those at hand, and able to say why."""

import logging
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Flags
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import JudgeConfig
from kgalign.judge.evidence.applied import Applied, learned_of, nothing_learned
from kgalign.judge.evidence.crowds import crowded
from kgalign.judge.evidence.model import Evidence
from kgalign.judge.evidence.prior import Prior
from kgalign.judge.evidence.waterfall import no_verdicts, verdicts_of
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Profile, Verdicts
from kgalign.records.learned import Learned

log = logging.getLogger(__name__)

__all__ = ["Evidence", "Known", "judge", "learn", "verdicts"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is certain of the candidates before anything is compared."""

    given: Flags
    """(c,) pairs that match."""
    refused: Flags
    """(c,) pairs that don't, whatever else is known of them."""


def known_of(
    candidates: Candidates, known: tuple[Ids, Ids], rights: int, refused: Ids | None = None
) -> Known:
    """What is certain of the candidates.

    :param known: entity ids of pairs that match for certain, left and right; of ``rights`` right entities.
    :param refused: rows of candidates that don't match for certain.
    """
    not_so = np.zeros(len(candidates), dtype=bool)
    if refused is not None:
        not_so[refused] = True
    return Known(_among(candidates, known, rights) & ~not_so, not_so)


def learn(
    left: Profile,
    right: Profile,
    candidates: Candidates,
    known: Known,
    config: JudgeConfig,
    *,
    cardinality: str = "auto",
    progress: Progress | None = None,
    prior: Prior | None = None,
) -> Learned:
    """Learn what agreements are worth between two sides, from the candidates.

    :param cardinality: as in the configuration; ``auto`` decides from the evidence.
    :param prior: where to start from; the one that is shipped where none is given.
    """
    if not len(candidates):
        return nothing_learned(left, right)
    for told in crowded(left, right, candidates):
        log.warning("%s", told)
    evidence = Evidence(
        left,
        right,
        candidates,
        known.given,
        refused=known.refused,
        iterations=config.iterations,
        prior=prior,
    )
    evidence.start()
    evidence.learn(progress or NoProgress())
    return learned_of(evidence, evidence.settle(cardinality))


def verdicts(
    left: Profile,
    right: Profile,
    candidates: Candidates,
    known: Known,
    learned: Learned,
    prior: Prior | None = None,
) -> Verdicts:
    """Judge every candidate pair by what its entities share, as it was learned.

    :returns: verdicts in the order of the candidates.
    """
    if not len(candidates):
        return no_verdicts(candidates)
    applied = Applied(left, right, candidates, known.given, learned, refused=known.refused, prior=prior)
    applied.conclude()
    return verdicts_of(applied)


def judge(
    left: Profile,
    right: Profile,
    candidates: Candidates,
    known: tuple[Ids, Ids],
    config: JudgeConfig,
    *,
    refused: Ids | None = None,
    cardinality: str = "auto",
    progress: Progress | None = None,
    prior: Prior | None = None,
) -> Verdicts:
    """Learn and judge in one, for who keeps no state.

    :param known: as of :func:`known_of`; all else as of :func:`learn`.
    """
    certain = known_of(candidates, known, len(right), refused)
    learned = learn(
        left, right, candidates, certain, config, cardinality=cardinality, progress=progress, prior=prior
    )
    return verdicts(left, right, candidates, certain, learned, prior)


def _among(candidates: Candidates, known: tuple[Ids, Ids], rights: int) -> Flags:
    """(c,) candidates that are known pairs, of ``rights`` right entities."""
    keys = candidates.left.astype(np.int64) * rights + candidates.right
    found: Flags = np.isin(keys, known[0].astype(np.int64) * rights + known[1])
    return found
