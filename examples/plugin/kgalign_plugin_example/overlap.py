"""A judge: the more words a record and an option share, the likelier they are of one thing."""

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kgalign.judge.student.model import Question
from kgalign.judge.student.others import OtherJudge, Probabilities
from kgalign.values.text import fold


def _words(record: str) -> set[str]:
    return set(fold(json.dumps(json.loads(record), ensure_ascii=False)).split())


def _open(sharpness: str) -> Probabilities:
    """``overlap:20`` is surer of what it says than ``overlap:5``."""
    slope = float(sharpness or 10)

    def ask(questions: Sequence[Question]) -> list[npt.NDArray[np.float64]]:
        found = []
        for record, options in questions:
            words = _words(record)
            shares = [len(words & other) / len(words | other) for other in map(_words, options)]
            odds = np.exp(slope * (np.array([0.5, *shares]) - 0.5))
            found.append(odds / odds.sum())
        return found

    return ask


OVERLAP = OtherJudge("words in common", _open)
