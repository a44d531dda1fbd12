import json

import pytest

from bench.align import LEFT_OUT, Row, marked
from bench.align_table import HEAD, as_json, as_markdown, behind, cells, ending, heading, line, means
from bench.links import Judged


def row(name: str, system: str, f1: float, *, error: str = "", **more: float) -> Row:
    return Row(name, system, False, Judged(f1=f1, **more), 2.0, 1.5, 300_000_000, 1000, error)


def of_set(name: str, **f1: float) -> list[Row]:
    return marked([row(name, system.replace("_", " "), each) for system, each in f1.items()])


def gaps(rows: list[Row]) -> list[float | None]:
    return [each.below and round(each.below, 3) for each in rows]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0.8, 0.7, 0.9, 0.7), [0.1, None, None, 0.2]),
        ((0.8, 0.9, 0.7, 0.95), [0.1, None, None, None]),
        ((0.896, 0.9, 0.7, 0.894), [None, None, None, 0.006]),
        ((0.9, 0.9, 0.9, 0.9), [None, None, None, None]),
    ],
)
def test_what_is_below_the_better_baseline_is_marked(
    scores: tuple[float, ...], expected: list[float | None]
) -> None:
    systems = ("kgalign", "mnn", "hun", LEFT_OUT)
    rows = [row("a", system, f1) for system, f1 in zip(systems, scores, strict=True)]
    assert gaps(marked(rows)) == expected


def test_what_failed_neither_marks_nor_is_marked() -> None:
    rows = [row("a", "kgalign", 0.8), row("a", "mnn", 0.9, error="no memory"), row("a", "hun", 0.81)]
    assert gaps(marked(rows)) == [0.01, None, None]
    assert gaps(marked([row("a", "kgalign", 0, error="x"), row("a", "mnn", 0.9)])) == [None, None]
    assert gaps(marked([row("a", "kgalign", 0.1), row("a", LEFT_OUT, 0.2)])) == [None, None]


def test_a_marked_row_shows_how_far_it_is_below() -> None:
    below, baseline = of_set("a", kgalign=0.888, mnn=0.9)
    shown = dict(zip(HEAD, cells(below), strict=True))
    assert (shown["F1"], shown["below"]) == ("0.8880", "▼ .012")
    assert dict(zip(HEAD, cells(baseline), strict=True))["below"] == ""
    assert "▼ .012" in line(below)


def test_what_is_not_known_is_an_empty_cell() -> None:
    shown = dict(zip(HEAD, cells(row("a", "mnn", 0.5)), strict=True))
    names = ("ECE", "≥ .95", "right", "undecided", "errors in 10 %")
    assert [shown[name] for name in names] == [""] * 5
    known = row("a", "kgalign", 0.5, ece=0.012, sure=1200, sure_right=0.99, undecided=3, errors_early=0.25)
    shown = dict(zip(HEAD, cells(known), strict=True))
    assert [shown[name] for name in names] == ["0.0120", "1,200", "0.9900", "3", "0.250"]


def test_a_failed_row_says_why_and_is_as_wide_as_the_others() -> None:
    shown = cells(row("a", "kgalign", 0, error="no memory"))
    assert shown[2] == "failed: no memory"
    assert len(shown) == len(HEAD)


def test_means_are_over_the_sets_that_have_the_figure() -> None:
    rows = [row("a", "kgalign", 0.5, sure_right=0.9), row("a", "mnn", 0.4)]
    rows += [row("b", "kgalign", 0.7, ece=0.2), row("b", "mnn", 0, error="no memory")]
    rows += [row("c", "kgalign", 0.9, ece=0.4), row("c", "mnn", 0.6)]
    kgalign, mnn = means(rows)
    assert (kgalign.set, kgalign.sets, kgalign.peak_bytes) == ("mean of 3 sets", 3, 300_000_000)
    assert kgalign.quality.f1 == pytest.approx(0.7)
    assert kgalign.quality.ece == pytest.approx(0.3)
    assert kgalign.quality.sure_right == 0.9
    assert (mnn.set, mnn.quality.ece) == ("mean of 2 sets", None)
    assert mnn.quality.f1 == 0.5
    assert means(rows[:2]) == []


def test_one_sentence_says_where_a_system_is_below() -> None:
    rows = of_set("a", kgalign=0.8, mnn=0.9, family_left_out=0.95)
    rows += of_set("b", kgalign=0.8, mnn=0.821, family_left_out=0.82)
    assert behind(rows) == [
        "kgalign is more than .005 F1 below the better baseline on 2 of 2 sets: a (.100), b (.021).",
        "family left out is more than .005 F1 below the better baseline on 0 of 2 sets.",
    ]
    assert behind([each for each in rows if each.system != "mnn"]) == []


def test_the_markdown_ends_in_means_and_that_sentence() -> None:
    rows = of_set("a", kgalign=0.8, mnn=0.9) + of_set("b", kgalign=0.8, mnn=0.7)
    text = as_markdown(rows)
    note, table, sentence = text.split("\n\n")
    assert "`mnn` links mutual nearest neighbours" in note
    assert [line.split(" | ")[0] for line in table.splitlines()[-2:]] == ["| mean of 2 sets"] * 2
    assert "| a | kgalign | 0.0000 | 0.0000 | 0.8000 | ▼ .100 |" in table
    assert sentence == behind(rows)[0]
    assert "mnn" not in as_markdown([row("a", "kgalign", 0.5)])


def test_the_terminal_shows_the_same_columns() -> None:
    rows = of_set("a", kgalign=0.8, mnn=0.9) + of_set("b", kgalign=0.8, mnn=0.7)
    assert heading().split() == " ".join(HEAD).split()
    assert [text.split()[0] for text in ending(rows)] == ["mean", "mean", "kgalign"]


def test_the_json_has_everything_and_the_means_last() -> None:
    rows = of_set("a", kgalign=0.8, mnn=0.9) + of_set("b", kgalign=0.8, mnn=0.7)
    told = json.loads(as_json(rows))
    assert [(each["set"], each["sets"]) for each in told[-3:]] == [
        ("b", 1), ("mean of 2 sets", 2), ("mean of 2 sets", 2)
    ]  # fmt: skip
    assert told[0]["f1"] == 0.8
    assert told[0]["below"] == pytest.approx(0.1)
    assert {"ece", "sure", "sure_right", "undecided", "errors", "errors_early"} <= told[0].keys()
    assert "quality" not in told[0]
