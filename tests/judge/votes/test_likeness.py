"""Voters that go by how alike texts are: they err for the look-alike, and so does the evidence."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.votes.ballots import KNOWN, Ballot, Ballots
from kgalign.judge.votes.combining import knows
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import VoteModel, standing
from kgalign.judge.votes.reducers import REDUCERS

OPTIONS = 8
ALL = tuple(range(1, OPTIONS + 1))


def looked(choice: int, offered: tuple[int, ...] = ALL, shares: tuple[float, ...] | None = None) -> Ballot:
    return Ballot(choice, offered, "model", shares, by_likeness=True)


def controls(right: int, wrong: int) -> list[Ballots]:
    """Selections whose answer is known, answered rightly so often and wrongly so often."""
    found = []
    for number in range(right + wrong):
        partner = number % (OPTIONS + 1)
        prior = np.full(OPTIONS + 1, (1 - KNOWN) / OPTIONS)
        prior[partner] = KNOWN
        said = partner if number < right else (partner + 1) % (OPTIONS + 1)
        found.append(Ballots(prior, (looked(said),), known=True))
    return found


def drawn(cases: int, seed: int, *, knowing: float) -> tuple[list[Ballots], list[int]]:
    """Cases in doubt, and the truth of each, as probable as the evidence says.

    Two or three of the options look like the partner. The voter knows the truth so often; else it names the
    likeliest of what is wrong, in whatever form it is asked.
    """
    random = np.random.default_rng(seed)
    votes, truths = [], []
    for _ in range(cases):
        alike = int(random.integers(2, 4))
        prior = np.concatenate([random.dirichlet([2.0] * alike) * 0.9, np.full(OPTIONS + 1 - alike, 0.0)])
        prior[alike:] = (1 - prior.sum()) / (OPTIONS + 1 - alike)
        prior = prior[random.permutation(OPTIONS + 1)]
        truth = int(random.choice(OPTIONS + 1, p=prior))
        wrong = int(np.where(np.arange(OPTIONS + 1) == truth, -1.0, prior).argmax())
        said = truth if random.random() < knowing else wrong
        pair = (max(1, said),)
        votes.append(Ballots(prior, (looked(said), looked(said if said in pair else 0, pair))))
        truths.append(truth)
    return votes, truths


def right(told: list[Ballots], truths: list[int], known: list[Ballots]) -> tuple[float, float]:
    """How often the leader is the truth, and its mean probability."""
    model = estimate([*known, *told])
    now = [standing(each, model) for each in told]
    share = np.mean([each.leader == truth for each, truth in zip(now, truths, strict=True)])
    return float(share), float(np.mean([each.posterior.max() for each in now]))


def by_evidence(votes: list[Ballots], truths: list[int]) -> float:
    return float(np.mean([each.prior.argmax() == truth for each, truth in zip(votes, truths, strict=True)]))


def as_any_voter(votes: list[Ballots]) -> list[Ballots]:
    return [
        replace(case, ballots=tuple(replace(ballot, by_likeness=False) for ballot in case.ballots))
        for case in votes
    ]


PRIORS = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=6).map(lambda each: np.array(each) / sum(each))


@st.composite
def votes_on(draw: st.DrawFn) -> Ballots:
    prior = draw(PRIORS)
    cast = []
    for _ in range(draw(st.integers(1, 6))):
        offered = tuple(draw(st.permutations(range(1, len(prior)))))[: draw(st.integers(1, len(prior) - 1))]
        cast.append(looked(draw(st.sampled_from((0, *offered))), offered))
    return Ballots(prior, tuple(cast))


@given(votes_on(), st.floats(0.0, 1.0))
def test_votes_move_the_evidence_no_further_than_the_voter_knows(case: Ballots, trust: float) -> None:
    """The posterior is the linear pool of the evidence and of what a voter would say that always knows."""
    model = VoteModel(trust={"model": trust}, by_likeness=frozenset({"model"}))
    known = float(knows(model.trust_of("model", case.prior), np.square(case.prior).sum()))
    sure = standing(case, VoteModel(trust={"model": 1.0}, by_likeness=model.by_likeness)).posterior
    posterior = standing(case, model).posterior
    assert posterior == pytest.approx(known * sure + (1 - known) * case.prior, abs=1e-5)
    assert np.abs(posterior - case.prior).sum() / 2 <= known + 1e-5


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("on_controls", [14, 17, 18])
def test_one_that_errs_for_look_alikes_does_no_harm(on_controls: int, seed: int) -> None:
    """It always names the best of what is wrong: believed like any other voter it would take much."""
    known = controls(on_controls, 24 - on_controls)
    votes, truths = drawn(600, seed, knowing=0.0)
    share, _ = right(votes, truths, known)
    assert share >= by_evidence(votes, truths) - 0.001
    believed, _ = right(as_any_voter(votes), truths, as_any_voter(known))
    assert believed <= share
    if on_controls > 14:
        assert believed < share - 0.2


def test_what_is_claimed_is_as_often_right() -> None:
    known = controls(17, 7)
    votes, truths = drawn(2000, 1, knowing=0.0)
    told = REDUCERS["adaptive"]([*known, *votes])[len(known) :]
    claimed = np.mean([each.probability.max() for each in told])
    share = np.mean([each.leader == truth for each, truth in zip(told, truths, strict=True)])
    assert claimed <= share + 0.03


def test_one_that_knows_is_heard() -> None:
    known = controls(24, 0)
    votes, truths = drawn(600, 1, knowing=0.9)
    share, _ = right(votes, truths, known)
    assert share > by_evidence(votes, truths) + 0.2


def test_one_that_knows_no_more_than_the_evidence_is_not_asked() -> None:
    any_voter = VoteModel(trust={"model": 0.85}, controlled=True)
    doubtful = np.array([0.02, 0.5, 0.4, *[0.08 / 6] * 6])
    assert any_voter.can_tell("model", doubtful)
    assert not replace(any_voter, by_likeness=frozenset({"model"})).can_tell("model", doubtful)


def test_beside_others_its_guesses_take_nothing_from_them() -> None:
    model = VoteModel(
        trust={"good": 0.9, "model": 0.3}, controlled=False, by_likeness=frozenset({"model"}), slope=0.8
    )
    prior = np.array([0.1, 0.5, 0.4])
    alone = Ballots(prior, (Ballot(2, (1, 2), "good"),))
    beside = Ballots(prior, (*alone.ballots, looked(1, (1, 2))))
    even = VoteModel(trust={"good": 0.9, "model": 1 / 3}, slope=0.8)
    silent = Ballots(prior, (*alone.ballots, Ballot(1, (1, 2), "model")))
    assert standing(beside, model).posterior == pytest.approx(standing(silent, even).posterior)
