"""What is decided under each cardinality, what is left to people, and that given pairs stand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kgalign.assign import assign
from kgalign.config import AssignConfig, Cardinality, JudgeConfig
from kgalign.records import Alignment, Outcome, Verdicts
from tests.assign.drawn import CARDINALITIES, SIZE, Rows, cardinalities, rows_of_pairs
from tests.evaluate.small import verdicts

MANY: Cardinality = "many-to-many"
Decided = dict[tuple[int, int], Outcome]


def decide(
    judged: Verdicts, cardinality: Cardinality = "one-to-one", judge: JudgeConfig | None = None
) -> Alignment:
    return assign(judged, SIZE, SIZE, AssignConfig(cardinality=cardinality), judge or JudgeConfig())


def outcomes(alignment: Alignment) -> Decided:
    ids = zip(alignment.left.tolist(), alignment.right.tolist(), strict=True)
    return dict(zip(ids, map(Outcome, alignment.outcome.tolist()), strict=True))


def test_the_whole_decides_and_not_the_best_pair() -> None:
    rows: Rows = [(0, 0, 0.8), (0, 1, 0.7), (1, 0, 0.75)]
    assert set(outcomes(decide(verdicts(rows)))) == {(0, 1), (1, 0)}
    assert set(outcomes(decide(verdicts(rows[:2])))) == {(0, 0)}


def test_thresholds_part_matches_from_what_is_left_to_people_and_from_the_rest() -> None:
    rows: Rows = [(0, 0, 0.5), (1, 1, 0.49), (2, 2, 0.2), (3, 3, 0.19), (4, 4, 0.01)]
    assert outcomes(decide(verdicts(rows))) == {
        (0, 0): Outcome.MATCH,
        (1, 1): Outcome.UNDECIDED,
        (2, 2): Outcome.UNDECIDED,
    }
    strict = JudgeConfig(match_probability=0.9, undecided_probability=0.005)
    found = outcomes(decide(verdicts(rows), judge=strict))
    assert set(found.values()) == {Outcome.UNDECIDED}
    assert (4, 4) in found


@pytest.mark.parametrize(
    ("cardinality", "expected"),
    [
        ("one-to-one", {(0, 0), (1, 1), (2, 2)}),
        ("one-to-many", {(0, 0), (0, 1), (1, 2)}),
        ("many-to-one", {(0, 0), (1, 2), (2, 2)}),
        ("many-to-many", {(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)}),
    ],
)
def test_cardinality(cardinality: Cardinality, expected: set[tuple[int, int]]) -> None:
    rows: Rows = [(0, 0, 0.9), (0, 1, 0.8), (1, 1, 0.6), (1, 2, 0.95), (2, 2, 0.7)]
    found = decide(verdicts(rows), cardinality)
    assert set(outcomes(found)) == expected
    assert found.cardinality == cardinality
    assert found.reason == f"{cardinality} was asked for"


@pytest.mark.parametrize(
    ("several_right", "several_left", "expected"),
    [
        (0.0, 0.0, "one-to-one"),
        (0.9, 0.0, "one-to-many"),
        (0.0, 0.9, "many-to-one"),
        (0.9, 0.9, "many-to-many"),
    ],
)
def test_auto_goes_by_what_the_judge_noted(several_right: float, several_left: float, expected: str) -> None:
    judged = verdicts([(0, 0, 0.9), (0, 1, 0.8)])
    judged.notes.update(several_right=several_right, several_left=several_left)
    found = decide(judged, "auto")
    assert found.cardinality == expected
    assert "asked" not in found.reason
    assert len(found) == (2 if expected in ("one-to-many", "many-to-many") else 1)


def test_nothing_judged_gives_nothing() -> None:
    for cardinality in (*CARDINALITIES, "auto"):
        assert len(decide(verdicts([]), cardinality)) == 0


@given(rows_of_pairs, cardinalities)
def test_nobody_has_more_partners_than_the_cardinality_allows(rows: Rows, cardinality: Cardinality) -> None:
    found = outcomes(decide(verdicts(rows), cardinality))
    of_left, of_right = Counter(a for a, _ in found), Counter(b for _, b in found)
    if cardinality in ("one-to-one", "many-to-one"):
        assert max(of_left.values(), default=0) <= 1
    if cardinality in ("one-to-one", "one-to-many"):
        assert max(of_right.values(), default=0) <= 1


@given(rows_of_pairs)
def test_where_one_side_may_have_several_the_other_takes_its_best(rows: Rows) -> None:
    shown = [row for row in rows if row[2] >= 0.2]
    for cardinality, end in (("one-to-many", 1), ("many-to-one", 0)):
        found = outcomes(decide(verdicts(rows), cardinality))  # type: ignore[arg-type]
        assert {pair[end] for pair in found} == {row[end] for row in shown}
        best = {row[end]: max(r[2] for r in shown if r[end] == row[end]) for row in shown}
        chance = {row[:2]: row[2] for row in rows}
        assert all(chance[pair] == best[pair[end]] for pair in found)
    everything = outcomes(decide(verdicts(rows), "many-to-many"))
    assert set(everything) == {row[:2] for row in shown}


@given(rows_of_pairs, st.lists(st.integers(0, 17), max_size=4), cardinalities)
def test_given_pairs_stand_and_take_their_entities(
    rows: Rows, picks: list[int], cardinality: Cardinality
) -> None:
    given_rows = sorted({pick % len(rows) for pick in picks}) if rows else []
    sure = {rows[i][:2] for i in given_rows}
    found = outcomes(decide(verdicts(rows, given=given_rows), cardinality))
    assert {pair for pair, outcome in found.items() if outcome == Outcome.CONFIRMED} == sure
    for a, b in set(found) - sure:
        if cardinality in ("one-to-one", "many-to-one"):
            assert a not in {left for left, _ in sure}
        if cardinality in ("one-to-one", "one-to-many"):
            assert b not in {right for _, right in sure}


@given(rows_of_pairs, cardinalities)
def test_the_alignment_points_back_at_the_verdicts_and_is_sorted(
    rows: Rows, cardinality: Cardinality
) -> None:
    judged = verdicts(rows)
    found = decide(judged, cardinality)
    assert np.array_equal(judged.left[found.verdict], found.left)
    assert np.array_equal(judged.right[found.verdict], found.right)
    assert np.array_equal(judged.probability[found.verdict], found.probability)
    ids = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert ids == sorted(ids)
    is_match = found.outcome == Outcome.MATCH
    assert np.array_equal(is_match | np.isin(found.verdict, found.loose), found.probability >= 0.5)
    assert len(found.loose) == 0 or cardinality == "many-to-many"


def voted(rows: Rows, votes: dict[tuple[int, int], Outcome]) -> Verdicts:
    """Verdicts on some of whose pairs a language model voted."""
    found = [int(votes.get((a, b), -1)) for a, b, _ in rows]
    return replace(verdicts(rows), voted=np.array(found, dtype=np.int8))


@pytest.mark.parametrize(
    "rows",
    [
        [(0, 0, 0.6), (0, 1, 0.35), (1, 0, 0.35)],
        [(0, 0, 0.5), (0, 1, 0.25), (1, 0, 0.25)],
        [(0, 0, 0.9), (0, 1, 0.49), (0, 2, 0.49), (1, 0, 0.49), (2, 0, 0.49), (2, 1, 0.49)],
    ],
)
@pytest.mark.parametrize("cardinality", CARDINALITIES)
def test_pairs_that_the_votes_refused_never_cost_a_voted_match(rows: Rows, cardinality: Cardinality) -> None:
    """Several refused pairs are together as probable as the match, or more so, and become no links."""
    votes = {(a, b): Outcome.NO_MATCH for a, b, _ in rows[1:]}
    found = outcomes(decide(voted(rows, {(0, 0): Outcome.MATCH, **votes}), cardinality))
    assert found == {(0, 0): Outcome.MATCH}


def test_what_the_votes_refused_competes_where_it_is_a_match_all_the_same() -> None:
    rows: Rows = [(0, 0, 0.7), (0, 1, 0.8)]
    found = outcomes(decide(voted(rows, {(0, 1): Outcome.NO_MATCH})))
    assert found == {(0, 1): Outcome.MATCH}


@given(
    st.lists(st.tuples(st.sampled_from([0.25, 0.3, 0.45, 0.5, 0.6]), st.booleans()), min_size=9, max_size=9),
    st.sampled_from([Outcome.MATCH, None]),
    cardinalities,
)
@example([(0.25, False)] * 4 + [(0.6, False)] * 2 + [(0.25, False), (0.6, False), (0.45, True)], None, MANY)
def test_what_the_votes_refused_makes_no_difference(
    drawn: list[tuple[float, bool]], others: Outcome | None, cardinality: Cardinality
) -> None:
    rows: Rows = [(place // 3, place % 3, p) for place, (p, _) in enumerate(drawn)]
    votes = {} if others is None else {(a, b): others for a, b, _ in rows}
    refused = {row[:2] for row, (p, no) in zip(rows, drawn, strict=True) if no and p < 0.5}
    judged = voted(rows, votes | dict.fromkeys(refused, Outcome.NO_MATCH))
    without = voted([row for row in rows if row[:2] not in refused], votes)
    assert outcomes(decide(judged, cardinality)) == outcomes(decide(without, cardinality))
