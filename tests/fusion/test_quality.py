"""Scores of quality, and the age of claims."""

import math

import numpy as np
import pytest

from bench.fuse import claims_of, indicators_of
from kgalign.config.fusion import QualityConfig
from kgalign.fusion import quality
from kgalign.fusion.claims import Claims
from tests.fusion.made_claims import E, graph_of
from tests.fusion.rivals_in_pairs import fates, fused, written

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
            quality.ages(claims, indicators_of(graph)).tolist(),
            strict=True,
        )
    )
    assert days["1"] - days["2"] == pytest.approx(2 * 365 + 1 + 90)
    assert math.isnan(days["3"])
    assert math.isnan(days["4"])


def test_the_property_of_the_age_may_be_given() -> None:
    graph = graph_of(DATED)
    claims = claims_of(graph, "left")
    found = quality.ages(claims, indicators_of(graph), "http://example.org/registered")
    assert np.isfinite(found).sum() == 3
    nothing = quality.ages(claims, indicators_of(graph), "http://example.org/edits")
    assert not np.isfinite(nothing).any()


def test_without_metadata_there_is_no_age() -> None:
    graph = graph_of(":a :p 1 .")
    assert np.isnan(quality.ages(claims_of(graph), indicators_of(graph))).all()


def by_value(text: str, **score: object) -> dict[str, float]:
    """The score of each claim of the property p, by its value."""
    graph = graph_of(text)
    claims = claims_of(graph, "left")
    config = QualityConfig.model_validate(score)
    found = quality.scores(claims, indicators_of(graph), config)
    return {
        claims.text(claims.value[row]): round(float(found[row]), 3)
        for row in range(len(claims))
        if claims.text(claims.property[row]) == E + "p"
    }


def ages_of(claims: Claims) -> dict[str, float]:
    nothing = np.empty(0, np.int32)
    found = quality.ages(claims, quality.Indicators(nothing, nothing, nothing))
    return {claims.text(claims.value[row]): float(found[row]) for row in range(len(claims))}


SCORED = """
:g1 { :a :p 1 ; :q 1 . :z :q 2 } :g2 { :a :p 2 . :z :q 4 } :a :p 3 .
:meta {
  :g1 :edited "2013-01-01"^^xsd:date ; :edits 50 ; :by "Ann", "Bob" .
  :g2 :edited "2012-07-02"^^xsd:date ; :edits 20 ; :by "Cy" .
}
"""


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ({"function": "TimeCloseness", "property": E + "edited"}, [1.0, 0.499]),
        ({"function": "TimeCloseness", "property": E + "edited", "days": 100}, [1.0, 0.0]),
        ({"function": "Threshold", "property": E + "edits", "low": 30}, [1.0, 0.0]),
        ({"function": "IntervalMembership", "property": E + "edits", "low": 10, "high": 30}, [0.0, 1.0]),
        ({"function": "NormalizedCount", "property": E + "edits"}, [1.0, 0.4]),
        ({"function": "NormalizedCount", "property": E + "edits", "high": 100}, [0.5, 0.2]),
        ({"function": "ScoredList", "property": E + "by", "names": ["Bob", "Cy"]}, [1.0, 0.5]),
        ({"function": "SetMembership", "property": E + "by", "names": ["Cy"]}, [0.0, 1.0]),
        ({"function": "ScoredPrefixList", "property": E + "by", "names": ["C", "A"]}, [0.5, 1.0]),
    ],
)
def test_scores_by_what_is_said_of_named_graphs(score: dict[str, object], expected: list[float]) -> None:
    found = by_value(SCORED, **score)
    assert [found["1"], found["2"]] == expected
    assert math.isnan(found["3"])


@pytest.mark.parametrize("function", ["TimeCloseness", "Threshold", "IntervalMembership", "NormalizedCount"])
def test_what_a_function_cannot_measure_scores_nothing(function: str) -> None:
    found = by_value(SCORED, function=function, property=E + "by")
    assert (found["1"], found["2"]) == (0.0, 0.0)


def test_scores_by_name_of_source_or_graph() -> None:
    found = by_value(SCORED, function="ScoredList", names=["left", E + "g2"])
    assert found == {"1": 0.0, "2": 0.5, "3": 1.0}
    found = by_value(SCORED, function="ScoredPrefixList", names=["http://example.org/g"])
    assert found == {"1": 1.0, "2": 1.0, "3": 0.0}


def test_completeness_is_the_share_of_what_anybody_says_of_the_thing() -> None:
    # In all, p and q are said of a: g1 says both, g2 and the default graph one of them.
    assert by_value(SCORED, function="Completeness") == {"1": 1.0, "2": 0.5, "3": 0.5}


def test_a_claim_without_metadata_does_not_win_against_one_with() -> None:
    score = {"new": {"function": "Threshold", "property": E + "edits", "low": 1}}
    fusion = fused(":x :p 1 ; :edits 0 .", ":x :p 2 .", policy="KeepSingleValueByQualityScore", quality=score)
    assert {role for role, _ in fates(fusion).values()} == {"WRITTEN", "LOST"}
    fusion = fused(":x :p 9 ; :edits 3 .", ":x :p 2 .", policy="KeepSingleValueByQualityScore", quality=score)
    assert written(fusion) == ["9"]


def test_the_age_of_what_a_source_says_of_the_thing() -> None:
    left = ':x :p 1 ; dct:modified "2020-05-01"^^xsd:date . :x1 :p 1 .'
    right = ':x :p 2 ; dct:modified "2019-01-01T10:00:00Z"^^xsd:dateTime . :x1 :p 2 ; dct:modified 7 .'
    fusion = fused(left, right, properties={E + "p": "MostRecent"})
    assert written(fusion) == ["1"]
    assert fates(fusion)["right", "2"] == ("LOST", "another value is newer")
    assert "for want of dates" in " ".join(why for _, why in fates(fusion, subject="x1").values())


def test_each_source_may_have_a_property_of_its_own_for_it() -> None:
    left = ':x :p 1 ; dct:modified "2020-05-01"^^xsd:date ; :born "2022-01-01"^^xsd:date .'
    right = (
        ':x :p 2 ; prov:generatedAtTime "2021-01-01T10:00:00Z"^^xsd:dateTime ; :born "1999-01-01"^^xsd:date .'
    )
    assert written(fused(left, right, properties={E + "p": "MostRecent"})) == ["2"]


def test_the_age_of_a_whole_data_set_comes_last() -> None:
    left = ':data a void:Dataset ; dct:modified "2021-01-01"^^xsd:date . :x :p 1 . :x1 :p 1 .'
    right = """:other a void:Dataset ; dct:modified "2019-01-01"^^xsd:date .
        :x :p 2 . :x1 :p 2 ; dct:modified "2022-01-01"^^xsd:date ."""
    fusion = fused(left, right, properties={E + "p": "MostRecent"})
    assert written(fusion) == ["1"]
    assert written(fusion, subject="x1") == ["2"]


def test_of_several_data_sets_none_speaks_for_the_source() -> None:
    graph = graph_of(
        """:a a <http://www.w3.org/ns/dcat#Dataset> ; :modified "2021-01-01"^^xsd:date ; :p 1 .
        :b a <http://www.w3.org/ns/dcat#Dataset> ; :modified "2022-01-01"^^xsd:date ; :p 2 . :c :p 3 ."""
    )
    ages = ages_of(claims_of(graph, "left"))
    assert ages["2"] - ages["1"] == 365
    assert math.isnan(ages["3"])


def test_a_named_graph_speaks_before_the_thing() -> None:
    left = """:g { :x :p 1 ; dct:modified "2022-01-01"^^xsd:date } :h { :x :p 5 }
        :meta { :g dct:modified "2001-01-01"^^xsd:date . :h dct:modified "2002-01-01"^^xsd:date }"""
    right = ':x :p 2 ; dct:modified "2010-01-01"^^xsd:date .'
    assert written(fused(left, right, properties={E + "p": "MostRecent"})) == ["2"]


def test_nothing_has_no_scores() -> None:
    claims = claims_of(graph_of(":a :p 1 .")).take(np.zeros(1, bool))
    nothing = np.empty(0, np.int32)
    for function, more in (("Completeness", {}), ("Threshold", {"property": E + "p"})):
        config = QualityConfig.model_validate({"function": function, **more})
        assert len(quality.scores(claims, quality.Indicators(nothing, nothing, nothing), config)) == 0
