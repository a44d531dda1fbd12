"""Kinds of values."""

import pytest

from kgalign.select.kinds import kind_of
from kgalign.values.kinds import ValueKind
from tests.select.turtle import attributes, profile


def _kind(values: list[str], datatype: str = "") -> ValueKind:
    """The kind of an attribute that has each value once, as a graph tells it."""
    mark = f"^^xsd:{datatype}" if datatype else ""
    found = profile("".join(f'x:e{n} v:p "{value}"{mark} .\n' for n, value in enumerate(values)))
    return attributes(found)["v:p"].kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1.5", "2", "-3,25", "1e6", "12,000"], ValueKind.NUMBER),
        (["7", "12", "150", "3"], ValueKind.NUMBER),
        (["1815", "1912", "1906", "2001"], ValueKind.DATE),
        (["1010", "1220", "1530", "2045", "1730"], ValueKind.NUMBER),
        (["10115", "20095", "80331", "50667"], ValueKind.CODE),
        (["19690720", "20010911", "18151210"], ValueKind.DATE),
        (["2001-05-06", "1999-12", "1815"], ValueKind.DATE),
        (["2001-05-06T10:00:00Z", "1999-12-01T00:00:00+01:00"], ValueKind.DATE),
        (["007", "013", "114"], ValueKind.CODE),
        (["A-12", "B-77", "C-03"], ValueKind.CODE),
        (["12 km", "3.5 km", "1,234 km"], ValueKind.NUMBER),
        (["50 %", "12 %", "7%"], ValueKind.NUMBER),
        (["1234 BCD", "1234 FGH", "9876 JKL"], ValueKind.CODE),
        (["1.234.567,8", "12.000,5", "3"], ValueKind.NUMBER),
        (["1961-2-2", "1961-12-24", "1960-1-31"], ValueKind.DATE),
        (["1850-17-03", "1850-02-31", "1850-02-03"], ValueKind.DATE),
        (["1961-1965", "1939-1945", "1914-1918"], ValueKind.CODE),
        (["https://a.example/x", "http://b.example/", "www.c.example"], ValueKind.LINK),
        (["mailto:a@b.example", "mailto:c@d.example"], ValueKind.LINK),
        (["true", "false"], ValueKind.BOOLEAN),
        (["Ada Lovelace", "Alan Turing"], ValueKind.NAME),
        (["word " * 30, "other " * 40], ValueKind.TEXT),
        (["", "  "], ValueKind.NAME),
        (["أحمد", "東京", "😀"], ValueKind.NAME),
    ],
)
def test_kinds_are_told_from_the_values(values: list[str], kind: ValueKind) -> None:
    assert _kind(values) == kind


@pytest.mark.parametrize(
    ("values", "datatype", "kind"),
    [
        (["1815", "1912"], "integer", ValueKind.NUMBER),
        (["1815", "1912"], "gYear", ValueKind.DATE),
        (["007", "013"], "int", ValueKind.NUMBER),
        (["1", "0"], "boolean", ValueKind.BOOLEAN),
        (["urn:isbn:1", "urn:isbn:2"], "anyURI", ValueKind.LINK),
        (["2001-05-06T10:00:00"], "dateTime", ValueKind.DATE),
        (["1.5", "2.5"], "double", ValueKind.NUMBER),
    ],
)
def test_datatypes_win(values: list[str], datatype: str, kind: ValueKind) -> None:
    assert _kind(values, datatype) == kind


def test_a_few_odd_values_do_not_change_the_kind() -> None:
    assert _kind([str(n / 4) for n in range(1, 40)] + ["unknown"]) == ValueKind.NUMBER


def test_long_values_end_soon() -> None:
    spaces = " " * 20_000 + "x"
    assert kind_of(["1" * 20_000 + "x", "1," * 10_000, "http://" + "a" * 20_000], ["", "", ""], 1.0)
    assert _kind([spaces, "lorem " * 100_000]) in set(ValueKind)


def test_no_values_are_names() -> None:
    assert kind_of([], [], 1.0) == ValueKind.NAME
