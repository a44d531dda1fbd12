"""How the graphs at hand move the evidence: how common matches are here, things with several records."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from kgalign.base.progress import NoProgress
from kgalign.judge.evidence import Evidence
from kgalign.judge.evidence.base_rate import base_shift, lower_bound, mean_rate
from kgalign.judge.evidence.prior import BaseRate, Prior, Wrong
from kgalign.records import Profile
from tests.judge.evidence.test_terms import candidates, only, sides

BASE = BaseRate(-1.0, 0.5, 2.0)
STEEP = {"IRI": ((-10.0, 10.0), (-10.0, 10.0))}
"""A prior by which a pair's log-odds are the figure that its channel gives it."""


def started(
    both: tuple[Profile, Profile],
    pairs: Sequence[tuple[int, int]],
    scores: Sequence[float],
    prior: Prior,
    given: Sequence[bool] | None = None,
) -> Evidence:
    """The evidence before anything is learned."""
    flags = np.array(given if given is not None else [False] * len(pairs))
    found = Evidence(*both, candidates(pairs, "iri", scores), flags, prior=prior)
    found.start()
    return found


@pytest.mark.parametrize("figure", [-4.0, 4.0])
def test_the_best_pairs_say_how_common_matches_are(figure: float) -> None:
    pairs = [(n, n) for n in range(20)]
    found = started(sides(20), pairs, [figure] * 20, replace(only(start=STEEP), base=BASE))
    shift = base_shift(np.full(20, figure), BASE)
    assert abs(shift) > 0.5
    assert found.shift == pytest.approx(shift)
    assert found.log_odds.tolist() == pytest.approx([figure + shift] * 20, abs=1e-5)


def test_known_pairs_and_those_only_mentioned_say_nothing_of_it() -> None:
    """Five are known and five only mentioned, and all of them look very good; the other ten do not."""
    left, right = sides(20)
    right = replace(right, described=np.arange(20) < 15)
    given = [n < 5 for n in range(20)]
    scores = [9.0 if n < 5 or n >= 15 else -3.0 for n in range(20)]
    prior = replace(only(start=STEEP), base=BASE)
    found = started((left, right), [(n, n) for n in range(20)], scores, prior, given)
    assert found.shift == pytest.approx(base_shift(np.full(10, -3.0), BASE))


def test_what_was_taken_for_how_common_matches_are_is_left_out_before_decoys() -> None:
    """The line is known but for its height: only how common matches are is told anew, and once."""
    wrong = Wrong(0.0, 0.0, crossing=-1.0, rise=0.0, crossing_spread=1e-4, stretch=0.0, stretch_spread=1e-4)
    prior = replace(only(intercept=2.0), base=BASE, wrong=wrong)
    pairs = [(n, n) for n in range(20)]
    found = started(sides(20), pairs, [0.0] * 20, prior)
    found.learn(NoProgress())
    found.conclude()
    assert found.log_odds[0] == pytest.approx(2 + base_shift(np.full(20, 2.0), BASE), abs=1e-3)
    found.conclude(held=True)
    rate = mean_rate(np.full(20, 2.0 + 1.0), BASE)
    assert found.log_odds[0] == pytest.approx(2 + 1 + rate, abs=0.02)


def _three_in_five_with_two(right: Profile) -> Evidence:
    """Ten left entities, each as sure of two right ones; right ones of the first six are of one thing."""
    pairs = sorted([(n, n) for n in range(10)] + [(n, n + 10) for n in range(10)])
    found = started((sides(20)[0], right), pairs, [0.0] * 20, only(start=STEEP))
    thing = np.arange(20, dtype=np.int32)
    thing[10:16] = np.arange(6)
    found.things[1] = thing
    found.believe(np.full(20, 8.0))
    return found


CHANCE = 1 / (1 + np.exp(-8.0))


def test_how_many_things_have_several_records_is_a_lower_bound() -> None:
    found = _three_in_five_with_two(sides(20)[1])
    assert found.several(1) == pytest.approx(lower_bound(6 * CHANCE, 10 * CHANCE + 3, 1.0))
    assert found.several(1) < 0.35
    assert found.several(0) == 0


def test_people_have_several_records_though_their_addresses_have_not() -> None:
    right = sides(20)[1]
    people = np.isin(np.arange(20), [*range(6), *range(10, 16)])
    typed = replace(right, types=("person", "address"), entity_type=(~people).astype(np.int32))
    found = _three_in_five_with_two(typed)
    assert found.several(1) == pytest.approx(lower_bound(6 * CHANCE, 6 * CHANCE + 3, 1.0))


def test_what_is_only_mentioned_is_no_record() -> None:
    right = sides(20)[1]
    found = _three_in_five_with_two(replace(right, described=np.arange(20) < 13))
    assert found.several(1) == pytest.approx(lower_bound(3 * CHANCE, 10 * CHANCE + 3, 1.0))


def test_where_an_entity_may_have_several_partners_no_pair_is_far_behind() -> None:
    pairs = [(0, 0), (0, 1), (0, 2), (1, 2)]
    found = started(sides(3), pairs, [5.0, 3.0, 1.0, 0.0], only(start=STEEP))
    found.learn(NoProgress())
    assert found.measures()["lead of the right one"][:].tolist() == pytest.approx([2, -2, -4, 12], abs=1e-4)
    found.free = [False, True]
    free = found.measures()
    assert free["lead of the right one"][:].tolist() == pytest.approx([2, 1, 1, 12], abs=1e-4)
    assert free["lead of the left one"][:].tolist() == pytest.approx([12, 12, 1, -1], abs=1e-4)
