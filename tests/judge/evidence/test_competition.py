"""Leads and who is taken first: against slow oracles, and whatever the order of the rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.evidence.competition import dominant
from kgalign.judge.evidence.ends import Ends
from kgalign.judge.evidence.leading import ALONE, Lead

PAIRS = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 5)), st.integers(-6, 6), min_size=1, max_size=20
)


def columns(pairs: dict[tuple[int, int], int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    left = np.array([a for a, _ in pairs], dtype=np.int32)
    right = np.array([b for _, b in pairs], dtype=np.int32)
    return left, right, np.array(list(pairs.values()), dtype=np.float64)


@given(PAIRS)
def test_a_lead_is_over_the_best_other_partner(pairs: dict[tuple[int, int], int]) -> None:
    left, right, score = columns(pairs)
    found = Lead(Ends(left), right, score)[:]
    alone = np.arange(6, dtype=np.int32)
    assert Lead(Ends(left), right, score, alone)[:].tolist() == found.tolist()
    for row, ((a, b), value) in enumerate(pairs.items()):
        rivals = [other for (x, y), other in pairs.items() if x == a and y != b]
        assert found[row] == (value - max(rivals) if rivals else ALONE)


def test_records_of_one_thing_do_not_compete() -> None:
    left, right, score = columns({(0, 0): 5, (0, 1): 4, (0, 2): 1})
    things = np.array([7, 7, 8], dtype=np.int32)
    assert Lead(Ends(left), right, score, things)[:].tolist() == [4, 3, -4]


@given(PAIRS, st.randoms())
def test_the_greedy_matching_does_not_hang_on_the_order_of_rows(
    pairs: dict[tuple[int, int], int],
    dice: np.random.Generator,
) -> None:
    keys = list(pairs)
    dice.shuffle(keys)
    chosen = []
    for each in (pairs, {key: pairs[key] for key in keys}):
        left, right, score = columns(each)
        kept = dominant(Ends(left), Ends(right), score, True, True)
        chosen.append({key for key, taken in zip(each, kept.tolist(), strict=True) if taken})
    assert chosen[0] == chosen[1]
    # The oracle: best first, ties by left and right.
    taken: set[tuple[int, int]] = set()
    for a, b in sorted(pairs, key=lambda key: (-pairs[key], key)):
        if all(a != x and b != y for x, y in taken):
            taken.add((a, b))
    assert chosen[0] == taken


def test_where_a_side_may_have_several_each_of_its_records_takes_its_best() -> None:
    left, right, score = columns({(0, 0): 5, (0, 1): 4, (1, 1): 3, (1, 2): 2})
    assert dominant(Ends(left), Ends(right), score, True, False).tolist() == [True, True, False, True]
    assert dominant(Ends(left), Ends(right), score, False, True).tolist() == [True, False, True, False]
