"""Each policy by its name, on contests that a person can decide."""

import math

import pytest

from kgalign.errors import ConfigError, InputError
from kgalign.fusion.policies import POLICIES, Claim, Contest, Value, resolve
from kgalign.rdf.graph import TermKind
from kgalign.rdf.vocabulary import XSD

INT, DOUBLE, DECIMAL, DATE, YEAR = (XSD + each for each in ("integer", "double", "decimal", "date", "gYear"))


def contest(*values: str | Value, datatype: str = "", **columns: list[float]) -> Contest:
    """Claims of sources a, b, c … in this order."""
    claims = []
    for place, value in enumerate(values):
        numbers = {name: column[place] for name, column in columns.items()}
        term = value if isinstance(value, Value) else Value(value, datatype)
        claims.append(Claim(term, "abcdefgh"[place], **numbers))
    return Contest("http://example.org/x", "http://example.org/p", tuple(claims))


def kept(name: str, said: Contest) -> list[str]:
    return [each.value.text for each in resolve(name, said).kept]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PassItOn", ["12", "12.0", "7", "9"]),
        ("KeepFirst", ["9"]),
        ("KeepLast", ["7"]),
        ("Voting", ["12"]),
        ("Average", ["10"]),
        ("Median", ["10.5"]),
        ("Maximum", ["12"]),
        ("Minimum", ["7"]),
        ("Longest", ["12.0"]),
        ("Union", ["12", "7", "9"]),
    ],
)
def test_numbers(name: str, expected: list[str]) -> None:
    assert kept(name, contest("9", "12", "12.0", "7", datatype=DECIMAL)) == expected


def test_every_claim_is_kept_or_lost_with_a_reason() -> None:
    decision = resolve("Voting", contest("9", "12", "12.0", "7", datatype=DECIMAL))
    assert decision.kept[0].backers == (1, 2)
    assert dict(decision.lost) == {0: "more sources say another value", 3: "more sources say another value"}
    assert decision.confidence == 0.5


def test_scores_trust_and_age() -> None:
    said = contest(
        "1", "2", "3", datatype=INT, score=[0.5, 0.9, 0.9], trust=[0.9, 0.1, 0.2], age=[5, 6, math.nan]
    )
    assert kept("KeepSingleValueByQualityScore", said) == ["2"]
    assert kept("KeepAllValuesWithHighestScore", said) == ["2", "3"]
    assert kept("MostTrusted", said) == ["1"]
    assert kept("MostRecent", said) == ["2"]
    assert kept("WeightedVoting", said) == ["1"]
    assert resolve("WeightedVoting", said).confidence == pytest.approx(0.75)


def test_what_is_unknown_is_left_to_the_vote_and_said() -> None:
    decision = resolve("MostRecent", contest("1", "2", "2", datatype=INT))
    assert [each.value.text for each in decision.kept] == ["2"]
    assert "for want of dates" in decision.lost[0]
    assert kept("WeightedVoting", contest("1", "2", "2", datatype=INT)) == ["2"]


def test_one_source_has_one_vote_for_a_value() -> None:
    claims = tuple(
        Claim(Value(text), source) for text, source in (("x", "a"), ("X", "a"), ("y", "b"), ("y", "c"))
    )
    assert kept("Voting", Contest("s", "p", claims)) == ["y"]


def test_less_exact_values_are_no_rivals() -> None:
    said = contest(Value("2001", YEAR), Value("2001-05-06", DATE), Value("2001", YEAR))
    decision = resolve("Voting", said)
    assert decision.kept[0].value == Value("2001-05-06", DATE)
    assert decision.kept[0].backers == (0, 1, 2)
    assert not decision.lost
    assert kept("KeepFirst", said) == ["2001"]


def test_dates() -> None:
    said = contest("2001-05-06", "1999-01-01", "2010-01-01", datatype=DATE)
    assert [kept(name, said)[0][:4] for name in ("Maximum", "Minimum", "Median")] == ["2010", "1999", "2001"]


def test_computed_values_have_a_datatype_that_holds_them() -> None:
    (mean,) = resolve("Average", contest("1", "2", datatype=INT)).kept
    assert (mean.value.text, mean.value.datatype, mean.backers) == ("1.5", DECIMAL, ())
    (mean,) = resolve("Average", contest("1.5", "2", datatype=DOUBLE)).kept
    assert (mean.value.text, mean.value.datatype) == ("1.75", DOUBLE)
    (mean,) = resolve("Average", contest("1", "3", datatype=INT)).kept
    assert (mean.value.text, mean.value.datatype) == ("2", INT)
    (third,) = resolve("Average", contest("1", "1", "2", datatype=INT)).kept
    assert third.value.text == "1.333333333333"


def test_average_of_a_source_with_two_values() -> None:
    numbers = (("1", "a"), ("3", "a"), ("8", "b"))
    claims = tuple(Claim(Value(text, INT), source) for text, source in numbers)
    assert kept("Average", Contest("s", "p", claims)) == ["5"]


def test_texts() -> None:
    said = contest("The Hague", "Hague, The", "Den Haag")
    assert sorted(kept("Union", said)) == ["Den Haag", "Hague, The"]
    assert kept("Concatenate", said) == ["Den Haag; Hague, The; The Hague"]
    assert kept("Longest", said) == ["Hague, The"]
    tagged = contest(Value("Rome", language="en"), Value("Roma", language="it"))
    (joined,) = resolve("Concatenate", tagged).kept
    assert joined.value.language == ""
    assert len(kept("Union", contest(Value("Rome", language="en"), Value("Rome", language="de")))) == 2


@pytest.mark.parametrize("name", ["Average", "Median", "Maximum", "Minimum"])
def test_a_policy_that_does_not_fit_names_policy_property_and_example(name: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(name, contest("1", "many"))
    assert all(part in str(caught.value) for part in (name, "http://example.org/p", '"many"'))


def test_numbers_and_dates_have_no_middle() -> None:
    said = contest(Value("1", INT), Value("2001-01-01", DATE), Value("2", INT), Value("2", INT))
    with pytest.raises(InputError, match='"2001-01-01" is no number as "2" is'):
        resolve("Median", said)


def test_nodes_are_not_joined_to_a_text() -> None:
    node = Value("http://example.org/y", what=TermKind.IRI)
    with pytest.raises(InputError, match=r"<http://example\.org/y>"):
        resolve("Concatenate", contest(node, node))
    assert kept("Voting", contest(node, "x", node)) == ["http://example.org/y"]


def test_numbers_that_no_float_holds_are_refused() -> None:
    with pytest.raises(InputError, match="1e999"):
        resolve("Average", contest("1", "1e999", datatype=DOUBLE))


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean MostRecent"):
        resolve("MostRecnet", contest("1"))
    with pytest.raises(ConfigError, match="did you mean Voting"):
        resolve("voting", contest("1"))


def test_all_names_of_the_vocabulary_are_there() -> None:
    names = (
        "PassItOn KeepFirst KeepLast KeepSingleValueByQualityScore KeepAllValuesWithHighestScore Voting "
        "WeightedVoting Average Median Maximum Minimum Longest Union MostRecent MostTrusted Concatenate"
    )
    assert set(POLICIES) == set(names.split())
    assert all(policy.summary for policy in POLICIES.values())
