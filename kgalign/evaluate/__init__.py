"""Evaluate: links, candidates and probabilities against gold."""

from kgalign.evaluate.calibration import Calibration, calibration
from kgalign.evaluate.choices import ChoiceGain, ChoiceScores, draw_choices, draw_gain, mean_of
from kgalign.evaluate.diff import Difference, diff
from kgalign.evaluate.metrics import Intervals, Scores, intervals, score
from kgalign.evaluate.ranking import Ranking, recall_at
from kgalign.evaluate.summary import Evaluation, evaluate
from kgalign.links.gold import Pair, read_pairs
from kgalign.links.pairs import PairIndex, link_pairs

__all__ = [
    "Calibration",
    "ChoiceGain",
    "ChoiceScores",
    "Difference",
    "Evaluation",
    "Intervals",
    "Pair",
    "PairIndex",
    "Ranking",
    "Scores",
    "calibration",
    "diff",
    "draw_choices",
    "draw_gain",
    "evaluate",
    "intervals",
    "link_pairs",
    "mean_of",
    "read_pairs",
    "recall_at",
    "score",
]
