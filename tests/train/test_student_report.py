"""What a student begins with, and its calibration, against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from kgalign.judge.likeness import with_lead
from kgalign.train.student_report import Item, fit_likeness


def item(alike: tuple[float, ...], answer: int, weight: float = 1.0) -> Item:
    return Item("i", "r", tuple("o" for _ in alike), alike, answer, weight)


def test_one_option_at_a_time_is_logistic_regression() -> None:
    chance = np.random.default_rng(0)
    alike = chance.random(300)
    right = chance.random(300) < 1 / (1 + np.exp(-(8 * alike - 4)))
    items = [item((float(a),), int(r)) for a, r in zip(alike, right, strict=True)]
    slopes, shift = fit_likeness(items)
    model = LogisticRegression(C=100, tol=1e-8, max_iter=10_000)
    model.fit(np.stack([alike, alike], axis=1), right)
    np.testing.assert_allclose(slopes, model.coef_[0], rtol=1e-2)
    assert shift == pytest.approx(float(model.intercept_[0]), rel=1e-2)


def test_of_several_options_the_most_alike_is_learned_to_be_right_and_none_where_all_are_unlike() -> None:
    chance = np.random.default_rng(1)
    items = []
    for number in range(200):
        others = chance.uniform(0, 0.4, 4)
        if number % 4:
            items.append(item((*others.tolist(), 0.8), 5))
        else:
            items.append(item(tuple(others.tolist()), 0))
    slopes, shift = fit_likeness(items)
    for alike, answer in (([0.1, 0.75, 0.2], 2), ([0.1, 0.2, 0.15], 0)):
        scores = np.concatenate([[0], with_lead(np.array(alike)) @ slopes + shift])
        assert scores.argmax() == answer


def test_questions_count_by_their_weight() -> None:
    doubted = [item((0.9,), 1), item((0.9,), 0, weight=0.01)]
    slopes, shift = fit_likeness(doubted)
    assert 0.9 * slopes.sum() + shift > 2


def test_nothing_to_learn_from_changes_nothing() -> None:
    slopes, shift = fit_likeness([])
    assert not slopes.any()
    assert shift == 0
