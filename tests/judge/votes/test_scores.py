"""Scores without a threshold get one from controls, and are believed as far as they were right."""

import math
import random

import pytest

from kgalign.judge.votes.scores import Reading, learn_reading, probabilities_of
from kgalign.llm.likelihood import default_probabilities


def _controls(count: int, shift: float, spread: float) -> list[tuple[list[float], int]]:
    """Selections among three, a third of them without the partner, whose scores lie about ``shift``."""
    chance = random.Random(7)
    made = []
    for number in range(count):
        right = 3 if number % 3 == 2 else number % 2
        scores = [
            shift + (spread if place == right else -spread) + chance.gauss(0, spread) for place in range(3)
        ]
        made.append((default_probabilities(scores, 18.0), right))
    return made


def test_nothing_known_changes_nothing() -> None:
    assert learn_reading([]) == Reading()
    assert probabilities_of([0.2, 0.3, 0.5], Reading()) == pytest.approx((0.2, 0.3, 0.5))


@pytest.mark.parametrize("shift", [-40.0, 0.0, 18.0, 60.0])
def test_the_threshold_of_none_is_learned(shift: float) -> None:
    controls = _controls(24, shift, 10.0)
    reading = learn_reading(controls)
    right = [
        max(range(4), key=probabilities_of(given, reading).__getitem__) == wanted
        for given, wanted in _controls(300, shift, 10.0)
    ]
    assert sum(right) / len(right) > 0.65


def test_scores_that_tell_nothing_are_hardly_believed() -> None:
    chance = random.Random(3)
    controls = [
        (default_probabilities([chance.gauss(18, 30) for _ in range(3)], 18.0), chance.randrange(4))
        for _ in range(60)
    ]
    reading = learn_reading(controls)
    assert reading.slope < 0.2
    read = probabilities_of(default_probabilities([48.0, 18.0, -12.0], 18.0), reading)
    assert max(read) < 0.7


def test_probabilities_may_be_as_small_as_they_come() -> None:
    read = probabilities_of([0.0, 1.0, 0.0], Reading(1.0, 2.0))
    assert sum(read) == pytest.approx(1)
    assert all(math.isfinite(each) for each in read)
