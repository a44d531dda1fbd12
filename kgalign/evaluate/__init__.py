"""Evaluate: links, candidates and probabilities against gold."""

from kgalign.evaluate.metrics import diff, intervals, score
from kgalign.evaluate.ranking import recall_at
from kgalign.evaluate.summary import Evaluation, evaluate
from kgalign.links.gold import Pair, read_pairs
from kgalign.links.pairs import PairIndex, link_pairs

__all__ = [
    "Evaluation",
    "Pair",
    "PairIndex",
    "diff",
    "evaluate",
    "intervals",
    "link_pairs",
    "read_pairs",
    "recall_at",
    "score",
]
