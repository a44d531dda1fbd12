"""What is asked next, and when it ends."""

import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from kgalign.arrays import Doubles
from kgalign.config import VotesConfig
from kgalign.judge.asking.next_question import Ask, Stop, next_step, order
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.model import VoteModel
from kgalign.records.votes import Direction, QuestionKind, View

SELECT, VERIFY = QuestionKind.SELECT, QuestionKind.VERIFY
LEFT, RIGHT = Direction.LEFT_ASKS, Direction.RIGHT_ASKS
Voter = Callable[[Ask], int | None]
"""A question → what is chosen, None where the answer is unusable."""


def believes(*options: int) -> Voter:
    """A voter that takes what it believes in wherever it is offered."""
    return lambda ask: next((option for option in options if option in ask.offered), 0)


def play(
    voter: Voter,
    prior: Doubles | None = None,
    *,
    relations: bool = True,
    several: bool = False,
    rivals: tuple[int, ...] | None = None,
    tell: bool = True,
    rules: VotesConfig | None = None,
) -> tuple[list[Ask], list[int], Stop]:
    """Ask until it ends: the questions, the numbers of those that were usable, and why it ended."""
    prior = np.full(4, 0.25) if prior is None else prior
    asked: list[Ask] = []
    ballots: list[Ballot] = []
    counted: list[int] = []
    while True:
        step = next_step(
            Ballots(prior, tuple(ballots)),
            asked,
            VoteModel(),
            rules or VotesConfig(),
            seed=1,
            case="urn:left",
            has_relations=relations,
            several=several,
            rivals=rivals,
            counted=counted if tell else None,
        )
        if isinstance(step, Stop):
            return asked, counted, step
        choice = voter(step)
        if choice is not None:
            counted.append(len(asked))
            ballots.append(Ballot(choice, step.offered, "model"))
        asked.append(step)


def forms(asked: list[Ask]) -> list[tuple[QuestionKind, Direction]]:
    return [(ask.kind, ask.direction) for ask in asked]


def test_a_clear_link_costs_one_selection_and_one_verification_each_way() -> None:
    asked, _, stop = play(believes(2))
    assert forms(asked) == [(SELECT, LEFT), (VERIFY, LEFT), (VERIFY, RIGHT)]
    assert sorted(asked[0].offered) == [1, 2, 3]
    assert [ask.offered for ask in asked[1:]] == [(2,), (2,)]
    assert stop == Stop("sure")


def test_none_of_them_is_selected_twice_in_other_orders() -> None:
    asked, _, stop = play(believes())
    assert forms(asked) == [(SELECT, LEFT)] * 2
    assert asked[0].offered != asked[1].offered
    assert stop == Stop("sure")


def test_a_verification_that_fails_leads_on_to_other_forms() -> None:
    """It is selected but not verified: more is asked, with the right side among those who ask."""

    def voter(ask: Ask) -> int:
        return 2 if ask.kind is SELECT and 2 in ask.offered else 0

    asked, _, _ = play(voter, prior=np.array([0.05, 0.05, 0.85, 0.05]))
    assert forms(asked)[:3] == [(SELECT, LEFT), (VERIFY, LEFT), (VERIFY, RIGHT)]
    assert len(asked) > 3


def test_forms_take_turns_while_nothing_is_settled() -> None:
    seen: list[Ask] = []

    def voter(ask: Ask) -> int:
        seen.append(ask)
        return 1 if len(seen) % 2 or len(ask.offered) > 1 else 0

    asked, _, stop = play(voter, rules=VotesConfig(max_votes=9, confidence=0.9999))
    assert (SELECT, RIGHT) in forms(asked)
    assert stop == Stop("most")
    assert len({(ask.kind, ask.direction, ask.turn) for ask in asked}) == len(asked)


def test_unusable_answers_count_as_asked_and_not_as_votes() -> None:
    asked, counted, stop = play(lambda ask: None, rules=VotesConfig(max_votes=5))
    assert forms(asked) == [(SELECT, LEFT)] * 5
    assert len({ask.offered for ask in asked}) == 5
    assert counted == []
    assert stop == Stop("most")


@pytest.mark.parametrize("tell", [True, False])
def test_a_lost_verification_is_asked_again(tell: bool) -> None:
    tries: list[Ask] = []

    def voter(ask: Ask) -> int | None:
        tries.append(ask)
        return None if len(tries) == 3 else 2 if 2 in ask.offered else 0

    asked, _, stop = play(voter, tell=tell)
    assert forms(asked) == [(SELECT, LEFT), (VERIFY, LEFT), (VERIFY, RIGHT), (VERIFY, RIGHT)]
    assert [ask.turn for ask in asked] == [0, 0, 0, 1]
    assert stop == Stop("sure")


def test_a_pair_on_its_own_is_only_verified() -> None:
    asked, _, stop = play(believes(1), prior=np.array([0.5, 0.5]), several=True)
    assert {kind for kind, _ in forms(asked)} == {VERIFY}
    assert {direction for _, direction in forms(asked)} == {LEFT, RIGHT}
    assert stop == Stop("sure")


def test_the_right_side_selects_only_where_it_has_rivals() -> None:
    def undecided(ask: Ask) -> int:
        return ask.offered[0] if ask.turn % 2 else 0

    strict = VotesConfig(max_votes=12, confidence=0.9999)
    with_rivals, _, _ = play(undecided, np.array([0.2, 0.8]), rules=strict, rivals=(1,))
    without, _, _ = play(undecided, np.array([0.2, 0.8]), rules=strict, rivals=())
    assert (SELECT, RIGHT) in forms(with_rivals)
    assert (SELECT, RIGHT) not in forms(without)


def test_views_alternate_where_there_are_relations() -> None:
    asked, _, _ = play(lambda ask: None, rules=VotesConfig(max_votes=4))
    assert [ask.view for ask in asked] == [View.ATTRIBUTES, View.BOTH, View.RELATIONS, View.ATTRIBUTES]
    plain, _, _ = play(lambda ask: None, relations=False, rules=VotesConfig(max_votes=4))
    assert {ask.view for ask in plain} == {View.ATTRIBUTES}


def test_without_options_there_is_nothing_to_ask() -> None:
    assert play(believes(), np.array([1.0])) == ([], [], Stop("sure"))


def test_the_least_number_of_votes_is_kept() -> None:
    _, counted, _ = play(believes(), np.array([0.97, 0.01, 0.01, 0.01]), rules=VotesConfig(min_votes=5))
    assert len(counted) == 5


def test_a_voter_that_is_sure_is_not_asked_on_even_if_it_is_not_trusted() -> None:
    """Its tendency is clear: more of its votes would not change what is believed."""
    prior = np.array([0.02, 0.49, 0.49])
    model = VoteModel(trust={"model": 0.6})
    votes = Ballots(prior, tuple(Ballot(1, offered, "model") for offered in ((1, 2), (1,), (1,))))
    asked = [
        Ask(SELECT, LEFT, View.BOTH, (1, 2), 0),
        Ask(VERIFY, LEFT, View.BOTH, (1,), 0),
        Ask(VERIFY, RIGHT, View.BOTH, (1,), 0),
    ]
    step = next_step(votes, asked, model, VotesConfig(), seed=0, case="urn:left", has_relations=True)
    assert step == Stop("sure")


def orders(options: int, turns: int, *, seed: int = 0, case: str = "urn:a") -> list[tuple[int, ...]]:
    return [order(options, turn, seed=seed, case=case) for turn in range(turns)]


@pytest.mark.parametrize("options", [2, 4, 6, 8, 10])
def test_in_an_even_design_each_option_follows_each_other_one_once(options: int) -> None:
    pairs = Counter(pair for shown in orders(options, options) for pair in itertools.pairwise(shown))
    assert len(pairs) == options * (options - 1)
    assert set(pairs.values()) == {1}


@pytest.mark.parametrize("options", [3, 5, 7, 9])
def test_in_an_odd_design_each_option_follows_each_other_one_twice(options: int) -> None:
    shown = orders(options, 2 * options)
    pairs = Counter(pair for each in shown for pair in itertools.pairwise(each))
    assert len(pairs) == options * (options - 1)
    assert set(pairs.values()) == {2}


@pytest.mark.parametrize(("options", "turns"), [(4, 4), (5, 10), (6, 6)])
def test_no_order_comes_twice_in_a_design(options: int, turns: int) -> None:
    assert len(set(orders(options, turns))) == turns


def test_the_next_design_goes_on_with_other_orders() -> None:
    shown = orders(6, 12)
    assert set(shown[:6]) != set(shown[6:])


def test_over_many_cases_each_option_comes_first_equally_often() -> None:
    first = Counter(order(5, 0, seed=3, case=f"urn:{number}")[0] for number in range(5000))
    assert all(abs(count - 1000) < 120 for count in first.values())  # four standard deviations


def test_seed_and_case_decide() -> None:
    some = {tuple(orders(5, 5, seed=seed, case=case)) for seed in (0, 1) for case in ("urn:a", "urn:b")}
    assert len(some) == 4
    assert orders(5, 5) == orders(5, 5)


def test_orders_are_the_same_on_every_machine() -> None:
    assert orders(4, 2, seed=7, case="urn:é") == [(1, 2, 4, 3), (2, 3, 1, 4)]


def test_one_option_and_a_case_with_half_a_character() -> None:
    assert order(1, 3, seed=0, case="urn:a") == (1,)
    assert sorted(order(3, 0, seed=0, case="urn:\ud800")) == [1, 2, 3]
