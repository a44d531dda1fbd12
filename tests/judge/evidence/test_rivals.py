"""Who is whose rival: leads in a measure, and which candidates may be records of one thing."""

from collections.abc import Sequence

import numpy as np
import pytest

from kgalign.judge.evidence import generic
from kgalign.judge.evidence.ends import Ends
from kgalign.judge.evidence.leading import ALONE
from kgalign.judge.evidence.prior import load_prior
from kgalign.judge.evidence.twins import Reach, absolute, hold_together, rivals_of_one
from kgalign.rdf.graph import Ids
from kgalign.records import Floats

WIDE = Reach(margin=9.0, own=9.0, most=8, slack=0.5, usual=0.1)


def ids(*values: int) -> Ids:
    return np.array(values, dtype=np.int32)


def leads(
    names: Sequence[float], right_things: Ids, free: Sequence[bool] = (False, False)
) -> dict[str, Floats]:
    """Leads of left 0 with right 0, 1 and 2."""
    measures = {name: np.zeros(3, dtype=np.float32) for name in generic.LEADS}
    measures["names"] = np.array(names, dtype=np.float32)
    things = ids(0), right_things
    found = generic.leads(measures, (Ends(ids(0, 0, 0)), Ends(ids(0, 1, 2))), things, free)
    return {name: ahead[:] for name, ahead in found.items()}


def test_a_pair_leads_the_next_one_and_records_of_one_thing_do_not_compete() -> None:
    apart = leads([7, 5, 2], ids(0, 1, 2))
    assert apart["names, lead of the right one"].tolist() == [2, -2, -5]
    assert apart["names, lead of the left one"].tolist() == [ALONE] * 3
    assert leads([7, 5, 2], ids(0, 0, 2))["names, lead of the right one"].tolist() == [5, 3, -5]


def test_what_has_no_name_stands_behind_all_that_have_one() -> None:
    found = leads([np.nan, 0, 2], ids(0, 1, 2))
    assert found["names, lead of the right one"].tolist() == [-3, -2, 2]


@pytest.mark.parametrize("side", [0, 1])
def test_where_an_entity_may_have_several_partners_none_is_far_behind(side: int) -> None:
    free = [side == 0, side == 1]
    found = leads([7, 5, 2], ids(0, 1, 2), free)
    of_left = found["names, lead of the left one"], found["names, lead of the right one"]
    assert of_left[1].tolist() == ([2, -2, -5] if side == 0 else [2, 0.25, 0.25])
    assert of_left[0].tolist() == [ALONE] * 3


def seconds(
    node: Ids, member: Ids, score: Sequence[float], reach: Reach = WIDE, likely: Sequence[bool] | None = None
) -> list[tuple[int, int]]:
    """The best candidate of each node, with each that comes near it."""
    sure = np.array(likely if likely is not None else [True] * len(score))
    found = rivals_of_one(Ends(node), Ends(member), np.array(score), sure, reach)
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def test_ties_go_by_the_entities() -> None:
    assert seconds(ids(0, 0), ids(6, 5), [4.0, 4.0]) == [(5, 6)]


def test_no_more_candidates_are_looked_at_than_is_said() -> None:
    reach = Reach(margin=9.0, own=9.0, most=2, slack=0.5, usual=0.1)
    assert seconds(ids(0, 0, 0), ids(5, 6, 7), [4.0, 3.0, 2.0], reach) == [(5, 6)]


def test_who_is_far_behind_or_liked_better_elsewhere_is_another_thing() -> None:
    near = Reach(margin=1.5, own=9.0, most=8, slack=0.5, usual=0.1)
    assert seconds(ids(0, 0, 0), ids(5, 6, 7), [4.0, 3.0, 2.0], near) == [(5, 6)]
    own = Reach(margin=9.0, own=1.5, most=8, slack=0.5, usual=0.1)
    assert seconds(ids(0, 0, 0, 1), ids(5, 6, 7, 7), [4.0, 3.0, 2.0, 4.0], own) == [(5, 6)]


def test_where_the_best_shares_too_little_there_are_no_records_of_it() -> None:
    assert seconds(ids(0, 0), ids(5, 6), [4.0, 3.0], likely=[False, True]) == []


def test_a_pair_within_a_side_is_held_against_the_weaker_pair_across() -> None:
    found = rivals_of_one(
        Ends(ids(0, 0)), Ends(ids(5, 6)), np.array([4.0, 3.0]), np.ones(2, dtype=bool), WIDE
    )
    assert hold_together(found, np.array([2.6]), np.array([6.0, 3.0]), WIDE).all()
    assert hold_together(found, np.array([2.6]), np.array([3.0, 6.0]), WIDE).all()
    assert not hold_together(found, np.array([2.4]), np.array([6.0, 3.0]), WIDE).any()


def test_pairs_within_a_side_are_weighed_without_rivals() -> None:
    model = load_prior().start
    measures = {name: np.full(2, 0.5, dtype=np.float32) for name in model.shapes}
    found = absolute(model, measures)
    by_hand = sum(
        float(model.shapes[name].look_up(measures[name])[0])
        for name in generic.KINDS
        if name in measures and name != generic.SAME_IRI
    )
    assert found.tolist() == pytest.approx([by_hand] * 2, abs=1e-5)
