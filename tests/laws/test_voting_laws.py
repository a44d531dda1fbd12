"""Laws of voting, whatever the votes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config import VotesConfig
from kgalign.judge.asking.next_question import Ask, Stop, next_step, order
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.model import TRUST, VoteModel, standing
from kgalign.judge.votes.reducers import REDUCERS
from kgalign.records.votes import Direction, QuestionKind


@st.composite
def ballots(draw: st.DrawFn, options: int) -> Ballot:
    names = draw(st.permutations(range(1, options + 1)))
    offered = tuple(names[: draw(st.integers(1, options))])
    choice = draw(st.sampled_from((0, *offered)))
    voter = draw(st.sampled_from(("a", "b")))
    if draw(st.booleans()):
        return Ballot(choice, offered, voter)
    size = len(offered) + 1
    weights = np.array(draw(st.lists(st.integers(1, 50), min_size=size, max_size=size)), dtype=np.float64)
    return Ballot(choice, offered, voter, tuple((weights / weights.sum()).tolist()))


@st.composite
def cases(draw: st.DrawFn, options: int | None = None) -> Ballots:
    options = options or draw(st.integers(1, 5))
    size = options + 1
    weights = np.array(draw(st.lists(st.integers(1, 20), min_size=size, max_size=size)), dtype=np.float64)
    cast = draw(st.lists(ballots(options), max_size=6))
    return Ballots(weights / weights.sum(), tuple(cast))


@given(options=st.integers(1, 10), start=st.integers(0, 6), seed=st.integers(0, 2**32 - 1), case=st.text())
def test_each_option_stands_at_each_place_equally_often(
    options: int, start: int, seed: int, case: str
) -> None:
    shown = [order(options, start * options + turn, seed=seed, case=case) for turn in range(options)]
    for place in range(options):
        assert Counter(each[place] for each in shown) == dict.fromkeys(range(1, options + 1), 1)


@pytest.mark.parametrize("name", sorted(REDUCERS))
@given(votes=st.lists(cases(), min_size=1, max_size=6))
def test_a_reducer_gives_each_case_probabilities_and_a_leader_or_none(
    name: str, votes: list[Ballots]
) -> None:
    told = REDUCERS[name](votes)
    assert len(told) == len(votes)
    for tally, case in zip(told, votes, strict=True):
        assert tally.probability.shape == case.prior.shape
        assert tally.probability.sum() == pytest.approx(1)
        assert (tally.probability >= 0).all()
        assert tally.leader is None or 0 <= tally.leader <= case.options


@pytest.mark.parametrize("name", ["majority", "unanimous", "adaptive"])
@given(votes=st.lists(cases(options=4), min_size=1, max_size=5), names=st.permutations((1, 2, 3, 4)))
def test_the_numbers_of_options_make_no_difference(name: str, votes: list[Ballots], names: list[int]) -> None:
    new = (0, *names)
    old = np.argsort(new)
    renamed = [
        Ballots(
            case.prior[old],
            tuple(
                Ballot(new[each.choice], tuple(new[o] for o in each.offered), each.voter, each.probabilities)
                for each in case.ballots
            ),
        )
        for case in votes
    ]
    for before, after in zip(REDUCERS[name](votes), REDUCERS[name](renamed), strict=True):
        assert after.probability == pytest.approx(before.probability[old], abs=1e-6)


@given(votes=st.lists(cases(), min_size=2, max_size=6))
def test_the_order_of_the_cases_makes_no_difference(votes: list[Ballots]) -> None:
    there, back = REDUCERS["adaptive"](votes), REDUCERS["adaptive"](votes[::-1])[::-1]
    for one, other in zip(there, back, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-6)


@given(case=cases(options=3), choice=st.integers(0, 3), shown=st.permutations((1, 2, 3)))
def test_one_more_vote_of_a_voter_for_something_never_makes_it_less_probable(
    case: Ballots, choice: int, shown: list[int]
) -> None:
    # Of one voter: a second one that says the same less clearly takes from the first (decision 0027).
    model = VoteModel()
    cast = tuple(Ballot(each.choice, each.offered, "c", each.probabilities) for each in case.ballots)
    before = standing(Ballots(case.prior, cast), model).posterior[choice]
    more = Ballots(case.prior, (*cast, Ballot(choice, tuple(shown), "c")))
    assert standing(more, model).posterior[choice] >= before - 1e-12


@given(count=st.integers(1, 60), options=st.integers(1, 6))
def test_votes_of_one_voter_saturate(count: int, options: int) -> None:
    """However many they are, they never say more than that the voter can be trusted."""
    flat = np.full(options + 1, 1 / (options + 1))
    one = Ballot(1, tuple(range(1, options + 1)), "a")
    sure = standing(Ballots(flat, (one,) * count), VoteModel()).posterior
    assert sure[1] <= TRUST[0] + 1e-9


@given(
    prior=cases(),
    answers=st.lists(st.integers(-1, 5), min_size=12, max_size=12),
    several=st.booleans(),
    tell=st.booleans(),
    most=st.integers(2, 12),
)
def test_asking_ends_and_a_link_that_is_sure_was_verified_both_ways(
    prior: Ballots, answers: list[int], several: bool, tell: bool, most: int
) -> None:
    rules, model = VotesConfig(max_votes=most), VoteModel()
    asked: list[Ask] = []
    cast: list[Ballot] = []
    counted: list[int] = []
    for answer in (*answers, 0):
        case = Ballots(prior.prior, tuple(cast))
        steps = [
            next_step(
                case,
                asked,
                model,
                rules,
                seed=3,
                case="urn:left",
                has_relations=True,
                several=several,
                counted=counted if tell else None,
            )
            for _ in range(2)
        ]
        assert steps[0] == steps[1]
        step = steps[0]
        if isinstance(step, Stop):
            break
        assert set(step.offered) <= set(range(1, prior.options + 1))
        assert len(set(step.offered)) == len(step.offered)
        if step.kind is QuestionKind.VERIFY or step.direction is Direction.RIGHT_ASKS:
            assert len(step.offered) == 1
        if answer >= 0:
            counted.append(len(asked))
            cast.append(Ballot(answer if answer in step.offered else 0, step.offered, "model"))
        asked.append(step)
    assert isinstance(step, Stop)
    assert len(asked) <= most
    assert len({(ask.kind, ask.direction, ask.turn) for ask in asked}) == len(asked)
    if step.reason == "most":
        assert len(asked) == most
    else:
        assert len(cast) >= rules.min_votes
        leader = standing(case, model).leader
        if leader and tell:
            verified = [asked[number] for number in counted if asked[number].offered == (leader,)]
            ways = {ask.direction for ask in verified if ask.kind is QuestionKind.VERIFY}
            assert ways == set(Direction)
