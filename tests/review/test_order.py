"""In which order people are asked."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from kgalign.records import Worklist
from kgalign.review import Review
from kgalign.review.order import in_order


def column(values: list[float], kind: type = np.int32) -> npt.NDArray[Any]:
    return np.array(values, dtype=kind)


def worklist(right: list[float], second: list[float], doubt: list[float]) -> Worklist:
    count = len(right)
    return Worklist(
        left=np.arange(count, dtype=np.int32),
        right=column(right),
        linked=np.zeros(count, dtype=bool),
        probability=np.zeros(count, dtype=np.float32),
        second=column(second),
        second_probability=np.zeros(count, dtype=np.float32),
        doubt=column(doubt, np.float32),
    )


@pytest.fixture
def review(countries_made: Path) -> Review:
    return Review(countries_made)


def test_the_most_doubtful_comes_first(review: Review) -> None:
    profile, verdicts = review.left.profile, review.opened.verdicts
    found = in_order(worklist([0, 1, 2], [-1, -1, -1], [0.1, 0.6, 0.3]), verdicts, profile, share=0, seed=0)
    assert found.left.tolist() == [1, 2, 0]


def test_of_equal_doubt_what_others_wait_for_comes_first(review: Review) -> None:
    profile, verdicts = review.left.profile, review.opened.verdicts
    given = worklist([7, 8, 9, 8], [-1, -1, -1, -1], [0.3, 0.3, 0.3, 0.1])
    found = in_order(given, verdicts, profile, share=0, seed=0)
    assert found.left.tolist()[0] == 1
    assert found.hanging.tolist()[0] >= 1
    small = in_order(worklist([7, 8, 8], [-1, -1, -1], [0.9, 0.1, 0.1]), verdicts, profile, share=0, seed=0)
    assert small.left.tolist()[0] == 0, "doubt outweighs it"


def test_one_in_ten_is_drawn_evenly_and_the_same_again(review: Review) -> None:
    drawn = review.order.drawn
    assert int(drawn.sum()) == 5
    assert not set(review.order.left[drawn].tolist()) & set(review.order.left[~drawn].tolist())
    gaps = np.diff(np.flatnonzero(drawn))
    assert gaps.min() >= 8
    again = Review(review.path)
    assert again.order.left.tolist() == review.order.left.tolist()
    assert not Review(review.path, share=0).order.drawn.any()


def test_nothing_to_ask_is_no_fault(review: Review) -> None:
    profile, verdicts = review.left.profile, review.opened.verdicts
    assert len(in_order(worklist([], [], []), verdicts, profile, share=0.1, seed=0)) == 0
