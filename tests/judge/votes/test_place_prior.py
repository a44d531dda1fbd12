"""The prior of the places, found in probabilities that have it."""

import numpy as np
import pytest

from kgalign.judge.asking.next_question import order
from kgalign.judge.votes.ballots import Ballot
from kgalign.judge.votes.model import corrected, place_priors

PLACES = np.array([0.55, 0.2, 0.1, 0.15])


def habitual(cases: int, turns: int = 1) -> list[Ballot]:
    """Votes of a model that multiplies what it believes of an option by what it gives to its place."""
    rng = np.random.default_rng(5)
    ballots = []
    for case in range(cases):
        belief = rng.dirichlet([0.5] * 4)
        for turn in range(turns):
            shown = order(4, turn, seed=0, case=f"urn:{case}")
            given = np.maximum(belief[np.array(shown) - 1], 0.01) * PLACES
            given *= 0.9 / given.sum()
            choice = shown[int(given.argmax())]
            ballots.append(Ballot(choice, shown, "model", (*given.tolist(), 0.1)))
    return ballots


def test_the_prior_is_found_when_each_case_is_shown_in_balanced_orders() -> None:
    assert place_priors(habitual(200, turns=4))["model", 4] == pytest.approx(PLACES, abs=0.03)


def test_the_prior_is_found_when_each_case_is_shown_once() -> None:
    assert place_priors(habitual(1500))["model", 4] == pytest.approx(PLACES, abs=0.05)


def test_without_it_the_belief_comes_back() -> None:
    belief = np.array([0.1, 0.6, 0.2, 0.1])
    given = belief * PLACES
    given = np.append(given * 0.9 / given.sum(), 0.1)
    assert corrected(given, PLACES) == pytest.approx([0.1, *(0.9 * belief)])


def test_few_votes_say_little_of_places() -> None:
    ballots = [Ballot(1, (1, 2), "model", (0.998, 0.001, 0.001))]
    assert place_priors(ballots)["model", 2] == pytest.approx([0.5, 0.5], abs=0.1)


def test_voters_and_numbers_of_options_are_kept_apart_and_single_options_left_out() -> None:
    ballots = [
        Ballot(1, (1, 2), "a", (0.6, 0.3, 0.1)),
        Ballot(1, (1, 2, 3), "a", (0.6, 0.2, 0.1, 0.1)),
        Ballot(1, (1, 2), "b", (0.6, 0.3, 0.1)),
        Ballot(1, (1,), "b", (0.6, 0.4)),
        Ballot(1, (1, 2), "c"),
    ]
    assert list(place_priors(ballots)) == [("a", 2), ("a", 3), ("b", 2)]


def test_probabilities_of_nothing_are_all_alike() -> None:
    assert corrected(np.zeros(3), np.array([0.5, 0.5])) == pytest.approx([1 / 3] * 3)
    assert corrected(np.array([0.0, 0.0, 1.0]), np.array([0.9, 0.1])) == pytest.approx([1, 0, 0])


def test_without_a_prior_only_the_order_changes() -> None:
    assert corrected(np.array([0.5, 0.3, 0.2]), None) == pytest.approx([0.2, 0.5, 0.3])
