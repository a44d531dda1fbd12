"""Scores of quality, and the age of claims."""

import math

import numpy as np
import pytest

from kgalign.fuse import quality
from kgalign.fuse.claims import claims_of
from tests.fuse.made_claims import graph_of

DATED = """
:g1 { :a :p 1 } :g2 { :a :p 2 } :g3 { :a :p 3 } :a :p 4 .
:meta {
  :g1 :lastedit "2013-04-01T00:00:00Z"^^xsd:dateTime ; :registered "2001-01-01"^^xsd:date ; :edits 7 .
  :g2 :lastedit "2010-01-01"^^xsd:date, "2011-01-01"^^xsd:date ; :registered "2002-01-01"^^xsd:date .
  :g3 :registered "2003-01-01"^^xsd:date .
}
"""


def test_the_age_is_found_by_itself() -> None:
    graph = graph_of(DATED)
    claims = claims_of(graph, "left")
    days = dict(
        zip(
            (claims.text(each) for each in claims.value.tolist()),
            quality.ages(claims, quality.indicators_of(graph)).tolist(),
            strict=True,
        )
    )
    assert days["1"] - days["2"] == pytest.approx(2 * 365 + 1 + 90)
    assert math.isnan(days["3"])
    assert math.isnan(days["4"])


def test_the_property_of_the_age_may_be_given() -> None:
    graph = graph_of(DATED)
    claims = claims_of(graph, "left")
    found = quality.ages(claims, quality.indicators_of(graph), "http://example.org/registered")
    assert np.isfinite(found).sum() == 3
    nothing = quality.ages(claims, quality.indicators_of(graph), "http://example.org/edits")
    assert not np.isfinite(nothing).any()


def test_without_metadata_there_is_no_age() -> None:
    graph = graph_of(":a :p 1 .")
    assert np.isnan(quality.ages(claims_of(graph), quality.indicators_of(graph))).all()


def test_scores() -> None:
    assert quality.time_closeness(100, now=100, span=10) == 1
    assert quality.time_closeness(95, now=100, span=10) == pytest.approx(0.5)
    assert quality.time_closeness(20, now=100, span=10) == 0
    assert quality.time_closeness(math.nan, now=100, span=10) == 0
    assert [quality.scored_list(name, ["a", "b"]) for name in "abc"] == [1, 0.5, 0]
    assert quality.scored_prefix_list("http://b/x", ["http://a", "http://b"]) == 0.5
    assert quality.scored_prefix_list("urn:x", ["http://a"]) == 0
    assert quality.set_membership("a", {"a"}) == 1
    assert quality.threshold(3, 3) == 1
    assert quality.threshold(math.nan, 3) == 0
    assert [quality.interval_membership(x, 1, 2) for x in (0.9, 1, 2, math.nan)] == [0, 1, 1, 0]
    assert quality.normalized_count(5, 10) == 0.5
    assert quality.normalized_count(50, 10) == 1
    assert quality.normalized_count(math.nan, 10) == quality.normalized_count(5, 0) == 0
