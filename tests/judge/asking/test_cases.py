"""Whom to ask about."""

from collections.abc import Sequence

import numpy as np
import pytest

from kgalign.config import VotesConfig
from kgalign.judge.asking.cases import Case, find_cases
from kgalign.records import Profile, Verdicts
from tests.evaluate.small import profile, verdicts

LEFT = profile([f"http://l/{name}" for name in "abcd"])
RIGHT = profile([f"http://r/{name}" for name in "wxyz"])


def found(
    judged: Verdicts, *, cardinality: str = "one-to-one", left: Profile = LEFT, **rules: object
) -> list[Case]:
    return find_cases(judged, left, RIGHT, VotesConfig.model_validate(rules), cardinality)


def names(cases: Sequence[Case]) -> list[str]:
    return [case.name.replace("http://", "") for case in cases]


def test_the_clear_is_not_asked_about_and_the_widest_doubt_comes_first() -> None:
    judged = verdicts([(0, 0, 0.99), (1, 1, 0.6), (2, 2, 0.02), (3, 3, 0.8)])
    assert names(found(judged)) == ["l/b", "l/d"]
    assert names(found(judged, doubt=0.3)) == ["l/b"]
    assert names(found(judged, ask="all")) == ["l/b", "l/d", "l/c", "l/a"]
    assert found(judged, ask="none") == []


def test_two_likely_candidates_are_in_doubt_though_a_match_is_sure() -> None:
    (case,) = found(verdicts([(0, 0, 0.5), (0, 1, 0.48)]))
    assert case.options == (0, 1)
    assert case.prior.sum() == pytest.approx(1)
    assert case.prior[1] > case.prior[2] > case.prior[0] > 0


def test_options_are_the_likeliest_and_the_hopeless_are_not_shown() -> None:
    (case,) = found(verdicts([(0, 0, 0.001), (0, 1, 0.3), (0, 2, 0.2), (0, 3, 0.1)]), options=2)
    assert case.options == (1, 2)
    (case,) = found(verdicts([(0, 0, 0.001), (0, 1, 0.3), (0, 2, 0.2), (0, 3, 0.1)]))
    assert case.options == (1, 2, 3)
    assert case.rows == (1, 2, 3)
    assert case.prior == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_rivals_are_the_other_entities_an_option_may_belong_to() -> None:
    judged = verdicts([(0, 0, 0.5), (1, 0, 0.3), (2, 0, 0.4), (3, 0, 0.001)])
    case = found(judged)[0]
    assert case.name == "http://l/a"
    assert case.rivals == ((2, 1),)
    assert case.contested == (1,)
    assert found(judged, cardinality="many-to-one")[0].rivals == ((),)


def test_what_is_known_from_the_start_is_never_asked_about() -> None:
    judged = verdicts([(0, 0, 0.5), (0, 1, 0.4), (1, 0, 0.5), (2, 2, 0.5)], given=[0])
    assert names(found(judged)) == ["l/c"]
    assert names(found(judged, cardinality="many-to-many")) == ["l/a r/x", "l/b r/w", "l/c r/y"] or names(
        found(judged, cardinality="many-to-many")
    ) == ["l/b r/w", "l/c r/y", "l/a r/x"]


def test_where_several_partners_are_right_each_pair_is_a_case() -> None:
    cases = found(verdicts([(0, 0, 0.5), (0, 1, 0.6), (0, 2, 0.99)]), cardinality="one-to-many")
    assert names(cases) == ["l/a r/w", "l/a r/x"]
    assert all(case.several and len(case.options) == 1 for case in cases)
    assert cases[1].prior == pytest.approx([0.4, 0.6])


def test_cases_do_not_depend_on_the_order_of_the_pairs() -> None:
    rows = [(0, 0, 0.5), (0, 1, 0.4), (1, 1, 0.5), (2, 2, 0.3), (3, 3, 0.3)]
    forward, backward = found(verdicts(rows)), found(verdicts(rows[::-1]))
    assert [(case.name, case.options, case.rivals) for case in forward] == [
        (case.name, case.options, case.rivals) for case in backward
    ]
    assert all(np.array_equal(a.prior, b.prior) for a, b in zip(forward, backward, strict=True))
