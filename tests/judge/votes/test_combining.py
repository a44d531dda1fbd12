"""Several voters: what they say together is less than as many witnesses would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.combining import ALIKE, words
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import VoteModel, standing

EVEN = np.full(3, 1 / 3)
TRUSTS = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6)


@given(TRUSTS, st.integers(2, 6))
def test_a_word_counts_in_part_and_never_for_less_than_among_equals(
    trust: list[float], hypotheses: int
) -> None:
    found = words(np.array(trust), hypotheses)
    assert (found <= 1.0).all()
    assert (found >= 1.0 / (1.0 + ALIKE * (len(trust) - 1)) - 1e-9).all()


def test_a_single_voter_is_believed_as_before_and_equals_share() -> None:
    assert words(np.array([0.9]), 3) == pytest.approx([1.0])
    assert words(np.array([0.9, 0.9, 0.9]), 3) == pytest.approx([1 / (1 + 2 * ALIKE)] * 3)


def test_who_is_no_better_than_chance_takes_nothing_from_who_is() -> None:
    assert words(np.array([0.9, 1 / 3]), 3)[0] == pytest.approx(1.0)
    good = VoteModel(trust={"good": 0.9, "guesses": 1 / 3})
    alone = Ballots(EVEN, (Ballot(1, (1, 2), "good"),))
    beside = Ballots(EVEN, (*alone.ballots, Ballot(2, (1, 2), "guesses")))
    assert standing(beside, good).posterior == pytest.approx(standing(alone, good).posterior)


@given(st.integers(2, 8))
def test_who_agrees_adds_and_less_than_a_witness_would(voters: int) -> None:
    model = VoteModel()

    def odds(count: int) -> float:
        votes = tuple(Ballot(1, (1, 2), f"model {number}") for number in range(count))
        now = standing(Ballots(EVEN, votes), model).posterior
        return float(np.log(now[1] / now[2]))

    assert odds(voters - 1) < odds(voters) < voters * odds(1)
    assert odds(voters) < odds(1) / ALIKE  # as many as there may be


def cases(agree: bool, voters: str = "abc") -> list[Ballots]:
    """Sixty cases; in every third of them all voters contradict the evidence, or the evidence stands."""
    found = []
    for number in range(60):
        said = 2 if agree and number % 3 == 0 else 1
        votes = tuple(Ballot(said, (1, 2), name) for name in voters)
        found.append(Ballots(np.array([0.01, 0.98, 0.01]), votes))
    return found


def test_evidence_that_several_contradict_is_too_sure_of_itself() -> None:
    assert estimate(cases(agree=True)).slope < 0.6
    assert estimate(cases(agree=False)).slope > 0.99


def test_one_voter_says_nothing_of_the_evidence() -> None:
    assert estimate(cases(agree=True, voters="a")).slope == 1.0


def test_controls_leave_the_evidence_as_it_is() -> None:
    known = [Ballots(each.prior, each.ballots, known=True) for each in cases(agree=True)]
    assert estimate(known).slope == 1.0
