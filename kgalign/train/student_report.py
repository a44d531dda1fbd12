"""What a student is worth: its calibration, its scores, and the card that tells of both."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from kgalign.arrays import Doubles
from kgalign.judge.student.model import Card, calibrated


@dataclass(frozen=True, slots=True)
class Item:
    """One example, ready to be shown."""

    id: str
    record: str
    options: tuple[str, ...]
    """Texts; those that read most like the record first, the answer aside."""
    answer: int
    """0 for none of them, else the number of the right option from 1."""
    weight: float


def fit_calibration(scores: Sequence[Doubles], answers: Sequence[int]) -> tuple[float, float]:
    """The temperature and the score of "none" by which probabilities foretell the answers best.

    Both are held near 1 and 0 by a prior of one unit of deviation, so that a few questions don't decide.

    :param scores: (k,) of the options of each question.
    :param answers: 0 for none of them, else the number of the right one.
    """

    def cost(parameters: Doubles) -> float:
        temperature, none = math.exp(parameters[0]), float(parameters[1])
        found = (
            calibrated(each, temperature, none)[answer] for each, answer in zip(scores, answers, strict=True)
        )
        return -sum(math.log(max(each, 1e-12)) for each in found) + float(parameters @ parameters) / 2

    best = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6}).x
    return math.exp(float(best[0])), float(best[1])


def measures(
    scores: Sequence[Doubles], items: Sequence[Item], calibration: tuple[float, float]
) -> dict[str, float]:
    """Accuracy, F1 of the options chosen, and mean loss, against the answers of the examples."""
    if not items:
        return {}
    found = [calibrated(each, *calibration) for each in scores]
    choice = np.array([int(each.argmax()) for each in found])
    answer = np.array([each.answer for each in items])
    hits = float(((choice == answer) & (choice > 0)).sum())
    lost = [-math.log(max(float(each[k]), 1e-12)) for each, k in zip(found, answer.tolist(), strict=True)]
    return {
        "accuracy": float((choice == answer).mean()),
        "F1": 2 * hits / max(float((choice > 0).sum() + (answer > 0).sum()), 1.0),
        "loss": float(np.mean(lost)),
    }


def describe(card: Card) -> str:
    """The model card, in Markdown."""
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in card.scores.items())
    counts = ", ".join(f"{name} {count:,}" for name, count in card.counts.items())
    settings = {name: value for name, value in card.settings.items() if name != "data"}
    return (
        "---\nlibrary_name: transformers\npipeline_tag: text-classification\n---\n\n"
        "# A student of kgalign\n\n"
        "A cross-encoder that says which of some records, or none of them, is about the same thing as a "
        "given one.\nUse it with `kgalign run … --judge student:FOLDER`.\n\n"
        f"- Base: `{card.base}`, SHA-256 of its weights `{card.base_digest}`\n"
        f"- Examples: {counts}; SHA-256 `{card.data_digest}`\n"
        f"- Settings: `{json.dumps(settings)}`\n"
        f"- Calibrated on the valid split: temperature {card.temperature:.3f}, none {card.none:.3f}\n\n"
        "Scores against the answers in the examples, whoever gave them:\n\n"
        f"| measure | value |\n| --- | ---: |\n{rows}\n"
    )
