"""Rivals that no chain joins are decided apart: together that is the best of all."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from kgalign.assign import assign
from kgalign.config import AssignConfig, JudgeConfig
from tests.evaluate.small import verdicts


@pytest.mark.parametrize("groups", [1, 40, 400])
def test_the_best_of_each_group_is_the_best_of_all(groups: int) -> None:
    random = np.random.default_rng(groups)
    size = 5
    chances = random.uniform(0.5, 1.0, (groups, size, size)).astype(np.float32)
    place = random.permutation(groups * size).reshape(groups, size)
    rows = [
        (int(place[group, a]), int(place[group, b]), float(chances[group, a, b]))
        for group in range(groups)
        for a in range(size)
        for b in range(size)
    ]
    judged = verdicts(sorted(rows))
    found = assign(
        judged, groups * size, groups * size, AssignConfig(cardinality="one-to-one"), JudgeConfig()
    )
    best = {
        (int(place[group, a]), int(place[group, b]))
        for group in range(groups)
        for a, b in zip(*linear_sum_assignment(-chances[group]), strict=True)
    }
    assert set(zip(found.left.tolist(), found.right.tolist(), strict=True)) == best
