"""The list for people: each left entity at most once, the likeliest mistake first."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.assign import assign, hold_back
from kgalign.assign.worklist import FEW, LEAST, SHARE, worklist
from kgalign.config import AssignConfig, Cardinality, JudgeConfig
from kgalign.records import Alignment, Outcome, Profile, Verdicts, Worklist
from tests.assign.drawn import SIZE, Rows, cardinalities, rows_of_pairs
from tests.evaluate.small import alignment, profile, verdicts


def side(count: int = SIZE) -> Profile:
    return profile([f"http://e/{n:04}" for n in range(count)])


def decide(
    judged: Verdicts,
    cardinality: Cardinality = "one-to-one",
    precision: float | None = None,
    count: int = SIZE,
) -> Alignment:
    found = assign(judged, count, count, AssignConfig(cardinality=cardinality), JudgeConfig())
    return hold_back(found, precision)


def listed(judged: Verdicts, found: Alignment, count: int = SIZE) -> Worklist:
    return worklist(judged, found, side(count), side(count), JudgeConfig().match_probability)


def of(rows: Rows, cardinality: Cardinality = "one-to-one", **more: float) -> Worklist:
    judged = verdicts(rows)
    return listed(judged, decide(judged, cardinality, more.get("precision")))


def turned(judged: Verdicts, order: list[int]) -> Verdicts:
    """The same verdicts in another order."""
    rows = np.array(order, dtype=np.int64)
    names = ("left", "right", "probability", "log_odds", "contribution", "level", "given", "voted")
    return replace(judged, **{name: getattr(judged, name)[rows] for name in names})


@given(rows_of_pairs, cardinalities, st.one_of(st.none(), st.floats(0.5, 0.99)))
def test_each_left_entity_once_in_the_order_of_doubt(
    rows: Rows, cardinality: Cardinality, precision: float | None
) -> None:
    judged = verdicts(rows)
    found = decide(judged, cardinality, precision)
    work = listed(judged, found)
    left, doubt = work.left.tolist(), work.doubt.tolist()
    assert len(set(left)) == len(left)
    assert all(0 <= each <= 1 for each in doubt)
    assert [(-d, a) for d, a in zip(doubt, left, strict=True)] == sorted(
        (-d, a) for d, a in zip(doubt, left, strict=True)
    )
    open_ = found.left[found.outcome == Outcome.UNDECIDED]
    assert set(open_.tolist()) <= set(left)
    assert len(work) <= max(SIZE // SHARE, FEW) + len(open_)
    assert all(d >= LEAST * 0.999 for d, a in zip(doubt, left, strict=True) if a not in open_)


@given(rows_of_pairs, cardinalities)
def test_a_row_tells_the_truth_about_its_pair(rows: Rows, cardinality: Cardinality) -> None:
    judged = verdicts(rows)
    found = decide(judged, cardinality)
    chance = {row[:2]: np.float32(row[2]) for row in rows}
    links = set(zip(found.left.tolist(), found.right.tolist(), strict=True))
    links = {pair for pair, o in zip(sorted(links), found.outcome, strict=True) if o == Outcome.MATCH}
    work = listed(judged, found)
    for n, (a, b) in enumerate(zip(work.left.tolist(), work.right.tolist(), strict=True)):
        assert work.probability[n] == chance[a, b]
        assert work.linked[n] == ((a, b) in links)
        others = {pair: p for pair, p in chance.items() if pair[0] == a and pair[1] != b and p > 0}
        if work.second[n] < 0:
            assert not others
        else:
            assert work.second_probability[n] == max(others.values()) == others[a, int(work.second[n])]
        if cardinality in ("one-to-one", "many-to-one") and a in {left for left, _ in links}:
            assert work.linked[n]


@given(rows_of_pairs, cardinalities, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_decides_nothing(rows: Rows, cardinality: Cardinality, random: Random) -> None:
    judged = verdicts(rows)
    found = decide(judged, cardinality)
    order = list(range(len(rows)))
    random.shuffle(order)
    place = np.argsort(np.array(order, dtype=np.int64))
    other = listed(turned(judged, order), replace(found, verdict=place[found.verdict].astype(np.int32)))
    for name in ("left", "right", "linked", "probability", "second", "second_probability", "doubt"):
        assert np.array_equal(getattr(listed(judged, found), name), getattr(other, name)), name


def test_equal_doubts_go_by_the_entity_and_equal_partners_too() -> None:
    rows: Rows = [(a, b, 0.3) for a in (3, 1, 2) for b in (5, 4)]
    work = of(rows, "many-to-one")
    assert work.left.tolist() == [1, 2, 3]
    assert work.right.tolist() == [4, 4, 4]
    assert work.second.tolist() == [5, 5, 5]


def test_links_are_listed_by_how_unsure_they_are() -> None:
    work = of([(0, 0, 0.99), (1, 1, 0.6), (2, 2, 0.9), (3, 3, 1.0)])
    assert work.left.tolist() == [1, 2, 0]
    assert work.linked.all()
    assert work.doubt.tolist() == pytest.approx([0.4, 0.1, 0.01], abs=1e-4)


def test_a_rival_of_either_entity_makes_a_link_doubtful() -> None:
    """The evidence is as sure of the three links; of two of them something else is as probable."""
    work = of([(0, 0, 0.9), (0, 3, 0.9), (1, 1, 0.9), (2, 2, 0.9), (4, 2, 0.9)])
    linked = dict(zip(work.left.tolist(), work.doubt.tolist(), strict=True))
    assert linked[1] == pytest.approx(0.1, abs=1e-4)
    assert linked[0] > 0.45
    assert linked[2] > 0.45


def test_several_partners_do_not_rival_each_other() -> None:
    rows: Rows = [(0, 0, 0.99), (0, 1, 0.99), (1, 2, 0.9), (1, 3, 0.3)]
    work = of(rows, "one-to-many")
    doubt = dict(zip(work.left.tolist(), work.doubt.tolist(), strict=True))
    assert doubt[0] == pytest.approx(1 - 0.99**2, abs=1e-4)
    assert doubt[1] == pytest.approx(1 - 0.9 * 0.7, abs=1e-4)
    # Shown is the decision that is most in doubt.
    assert (work.right[0], bool(work.linked[0])) == (3, False)


def test_without_a_link_it_counts_how_common_partners_are() -> None:
    """The same likeness is a mistake where all others have a partner, and chance where nobody has one."""
    count, likely = 40, 0.3
    crowd: Rows = [(n, n, 0.999) for n in range(1, count)]
    nobody: Rows = [(n, n, 0.001) for n in range(1, count)]
    doubts = []
    for rows in (crowd, nobody):
        judged = verdicts([(0, 0, likely), *rows])
        work = listed(judged, decide(judged, count=count), count)
        doubts.append(float(work.doubt[work.left.tolist().index(0)]))
    assert doubts[0] > 0.9
    assert doubts[1] < 0.01


def test_what_a_promise_holds_back_comes_first_with_its_own_probability() -> None:
    rows: Rows = [(0, 0, 0.99), (1, 1, 0.98), (2, 2, 0.7)]
    work = of(rows, precision=0.95)
    assert work.left.tolist() == [2, 1, 0]
    assert work.linked.tolist() == [False, True, True]
    assert work.doubt[0] == pytest.approx(0.7)


def test_what_people_or_the_input_said_is_not_in_doubt() -> None:
    rows: Rows = [(0, 0, 0.6), (0, 1, 0.5), (1, 1, 0.9), (2, 2, 0.7)]
    judged = verdicts(rows, given=[0])
    assert 0 not in listed(judged, decide(judged)).left.tolist()
    judged = verdicts(rows)
    refused = alignment([(2, 2, 0.7, Outcome.REJECTED), (1, 1, 0.9, Outcome.MATCH)])
    refused = replace(refused, verdict=np.array([2, 3], dtype=np.int32))
    assert 2 not in listed(judged, refused).left.tolist()


def test_what_is_only_mentioned_is_not_listed() -> None:
    judged = verdicts([(0, 0, 0.6), (1, 1, 0.6)])
    left = replace(side(), described=np.array([True, False, True, True, True, True]))
    work = worklist(judged, decide(judged), left, side(), 0.5)
    assert work.left.tolist() == [0]


def test_the_list_is_a_tenth_and_all_that_is_left_open() -> None:
    count = 200
    doubtful: Rows = [(n, n, 0.9) for n in range(60)]
    open_: Rows = [(n, n, 0.25) for n in range(60, 90)]
    judged = verdicts([*doubtful, *open_])
    work = listed(judged, decide(judged, count=count), count)
    assert len(work) == count // SHARE + len(open_)
    assert set(work.left.tolist()) >= {row[0] for row in open_}


def test_sure_links_are_not_worth_a_look_and_nothing_gives_nothing() -> None:
    assert not len(of([(n, n, 1.0) for n in range(SIZE)]))
    assert not len(of([]))
    judged = verdicts([])
    assert not len(listed(judged, decide(judged)))
