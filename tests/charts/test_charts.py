"""The charts: well-formed, named, and true to their numbers, whatever they are given."""

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.charts import Curve, Dots, Layer, Stream, chart, dot_rows, flow, histogram, plain_bar, step_bar

NASTY = "</title><script>alert(1)</script>&\"'‮\x00"
SVG = "{http://www.w3.org/2000/svg}"
COUNTS = st.integers(0, 10**9)


def parsed(svg: str) -> ET.Element:
    """The chart, held against what every chart has to be."""
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert all(child.text for child in root[:2])
    assert not re.search(r"nan|inf|<script|‮", svg)
    return root


@pytest.mark.parametrize(
    "draw",
    [
        lambda: flow([Stream(NASTY, "red", 1, 2)], NASTY),
        lambda: histogram(Layer(NASTY, "red", [1, 2]), [Layer(NASTY, "red", [0, 1])], {NASTY: 0.5}, NASTY),
        lambda: chart([Curve(NASTY, "red", [(0, 1)], [3])], NASTY, NASTY, {NASTY: 0.2}),
        lambda: dot_rows([Dots(NASTY, [1.0, -1.0], [NASTY, NASTY])], NASTY, NASTY),
        lambda: plain_bar(0.5, NASTY),
    ],
)
def test_what_graphs_hold_is_text_in_a_chart(draw: Callable[[], str]) -> None:
    root = parsed(draw())
    assert any("<script>" in (each.text or "") for each in root.iter())


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=5))
def test_a_flow_says_each_number_and_stays_in_its_frame(counts: list[tuple[int, int]]) -> None:
    root = parsed(flow([Stream(f"s{n}", "red", *each) for n, each in enumerate(counts)]))
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert texts[:2] == [f"left: {sum(a for a, _ in counts):,}", f"right: {sum(b for _, b in counts):,}"]
    for number, each in enumerate(counts):
        assert (f"s{number}" in texts) == any(each)
        assert all(f"{count:,}" in texts for count in each if count)
    height = float(root.get("viewBox", "").split()[3])
    boxes = [(float(each.get("y", 0)), float(each.get("height", 0))) for each in root.iter(f"{SVG}rect")]
    assert all(y >= 0 and y + tall <= height + 8 for y, tall in boxes)


@given(st.lists(COUNTS, min_size=20, max_size=20), st.lists(COUNTS, min_size=20, max_size=20))
def test_a_histogram_has_a_bar_for_every_bin_that_holds_something(up: list[int], down: list[int]) -> None:
    below = [Layer("down", "grey", down), Layer("more", "orange", up)]
    root = parsed(histogram(Layer("up", "green", up), below, {"link": 0.5, "ask": 0.2}, "all"))
    bars = [each for each in root.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]
    assert len(bars) == 2 * sum(map(bool, up)) + sum(map(bool, down))
    assert all(float(each.get("y", 0)) >= 34 - 0.1 for each in bars), "no higher than its half"
    ends = [float(each.get("y", 0)) + float(each.get("height", 0)) for each in bars]
    assert max([0.0, *ends]) <= 34 + 2 * 84 + 1.2, "no lower than its half"
    told = [(each.findtext(f"{SVG}title") or "").rsplit(": ")[-1].replace(",", "") for each in bars]
    assert sum(map(int, told)) == 2 * sum(up) + sum(down)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8))
def test_dots_and_steps_lie_where_their_values_do(values: list[float]) -> None:
    root = parsed(dot_rows([Dots("row", values, ["level"] * len(values))], "log-odds", "weights"))
    places = [float(each.get("cx", 0)) for each in root.iter(f"{SVG}circle")]
    assert all(0 <= place <= 480 for place in places)
    ordered = sorted(zip(values, places, strict=True))
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(ordered))
    low, high = min([*values, 0]), max([*values, 0])
    bar = next(parsed(step_bar(values[0], values[-1], low, high)).iter(f"{SVG}rect"))
    assert 0 <= float(bar.get("x", 0)) <= 150


def test_a_curve_is_described_for_who_does_not_see_it() -> None:
    root = parsed(chart([Curve("precision", "green", [(0.5, 0.9), (0.9, 1.0)])], "threshold", "expected"))
    assert root[1].text == "precision: 0.900 at 0.50, 1.000 at 0.90"
