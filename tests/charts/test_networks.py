"""Pictures of links between two sides."""

from itertools import combinations, product
from math import hypot
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.charts import Line, network

NAMES = st.lists(st.text(max_size=40), min_size=1, max_size=6)


@given(NAMES, NAMES, st.data())
def test_it_is_a_picture_with_a_handle_on_each_line(
    left: list[str], right: list[str], data: st.DataObject
) -> None:
    pairs = data.draw(
        st.lists(
            st.tuples(st.sampled_from(range(len(left))), st.sampled_from(range(len(right)))), unique=True
        )
    )
    lines = [Line(*pair, cut=data.draw(st.booleans())) for pair in pairs]
    made = network(left, right, lines, "Links")
    root = ElementTree.fromstring(made.picture)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    drawn = [each for each in root if each.tag.endswith("line")]
    assert sum(each.tag.endswith("circle") for each in root) == len(left) + len(right)
    assert ["stroke-dasharray" in each.attrib for each in drawn] == [each.cut for each in lines]
    assert len(made.handles) == len(drawn) == len(lines)
    for (x, y), each in zip(made.handles, drawn, strict=True):
        x1, y1, x2, y2 = (float(each.attrib[name]) for name in ("x1", "y1", "x2", "y2"))
        share = (x * width - x1) / (x2 - x1)
        assert 0 < share < 1
        assert y * height == pytest.approx(y1 + share * (y2 - y1), abs=0.2)


@pytest.mark.parametrize(("left", "right"), list(product(range(1, 5), range(1, 5))))
def test_handles_can_be_told_apart(left: int, right: int) -> None:
    lines = [Line(*pair) for pair in product(range(left), range(right))]
    made = network(["a"] * left, ["b"] * right, lines, "Links")
    _, _, width, height = map(float, ElementTree.fromstring(made.picture).attrib["viewBox"].split())
    apart = [hypot((a - c) * width, (b - d) * height) for (a, b), (c, d) in combinations(made.handles, 2)]
    assert min(apart, default=99) > 20


def test_names_are_text_and_it_is_described() -> None:
    made = network(["<script>"], ["\x00\ud800"], [Line(0, 0, cut=True)], "Links")
    root = ElementTree.fromstring(made.picture)
    assert "script" not in {each.tag.rpartition("}")[2] for each in root.iter()}
    [told] = [each.text for each in root if each.tag.endswith("desc")]
    assert told is not None
    assert told.startswith("<script> and")
    assert told.endswith("(cut)")
