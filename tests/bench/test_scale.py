import pytest

from bench.scale import WHOLE, Size, as_markdown, exponent


def size(entities: int, **seconds: float) -> Size:
    times = {"read": 1.0, WHOLE: 2.0} | seconds
    return Size(entities, entities * 10, 0.9, times, dict.fromkeys(times, 10**8))


def test_the_exponent_of_growth() -> None:
    assert exponent(size(1000, judge=1.0), size(10_000, judge=10.0), "judge") == pytest.approx(1.0)
    assert exponent(size(1000, judge=1.0), size(10_000, judge=100.0), "judge") == pytest.approx(2.0)
    assert exponent(size(1000, judge=0.001), size(10_000, judge=1.0), "judge") is None
    assert exponent(size(1000), size(10_000), "judge") is None


def test_the_table_shows_every_stage_and_names_failures() -> None:
    text = as_markdown([size(1000), size(10_000), Size(100, 0, 0.0, {}, {}, "no room")])
    assert "exponent 1,000 to 10,000" in text
    assert f"| {WHOLE} | 2.00 | 100 | 2.00 | 100 | 0.00 |" in text
    assert "100 entities a side, 0 triples: failed: no room" in text
