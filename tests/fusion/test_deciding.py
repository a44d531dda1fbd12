"""Rules in a fusion: which policy decides what, what it does to stray values, and what is told."""

import json

import numpy as np
import pytest

from kgalign.config import fusion as settings
from kgalign.errors import InputError
from kgalign.fusion.policies import POLICIES
from kgalign.records.fused import Fusion
from tests.fusion.rivals_in_pairs import E, datatype, fates, fused, graph, written


def rule_of(fusion: Fusion, property: str = "p") -> set[str]:
    rows = np.flatnonzero(fusion.conflict >= 0)
    return {
        fusion.rules[fusion.rule[row]] for row in rows if fusion.text(fusion.property[row]) == E + property
    }


# --- every policy is reachable


def test_the_names_of_the_configuration_are_those_of_the_policies() -> None:
    assert set(settings.POLICIES) == {*POLICIES, "Auto"}
    kinds = {
        name: {kind.name.lower() for kind in policy.kinds}
        for name, policy in POLICIES.items()
        if name in settings.POLICY_KINDS
    }
    assert kinds == {name: set(each) for name, each in settings.POLICY_KINDS.items()}
    assert all(
        len(policy.kinds) == 5 for name, policy in POLICIES.items() if name not in settings.POLICY_KINDS
    )


LEFT = ':x :p 9.5 ; dct:modified "2020-01-01"^^xsd:date .'
RIGHT = ':x :p 12.5 ; dct:modified "2021-01-01"^^xsd:date .'


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("PassItOn", ["12.5", "9.5"]),
        ("KeepFirst", ["9.5"]),
        ("KeepLast", ["12.5"]),
        ("KeepSingleValueByQualityScore", ["12.5"]),
        ("KeepAllValuesWithHighestScore", ["12.5"]),
        ("Voting", ["12.5"]),
        ("WeightedVoting", ["12.5"]),
        ("Average", ["11"]),
        ("Median", ["11"]),
        ("Maximum", ["12.5"]),
        ("Minimum", ["9.5"]),
        ("Longest", ["12.5"]),
        ("Union", ["12.5", "9.5"]),
        ("MostRecent", ["12.5"]),
        ("Concatenate", ["12.5; 9.5"]),
    ],
)
def test_each_policy_by_property(policy: str, expected: list[str]) -> None:
    rule: dict[str, object] = {"policy": policy}
    scores = {"new": {"function": "TimeCloseness", "property": "http://purl.org/dc/terms/modified"}}
    if policy in settings.SCORED:
        rule["quality"] = "new"
    fusion = fused(LEFT, RIGHT, properties={E + "p": rule}, quality=scores)
    assert written(fusion) == expected
    if len(expected) == 1:
        assert rule_of(fusion) == {policy}


@pytest.mark.parametrize("policy", ["Auto", "MostTrusted"])
def test_learned_trust_decides(policy: str) -> None:
    rows = range(12)
    truth = "\n".join(f":x{n} :p {n * 1000 + 7} ; :q {n + 100} ." for n in rows)
    wrong = "\n".join(f":x{n} :p {n * 1000 + 7 if n < 6 else n * 500 + 3} ; :q {n + 100} ." for n in rows)
    fusion = fused(f":g1 {{ {truth} }} :g2 {{ {wrong} }}", truth, properties={E + "p": policy})
    assert written(fusion, subject="x9") == ["9007"]
    trust = {each.source: each.right for each in fusion.trust if each.properties == (E + "p",)}
    assert trust[E + "g2"] < min(trust["right"], trust[E + "g1"])


def test_by_kind_and_for_all() -> None:
    left, right = ':x :p 1 ; :q "a" ; :r :y .', ':x :p 2 ; :q "bb" ; :r :z .'
    fusion = fused(left, right, kinds={"number": "Minimum", "text": "Longest"}, policy="KeepLast")
    assert [written(fusion, name) for name in "pqr"] == [["1"], ["bb"], ["z"]]
    fusion = fused(
        left, right, kinds={"number": "Minimum"}, properties={E + "p": "Maximum"}, policy="KeepLast"
    )
    assert written(fusion) == ["2"]


def test_one_value_per_language() -> None:
    fusion = fused(
        ':x :p "Rome"@en, "Rom"@de .', ':x :p "Roma City"@en, "Roma"@it .', properties={E + "p": "Longest"}
    )
    assert written(fusion) == ["Rom", "Roma", "Roma City"]


# --- by either graph's name


def test_a_rule_may_name_the_property_as_either_graph_has_it() -> None:
    left, right = ":x :p 1 .", ":x :population 2 ."
    mapping = {E + "p": E + "population"}
    for iri in mapping.popitem():
        fusion = fused(left, right, properties={iri: "Maximum"}, mapping={E + "p": E + "population"})
        assert written(fusion) == ["2"]
        assert rule_of(fusion) == {"Maximum"}
        assert not fusion.warnings


def test_a_rule_holds_for_the_right_vocabulary_too() -> None:
    fusion = fused(
        ":x :p 1 .",
        ":x :population 2 .",
        properties={E + "p": "Minimum"},
        mapping={E + "p": E + "population"},
        vocabulary="right",
    )
    assert written(fusion, "population") == ["1"]


def test_rules_that_contradict_each_other_are_refused_by_both_names() -> None:
    rules = {E + "p": "Maximum", E + "population": {"policy": "KeepFirst", "sources": ["right"]}}
    with pytest.raises(InputError) as caught:
        fused(":x :p 1 .", ":x :population 2 .", properties=rules, mapping={E + "p": E + "population"})
    assert all(part in str(caught.value) for part in (f"{E}p (Maximum)", f"{E}population (KeepFirst, right)"))
    assert str(caught.value).count(". ") == 1
    apart = fused(":x :p 1 .", ":x :population 2 .", properties=rules, mapping={E + "p": ""})
    assert (written(apart), written(apart, "population")) == (["1"], ["2"])


def test_the_same_rule_by_both_names_is_one_rule() -> None:
    rules = {E + "p": "Maximum", E + "population": "Maximum"}
    fusion = fused(":x :p 1 .", ":x :population 2 .", properties=rules, mapping={E + "p": E + "population"})
    assert written(fusion) == ["2"]


# --- what is named in vain


def test_what_a_rule_names_in_vain_is_told_with_the_nearest() -> None:
    fusion = fused(
        ':x :population 1 . :g { :x :name "a" . :y :name "b" . }',
        ":x :population 2 .",
        properties={
            E + "populaton": "Maximum",
            "http://schema.org/population": "Maximum",
            E + "population": {"policy": "KeepFirst", "sources": ["rigth", "left"]},
        },
        quality={"new": {"function": "TimeCloseness", "property": E + "nmae"}},
        sources={E + "gg": "g"},
    )
    assert fusion.warnings == (
        f"A rule names the property {E}populaton, which neither graph has; did you mean {E}population?",
        "A rule names the property http://schema.org/population, which neither graph has; "
        f"did you mean {E}population?",
        f"The rule for {E}population names the source rigth, which is none; did you mean right?",
        f"No named graph's IRI starts with {E}gg, as fuse.sources has it; did you mean {E}g?",
        f"The quality score new goes by {E}nmae, which nothing has; did you mean {E}name?",
    )


def test_without_conflicts_rules_are_checked_all_the_same() -> None:
    fusion = fused(":x :p 1 .", ":x :p 1 .", properties={E + "q": "Average"})
    assert len(fusion.warnings) == 1
    assert not fused(":x :p 1 .", ":x :p 1 .", properties={E + "p": "Average"}).warnings


# --- what does not fit


def test_a_policy_that_does_not_fit_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError) as caught:
        fused(':x :p "a" .', ':x :p "b" .', properties={E + "p": "Average"})
    message = str(caught.value)
    assert all(part in message for part in ("Average", E + "p", "2 values", "'a'"))
    assert message.count(". ") == 1


def test_a_stray_value_loses_and_says_so() -> None:
    left = "\n".join(f":x{n} :p {n} ." for n in range(20))
    right = "\n".join(f":x{n} :p {n + 2 if n != 7 else chr(34) + 'many' + chr(34)} ." for n in range(20))
    fusion = fused(left, right, properties={E + "p": "Average"})
    assert written(fusion, subject="x3") == ["4"]
    assert written(fusion, subject="x7") == ["7"]
    assert fates(fusion, subject="x7")["right", "many"] == (
        "LOST",
        "it is no number, which Average goes by here",
    )
    assert fates(fusion, subject="x3")["right", "5"] == ("COUNTED", "the mean was taken")


def test_where_all_values_are_stray_the_vote_decides_and_says_so() -> None:
    left = ':x :p "a" . ' + "\n".join(f":x{n} :p {n} ." for n in range(9))
    right = ':x :p "b" . ' + "\n".join(f":x{n} :p {n + 2} ." for n in range(9))
    fusion = fused(left, right, properties={E + "p": "Median"})
    assert len(written(fusion)) == 1
    (reason,) = {why for role, why in fates(fusion).values() if role == "LOST"}
    assert reason.startswith("no value is a number, so the vote decided")


def test_dates_among_which_years_are_plain_numbers() -> None:
    left = """:x :p 1999 . :x1 :p "2001-01-01"^^xsd:date . :x2 :p "2002-01-01"^^xsd:date ."""
    right = """:x :p "1998-01-01"^^xsd:date . :x1 :p 2001 . :x2 :p "2003-01-01"^^xsd:date ."""
    fusion = fused(left, right, properties={E + "p": "Maximum"})
    assert written(fusion) == ["1999"]
    assert written(fusion, subject="x1") == ["2001-01-01"]
    assert fates(fusion, subject="x1")["right", "2001"][0] == "AGREES"


def test_a_policy_for_all_leaves_what_it_does_not_fit_to_the_default_and_says_so() -> None:
    fusion = fused(':x :p 1 ; :name "a" .', ':x :p 4 ; :name "b" .', policy="Average")
    assert written(fusion) == ["2.5"]
    assert len(written(fusion, "name")) == 1
    assert fusion.warnings == (f"The policy Average does not fit {E}name: Auto decided there",)
    with pytest.raises(InputError, match="Average fits no property"):
        fused(':x :name "a" .', ':x :name "b" .', policy="Average")


# --- computed values

LONG = "123456789012345678901234567"


@pytest.mark.parametrize(
    ("one", "two", "mean", "type"),
    [
        ('"100"^^xsd:byte', '"127"^^xsd:byte', "113.5", "decimal"),
        ('"300"^^xsd:byte', '"400"^^xsd:byte', "350", "integer"),
        ('"100"^^xsd:byte', '"120"^^xsd:byte', "110", "byte"),
        ('"-3"^^xsd:positiveInteger', '"1"^^xsd:positiveInteger', "-1", "integer"),
        ("1", "4", "2.5", "decimal"),
        ('"3e38"^^xsd:float', '"3.9e38"^^xsd:float', "3.45e+38", "double"),
        ('"1"^^xsd:float', '"2"^^xsd:double', "1.5", "double"),
        (LONG + "0", LONG + "2", LONG + "1", "integer"),
        ("0.00000000000000000001", "0.00000000000000000003", "0.00000000000000000002", "decimal"),
        ("9007199254740993", "9007199254740994", "9007199254740993.5", "decimal"),
    ],
)
def test_a_mean_has_a_datatype_that_holds_it(one: str, two: str, mean: str, type: str) -> None:
    fusion = fused(f":x :p {one} .", f":x :p {two} .", properties={E + "p": "Average"})
    assert written(fusion) == [mean]
    assert datatype(fusion) == type


def test_a_number_that_none_holds_is_told_and_breaks_nothing() -> None:
    left = ':x :p "1e400"^^xsd:double . :x1 :p 1 . :x2 :p 2 .'
    right = ":x :p 5 . :x1 :p 2 . :x2 :p 4 ."
    fusion = fused(left, right, properties={E + "p": "Average"})
    assert written(fusion) == ["5"]
    role, reason = fates(fusion)["left", "1e400"]
    assert role == "LOST"
    assert "is no number" in reason


# --- the order of sources


FOUR = ":x :p 3 . :b { :x :p 1 ; :q 1 . :y :p 1 ; :q 1 } :a { :x :p 2 ; :q 2 . :y :p 5 ; :q 7 }"


@pytest.mark.parametrize(
    ("sources", "first", "last"),
    [
        ([], "3", "1"),
        (["right"], "4", "1"),
        ([E + "b", "right"], "1", "2"),
        (["left", "http://example.org/a"], "3", "1"),
    ],
)
def test_first_and_last_go_by_the_rule_then_left_right_then_names(
    sources: list[str], first: str, last: str
) -> None:
    rules = {name: {E + "p": {"policy": name, "sources": sources}} for name in ("KeepFirst", "KeepLast")}
    assert written(fused(FOUR, ":x :p 4 .", properties=rules["KeepFirst"])) == [first]
    assert written(fused(FOUR, ":x :p 4 .", properties=rules["KeepLast"])) == [last]


def test_a_tie_is_called_a_tie() -> None:
    fusion = fused(":x :p 1 .", ":x :p 2 .", policy="Voting")
    (reason,) = {why for role, why in fates(fusion).values() if role == "LOST"}
    assert reason.startswith("as many sources say another value")
    fusion = fused(":x :p 1 .", ":x :p 2 .", policy="MostRecent")
    (reason,) = {why for role, why in fates(fusion).values() if role == "LOST"}
    assert reason.startswith("for want of dates, so the vote decided")


# --- quality


def test_scores_by_name_completeness_and_prefix() -> None:
    left, right = ":x :p 1 ; :a 1 ; :b 2 .", ":x :p 2 ; :a 1 ."
    keep = {E + "p": "KeepSingleValueByQualityScore"}
    fusion = fused(left, right, properties=keep, quality={"full": {"function": "Completeness"}})
    assert written(fusion) == ["1"]
    named = {"function": "ScoredList", "names": ["right", "left"]}
    assert written(fused(left, right, properties=keep, quality={"it": named})) == ["2"]
    weighted = {E + "p": {"policy": "WeightedVoting", "quality": "it"}}
    assert written(fused(left, right, properties=weighted, quality={"it": named})) == ["2"]


def test_a_fusion_without_scores_says_so() -> None:
    score = {"new": {"function": "TimeCloseness", "property": "http://purl.org/dc/terms/modified"}}
    fusion = fused(
        ":x :p 1 .", ":x :p 2 .", properties={E + "p": "KeepSingleValueByQualityScore"}, quality=score
    )
    (reason,) = {why for role, why in fates(fusion).values() if role == "LOST"}
    assert "for want of scores" in reason
    assert fusion.warnings[-1] == (
        f"The policy KeepSingleValueByQualityScore finds no scores by new for {E}p: the vote decided there"
    )
    fusion = fused(":x :p 1 ; :q 2 .", ":x :p 2 ; :q 3 .", policy="MostRecent")
    assert fusion.warnings == (
        f"The policy MostRecent finds no dates for {E}p, {E}q: the vote decided there",
    )


def test_the_same_fusion_twice() -> None:
    options = {"properties": {E + "p": "WeightedVoting"}, "kinds": {"text": "Longest"}}
    one, two = (fused(graph(LEFT), graph(RIGHT), **options) for _ in range(2))
    assert json.dumps([one.role.tolist(), one.reasons]) == json.dumps([two.role.tolist(), two.reasons])
