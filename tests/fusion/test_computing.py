"""Means and medians: exact, and written as literals that their datatype holds."""

import statistics
from decimal import Decimal
from fractions import Fraction

import pytest
import rdflib
from hypothesis import example, given
from hypothesis import strategies as st

from kgalign.fusion.policies import computing
from kgalign.rdf.vocabulary import XSD

WHOLE = (
    "integer byte short int long unsignedByte unsignedShort unsignedInt unsignedLong nonNegativeInteger "
    "positiveInteger nonPositiveInteger negativeInteger"
).split()
numbers = st.lists(
    st.one_of(
        st.integers(-300, 300),
        st.integers(-(10**40), 10**40),
        st.decimals(-1000, 1000, allow_nan=False, places=3),
        st.sampled_from([Decimal("1e-30"), Decimal("9e299"), Decimal(0)]),
    ).map(Decimal),
    min_size=1,
    max_size=6,
)


def places_of(values: list[Decimal]) -> int:
    return max(-int(each.as_tuple().exponent) for each in values)


@given(values=numbers)
def test_the_mean_is_that_of_fractions(values: list[Decimal]) -> None:
    exact = sum(map(Fraction, values), Fraction(0)) / len(values)
    mean = computing.mean(values)
    text, datatype = computing.written(mean, {XSD + "decimal"}, places_of(values))
    assert abs(Fraction(text) - exact) <= Fraction(1, 10**12)
    assert datatype == XSD + "decimal"
    assert "e" not in text.lower()
    if exact.denominator == 1:
        assert text == str(exact.numerator)


@given(values=numbers)
def test_the_median_is_that_of_the_standard_library(values: list[Decimal]) -> None:
    exact = statistics.median(map(Fraction, values))
    assert abs(Fraction(computing.median(values)) - exact) <= Fraction(1, 10**900)


@given(values=numbers, name=st.sampled_from([*WHOLE, "decimal", "double", "float"]))
@example(values=[Decimal(300)], name="byte")
@example(values=[Decimal(0)], name="positiveInteger")
@example(values=[Decimal("9e299")], name="float")
@example(values=[Decimal("-0.0")], name="integer")
def test_what_is_written_is_a_valid_literal(values: list[Decimal], name: str) -> None:
    """By rdflib's lexical forms, and by the bounds of XSD that it doesn't check."""
    text, datatype = computing.written(computing.mean(values), {XSD + name}, places_of(values))
    literal = rdflib.Literal(text, datatype=rdflib.URIRef(datatype), normalize=False)
    assert not literal.ill_typed, (text, datatype)
    local = datatype.removeprefix(XSD)
    if local in WHOLE:
        bits = {"byte": 8, "short": 16, "int": 32, "long": 64}.get(local.removeprefix("unsigned").lower())
        number = int(text)
        if bits:
            low = 0 if local.startswith("unsigned") else -(2 ** (bits - 1))
            assert low <= number < low + 2**bits
        if local in ("nonNegativeInteger", "positiveInteger"):
            assert number >= (local == "positiveInteger")
        if local in ("nonPositiveInteger", "negativeInteger"):
            assert number <= -(local == "negativeInteger")
    if local == "float":
        assert abs(float(text)) <= 3.4028234663852886e38


@pytest.mark.parametrize(
    ("datatypes", "expected"),
    [
        ({""}, ("2", "")),
        ({"", XSD + "integer"}, ("2", XSD + "integer")),
        ({XSD + "int", XSD + "long"}, ("2", XSD + "integer")),
        ({XSD + "decimal"}, ("2", XSD + "decimal")),
        ({XSD + "decimal", XSD + "double"}, ("2.0", XSD + "double")),
    ],
)
def test_a_whole_number_keeps_the_one_datatype_of_its_sources(
    datatypes: set[str], expected: tuple[str, str]
) -> None:
    assert computing.written(Decimal("2.0"), datatypes, 1) == expected
