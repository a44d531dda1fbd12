import gzip
from pathlib import Path

import pytest

from bench.generate import generate
from bench.scale import WHOLE, Setting, Size, as_markdown, exponent


def size(entities: int, **seconds: float) -> Size:
    times = {"read": 1.0, WHOLE: 2.0} | seconds
    return Size(entities, entities * 10, 0.9, times, dict.fromkeys(times, 10**8))


def test_the_exponent_of_growth() -> None:
    assert exponent(size(1000, judge=1.0), size(10_000, judge=10.0), "judge") == pytest.approx(1.0)
    assert exponent(size(1000, judge=1.0), size(10_000, judge=100.0), "judge") == pytest.approx(2.0)
    assert exponent(size(1000, judge=0.001), size(10_000, judge=1.0), "judge") is None
    assert exponent(size(1000), size(10_000), "judge") is None


def test_the_table_shows_every_stage_and_names_failures() -> None:
    text = as_markdown([size(1000), size(10_000), Size(100, 0, 0.0, {}, {}, "no room")], Setting())
    assert "exponent 1,000 to 10,000" in text
    assert f"| {WHOLE} | 2.00 | 100 | 2.00 | 100 | 0.00 |" in text
    assert "100 entities a side, 0 triples: failed: no room" in text


def test_long_texts_describe_people_and_look_alikes_have_partners(tmp_path: Path) -> None:
    generate(tmp_path / "one", 300, 3, long=True)
    generate(tmp_path / "two", 300, 3, long=True)
    texts = [
        (tmp_path / name / "left.nt.gz").read_bytes() + (tmp_path / name / "right.nt.gz").read_bytes()
        for name in ("one", "two")
    ]
    assert texts[0] == texts[1]
    with gzip.open(tmp_path / "one/right.nt.gz", "rt", encoding="utf8") as file:
        lines = file.read().splitlines()
    subjects = {line.split()[0] for line in lines}
    told = [line.split('"')[1] for line in lines if "/leben>" in line or "/text>" in line]
    assert len(subjects) == 300
    assert sum(200 <= len(each) <= 400 for each in told) > 0.95 * len(told)
    with gzip.open(tmp_path / "one/gold.tsv.gz", "rt", encoding="utf8") as file:
        gold = [line.split() for line in file]
    assert {f"<{right}>" for _, right in gold} <= subjects
    wares = [right for left, right in gold if "/product/" in left]
    assert len(wares) == 0.15 * 0.9 * 300 // 1
