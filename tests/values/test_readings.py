"""Single values: what each means however it is written."""

import math

import numpy as np
import pytest

from kgalign.rdf.graph import TermKind
from kgalign.rdf.vocabulary import XSD
from kgalign.values import ValueKind, coarser, contains, read, read_values
from tests.fusion.made_claims import claims_from

INT, DOUBLE, DATE, MOMENT = XSD + "integer", XSD + "double", XSD + "date", XSD + "dateTime"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (("1.0", XSD + "decimal"), ("1", INT)),
        (("01", INT), ("1", "")),
        (("1e3", DOUBLE), ("1000.00", XSD + "decimal")),
        (("-0.0", DOUBLE), ("0", INT)),
        (("2001-01-01", DATE), ("2001-01-01", "")),
        (("2001-01-01Z", DATE), ("2001-01-01", DATE)),
        (("2001-01-01T12:00:00+02:00", MOMENT), ("2001-01-01T10:00:00Z", MOMENT)),
        (("2001-01-01T24:00:00", MOMENT), ("2001-01-02T00:00:00", MOMENT)),
        (("2001-1-2", ""), ("2001-01-02", DATE)),
        (("20010102", DATE), ("2001-01-02", DATE)),
        (("2001-01-00", ""), ("2001-01", XSD + "gYearMonth")),
        (("-0044-3-15", DATE), ("-0044-03-15", DATE)),
        (("true", XSD + "boolean"), ("1", XSD + "boolean")),
        (("Caf\u00e9  Noir ", ""), ("cafe\u0301 noir", "")),
        (("STRASSE", ""), ("straße", "")),
    ],
)
def test_one_value_written_in_different_ways(a: tuple[str, str], b: tuple[str, str]) -> None:
    one, other = read(a[0], datatype=a[1]), read(b[0], datatype=b[1])
    assert (one.kind, one.key) == (other.kind, other.key)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (("1", INT), ("1.0001", DOUBLE)),
        (("007", ""), ("7", "")),
        (("1", INT), ("true", XSD + "boolean")),
        (("2001-02-01", DATE), ("2001-01-02", DATE)),
        (("90071992547409931", INT), ("90071992547409930", INT)),
        (("1" * 40, INT), ("1" * 39 + "2", INT)),
        (("1" * 29 + ".5", XSD + "decimal"), ("1" * 29 + ".6", XSD + "decimal")),
    ],
)
def test_values_that_differ(a: tuple[str, str], b: tuple[str, str]) -> None:
    one, other = read(a[0], datatype=a[1]), read(b[0], datatype=b[1])
    assert (one.kind, one.key) != (other.kind, other.key)


def test_what_a_datatype_promises_and_does_not_hold_is_text() -> None:
    for text, datatype in (
        ("much", INT),
        ("NaN", DOUBLE),
        ("2001-13-45", DATE),
        ("1e999999", DOUBLE),
        ("1_000", INT),
        ("2001-02-29", DATE),
        ("2001-01-01T25:00:00", MOMENT),
        ("", INT),
    ):
        assert read(text, datatype=datatype).kind == ValueKind.TEXT
    assert read("12 km", datatype=XSD + "string").kind == ValueKind.TEXT
    assert read("5", datatype="http://example.org/own").kind == ValueKind.TEXT
    assert read("5", tagged=True).kind == ValueKind.TEXT
    assert read("5", TermKind.IRI).kind == ValueKind.NODE


def test_how_exact_a_value_is() -> None:
    assert read("12.50").grain == pytest.approx(0.01)
    assert read("12.00").grain == read("12").grain == 1
    assert read("2001", datatype=XSD + "gYear").grain > 365
    assert read("2001-05", datatype=XSD + "gYearMonth").grain > read("2001-05-01", datatype=DATE).grain == 1
    assert math.isnan(read("text").grain)
    assert read("-0044-03-15", datatype=DATE).kind == ValueKind.DATE


def test_a_coarser_value_is_no_conflict() -> None:
    year, day, other = (
        read("2001", datatype=XSD + "gYear"),
        read("2001-05-06", datatype=DATE),
        read("2002-01-01", datatype=DATE),
    )
    assert contains(year, day)
    assert not contains(day, year)
    assert not contains(year, other)
    assert contains(read("51.43"), read("51.4344"))
    assert contains(read("51.4"), read("51.3666"))
    assert not contains(read("51.43"), read("51.45"))
    assert not contains(read("4"), read("4.3"))
    assert not contains(read("2001"), day)
    far = read("20011-05-06", datatype=DATE)
    assert not contains(year, far)
    assert contains(read("20011", datatype=XSD + "gYear"), far)


def test_cut_off_or_rounded() -> None:
    told = np.array([51.0, 51.0, 52.0, 53.0, -3.0, -4.0])
    fine = np.array([51.43, 51.9, 51.9, 51.9, -3.7, -3.7])
    assert coarser(told, np.ones(6), fine).tolist() == [True, True, True, False, True, True]


def test_columns_read_each_language_apart() -> None:
    claims = claims_from(':a :p "x", "X"@en, "x "@en, "x"@de, 5, 5.0, "2001"^^xsd:gYear, 2001, :x .')
    values = read_values(claims.terms, claims.value)
    assert len(values) == 9
    assert len(np.unique(values.key)) == 7
    years = read_values(claims.terms, claims.value, years=True)
    assert len(np.unique(years.key)) == 6
    assert (years.kind == ValueKind.DATE.code).sum() == 2
