"""A promise about precision: the largest set of links that keeps it, and what is said to be expected."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.assign import assign, hold_back, with_expectation
from kgalign.assign.promise import keeping
from kgalign.config import AssignConfig, Cardinality, JudgeConfig
from kgalign.records import Alignment, Outcome, Verdicts
from tests.assign.drawn import SIZE, Rows, cardinalities, rows_of_pairs
from tests.evaluate.small import alignment, profile, verdicts

LEFT = profile([f"http://l/{n}" for n in range(SIZE)])
targets = st.floats(0.01, 0.99)
LITTLE = 1e-9


def decide(judged: Verdicts, precision: float | None, cardinality: Cardinality = "one-to-one") -> Alignment:
    found = assign(judged, SIZE, SIZE, AssignConfig(cardinality=cardinality), JudgeConfig())
    return with_expectation(hold_back(found, precision), judged, LEFT)


def linked(found: Alignment, outcome: Outcome = Outcome.MATCH) -> set[tuple[int, int]]:
    rows = found.outcome == outcome
    return set(zip(found.left[rows].tolist(), found.right[rows].tolist(), strict=True))


@given(rows_of_pairs, cardinalities, targets)
def test_the_links_keep_the_promise_and_no_larger_set_would(
    rows: Rows, cardinality: Cardinality, target: float
) -> None:
    judged = verdicts(rows)
    every, kept = decide(judged, None, cardinality), decide(judged, target, cardinality)
    assert linked(kept) <= linked(every)
    # What is not linked stays there for people.
    assert linked(kept) | linked(kept, Outcome.UNDECIDED) == linked(every) | linked(every, Outcome.UNDECIDED)
    figures = kept.figures
    if kept_links := linked(kept):
        assert figures["expected_precision"] >= target - LITTLE
    assert figures["links"] + figures["held_back"] == len(linked(every))
    chance = {row[:2]: float(np.float32(row[2])) for row in rows}
    held = sorted({chance[pair] for pair in linked(every) - kept_links}, reverse=True)
    if held:
        more = [chance[pair] for pair in linked(every) if chance[pair] >= held[0]]
        assert np.mean(more) < target + LITTLE
        assert all(chance[pair] > held[0] for pair in kept_links)


@given(rows_of_pairs, cardinalities, targets, targets)
def test_who_asks_for_more_is_never_given_more_links(
    rows: Rows, cardinality: Cardinality, one: float, other: float
) -> None:
    judged = verdicts(rows)
    low, high = (decide(judged, target, cardinality) for target in sorted((one, other)))
    assert linked(high) <= linked(low)
    assert high.figures["expected_missed"] >= low.figures["expected_missed"] - LITTLE


@given(rows_of_pairs, st.lists(st.integers(0, 17), max_size=4), targets)
def test_given_pairs_stand_and_do_not_count(rows: Rows, picks: list[int], target: float) -> None:
    sure = sorted({pick % len(rows) for pick in picks}) if rows else []
    judged = verdicts(rows, given=sure)
    found = decide(judged, target)
    assert linked(found, Outcome.CONFIRMED) == {rows[i][:2] for i in sure}
    assert found.figures["links"] == len(linked(found))


def test_pairs_of_one_probability_are_linked_all_or_not_at_all() -> None:
    chance = np.array([0.9, 0.6, 0.99, 0.6, 0.6])
    assert keeping(chance, 0.9).tolist() == [True, False, True, False, False]
    # One of the three would do, but which?
    assert keeping(chance, 0.8).tolist() == [True, False, True, False, False]
    assert keeping(chance, 0.7).all()
    assert not keeping(chance, 0.995).any()
    assert not len(keeping(np.zeros(0), 0.5))


def test_a_precision_below_what_is_linked_anyway_changes_nothing() -> None:
    rows: Rows = [(0, 0, 0.9), (1, 1, 0.55), (2, 2, 0.3)]
    every, kept = decide(verdicts(rows), None), decide(verdicts(rows), 0.7)
    assert np.array_equal(every.outcome, kept.outcome)
    assert kept.figures["held_back"] == 0
    assert "held_back" not in every.figures


def test_what_votes_left_open_is_not_called_held_back() -> None:
    judged = verdicts([(0, 0, 0.97), (1, 1, 0.7), (2, 2, 0.6)])
    judged.voted[1] = Outcome.UNDECIDED
    found = decide(judged, 0.9)
    assert linked(found) == {(0, 0)}
    assert found.figures["held_back"] == 1


def test_what_is_expected_where_nothing_is_linked() -> None:
    figures = decide(verdicts([]), 0.9).figures
    assert "expected_precision" not in figures
    assert figures["links"] == figures["held_back"] == 0
    assert figures["expected_missed"] == pytest.approx(0, abs=1e-6)


def test_links_of_one_iri_stand_and_do_not_count() -> None:
    judged = verdicts([(0, 0, 0.6), (1, 1, 0.9), (2, 2, 0.7)])
    found = replace(decide(judged, None), same_iri=np.array([True, False, False]))
    kept = with_expectation(hold_back(found, 0.95), judged, LEFT)
    assert linked(kept) == {(0, 0)}
    kept = with_expectation(hold_back(found, 0.85), judged, LEFT)
    assert linked(kept) == {(0, 0), (1, 1)}
    assert kept.figures["links"] == kept.figures["held_back"] == 1
    assert kept.figures["expected_precision"] == pytest.approx(0.9)


def test_what_was_expected_before_is_forgotten() -> None:
    judged = verdicts([(0, 0, 0.9)])
    found = decide(judged, None)
    assert "expected_precision" in found.figures
    none_left = with_expectation(hold_back(found, 0.95), judged, LEFT).figures
    assert "expected_precision" not in none_left
    assert (none_left["links"], none_left["held_back"]) == (0, 1)


def test_how_many_partners_were_not_linked() -> None:
    """Without a link the chances of the candidates add up; one with a link counts for nothing."""
    rows: Rows = [(0, 0, 0.2), (0, 1, 0.1), (1, 0, 0.9), (1, 1, 0.4), (2, 3, 0.1)]
    judged = verdicts(rows)
    found = alignment([(1, 0, 0.9, Outcome.MATCH)])
    found = with_expectation(replace(found, verdict=np.array([2], dtype=np.int32)), judged, LEFT)
    assert found.figures["expected_missed"] == pytest.approx(0.4, abs=1e-4)


def test_where_most_have_a_partner_those_without_a_link_were_likely_missed() -> None:
    """The same candidates say more of an entity that is the only one to stay alone."""
    alone: Rows = [(0, 0, 0.1)]
    others: Rows = [(n, n, 0.99) for n in range(1, SIZE)]
    few, many = (decide(verdicts(rows), None).figures["expected_missed"] for rows in (alone, alone + others))
    assert few == pytest.approx(0.1, abs=1e-4)
    assert many > 0.5
