"""Options that take in everybody: how many there are, and what they leave of a claim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.arrays import Doubles
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.look_alikes import share_of_look_alikes, with_look_alikes
from kgalign.judge.votes.weighted import weighted

OFFERED = (1, 2, 3, 4)
VOTERS = "abcd"


def even(options: int = 4) -> Doubles:
    return np.full(options + 1, 1 / (options + 1))


def drawn(
    cases: int, seed: int, *, alike: float, skill: float = 0.97, none: float = 0.25, voters: str = VOTERS
) -> tuple[list[Ballots], list[int]]:
    """Cases whose voters err independently, but for look-alikes; and the truth of each.

    Args:
        cases: how many.
        seed: of the random numbers.
        alike: share of the cases with an option that nobody can tell from a partner.
        skill: how often a voter answers as things look.
        none: share without a partner.
        voters: one letter each.
    """
    random = np.random.default_rng(seed)
    found, truths = [], []
    for _ in range(cases):
        truth = 0 if random.random() < none else int(random.integers(1, 5))
        other = int(random.choice([option for option in OFFERED if option != truth]))
        share = random.random() if random.random() < alike else 0.0
        ballots = []
        for voter in voters:
            taken_in = share > 0 and (truth == 0 or random.random() < share)
            seen = other if taken_in else truth
            wrong = [answer for answer in range(5) if answer != seen]
            choice = seen if random.random() < skill else int(random.choice(wrong))
            ballots.append(Ballot(choice, OFFERED, voter))
        found.append(Ballots(even(), tuple(ballots)))
        truths.append(truth)
    return found, truths


def claimed_and_right(cases: list[Ballots], truths: list[int]) -> tuple[float, float]:
    tallies = weighted(cases)
    claimed = [float(tally.probability.max()) for tally in tallies]
    right = [tally.leader == truth for tally, truth in zip(tallies, truths, strict=True)]
    return float(np.mean(claimed)), float(np.mean(right))


@pytest.mark.parametrize("alike", [0.2, 0.4])
def test_their_share_is_told_from_splits(alike: float) -> None:
    cases, _ = drawn(4000, 1, alike=alike, skill=1.0, none=0.0)
    assert share_of_look_alikes(cases) == pytest.approx(alike, abs=0.05)


@pytest.mark.parametrize("skill", [0.98, 0.8, 0.5])
def test_errors_on_ones_own_are_no_look_alikes(skill: float) -> None:
    cases, _ = drawn(2000, 2, alike=0.0, skill=skill)
    assert share_of_look_alikes(cases) < 0.03


def test_a_handful_of_cases_tells_little() -> None:
    choices = (1, 1, 2, 2), (1, 2, 1, 2), (1, 2, 2, 1)
    torn = [
        Ballots(
            even(), tuple(Ballot(option, OFFERED, voter) for voter, option in zip(VOTERS, each, strict=True))
        )
        for each in choices
    ]
    assert 0 < share_of_look_alikes(torn) < share_of_look_alikes(torn * 100) / 3


def test_three_voters_or_one_option_tell_nothing() -> None:
    three, _ = drawn(300, 3, alike=0.4, voters="abc")
    assert share_of_look_alikes(three) == 0
    verified = tuple(Ballot(k, (k,), voter) for voter, k in zip(VOTERS, (1, 1, 2, 2), strict=True))
    pairs = [Ballots(even(), verified)] * 100
    assert share_of_look_alikes(pairs) == 0
    assert share_of_look_alikes([]) == 0


def test_claims_come_nearer_to_the_truth() -> None:
    cases, truths = drawn(800, 4, alike=0.3)
    claimed, right = claimed_and_right(cases, truths)
    assert right < 0.92, "the votes can't tell"
    assert abs(claimed - right) < 0.05
    clear, truths = drawn(800, 5, alike=0.0)
    claimed, right = claimed_and_right(clear, truths)
    assert abs(claimed - right) < 0.02


def test_agreement_beside_others_loses_less_with_more_sources() -> None:
    told = np.array([0.01, 0.97, 0.01, 0.005, 0.005])
    agreed = [
        Ballots(even(), tuple(Ballot(1, OFFERED, voter) for voter in VOTERS[:count])) for count in (1, 2, 4)
    ]
    claims = [with_look_alikes([case], [told], 0.2)[0][1] for case in agreed]
    assert claims == sorted(claims)
    assert claims[0] < claims[-1] < told[1]


@pytest.mark.parametrize("told", [(0.12, 0.44, 0.44), (0.1, 0.46, 0.44), (0.02, 0.4, 0.38, 0.2)])
def test_no_other_becomes_likelier_than_the_one_that_all_name(told: tuple[float, ...]) -> None:
    options = tuple(range(1, len(told)))
    case = Ballots(even(len(options)), (Ballot(1, options, "a"),))
    (kept,) = with_look_alikes([case], [np.array(told)], 0.5)
    assert kept[1] >= kept[2:].max() - 1e-12
    assert kept.sum() == pytest.approx(1)


def test_who_was_shown_one_option_could_not_take_another_for_it() -> None:
    told = np.array([0.02, 0.98])
    lone = Ballots(even(1), (Ballot(1, (1,), "a"),))
    (kept,) = with_look_alikes([lone], [told], 0.2)
    assert kept[0] == pytest.approx(0.02 + 0.02 * 0.2 / 0.8), "as many as are hidden, and no more"


def test_without_look_alikes_nothing_changes() -> None:
    told = [np.array([0.1, 0.6, 0.3])]
    assert with_look_alikes([Ballots(even(2))], told, 0.0)[0] is told[0]


shares = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=6).map(lambda s: np.array(s) / sum(s))


@settings(deadline=None, max_examples=100)
@given(st.lists(shares, min_size=1, max_size=5), st.floats(0.0, 0.9), st.data())
def test_probability_moves_from_options_and_stays_one(
    told: list[Doubles], share: float, data: st.DataObject
) -> None:
    cases = []
    for each in told:
        options = tuple(range(1, len(each)))
        choices = data.draw(st.lists(st.integers(0, len(options)), max_size=4))
        ballots = tuple(
            Ballot(choice, options, voter) for voter, choice in zip(VOTERS, choices, strict=False)
        )
        cases.append(Ballots(np.full(len(each), 1 / len(each)), ballots))
    for before, after in zip(told, with_look_alikes(cases, told, share), strict=True):
        assert after.sum() == pytest.approx(1)
        assert (after >= 0).all()
        assert after[0] >= before[0] - 1e-12
        assert after[1:].max() <= before[1:].max() + 1e-12 or not before.argmax()
