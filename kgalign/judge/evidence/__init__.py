"""Tier 1: the evidence. A prior learned over many graphs, moved by those at hand, and able to say why."""

import numpy as np

from kgalign.arrays import Flags
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import JudgeConfig
from kgalign.judge.evidence.model import Evidence
from kgalign.judge.evidence.prior import Prior
from kgalign.judge.evidence.waterfall import no_verdicts, verdicts_of
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Profile, Verdicts

__all__ = ["Evidence", "judge"]


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
    """Judge every candidate pair by what its entities share.

    :param known: entity ids of pairs that match for certain, left and right.
    :param refused: rows of candidates that don't match for certain, whatever is known of them.
    :param cardinality: as in the configuration; ``auto`` decides from the evidence.
    :param prior: where to start from; the one that is shipped where none is given.
    :returns: verdicts in the order of the candidates.
    """
    if not len(candidates):
        return no_verdicts(candidates)
    given = _among(candidates, known, len(right))
    not_so = np.zeros(len(candidates), dtype=bool)
    if refused is not None:
        not_so[refused] = True
    evidence = Evidence(
        left, right, candidates, given & ~not_so, refused=not_so, iterations=config.iterations, prior=prior
    )
    evidence.start()
    evidence.learn(progress or NoProgress())
    found = evidence.settle(cardinality)
    return verdicts_of(evidence, found)


def _among(candidates: Candidates, known: tuple[Ids, Ids], rights: int) -> Flags:
    """(c,) candidates that are known pairs, of ``rights`` right entities."""
    keys = candidates.left.astype(np.int64) * rights + candidates.right
    found: Flags = np.isin(keys, known[0].astype(np.int64) * rights + known[1])
    return found
