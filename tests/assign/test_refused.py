"""What the votes said of pairs, whom ties go to, and from which share a side holds several records."""

import numpy as np
import pytest

from kgalign.assign import assign
from kgalign.config import AssignConfig, Cardinality, JudgeConfig
from kgalign.links.cardinality import SEVERAL, choose
from kgalign.records import Outcome, Verdicts
from tests.evaluate.small import verdicts

Decided = dict[tuple[int, int], Outcome]


def decide(
    rows: list[tuple[int, int, float]],
    voted: dict[int, Outcome] | None = None,
    cardinality: Cardinality = "one-to-one",
    given: tuple[int, ...] = (),
    judge: JudgeConfig | None = None,
) -> Decided:
    """What becomes of the pairs.

    :param voted: what the votes said, by row.
    """
    judged: Verdicts = verdicts(rows, given=given)
    for row, outcome in (voted or {}).items():
        judged.voted[row] = outcome
    found = assign(judged, 6, 6, AssignConfig(cardinality=cardinality), judge or JudgeConfig())
    ends = zip(found.left.tolist(), found.right.tolist(), strict=True)
    return dict(zip(ends, map(Outcome, found.outcome.tolist()), strict=True))


def test_a_pair_that_was_refused_is_left_to_nobody_and_its_entities_to_others() -> None:
    rows = [(0, 0, 0.45), (0, 1, 0.3), (1, 0, 0.1), (2, 2, 0.45)]
    assert decide(rows) == {(0, 0): Outcome.UNDECIDED, (2, 2): Outcome.UNDECIDED}
    found = decide(rows, {0: Outcome.NO_MATCH, 3: Outcome.NO_MATCH})
    assert found == {(0, 1): Outcome.UNDECIDED}


def test_what_was_refused_and_is_probable_all_the_same_is_a_match() -> None:
    assert decide([(0, 0, 0.7)], {0: Outcome.NO_MATCH}) == {(0, 0): Outcome.MATCH}


def test_a_known_pair_stands_though_it_was_refused() -> None:
    assert decide([(0, 0, 0.3)], {0: Outcome.NO_MATCH}, given=(0,)) == {(0, 0): Outcome.CONFIRMED}


def test_votes_that_came_to_nothing_leave_a_probable_pair_undecided() -> None:
    rows = [(0, 0, 0.9), (1, 1, 0.9), (2, 2, 0.9), (3, 3, 0.4), (4, 4, 0.4)]
    said = {
        0: Outcome.UNDECIDED,
        1: Outcome.NOT_ASKED,
        2: Outcome.FAILED,
        3: Outcome.NOT_ASKED,
        4: Outcome.FAILED,
    }
    assert decide(rows, said) == {
        (0, 0): Outcome.UNDECIDED,
        (1, 1): Outcome.MATCH,
        (2, 2): Outcome.MATCH,
        (3, 3): Outcome.NOT_ASKED,
        (4, 4): Outcome.FAILED,
    }


@pytest.mark.parametrize(("cardinality", "kept"), [("one-to-many", (1, 4)), ("many-to-one", (3, 2))])
def test_of_equal_pairs_the_first_other_end_is_taken(cardinality: Cardinality, kept: tuple[int, int]) -> None:
    """Right 4 is as well left 1 as left 3, and left 3 right 2 as well as right 4."""
    rows = [(1, 4, 0.8), (3, 2, 0.8), (3, 4, 0.8)]
    found = decide(rows, cardinality=cardinality)
    assert kept in found
    assert (3, 4) not in found


def test_a_pair_in_the_race_may_stand_in_the_way_of_one_though_it_is_shown_to_nobody() -> None:
    """At .1 and .19 neither is shown; together they are more than the one pair of .25 between them."""
    rows = [(0, 0, 0.1), (0, 1, 0.25), (1, 1, 0.19)]
    assert decide(rows) == {}


def test_pairs_less_probable_than_two_in_a_hundred_are_asked_for_by_who_wants_to_see_them() -> None:
    rows = [(0, 0, 0.01), (1, 1, 0.001)]
    found = decide(rows, judge=JudgeConfig(undecided_probability=0.005))
    assert found == {(0, 0): Outcome.UNDECIDED}


def test_known_pairs_take_both_their_entities_out_of_the_race() -> None:
    rows = [(0, 0, 0.3), (0, 1, 0.9), (1, 0, 0.9)]
    assert decide(rows, given=(0,)) == {(0, 0): Outcome.CONFIRMED}
    assert (0, 1) in decide(rows, cardinality="one-to-many", given=(0,))
    assert (1, 0) in decide(rows, cardinality="many-to-one", given=(0,))


def test_a_side_holds_several_from_the_bound_on_and_not_below_it() -> None:
    below = float(np.nextafter(SEVERAL, 0))
    assert choose("auto", SEVERAL, below)[0] == "one-to-many"
    assert choose("auto", below, SEVERAL)[0] == "many-to-one"
    assert choose("auto", SEVERAL, SEVERAL)[0] == "many-to-many"
    chosen, reason = choose("auto", below, below)
    assert chosen == "one-to-one"
    assert f"{SEVERAL:g}" in reason
    assert 0.23 < SEVERAL < 0.27, "between TVDB (.23), whose gold is one-to-one, and CORA (.27)"
