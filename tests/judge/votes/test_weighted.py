"""Votes weighed by learned competence, with the evidence as a voter."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.arrays import Doubles
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.weighted import weighted

OFFERED = (1, 2, 3)


def even(options: int = 3) -> Doubles:
    return np.full(options + 1, 1 / (options + 1))


def case(prior: Doubles, *choices: int, voter: str = "model") -> Ballots:
    offered = tuple(range(1, len(prior)))
    return Ballots(prior, tuple(Ballot(choice, offered, voter) for choice in choices))


def drawn(
    names: dict[str, float],
    abstains: dict[str, float],
    cases: int,
    seed: int,
    *,
    evidence: float = 0.0,
    none: float = 0.3,
    alike: float = 0.0,
) -> tuple[list[Ballots], list[int]]:
    """Cases with independent voters, and the truth of each.

    Args:
        names: how often each voter names the partner.
        abstains: how often each says none where there is none.
        cases: how many.
        seed: of the random numbers.
        evidence: how far the truth stands out in the prior, in deviations of its noise.
        none: share without a partner.
        alike: share of those that look to everybody as if option 1 were the partner.
    """
    random = np.random.default_rng(seed)
    found, truths = [], []
    for _ in range(cases):
        truth = 0 if random.random() < none else int(random.integers(1, 4))
        truths.append(truth)
        seen = 1 if truth == 0 and random.random() < alike else truth
        noise = evidence * (random.normal(size=4) + evidence * (np.arange(4) == seen))
        prior = np.exp(noise - noise.max())
        ballots = []
        for voter, share in names.items():
            right = random.random() < (share if seen else abstains[voter])
            wrong = [answer for answer in range(4) if answer != seen]
            ballots.append(Ballot(seen if right else int(random.choice(wrong)), OFFERED, voter))
        found.append(Ballots(prior / prior.sum(), tuple(ballots)))
    return found, truths


def accuracy(cases: list[Ballots], truths: list[int]) -> float:
    return float(np.mean([t.leader == truth for t, truth in zip(weighted(cases), truths, strict=True)]))


def test_nothing_in_nothing_out() -> None:
    assert weighted([]) == []


def test_a_vote_that_gives_nothing_to_any_answer_is_no_vote() -> None:
    cases = [Ballots(np.array([0.2, 0.8]), (Ballot(1, (1,), "a", probabilities=(0.0, 0.0)),))]
    cases.append(Ballots(np.array([0.3, 0.7]), (Ballot(1, (1,), "a"),)))
    for tally in weighted(cases):
        assert tally.probability.sum() == pytest.approx(1)


def test_a_case_without_a_vote_keeps_its_prior() -> None:
    prior = np.array([0.2, 0.5, 0.3])
    for cases in ([Ballots(prior)], [case(even(), 1), Ballots(prior)]):
        tally = weighted(cases)[-1]
        assert tally.probability == pytest.approx(prior)
        assert tally.leader == 1


def test_one_good_voter_outweighs_four_poor_ones() -> None:
    names = {"good": 0.99, "a": 0.4, "b": 0.4, "c": 0.4, "d": 0.4}
    cases, truths = drawn(names, names, 400, seed=3)
    alone = np.mean([each.ballots[0].choice == truth for each, truth in zip(cases, truths, strict=True)])
    heads = [np.bincount([b.choice for b in each.ballots]).argmax() for each in cases]
    counted = np.mean([head == truth for head, truth in zip(heads, truths, strict=True)])
    assert accuracy(cases, truths) >= alone - 0.03
    assert accuracy(cases, truths) > counted + 0.05


def test_none_of_a_voter_that_seldom_says_it_counts_more_than_its_options() -> None:
    """Both voters find partners; one of them hardly ever says none, even where there is none to find."""
    cases, _ = drawn({"eager": 0.97, "calm": 0.9}, {"eager": 0.3, "calm": 0.95}, 400, seed=4, evidence=1.5)
    torn = Ballots(even(), (Ballot(1, OFFERED, "eager"), Ballot(0, OFFERED, "calm")))
    turned = Ballots(even(), (Ballot(0, OFFERED, "eager"), Ballot(1, OFFERED, "calm")))
    *_, one, other = weighted([*cases, torn, turned])
    assert one.leader == 0
    assert other.probability[0] < one.probability[0]


def test_good_evidence_helps_and_useless_evidence_does_no_harm() -> None:
    names = {"a": 0.8, "b": 0.75, "c": 0.7}
    cases, truths = drawn(names, names, 600, seed=5, evidence=2.0)
    bare = [replace(each, prior=even()) for each in cases]
    assert accuracy(cases, truths) > accuracy(bare, truths) + 0.03
    noise = np.random.default_rng(6).dirichlet([0.1] * 4, len(cases))
    misled = [replace(each, prior=prior) for each, prior in zip(cases, noise, strict=True)]
    assert accuracy(misled, truths) > accuracy(bare, truths) - 0.03


def test_evidence_blind_to_none_is_found_out() -> None:
    """It tells the options apart and always claims that one of them is right."""
    names = {"a": 0.9, "b": 0.9, "c": 0.9}
    cases, truths = drawn(names, names, 400, seed=7, evidence=2.0)
    blind = [
        replace(each, prior=np.append(1e-4, (1 - 1e-4) * each.prior[1:] / each.prior[1:].sum()))
        for each in cases
    ]
    assert accuracy(blind, truths) > 0.9


def test_votes_of_one_model_are_not_so_many_witnesses() -> None:
    prior = np.array([0.3, 0.5, 0.2])
    claimed = [weighted([case(prior, *[1] * votes)])[0].probability[1] for votes in (1, 2, 4, 8, 16)]
    assert claimed == sorted(claimed)
    gains = np.diff(np.log(claimed) - np.log1p(-np.array(claimed))) / [1, 2, 4, 8]
    assert gains[-1] < gains[0] / 2, "of sixteen votes each adds less than half of what the second added"


def test_more_votes_for_it_are_no_worse_for_an_option() -> None:
    prior = np.array([0.3, 0.5, 0.2])
    against, torn, for_it = (weighted([case(prior, *votes)])[0] for votes in ([2, 2, 1], [2, 1], [2, 1, 1]))
    assert against.leader == 2
    assert for_it.leader == 1
    assert against.probability[1] < torn.probability[1] < for_it.probability[1]


def test_none_is_right_where_the_partner_was_not_offered() -> None:
    prior = np.array([0.1, 0.3, 0.3, 0.3])
    tally = weighted([Ballots(prior, (Ballot(0, (1,), "a"), Ballot(0, (2,), "a")))])[0]
    assert tally.probability[3] > tally.probability[1]
    assert tally.probability[1] == pytest.approx(tally.probability[2])


def test_an_answer_torn_in_itself_counts_less() -> None:
    prior = np.array([0.2, 0.4, 0.4])
    sure, torn = (
        weighted([Ballots(prior, (Ballot(1, (1, 2), "a", probabilities=given),))])[0]
        for given in ((1.0, 0.0, 0.0), (0.5, 0.4, 0.1))
    )
    hard = weighted([Ballots(prior, (Ballot(1, (1, 2), "a"),))])[0]
    assert sure.probability == pytest.approx(hard.probability)
    assert torn.leader == 1
    assert torn.probability[1] < sure.probability[1] - 0.1


def test_certain_priors_are_not_beyond_doubt() -> None:
    cases = [
        case(np.array([0.0, 1.0, 0.0]), 2, 2, 2),
        case(np.array([1.0, 0.0]), 1, 1),
        case(np.array([0.0, 1.0]), 0),
    ]
    for tally in weighted(cases):
        assert np.isfinite(tally.probability).all()
        assert tally.probability.max() < 1


def test_unanimous_votes_lead() -> None:
    names = {"a": 0.9, "b": 0.8, "c": 0.7}
    cases, _ = drawn(names, names, 300, seed=9)
    for each, tally in zip(cases, weighted(cases), strict=True):
        if len(chosen := {ballot.choice for ballot in each.ballots}) == 1:
            assert {tally.leader} == chosen


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_neither_order_nor_names_matter(seed: int, random: Random) -> None:
    names = {"a": 0.9, "b": 0.6, "c": 0.5}
    cases, _ = drawn(names, names, 12, seed, evidence=1.0)
    order = list(range(len(cases)))
    random.shuffle(order)
    called = {"a": "z", "b": "m", "c": "k"}
    turned = [
        Ballots(c.prior, tuple(Ballot(b.choice, b.offered, called[b.voter]) for b in reversed(c.ballots)))
        for c in (cases[place] for place in order)
    ]
    before, after = weighted(cases), weighted(turned)
    for place, tally in zip(order, after, strict=True):
        assert tally.probability == pytest.approx(before[place].probability, abs=1e-3)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_probabilities_sum_to_one(data: st.DataObject) -> None:
    cases = []
    for _ in range(data.draw(st.integers(1, 4))):
        options = data.draw(st.integers(1, 5))
        shares = data.draw(st.lists(st.floats(0.0, 1.0), min_size=options + 1, max_size=options + 1))
        prior = (np.array(shares) + 1e-9) / (np.array(shares) + 1e-9).sum()
        ballots = []
        for _ in range(data.draw(st.integers(0, 5))):
            offered = tuple(
                data.draw(st.lists(st.integers(1, options), min_size=1, max_size=options, unique=True))
            )
            choice = data.draw(st.sampled_from((0, *offered)))
            ballots.append(Ballot(choice, offered, data.draw(st.sampled_from("ab"))))
        cases.append(Ballots(prior, tuple(ballots)))
    for each, tally in zip(cases, weighted(cases), strict=True):
        assert tally.probability.shape == each.prior.shape
        assert tally.probability.sum() == pytest.approx(1)
        assert (tally.probability >= 0).all()
        assert tally.leader == tally.order[0]
