"""One-coin Dawid and Skene."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.arrays import Doubles
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.dawid_skene import dawid_skene


def even(options: int) -> Doubles:
    return np.full(options + 1, 1 / (options + 1))


def drawn(
    accuracy: dict[str, float], cases: int, seed: int, options: int = 3
) -> tuple[list[Ballots], list[int]]:
    """Cases whose voters are right as often as they are said to be, and the truth of each."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, options + 1, cases).tolist()
    offered = tuple(range(1, options + 1))
    found = []
    for right in truth:
        wrong = [answer for answer in range(options + 1) if answer != right]
        ballots = [
            Ballot(right if random.random() < share else int(random.choice(wrong)), offered, voter)
            for voter, share in accuracy.items()
        ]
        found.append(Ballots(even(options), tuple(ballots)))
    return found, truth


def test_nothing_in_nothing_out() -> None:
    assert dawid_skene([]) == []


def test_one_good_voter_outweighs_four_poor_ones() -> None:
    cases, truth = drawn({"good": 0.98, "a": 0.4, "b": 0.4, "c": 0.4, "d": 0.4}, 300, seed=1)
    leaders = [tally.leader for tally in dawid_skene(cases)]
    alone = [case.ballots[0].choice for case in cases]
    right = np.mean([a == b for a, b in zip(leaders, truth, strict=True)])
    assert right >= np.mean([a == b for a, b in zip(alone, truth, strict=True)]) - 0.01


def test_claims_are_true_where_votes_are_independent() -> None:
    cases, truth = drawn({"a": 0.8, "b": 0.7, "c": 0.6}, 2000, seed=2)
    tallies = dawid_skene(cases)
    claimed = np.mean([tally.probability.max() for tally in tallies])
    right = np.mean([tally.leader == answer for tally, answer in zip(tallies, truth, strict=True)])
    assert claimed == pytest.approx(right, abs=0.03)


def test_share_without_partner_is_learned() -> None:
    """The prior says none in one of four cases; the votes say it in nine of ten."""
    offered = (1, 2, 3)
    cases = [
        Ballots(even(3), tuple(Ballot(0 if n % 10 else 2, offered, voter) for voter in "abc"))
        for n in range(100)
    ]
    torn = Ballots(even(3), (Ballot(0, offered, "a"), Ballot(2, offered, "b")))
    alone, among = dawid_skene([torn])[0], dawid_skene([*cases, torn])[-1]
    assert among.probability[0] > 0.7
    assert among.probability[0] > alone.probability[0] + 0.1


def test_none_is_right_where_the_partner_was_not_offered() -> None:
    prior = np.array([0.1, 0.3, 0.3, 0.3])
    tally = dawid_skene([Ballots(prior, (Ballot(0, (1,), "a"), Ballot(0, (2,), "a")))])[0]
    assert tally.leader == 3
    assert tally.probability[1] == pytest.approx(tally.probability[2])


def test_a_case_without_a_vote_keeps_its_prior() -> None:
    prior = np.array([0.2, 0.5, 0.3])
    asked, silent = dawid_skene([Ballots(even(1), (Ballot(1, (1,), "a"),)), Ballots(prior)])
    assert silent.probability == pytest.approx(prior)
    assert silent.leader == 1
    assert asked.leader == 1


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_neither_order_nor_names_matter(seed: int, random: Random) -> None:
    cases, _ = drawn({"a": 0.9, "b": 0.6, "c": 0.5}, 12, seed)
    order = list(range(len(cases)))
    random.shuffle(order)
    named = {"a": "z", "b": "m", "c": "k"}
    turned = [
        Ballots(c.prior, tuple(Ballot(b.choice, b.offered, named[b.voter]) for b in reversed(c.ballots)))
        for c in (cases[place] for place in order)
    ]
    before, after = dawid_skene(cases), dawid_skene(turned)
    for place, tally in zip(order, after, strict=True):
        assert tally.probability == pytest.approx(before[place].probability, abs=1e-5)
        assert tally.probability.sum() == pytest.approx(1)
