"""Which correspondences fusion acts on."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from kgalign.records.vocabularies import (
    SAME,
    ClassMatch,
    Conversion,
    PropertyMatch,
    Target,
    Vocabularies,
    class_objection,
    objection,
    sure_share,
)
from kgalign.values import ValueKind

MATCH = PropertyMatch(
    left="urn:l",
    right="urn:r",
    relation="exact",
    inverse=False,
    score=0.95,
    support=40,
    agreement=0.95,
    left_agreement=0.95,
    right_agreement=0.95,
    chance=0.0,
    kinds=(ValueKind.TEXT, ValueKind.TEXT),
    conversion=SAME,
    notes=(),
    examples=(),
    chosen=True,
    compared=40,
    left_pairs=50,
    right_pairs=50,
)
MILES = Conversion(0.621, 0.0, "kilometres → miles")
CLASS = ClassMatch("urn:L", "urn:R", "exact", 0.9, 40, 1.0, 1.0, True)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_sure_share_is_the_lower_end_of_wilsons_interval(successes: int, number: int) -> None:
    successes = min(successes, number)
    interval = binomtest(successes, number).proportion_ci(0.95, "wilson")
    assert sure_share(successes / number, number) == pytest.approx(interval.low, abs=1e-4)


def test_of_nothing_nothing_is_sure() -> None:
    assert sure_share(1.0, 0) == 0.0


@pytest.mark.parametrize("target", ["left", "right"])
def test_what_is_sure_is_acted_on(target: Target) -> None:
    assert objection(MATCH, target) == ""
    assert objection(replace(MATCH, relation="close"), target) == ""
    assert objection(replace(MATCH, inverse=True), target) == ""
    assert class_objection(CLASS, target) == ""


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        (replace(MATCH, conversion=MILES), "another unit: kilometres → miles"),
        (replace(MATCH, conversion=MILES, given=True), "another unit: kilometres → miles"),
        (replace(MATCH, doubts=("other numbers", "opposites")), "other numbers"),
        (replace(MATCH, chosen=False), "another correspondence is surer"),
        (replace(MATCH, relation="narrower"), "the left one says only part of the other"),
        (replace(MATCH, relation="broader"), "the right one says only part of the other"),
        (replace(MATCH, relation="close", inverse=True), "an inverse, and not exact seen from both ends"),
        (replace(MATCH, support=9), "too few: 9 linked pairs have both"),
        (replace(MATCH, score=0.6), "not sure: a score of 0.60 in 40 pairs may be under 0.5"),
        (replace(MATCH, compared=10, score=0.75), "not sure: a score of 0.75 in 10 pairs may be under 0.5"),
    ],
)
def test_what_speaks_against_it(match: PropertyMatch, reason: str) -> None:
    assert objection(match, "left") == reason


def test_most_of_what_would_be_renamed_must_not_be_unseen() -> None:
    rare = replace(MATCH, right_pairs=401)
    assert objection(rare, "left") == "of 401 linked nodes with it, only 40 could be compared"
    assert objection(rare, "right") == ""
    assert objection(replace(rare, right_pairs=400), "left") == ""


def test_what_the_user_says_is_done() -> None:
    doubted = replace(MATCH, given=True, doubts=("opposites",), support=0, compared=0, relation="close")
    assert objection(doubted, "left") == ""
    assert class_objection(replace(CLASS, given=True, support=0), "right") == ""


def test_both_vocabularies_are_kept_where_that_is_wanted() -> None:
    assert objection(replace(MATCH, given=True), "both") == "both vocabularies are kept"
    assert class_objection(CLASS, "both") == "both vocabularies are kept"


def test_against_one_name_on_both_sides_nothing_can_be_said() -> None:
    same = replace(MATCH, right="urn:l", support=1, score=0.0)
    assert objection(same, "left") == objection(same, "both") == ""
    assert objection(replace(same, inverse=True), "left") != ""
    assert class_objection(replace(CLASS, right="urn:L", support=1), "both") == ""


@pytest.mark.parametrize(
    "match",
    [
        replace(CLASS, chosen=False),
        replace(CLASS, relation="close"),
        replace(CLASS, support=9),
        replace(CLASS, score=0.49),
    ],
)
def test_classes_that_are_not_sure_stay(match: ClassMatch) -> None:
    assert class_objection(match, "left") != ""


def test_units_are_told_of_what_corresponds() -> None:
    other = replace(MATCH, left="http://e.org/v#km", right="urn:v:miles", conversion=MILES)
    found = Vocabularies((MATCH, other, replace(other, chosen=False)))
    assert found.units == ("km and miles: kilometres → miles",)
