"""Records of one thing within a side."""

import numpy as np

from kgalign.judge.evidence.ends import Ends
from kgalign.judge.evidence.twins import (
    SEARCH,
    Reach,
    grouped,
    hold_together,
    rivals_of_one,
    weighted_quantile,
)


def ids(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


LIKELY = np.ones(4, dtype=bool)


def test_candidates_of_one_entity_that_come_near_are_looked_at_together() -> None:
    node, member = ids(0, 0, 0, 1), ids(5, 6, 7, 7)
    score = np.array([4.0, 3.0, 0.5, 3.0])
    found = rivals_of_one(Ends(node), Ends(member), score, LIKELY, SEARCH)
    # 7 is too far behind for 0, and likes 1 better.
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(5, 6)]
    wide = Reach(margin=9.0, own=9.0, most=8, slack=0.5, usual=0.1)
    found = rivals_of_one(Ends(node), Ends(member), score, LIKELY, wide)
    assert found.second.tolist() == [6, 7]
    unlikely = np.array([True, False, True, True])
    assert rivals_of_one(Ends(node), Ends(member), score, unlikely, wide).second.tolist() == [7]


def test_records_are_as_much_alike_as_each_is_like_the_other_side() -> None:
    found = rivals_of_one(Ends(ids(0, 0)), Ends(ids(5, 6)), np.array([4.0, 3.0]), LIKELY[:2], SEARCH)
    across = np.array([6.0, 2.0])
    assert hold_together(found, np.array([1.6]), across, SEARCH).tolist() == [True]
    assert hold_together(found, np.array([1.4]), across, SEARCH).tolist() == [False]


def test_groups_are_connected_pairs() -> None:
    numbers = grouped(ids(0, 1), ids(1, 3), 5)
    assert numbers[0] == numbers[1] == numbers[3]
    assert len(set(numbers.tolist())) == 3


def test_a_quantile_goes_by_weight() -> None:
    value, weight = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 9.0])
    assert weighted_quantile(value, weight, 0.05) == 2
    assert weighted_quantile(value, weight, 0.5) == 3
    assert weighted_quantile(value, np.zeros(3), 0.5) == np.inf
