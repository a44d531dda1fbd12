"""Evaluate: links, candidates and probabilities against gold."""

from kgalign.evaluate.calibration import Calibration, calibration
from kgalign.evaluate.diff import Difference, diff
from kgalign.evaluate.metrics import Intervals, Scores, intervals, score
from kgalign.evaluate.ranking import Ranking, recall_at
from kgalign.evaluate.summary import Evaluation, evaluate
from kgalign.links.gold import Pair, read_pairs
from kgalign.links.pairs import PairIndex, link_pairs

__all__ = [
    "Calibration",
    "Difference",
    "Evaluation",
    "Intervals",
    "Pair",
    "PairIndex",
    "Ranking",
    "Scores",
    "calibration",
    "diff",
    "evaluate",
    "intervals",
    "link_pairs",
    "read_pairs",
    "recall_at",
    "score",
]
