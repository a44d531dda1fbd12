"""What controls tell of a voter: chance, trust in doubtful cases, a liking of yes, and who is believed."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.judge.votes.ballots import KNOWN, Ballot, Ballots
from kgalign.judge.votes.competence import competence, worth_asking
from kgalign.judge.votes.learning import estimate, likings
from kgalign.judge.votes.model import SUREST, in_doubt, standing
from kgalign.judge.votes.reducers import REDUCERS
from kgalign.llm.protocol import Message, Sampling
from kgalign.records.votes import (
    NONE,
    Answer,
    Direction,
    Question,
    QuestionKind,
    Status,
    View,
    Vote,
    control_name,
)


def control(number: int, said: int, partner: int = 1, options: int = 3, shares: object = None) -> Vote:
    """A vote on a control.

    :param said: place that was chosen, 0 for none.
    :param partner: place of the partner, 0 where it is not shown.
    """
    shown = tuple(f"urn:right:{number}:{place}" for place in range(1, options + 1))
    verify = options == 1
    question = Question(
        case=control_name(f"urn:left:{number}", shown[partner - 1] if partner else NONE),
        number=0,
        kind=QuestionKind.VERIFY if verify else QuestionKind.SELECT,
        direction=Direction.LEFT_ASKS,
        view=View.ATTRIBUTES,
        asker=f"urn:left:{number}",
        options=shown,
        labels=("yes", "no") if verify else (*"ABCD"[:options], "none"),
        template="verify-1@1",
        template_hash="0",
        messages=(Message("user", "?"),),
        values=(),
    )
    answer = Answer(Status.OK, shown[said - 1] if said else NONE, said, probabilities=shares)  # type: ignore[arg-type]
    return Vote("", "", "model", "", question, answer, Sampling(), "", "stop", 0, 0, 0, 0.0, 1, "")


def test_one_that_knows_is_worth_asking() -> None:
    votes = [control(n, said=n % 4, partner=n % 4) for n in range(12)]
    [found] = competence(votes)
    assert (found.asked, found.usable, found.right) == (12, 12, 12)
    assert found.by_chance < 4
    assert worth_asking([found]) == {QuestionKind.SELECT}


@pytest.mark.parametrize("said", [0, 1, 2])
def test_one_of_habits_is_not_however_often_it_is_right_by_them(said: int) -> None:
    votes = [control(n, said=said, partner=said if n % 6 else 3 - said) for n in range(12)]
    [found] = competence(votes)
    assert found.right == 10
    assert found.by_chance > 9
    assert not worth_asking([found])


@given(st.integers(0, 400))
def test_one_that_guesses_seldom_gets_through(seed: int) -> None:
    generator = np.random.default_rng(seed)
    passed = 0
    for _ in range(20):
        votes = [control(n, int(generator.integers(4)), n % 4) for n in range(12)]
        passed += bool(worth_asking(competence(votes)))
    assert passed <= 7  # one in twenty on average; eight of twenty come once in 100,000 times


def test_a_form_that_it_is_good_at_is_asked_alone() -> None:
    pairs = [control(n, said=1, partner=n % 2, options=1) for n in range(12)]
    select = [control(n, said=n % 4, partner=n % 4) for n in range(12, 24)]
    assert worth_asking(competence([*pairs, *select])) == {QuestionKind.SELECT}


def test_who_says_yes_to_all_but_less_surely_to_what_is_wrong_knows_something() -> None:
    votes = [
        control(n, said=1, partner=n % 2, options=1, shares=(0.95, 0.05) if n % 2 else (0.7, 0.3))
        for n in range(12)
    ]
    [found] = competence(votes)
    assert found.right == 6
    assert found.is_worth_asking


def test_too_few_answers_say_nothing() -> None:
    broken = [
        replace(vote, answer=Answer(Status.UNREADABLE, None, 0))
        for vote in (control(n, n % 4, n % 4) for n in range(12))
    ]
    [found] = competence([*broken, *(control(n, n % 4, n % 4) for n in range(20, 23))])
    assert (found.asked, found.usable) == (15, 3)
    assert found.above == -math.inf


# --- Trust


PRIORS = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=6).map(lambda each: np.array(each) / sum(each))


@given(st.floats(0.0, 1.0), PRIORS)
def test_trust_in_doubt_is_never_above_that_in_what_is_sure(trust: float, prior: np.ndarray) -> None:
    [found] = in_doubt(trust, prior[None])
    assert min(trust, 1 / len(prior)) - 1e-9 <= found <= max(trust, 1e-6) + 1e-9


@given(st.floats(0.3, 0.999), st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_the_more_in_doubt_the_less_trust(trust: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    doubtful, clear = in_doubt(trust, np.array([[1 - low, low], [1 - high, high]]))
    assert doubtful <= clear + 1e-12


def test_a_case_as_clear_as_a_control_has_its_trust() -> None:
    sure = 1 / (1 + math.exp(-SUREST))
    assert in_doubt(0.9, np.array([[1 - sure, sure]]))[0] == pytest.approx(0.9)


def known(said: int, right: int = 1, voter: str = "model") -> Ballots:
    prior = np.full(4, (1 - KNOWN) / 3)
    prior[right] = KNOWN
    return Ballots(prior, (Ballot(said, (1, 2, 3), voter),) * 2, known=True)


def test_trust_is_learned_from_controls_and_not_from_agreeing_with_itself() -> None:
    doubtful = [Ballots(np.array([0.1, 0.5, 0.2, 0.2]), (Ballot(2, (1, 2, 3), "model"),) * 3)] * 40
    wrong = [known(1 + n % 3, right=1 + (n + 1) % 3) for n in range(12)]
    right = [known(1 + n % 3, right=1 + n % 3) for n in range(12)]
    bad, good = estimate([*wrong, *doubtful]), estimate([*right, *doubtful])
    assert bad.trust["model"] < 0.35 < 0.9 < good.trust["model"]
    assert standing(doubtful[0], bad).leader == 1
    assert standing(doubtful[0], good).leader == 2


def known_pair(yes: bool, right: bool) -> Ballots:
    prior = np.array([1 - KNOWN, KNOWN] if right else [KNOWN, 1 - KNOWN])
    return Ballots(prior, (Ballot(int(yes), (1,), "model"),) * 2, known=True)


@given(PRIORS)
def test_yes_and_no_that_are_no_better_than_a_coin_tell_nothing_among_many_options(prior: np.ndarray) -> None:
    controls = [known_pair(yes=bool(n % 2), right=bool(n // 2 % 2)) for n in range(24)]
    asked = Ballots(prior, (Ballot(1, (1,), "model"), Ballot(0, (min(2, len(prior) - 1),), "model")))
    model = estimate([*controls, asked])
    assert model.of_pairs == {"model"}
    assert standing(asked, model).posterior == pytest.approx(prior, abs=0.02)


def test_yes_and_no_that_are_right_on_controls_tell_as_much_among_many_options() -> None:
    controls = [known_pair(yes=bool(n % 2), right=bool(n % 2)) for n in range(24)]
    sure = np.array([0.02, 0.93, 0.03, 0.02])
    asked = Ballots(sure, (Ballot(0, (1,), "model"), Ballot(2, (2,), "model")) * 2)
    now = standing(asked, estimate([*controls, asked])).posterior
    assert now[1] < sure[1] - 0.2
    assert now[2] > sure[2] + 0.1


@given(st.floats(0.3, 0.999), PRIORS)
def test_a_pair_of_two_hypotheses_is_as_any_case(trust: float, prior: np.ndarray) -> None:
    two = np.array([prior[0], 1 - prior[0]])
    [pairs], [any_] = in_doubt(trust, two[None], True), in_doubt(trust, two[None])
    assert pairs == pytest.approx(max(0.5, any_))


# --- A liking of yes


def test_a_liking_of_yes_is_taken_off() -> None:
    """A voter of which the log-odds are 3 too high and twice too strong."""
    generator = np.random.default_rng(0)
    cases = []
    for number in range(60):
        right = number % 2
        odds = 3.0 + 2.0 * ((2.0 if right else -2.0) + generator.normal())
        share = 1 / (1 + math.exp(-odds))
        prior = np.array([1 - KNOWN, KNOWN] if right else [KNOWN, 1 - KNOWN])
        cases.append(Ballots(prior, (Ballot(int(odds > 0), (1,), "model", (share, 1 - share)),), known=True))
    liking = likings(cases)["model"]
    assert -liking.shift / liking.slope == pytest.approx(3.0, abs=1.0)
    model = estimate(cases)
    flat = np.array([0.5, 0.5])
    unsure = Ballots(flat, (Ballot(1, (1,), "model", (0.9, 0.1)),))  # a pair of which it is rather unsure
    assert standing(unsure, model).leader == 0
    assert likings([replace(case, known=False) for case in cases]) == {}


# --- Reducers


@pytest.mark.parametrize("name", sorted(set(REDUCERS) - {"adaptive"}))
def test_who_is_wrong_on_controls_changes_nothing(name: str) -> None:
    wrong = [known(1 + n % 3, right=1 + (n + 1) % 3) for n in range(12)]
    case = Ballots(np.array([0.1, 0.5, 0.2, 0.2]), (Ballot(2, (1, 2, 3), "model"),) * 5)
    tally = REDUCERS[name]([*wrong, case])[-1]
    assert tally.leader == 1
    assert tally.probability == pytest.approx(case.prior)


@pytest.mark.parametrize("name", sorted(REDUCERS))
def test_who_is_right_on_controls_is_believed(name: str) -> None:
    right = [known(1 + n % 3, right=1 + n % 3) for n in range(12)]
    case = Ballots(np.array([0.1, 0.5, 0.2, 0.2]), (Ballot(2, (1, 2, 3), "model"),) * 5)
    assert REDUCERS[name]([*right, case])[-1].leader == 2
