"""Values made ready and compared, each kind in its own way."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.judge.evidence.correspond import value_similarity
from kgalign.judge.evidence.texts import best_by_row, cross, pool, prepare, string_similarity
from kgalign.values.kinds import ValueKind
from tests.evaluate.small import profile

ZERO = np.zeros(1, dtype=np.int32)
short_texts = st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0x2FF), max_size=12)


def similarity(kind: ValueKind, left: str, right: str, factor: float = 1.0) -> float:
    """How similar two values are."""
    sides = [profile(["http://e/0"], values={0: {"p": [text]}}, kind=kind) for text in (left, right)]
    return float(value_similarity(kind, prepare(*sides), ZERO, ZERO, factor)[0])


def alike(left: str, right: str) -> float:
    return similarity(ValueKind.NAME, left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The Bunker", "Bunker, The"),
        ("São Paulo", "SAO PAULO"),
        ("Tom &amp; Jerry", "tom jerry"),
        ("O'Neil", "O’Neil"),
    ],
)
def test_names_that_differ_in_writing_only_are_the_same(left: str, right: str) -> None:
    assert alike(left, right) == 1


@pytest.mark.parametrize(
    ("nearer", "farther"),
    [
        (("Grace Hopper", "Grace Hoper"), ("Grace Hopper", "Grace Kelly")),
        (("Grace Hopper", "Grace Kelly"), ("Grace Hopper", "Niels Bohr")),
        (("Grace Hopper", "Hopper, Grace Murray"), ("Grace Hopper", "Hoover, Grant Marvin")),
    ],
)
def test_the_more_alike_the_nearer(nearer: tuple[str, str], farther: tuple[str, str]) -> None:
    assert 0 <= alike(*farther) < alike(*nearer) < 1


def test_a_name_of_signs_only_is_like_nothing() -> None:
    assert alike("🚀", "🚀") == alike("…", "") == alike("Ada", "?") == 0


@settings(max_examples=50)
@given(st.lists(short_texts, min_size=1, max_size=6, unique=True))
def test_string_similarity_is_symmetric_bounded_and_one_for_itself(texts: list[str]) -> None:
    sides = prepare(*(profile(["http://e/0"], values={0: {"p": texts}}) for _ in range(2)))
    n = len(texts)
    a, b = (ids.ravel().astype(np.int32) for ids in np.meshgrid(np.arange(n), np.arange(n)))
    found = string_similarity(*sides, a, b).reshape(n, n)
    assert ((found >= 0) & (found <= 1)).all()
    assert np.allclose(found, found.T, atol=1e-5)
    described = (~sides[0].empty).tolist()
    assert found.diagonal().tolist() == [float(each) for each in described]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("100", "100", 1),
        ("100.0", "1e2", 1),
        ("1,234,567", "1234567", 1),
        ("3,5", "3.5", 1),
        ("1.234.567", "1234567", 1),
        ("357 022 km²", "357022", 1),
        ("1.234,5", "1,234.5", 1),
        ("0,125", "0.125", 1),
        ("12 km", "12", 1),
        ("100", "90", 0.9),
        ("90", "100", 0.9),
        ("-5", "5", 0),
        ("0", "0", 1),
        ("0", "7", 0),
        ("many", "7", 0),
    ],
)
def test_numbers_are_near_by_their_ratio(left: str, right: str, expected: float) -> None:
    assert similarity(ValueKind.NUMBER, left, right) == pytest.approx(expected, abs=1e-6)
    assert similarity(ValueKind.NUMBER, right, left) == pytest.approx(expected, abs=1e-6)


def test_numbers_in_other_units_are_the_same_times_a_factor() -> None:
    assert similarity(ValueKind.NUMBER, "10", "25.9", 2.59) == 1
    assert similarity(ValueKind.NUMBER, "10", "25.9") < 0.5


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("1815-12-10", "1815-12-10", 1.0),
        ("1815-12-10T00:00:00Z", "18151210", 1.0),
        ("1815-12-10", "1815-12", 0.7),
        ("1815-12-10", "1815-12-11", 0.85),
        ("1815-12-10", "1815-12-30", 0.7),
        ("1815-12", "1815-12", 0.7),
        ("1815", "1815-12-10", 0.55),
        ("1815", "1815", 0.55),
        ("1815-01-10", "1815-12-10", 0.55),
        ("1815-12-31", "1816-01-01", 0.85),
        ("1815-12-01", "1816-02-01", 0.4),
        ("1815", "1817", 0.2),
        ("1815", "1852", 0.0),
        ("-0043-03-15", "-0043-03", 0.7),
        ("spring", "1815", 0.0),
        ("spring", "spring", 0.0),
    ],
)
def test_dates_are_compared_by_what_both_have(left: str, right: str, expected: float) -> None:
    assert similarity(ValueKind.DATE, left, right) == pytest.approx(expected)
    assert similarity(ValueKind.DATE, right, left) == pytest.approx(expected)


def test_links_and_truth_values_are_equal_or_not() -> None:
    for kind in (ValueKind.LINK, ValueKind.BOOLEAN):
        assert similarity(kind, "http://x.example/a", "http://x.example/a") == 1
        assert similarity(kind, "http://x.example/a", "http://x.example/b") == 0


def test_pools_and_pairs_of_values() -> None:
    left = profile(["l0", "l1"], values={0: {"p": ["b", "a"], "q": ["a"]}})
    right = profile(["r0"], values={0: {"p": ["x", "y"]}})
    pools = pool(left, [0, 1]), pool(right, [0])
    assert pools[0].text.tolist() == [0, 1]
    assert pools[0].count(np.array([0, 1], dtype=np.int32)).tolist() == [2, 0]
    row, ta, tb = cross(*pools, np.array([0, 1], dtype=np.int32), np.array([0, 0], dtype=np.int32))
    assert list(zip(row.tolist(), ta.tolist(), tb.tolist(), strict=True)) == [
        (0, 0, 0),
        (0, 0, 1),
        (0, 1, 0),
        (0, 1, 1),
    ]
    best = best_by_row(row, np.array([0.1, 0.4, 0.3, 0.2], dtype=np.float32), 2)
    assert best[0] == pytest.approx(0.4)
    assert math.isnan(best[1])


def test_an_entity_with_thousands_of_values_is_compared_by_a_bounded_number() -> None:
    sides = [profile(["e"], values={0: {"p": [f"{n:05d}" for n in range(3000)]}}) for _ in range(2)]
    row, _, _ = cross(pool(sides[0], [0]), pool(sides[1], [0]), ZERO, ZERO)
    assert 0 < len(row) <= 100
