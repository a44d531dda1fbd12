"""From votes to decisions, and to what each vote adds."""

from typing import Any

import numpy as np
import pytest

from kgalign.config import JudgeConfig, VotesConfig
from kgalign.judge.asking.cases import Case, find_cases
from kgalign.judge.asking.next_question import Ask
from kgalign.judge.asking.session import AskedCase, Stopped
from kgalign.judge.votes.ballots import Ballot
from kgalign.judge.votes.decisions import Count
from kgalign.judge.votes.reducers import REDUCERS
from kgalign.judge.votes.with_votes import logit, with_votes
from kgalign.records import Outcome
from kgalign.records.votes import NONE, Direction, QuestionKind, View
from tests.evaluate.small import profile, verdicts

LEFT = profile([f"http://l/{name}" for name in "abcd"])
RIGHT = profile([f"http://r/{name}" for name in "wxyz"])
JUDGED = verdicts([(0, 0, 0.5), (0, 1, 0.4), (1, 1, 0.5), (1, 2, 0.2), (2, 2, 0.6), (3, 3, 0.4)])
CASES = {case.left_iri[-1]: case for case in find_cases(JUDGED, LEFT, RIGHT, VotesConfig(), "one-to-one")}
VOTE: Any = None
"""Votes themselves are not looked at here, only what they chose."""


def done(case: Case, *choices: int, stopped: Stopped = "sure", unusable: int = 0) -> AskedCase:
    """A case of which the votes after the first so many unusable ones chose these options."""
    offered = tuple(range(1, len(case.options) + 1))
    ask = Ask(QuestionKind.SELECT, Direction.LEFT_ASKS, View.BOTH, offered, 0)
    ballots = tuple(Ballot(choice, offered, "scripted") for choice in choices)
    count = unusable + len(choices)
    numbers = tuple(range(unusable, count))
    return AskedCase(case, (ask,) * count, (VOTE,) * count, ballots, numbers, stopped)


def count(*parts: AskedCase, reducer: str = "majority") -> Count:
    return Count(parts, VotesConfig.model_validate({"reducer": reducer}))


def test_a_leader_is_a_match_and_its_rivals_are_none() -> None:
    found = count(done(CASES["a"], 1, 1, 1)).hearing("j")
    assert found.outcome.tolist() == [Outcome.MATCH, Outcome.NO_MATCH]
    assert found.row.tolist() == [0, 1]
    assert found.case.to_pylist() == ["http://l/a"] * 2
    assert found.probability[0] > found.prior[0]
    assert found.probability[1] < found.prior[1]


def test_none_of_them_is_no_match_for_all() -> None:
    made = count(done(CASES["a"], 0, 0))
    assert made.hearing("j").outcome.tolist() == [Outcome.NO_MATCH] * 2
    (decision,) = made.decisions("j", RIGHT)
    assert (decision.outcome, decision.chosen) == ("no_match", NONE)


def test_where_the_reducer_abstains_it_is_undecided() -> None:
    made = count(done(CASES["a"], 1, 2, stopped="most"))
    assert made.hearing("j").outcome.tolist() == [Outcome.UNDECIDED] * 2
    (decision,) = made.decisions("j", RIGHT)
    assert decision.outcome == "undecided"
    assert (decision.asked, decision.counted, decision.most, decision.stopped) == (2, 2, 7, "most")


def test_votes_are_held_to_the_thresholds_of_a_match() -> None:
    """What leads without being probable, and what is too probable to be thrown away, goes to people."""
    one, none = done(CASES["a"], 1, 1, 1), done(CASES["a"], 0, 0)
    assert count(one).outcome(one) == (Outcome.MATCH, 1)
    assert count(none).outcome(none) == (Outcome.NO_MATCH, 0)
    rules = VotesConfig.model_validate({"reducer": "majority"})
    strict = JudgeConfig(match_probability=0.999)
    careful = JudgeConfig(undecided_probability=0.001)
    assert Count([one], rules, strict).outcome(one) == (Outcome.UNDECIDED, 1)
    assert Count([none], rules, careful).outcome(none) == (Outcome.UNDECIDED, 0)
    assert Count([none], rules, careful).hearing("j").outcome.tolist() == [Outcome.UNDECIDED] * 2


@pytest.mark.parametrize(
    ("stopped", "outcome"),
    [("limit", Outcome.NOT_ASKED), ("not-asked", Outcome.NOT_ASKED), ("failed", Outcome.FAILED)],
)
def test_what_was_not_asked_to_its_end_is_left_to_the_evidence(stopped: Stopped, outcome: Outcome) -> None:
    made = count(done(CASES["a"], 2, 2, stopped=stopped), done(CASES["d"], 1, 1))
    found = made.hearing("j")
    assert found.outcome.tolist() == [outcome, outcome, Outcome.MATCH]
    assert (found.probability[:2] == found.prior[:2]).all()
    assert found.incomplete == (stopped == "failed")
    assert set(found.vote_row.tolist()) == {5}
    decision = made.decisions("j", RIGHT)[0]
    assert (decision.outcome, decision.chosen) == (outcome.name.lower(), "http://r/w")
    assert decision.probability == pytest.approx(decision.evidence_probability)
    judged = with_votes(JUDGED, found)
    assert (judged.probability[:2] == JUDGED.probability[:2]).all()


@pytest.mark.parametrize("reducer", sorted(REDUCERS))
def test_what_the_votes_add_sums_to_what_they_change(reducer: str) -> None:
    """Whatever the reducer: also one that learns across cases, and where some votes can't be used."""
    parts = [
        done(CASES["a"], *[1] * 40, unusable=2),
        done(CASES["b"], 1, 2, 0, 1, stopped="most"),
        done(CASES["c"], stopped="most", unusable=7),
        done(CASES["d"], 0, 0, 0),
    ]
    found = count(*parts, reducer=reducer).hearing("j")
    judged = with_votes(JUDGED, found)
    for place, row in enumerate(found.row.tolist()):
        mine = found.vote_log_odds[found.vote_row == row].astype(np.float64)
        before, after = logit(found.prior[place]), logit(found.probability[place])
        assert mine.sum() == pytest.approx(after - before, abs=1e-4)
        assert judged.contribution[row, -1] == pytest.approx(after - before, abs=1e-4)
    assert found.vote_number[found.vote_row == 0].tolist() == list(range(2, 42))
    order = list(zip(found.vote_row.tolist(), found.vote_number.tolist(), strict=True))
    assert order == sorted(order)


def test_a_case_without_a_vote_that_counts_is_not_decided_by_votes() -> None:
    found = count(done(CASES["c"], stopped="most", unusable=7)).hearing("j")
    assert found.outcome.tolist() == [Outcome.UNDECIDED]
    assert found.probability == pytest.approx(found.prior, abs=1e-6)
    assert not len(found.vote_row)


def test_the_hearing_is_sorted_and_the_same_whatever_the_order_of_cases() -> None:
    parts = [done(CASES["d"], 1, 1), done(CASES["a"], 1, 2, 1), done(CASES["b"], 0, 0)]
    one, other = count(*parts).hearing("j"), count(*parts[::-1]).hearing("j")
    assert one.row.tolist() == sorted(one.row.tolist()) == other.row.tolist()
    assert one.probability.tolist() == other.probability.tolist()
    assert one.vote_log_odds.tolist() == other.vote_log_odds.tolist()
