"""What the figures on a judging's votes say."""

import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kgalign.ledger import FILE, Ledger, Statistics, summarise
from kgalign.ledger.statistics import agreement, places, saved
from kgalign.records.votes import NONE, Decision, Direction, QuestionKind, Status, Vote
from tests.ledger.made import OPTIONS, SETTINGS, a_decision, a_vote, left

VIENNA, GRAZ, LINZ = OPTIONS
J = "judging"


def orders(options: Sequence[str], count: int) -> list[tuple[str, ...]]:
    """Rotations: each option stands at each place equally often."""
    return [
        tuple(options[(place + turn) % len(options)] for place in range(len(options)))
        for turn in range(count)
    ]


def summary(votes: Sequence[Vote], decisions: Sequence[Decision] = ()) -> Statistics:
    found = summarise(iter(votes), iter(decisions))
    json.dumps(asdict(found), allow_nan=False)  # it can be printed as JSON, whatever it says
    return found


def test_an_empty_ledger_has_figures_too(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / FILE, write=True) as ledger:
        found = summary(list(ledger.votes()), list(ledger.decisions()))
    assert (found.votes, found.cases, found.positions, found.rates, found.rounds) == (0, 0, (), (), ())
    assert found.flips.rate is found.flips.pairwise is found.saved.share is found.agreement.share is None
    assert found.spending.calls.mean == found.spending.tokens.median == found.spending.seconds.most == 0


def test_a_ledger_can_be_summarised_as_it_is_read(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / FILE, write=True) as ledger:
        judging = ledger.begin("judge-1b", "", SETTINGS).name
        for number, case in itertools.product(range(3), ("b", "a")):
            ledger.keep(a_vote(judging, case, number))
        ledger.decide([a_decision(judging, "a"), a_decision(judging, "b", outcome="undecided")])
        found = summarise(ledger.votes(), ledger.decisions())
    assert (found.votes, found.cases) == (6, 2)
    assert found.outcomes == {"match": 1, "undecided": 1}


def test_cases_whose_select_votes_choose_differently_have_flipped() -> None:
    votes = [
        # steady: the same choice in every order
        *(a_vote(J, "a", number, options=order) for number, order in enumerate(orders(OPTIONS, 3))),
        # flipped: two for Vienna, one for Graz
        a_vote(J, "b", 0),
        a_vote(J, "b", 1, options=OPTIONS[::-1]),
        a_vote(J, "b", 2, chosen=GRAZ),
        # flipped: none of them is an answer too
        a_vote(J, "c", 0),
        a_vote(J, "c", 1, chosen=NONE),
        # asked once, and once more without a usable answer: can't flip
        a_vote(J, "d", 0),
        a_vote(J, "d", 1, chosen=LINZ, status=Status.INVENTED),
        # two different questions: choosing differently is no flip, though a contradiction
        a_vote(J, "e", 0),
        a_vote(J, "e", 1, options=(GRAZ, LINZ), chosen=GRAZ),
        # a verify question is none of this
        a_vote(J, "f", 0),
        a_vote(J, "f", 1, kind=QuestionKind.VERIFY, options=(VIENNA,), chosen=NONE),
    ]
    flips = summary(votes).flips
    assert (flips.cases, flips.flipped, flips.rate) == (3, 2, 2 / 3)
    assert (flips.pairs, flips.pairs_apart, flips.pairwise) == (3 + 3 + 1, 0 + 2 + 1, 3 / 7)
    # b, c and e: Graz was taken, and was there to be taken when Vienna was; and f: the verify question takes
    # back what was selected.
    assert flips.contradicted == 4


@given(st.lists(st.sampled_from([*OPTIONS, NONE]), min_size=2, max_size=7))
def test_pairwise_disagreement_is_that_of_all_pairs(choices: list[str]) -> None:
    votes = [a_vote(J, "a", number, chosen=choice) for number, choice in enumerate(choices)]
    pairs = list(itertools.combinations(choices, 2))
    flips = summary(votes).flips
    assert flips.pairwise == sum(one != other for one, other in pairs) / len(pairs)
    assert flips.flipped == (len(set(choices)) > 1)


@given(st.lists(st.integers(0, 500), min_size=2, max_size=20).filter(any))
def test_the_chi_square_is_that_of_scipy(chosen: list[int]) -> None:
    found = places(len(chosen), chosen, 3, [(0, 0)] * len(chosen))
    oracle = stats.chisquare(chosen)
    assert found.chi_square == pytest.approx(oracle.statistic)
    assert found.p == pytest.approx(oracle.pvalue)
    assert found.degrees == len(chosen) - 1
    assert found.votes == sum(chosen) + 3
    assert sum(place.expected for place in found.places) == pytest.approx(sum(chosen))


def judged(bias: float, cases: int = 200) -> Statistics:
    """Votes of a judge that takes the first place with chance ``bias`` and is right otherwise."""
    chance = random.Random(0)
    votes = [
        a_vote(
            J, case, number, options=order, chosen=order[0] if chance.random() < bias else OPTIONS[case % 3]
        )
        for case in range(cases)
        for number, order in enumerate(orders(OPTIONS, 3))
    ]
    return summary(votes, [a_decision(J, case, chosen=OPTIONS[case % 3]) for case in range(cases)])


def test_a_judge_that_prefers_a_place_is_found_out_and_one_that_does_not_is_not() -> None:
    (fair,) = judged(0.0).positions
    assert [place.chosen for place in fair.places] == [200, 200, 200]
    assert fair.chi_square == 0
    assert fair.p == 1
    assert [(place.winner_stood, place.winner_chosen) for place in fair.places] == [(200, 200)] * 3

    (biased,) = judged(0.2).positions
    assert biased.p is not None
    assert biased.p < 1e-6
    first, *rest = biased.places
    assert first.chosen > first.expected == 200
    assert first.winner_chosen == first.winner_stood
    assert all(0.7 < place.winner_chosen / place.winner_stood < 0.9 for place in rest)


def test_places_are_told_apart_by_the_number_of_options() -> None:
    votes = [
        a_vote(J, "a", 0),
        a_vote(J, "a", 1, chosen=NONE),
        a_vote(J, "a", 2, chosen=LINZ, status=Status.NOT_OFFERED),
        a_vote(J, "b", 0, options=(GRAZ, VIENNA)),
        a_vote(J, "c", 0, options=(VIENNA,)),
        a_vote(J, "c", 1, options=(VIENNA,), kind=QuestionKind.VERIFY),
    ]
    two, three = summary(votes).positions
    assert (two.options, two.votes, two.none, [place.chosen for place in two.places]) == (2, 1, 0, [0, 1])
    assert (three.options, three.votes, three.none) == (3, 2, 1)
    assert [place.chosen for place in three.places] == [1, 0, 0]


def test_answers_for_none_of_them_alone_have_no_chi_square() -> None:
    (table,) = summary([a_vote(J, chosen=NONE)]).positions
    assert (table.votes, table.none, table.chi_square, table.p, table.degrees) == (1, 1, None, None, 2)


def test_where_the_winner_asks_the_right_answer_is_the_case_itself() -> None:
    rivals = (left("Linz"), left("Wien"), left("Graz"))
    votes = [
        a_vote(
            J,
            "Wien",
            number,
            direction=Direction.RIGHT_ASKS,
            asker=asker,
            options=rivals,
            chosen=left("Wien") if asker == VIENNA else NONE,
        )
        for number, asker in enumerate((VIENNA, GRAZ))
    ]
    found = summary(votes, [a_decision(J, "Wien")])
    (table,) = found.positions
    assert [(place.winner_stood, place.winner_chosen) for place in table.places] == [(0, 0), (1, 1), (0, 0)]
    assert [(each.settled, each.with_decision, each.none) for each in found.rounds] == [(1, 1, 0), (1, 1, 1)]


def test_rates_are_those_of_a_model_and_a_template() -> None:
    votes = [
        a_vote(J, "a", 0),
        a_vote(J, "a", 1, status=Status.INVENTED, shortened=True),
        a_vote(J, "a", 2, status=Status.NOT_OFFERED),
        a_vote(J, "a", 3, status=Status.CUT_OFF),
        a_vote(J, "a", 4, status=Status.FAILED),
        a_vote(J, "a", 5, template="verify-1"),
        a_vote(J, "a", 6, model="another"),
    ]
    other, select, verify = summary(votes).rates
    assert (other.model, other.votes) == ("another", 1)
    assert (select.template, select.votes, select.shortened) == ("select-1", 5, 1)
    assert select.status == {
        "ok": 1, "not-offered": 1, "invented": 1, "cut-off": 1, "unreadable": 0, "failed": 1,
    }  # fmt: skip
    assert (select.hallucinated, select.unusable, select.failed) == (2 / 4, 1 / 4, 1 / 5)
    assert (verify.template, verify.hallucinated, verify.failed) == ("verify-1", 0.0, 0.0)


def test_a_model_that_never_answered_has_rates_too() -> None:
    (rates,) = summary([a_vote(J, status=Status.FAILED)]).rates
    assert (rates.failed, rates.hallucinated, rates.unusable) == (1.0, 0.0, 0.0)


@given(st.lists(st.lists(st.integers(0, 5000), min_size=1, max_size=5), min_size=1, max_size=6))
def test_spending_is_per_case(tokens: list[list[int]]) -> None:
    votes = [
        a_vote(J, case, number, tokens=(count, 10))
        for case, counts in enumerate(tokens)
        for number, count in enumerate(counts)
    ]
    spending = summary(votes).spending
    sums = np.array([sum(counts) + 10 * len(counts) for counts in tokens])
    calls = np.array([len(counts) for counts in tokens])
    assert spending.cases == len(tokens)
    assert spending.tokens.total == sums.sum()
    assert spending.tokens.mean == pytest.approx(sums.mean())
    assert spending.tokens.median == pytest.approx(np.median(sums))
    assert spending.tokens.most == sums.max()
    assert (spending.calls.total, spending.calls.most) == (calls.sum(), calls.max())
    assert spending.seconds.total == pytest.approx(0.25 * calls.sum())
    assert spending.attempts == calls.sum()


def test_stopping_early_saves_what_was_not_asked() -> None:
    found = saved(
        [
            a_decision(J, "a", asked=2, most=7),
            a_decision(J, "b", asked=7, most=7, stopped="most"),
            a_decision(J, "c", asked=7, most=7),  # sure, with its last question
            a_decision(J, "d", asked=1, most=7, stopped="limit"),
            a_decision(J, "e", asked=0, most=7, stopped="failed"),
        ]
    )
    assert (found.cases, found.early, found.asked, found.most, found.saved) == (3, 1, 16, 21, 5)
    assert found.share == 5 / 21


def test_the_tiers_agree_or_differ_in_one_of_three_ways() -> None:
    none = {"outcome": "no_match"}
    found = agreement(
        [
            a_decision(J, "a"),
            a_decision(J, "b", evidence_choice=GRAZ),
            a_decision(J, "c", evidence_choice=NONE),
            a_decision(J, "d", **none),
            a_decision(J, "e", evidence_choice=NONE, **none),
            a_decision(J, "f", evidence_choice=NONE, **none),
            a_decision(J, "g", outcome="undecided"),
            a_decision(J, "h", outcome="not_asked", asked=0),
        ]
    )
    assert (found.same_link, found.changed_partner, found.none_to_link) == (1, 1, 1)
    assert (found.link_to_none, found.both_none, found.unsettled) == (1, 2, 1)
    assert found.share == 3 / 6


def test_rounds_say_how_often_each_question_agrees_with_what_was_decided() -> None:
    votes = [
        a_vote(J, "a", 0),
        a_vote(J, "a", 1, chosen=GRAZ),
        a_vote(J, "b", 0, status=Status.UNREADABLE),
        a_vote(J, "b", 1, chosen=NONE, options=(GRAZ, LINZ)),  # right: the winner was not offered
        a_vote(J, "c", 0),
    ]
    decisions = [a_decision(J, "a"), a_decision(J, "b"), a_decision(J, "c", outcome="undecided")]
    first, second = summary(votes, decisions).rounds
    assert (first.number, first.votes, first.counted, first.settled, first.with_decision) == (0, 3, 2, 1, 1)
    assert (second.number, second.votes, second.counted, second.none) == (1, 2, 2, 1)
    assert (second.settled, second.with_decision) == (2, 1)
    assert (second.tokens, second.seconds) == (1280, 0.5)


def test_a_choice_that_cannot_be_told_is_not_counted() -> None:
    vote = a_vote(J, "a", 0)
    unclear = replace(a_vote(J, "a", 1), answer=replace(vote.answer, choice=None, place=0))
    found = summary([vote, unclear], [a_decision(J, "a")])
    assert found.flips.cases == 0
    assert found.positions[0].votes == 1
    assert [each.counted for each in found.rounds] == [1, 0]
