"""Levels of comparisons, and what all values together say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.evidence.comparisons import Comparison, Pooled, steps
from kgalign.judge.evidence.texts import prepare
from kgalign.records import Floats
from tests.evaluate.small import Values, profile

KNOTS = (0.0, 0.5, 0.9, 1.0)


def floats(*values: float) -> Floats:
    return np.array(values, dtype=np.float32)


def test_steps_count_knots_and_go_straight_between_them() -> None:
    found = steps(floats(-1, 0, 0.25, 0.5, 0.7, 0.9, 1, 2), KNOTS)
    assert found.tolist() == pytest.approx([0, 0, 0.5, 1, 1.5, 2, 3, 3], abs=1e-6)
    assert np.isnan(steps(floats(np.nan), KNOTS)).all()


@given(st.lists(st.floats(-1, 2, width=32), min_size=2, max_size=9))
def test_steps_keep_the_order(values: list[float]) -> None:
    found = steps(floats(*sorted(values)), KNOTS)
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= len(KNOTS) - 1)).all()


def pooled(left: Values, right: Values, pairs: list[tuple[int, int]]) -> dict[str, Comparison]:
    """The comparisons of some pairs, by name."""
    sides = [profile([f"{name}{n}" for n in range(4)], values=v) for name, v in (("l", left), ("r", right))]
    a, b = np.array(pairs, dtype=np.int32).T.copy()
    found = Pooled(sides[0], sides[1], prepare(*sides)).compare(a, b)
    assert all(len(each.position) == len(pairs) for each in found)
    assert all(np.nanmax(each.position, initial=0) <= len(each.labels) - 1 for each in found)
    return {each.name: each for each in found}


def test_names_meet_whatever_property_holds_them() -> None:
    left = {0: {"x:label": ["Ada Lovelace"], "x:year": ["1815"]}, 1: {"x:label": ["Alan Turing"]}}
    right = {
        0: {"y:label": ["Countess Lovelace"], "y:other-label": ["Lovelace, Ada"]},
        1: {"y:year": ["1912"]},
    }
    names = pooled(left, right, [(0, 0), (1, 0), (1, 1)])["names"]
    assert names.position[0] == len(names.labels) - 1
    assert names.position[1] < names.position[0]
    assert np.isnan(names.position[2])


def test_shared_words_count_by_their_rarity() -> None:
    left = {0: {"p": ["the red zebra"]}, 1: {"p": ["the red house"]}, 2: {"p": ["the red car"]}}
    right = {0: {"q": ["a zebra, the"]}, 1: {"q": ["the red"]}, 2: {"q": ["blue"]}}
    found = pooled(left, right, [(0, 0), (0, 1), (0, 2), (3, 0)])
    rarity = found["rarity of shared words"].position
    assert rarity[0] > rarity[1] > rarity[2] == 0
    assert np.isnan(rarity[3])
    share = found["words shared"]
    assert share.position[1] == len(share.labels) - 1


def test_codes_count_apart_from_words() -> None:
    left = {0: {"p": ["Camera TX-8255"]}, 1: {"p": ["Camera"]}}
    right = {0: {"q": ["tx8255 black"]}, 1: {"q": ["Camera TX-9000"]}}
    codes = pooled(left, right, [(0, 0), (0, 1), (1, 0)])["codes shared"].position
    assert codes[0] > codes[1] == 0
    assert np.isnan(codes[2])
