"""Reducers: what they make of votes, and what the model of the voters learns."""

from itertools import product
from typing import get_args

import numpy as np
import pytest

from kgalign.arrays import Doubles
from kgalign.config import Reducer as Name
from kgalign.judge.asking.next_question import order
from kgalign.judge.votes.ballots import Ballot, Ballots, Tally
from kgalign.judge.votes.combining import ALIKE
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import Form, VoteModel, standing
from kgalign.judge.votes.reducers import REDUCERS

ALL = (1, 2, 3)
FLAT = np.full(4, 0.25)


def case(*choices: int, prior: Doubles = FLAT) -> Ballots:
    return Ballots(prior, tuple(Ballot(choice, ALL, "model") for choice in choices))


def one(name: str, votes: Ballots) -> Tally:
    [tally] = REDUCERS[name]([votes])
    return tally


def simulate(
    cases: int,
    rounds: int,
    *,
    trust: float = 1.0,
    competence: float = 0.8,
    first: float = 0.0,
    none: float = 0.0,
    sharpness: float = 2.0,
    seed: int = 1,
) -> tuple[list[Ballots], list[int]]:
    """Votes as the model of the voters has them, priors that mean what they say, and the truths."""
    rng = np.random.default_rng(seed)
    votes, truths = [], []
    for number in range(cases):
        prior = rng.dirichlet([1 / sharpness] * 5)
        truth = int(rng.choice(5, p=prior))
        tendency = truth if rng.random() < trust else int((truth + rng.integers(1, 5)) % 5)
        ballots = []
        for turn in range(rounds):
            shown = order(4, turn, seed=seed, case=f"urn:{number}")
            wrong = int((tendency + rng.integers(1, 5)) % 5)
            chosen = tendency if rng.random() < competence else wrong
            habit = rng.random()
            chosen = shown[0] if habit < first else 0 if habit < first + none else chosen
            ballots.append(Ballot(chosen, shown, "model"))
        votes.append(Ballots(prior, tuple(ballots)))
        truths.append(truth)
    return votes, truths


def test_every_name_of_the_configuration_has_a_reducer() -> None:
    assert set(REDUCERS) == set(get_args(Name))


@pytest.mark.parametrize(
    ("choices", "majority", "unanimous"),
    [((2, 2, 1), 2, None), ((2, 1), None, None), ((0, 0), 0, 0), ((3,), 3, 3), ((1, 2, 3, 3), None, None)],
)
def test_heads_are_counted(choices: tuple[int, ...], majority: int | None, unanimous: int | None) -> None:
    assert one("majority", case(*choices)).leader == majority
    assert one("unanimous", case(*choices)).leader == unanimous


@pytest.mark.parametrize("name", ["majority", "unanimous", "adaptive"])
def test_without_votes_they_abstain_and_the_prior_stays(name: str) -> None:
    prior = np.array([0.1, 0.2, 0.3, 0.4])
    tally = one(name, case(prior=prior))
    assert tally.leader is None
    assert tally.probability == pytest.approx(prior)


def test_two_that_lead_are_none() -> None:
    assert one("adaptive", case(1, 2)).leader is None


def test_the_prior_decides_between_equal_votes() -> None:
    prior = np.array([0.1, 0.2, 0.5, 0.2])
    assert one("adaptive", case(1, 2, prior=prior)).leader == 2


def test_bayes_rule_written_out() -> None:
    """One case with two voters, against the sum over the tendencies of each."""
    model = VoteModel(trust={"a": 0.8, "b": 0.6}, slope=0.7)
    prior = np.array([0.1, 0.5, 0.4])
    votes = Ballots(
        prior, (Ballot(1, (2, 1), "a"), Ballot(0, (1,), "a"), Ballot(2, (1, 2), "b"), Ballot(2, (2, 1), "b"))
    )
    weight = prior**0.7
    # Odds of 4 and 1.5 for the truth, each twice as far above chance; the lesser takes its part of the other.
    word = {"a": 1 / (1 + ALIKE * np.log(3) / np.log(8)), "b": 1 / (1 + ALIKE)}
    for voter, trust in model.trust.items():
        likely = np.zeros(3)
        for truth, tendency in product(range(3), repeat=2):
            chance = trust if tendency == truth else (1 - trust) / 2
            for ballot in votes.ballots:
                if ballot.voter == voter:
                    size = len(ballot.offered)
                    right = ballot.offered.index(tendency) + 1 if tendency in ballot.offered else 0
                    given = ballot.offered.index(ballot.choice) + 1 if ballot.choice else 0
                    table = model.habits_of(Form(voter, size, 0)).table()
                    chance *= table[right, given]
            likely[truth] += chance
        weight *= likely ** word[voter]
    assert standing(votes, model).posterior == pytest.approx(weight / weight.sum())


def test_how_settled_a_case_is_written_out() -> None:
    """The chance that the voter's tendency, if it were known, would keep the leader."""
    model = VoteModel(trust={"model": 0.7})
    prior = np.array([0.05, 0.5, 0.3, 0.15])
    votes = case(1, 2, 1, prior=prior)
    now = standing(votes, model)
    table = model.habits_of(Form("model", 3, 0)).table()
    chance, kept = 0.0, 0.0
    for tendency in range(4):
        weights = prior * np.where(np.arange(4) == tendency, 0.7, 0.1)
        here = weights.sum() * float(np.prod([table[tendency, choice] for choice in (1, 2, 1)]))
        chance += here
        kept += here * (weights.argmax() == now.leader)
    assert now.leader == 1
    assert now.settled == pytest.approx(kept / chance)


def test_competence_and_the_habit_of_the_first_place_are_learned_without_labels() -> None:
    votes, _ = simulate(1500, 4, competence=0.85, first=0.3)
    model = estimate(votes)
    habits = model.habits[Form("model", 4, 0)]
    assert habits.habit[1] == pytest.approx(0.3, abs=0.03)
    assert habits.habit[2:].max() < 0.04
    assert habits.competence == pytest.approx(0.85, abs=0.04)
    assert model.trust["model"] > 0.97


def test_a_voter_that_is_wrong_the_same_way_again_and_again_is_trusted_less() -> None:
    votes, truths = simulate(1500, 6, trust=0.75, competence=0.95)
    assert estimate(votes).trust["model"] == pytest.approx(0.75, abs=0.04)
    told = REDUCERS["adaptive"](votes)
    sure = np.array([tally.probability.max() for tally in told])
    right = np.array([tally.leader == truth for tally, truth in zip(told, truths, strict=True)])
    assert sure.mean() == pytest.approx(right.mean(), abs=0.03)


def test_a_voter_that_likes_to_say_none_is_found_out() -> None:
    votes, _ = simulate(1500, 4, competence=0.9, none=0.25)
    assert estimate(votes).habits[Form("model", 4, 0)].habit[0] == pytest.approx(0.25, abs=0.04)


def test_five_cases_change_little() -> None:
    votes, _ = simulate(5, 3, competence=0.1)
    model, before = estimate(votes), VoteModel()
    form = Form("model", 4, 0)
    assert abs(model.habits[form].competence - before.habits_of(form).competence) < 0.35
    assert abs(model.trust["model"] - before.trust_of("model")) < 0.1
    assert model.habits[form].competence > 0.4


def test_it_is_right_more_often_than_heads_and_its_probability_means_what_it_says() -> None:
    votes, truths = simulate(2000, 3, competence=0.7, first=0.3)
    share = {}
    for name in ("majority", "adaptive"):
        told = REDUCERS[name](votes)
        share[name] = np.mean([tally.leader == truth for tally, truth in zip(told, truths, strict=True)])
    assert share["adaptive"] > share["majority"] + 0.05
    sure = np.array([tally.probability.max() for tally in told])
    assert sure.mean() == pytest.approx(share["adaptive"], abs=0.02)


def test_the_place_prior_is_taken_off_the_probabilities() -> None:
    """A model that always chooses the first place, though its probabilities know better."""
    rng = np.random.default_rng(2)
    votes, truths = [], []
    for number in range(400):
        truth = int(rng.integers(1, 5))
        ballots = []
        for turn in range(2):
            shown = order(4, turn, seed=0, case=f"urn:{number}")
            given = np.where(np.array(shown) == truth, 0.6, 0.13) * np.array([8.0, 1.0, 1.0, 1.0])
            given *= 0.95 / given.sum()
            ballots.append(Ballot(shown[0], shown, "model", (*given.tolist(), 0.05)))
        votes.append(Ballots(np.full(5, 0.2), tuple(ballots)))
        truths.append(truth)
    told = REDUCERS["adaptive"](votes)
    assert np.mean([tally.leader == truth for tally, truth in zip(told, truths, strict=True)]) > 0.98


def test_cases_of_many_shapes_are_learned_from_together() -> None:
    votes = [
        Ballots(np.array([0.3, 0.7]), (Ballot(1, (1,), "model"), Ballot(0, (1,), "other"))),
        Ballots(
            np.full(6, 1 / 6), (Ballot(5, (5, 4, 3, 2, 1), "model"), Ballot(5, (5,), "model", (0.9, 0.1)))
        ),
        Ballots(np.array([1.0]), ()),
        Ballots(np.array([0.0, 1.0, 0.0]), (Ballot(2, (1, 2), "model", (0.0, 1.0, 0.0)),)),
    ]
    told = REDUCERS["adaptive"](votes)
    assert [len(tally.probability) for tally in told] == [2, 6, 1, 3]
    assert all(np.isfinite(tally.probability).all() for tally in told)
    assert told[1].leader == 5
