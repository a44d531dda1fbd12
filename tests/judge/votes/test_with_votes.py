"""What the votes add to the verdicts of the evidence."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kgalign.judge.votes.with_votes import logit, no_hearing, with_votes
from kgalign.records import Hearing, Outcome, Verdicts
from tests.evaluate.small import verdicts

JUDGED = verdicts([(0, 0, 0.6), (0, 1, 0.3), (1, 1, 0.9), (2, 2, 0.4)])


def hearing(*rows: tuple[int, float, float, Outcome]) -> Hearing:
    """From (row, probability before, after, outcome)."""
    empty: Any = np.zeros(0, dtype=np.int32)
    return Hearing(
        judging="j",
        row=np.array([row[0] for row in rows], dtype=np.int32),
        prior=np.array([row[1] for row in rows], dtype=np.float32),
        probability=np.array([row[2] for row in rows], dtype=np.float32),
        outcome=np.array([row[3] for row in rows], dtype=np.uint8),
        case=pa.array(["http://l/0" for _ in rows], pa.large_string()),
        vote_row=empty,
        vote_number=empty,
        vote_log_odds=np.zeros(0, dtype=np.float32),
    )


def assert_exact(judged: Verdicts) -> None:
    assert judged.contribution.sum(axis=1, dtype=np.float64) == pytest.approx(judged.log_odds, abs=1e-5)
    assert 1 / (1 + np.exp(-judged.log_odds)) == pytest.approx(judged.probability, abs=2e-6)


def test_nobody_heard_changes_nothing() -> None:
    assert with_votes(JUDGED, no_hearing()) is JUDGED


def test_votes_are_two_further_lines_and_the_sum_stays_exact() -> None:
    said = hearing((0, 0.5, 0.97, Outcome.MATCH), (1, 0.25, 0.01, Outcome.NO_MATCH))
    judged = with_votes(JUDGED, said)
    assert [feature.kind for feature in judged.features[-2:]] == ["alone", "votes"]
    assert judged.contribution[0, -2] == pytest.approx(logit(0.5) - logit(0.6), abs=1e-5)
    assert judged.contribution[0, -1] == pytest.approx(logit(0.97) - logit(0.5), abs=1e-5)
    assert judged.probability[:2] == pytest.approx([0.97, 0.01])
    assert judged.voted.tolist() == [Outcome.MATCH, Outcome.NO_MATCH, -1, -1]
    assert_exact(judged)


def test_pairs_that_nobody_was_asked_about_stay_as_they_are() -> None:
    judged = with_votes(JUDGED, hearing((0, 0.5, 0.97, Outcome.MATCH)))
    assert (judged.probability[1:] == JUDGED.probability[1:]).all()
    assert (judged.log_odds[1:] == JUDGED.log_odds[1:]).all()
    assert (judged.contribution[1:, -2:] == 0).all()
    assert (judged.level[1:, -2:] == -1).all()
    assert (judged.contribution[:, :-2] == JUDGED.contribution).all()


@pytest.mark.parametrize("outcome", [Outcome.NOT_ASKED, Outcome.FAILED])
def test_where_votes_could_not_be_had_the_evidence_stands_and_it_is_marked(outcome: Outcome) -> None:
    judged = with_votes(JUDGED, hearing((0, 0.5, 0.5, outcome), (3, 0.4, 0.4, outcome)))
    assert (judged.probability == JUDGED.probability).all()
    assert (judged.log_odds == JUDGED.log_odds).all()
    assert judged.voted.tolist() == [outcome, -1, -1, outcome]
    assert_exact(judged)


def test_no_number_of_votes_makes_a_thing_certain() -> None:
    said = hearing((0, 0.5, 1.0, Outcome.MATCH), (1, 0.5, 0.0, Outcome.NO_MATCH))
    judged = with_votes(JUDGED, said)
    assert np.isfinite(judged.log_odds).all()
    assert [logit(1.0), -logit(0.0)] == pytest.approx([math.log(1e6)] * 2, abs=1e-3)
    assert_exact(judged)
