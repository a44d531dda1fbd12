"""Evaluate: links, candidates and probabilities against gold."""

from kgalign.evaluate.calibration import Calibration, calibration
from kgalign.evaluate.diff import Difference, diff
from kgalign.evaluate.gold import Pair, read_pairs
from kgalign.evaluate.metrics import Intervals, Scores, intervals, score
from kgalign.evaluate.pairs import PairIndex, link_pairs
from kgalign.evaluate.ranking import Ranking, recall_at
from kgalign.evaluate.summary import Evaluation, evaluate

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
